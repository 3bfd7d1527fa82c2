"""The broker's composition root: from settings to the ASGI app, and nowhere else is anything chosen.

    uvicorn --factory, or `covenantd broker`

Clock, randomness and the transport to the key holder can be given, for tests and simulations.
"""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor
from contextlib import ExitStack, asynccontextmanager
from datetime import UTC, datetime

import httpx
from fastapi import FastAPI

from clients.protocol.hybrid import HybridPrivateKey
from service.audit.attention import log_concerns
from service.audit.events import Log
from service.audit.misuse.service import Misuse
from service.audit.reconciliation import Comparisons
from service.audit.tree.sequencer import LogSigner
from service.audit.writer import AuditWriter
from service.broker.context import BrokerContext
from service.broker.keyholder import KeyHolder
from service.broker.routes.conditions import condition_routes
from service.broker.routes.covenants import covenant_routes
from service.broker.routes.disclosure import disclosure_routes
from service.broker.routes.figures import figure_routes
from service.broker.routes.officer import officer_routes
from service.broker.routes.signals import SIGNAL_READERS, signal_routes
from service.broker.routes.versions import version_routes
from service.broker.upkeep import kept_up
from service.broker.witnessing import log_kept
from service.covenants.accounts import VersionAccounts
from service.covenants.course import Course
from service.covenants.drafting import Drafts
from service.covenants.service import Covenants
from service.disclosure.conditions.codes import told_codes
from service.disclosure.desk import Desk, GrantIssuer
from service.parties.directory import RegisteredPrincipals
from service.parties.key_change import KeyChanges
from service.parties.people import People
from service.parties.service import Parties
from service.randomness import random_bytes
from service.settings import BrokerSettings
from service.signals.conversion import SetUp
from service.signals.departure import Departures
from service.signals.keys import SignalKeys
from service.signals.lifecycle import Signals
from service.signals.submission import Submissions
from service.signals.tracing import Tracing
from service.storage.database import Database
from service.storage.keystore import KeyDirectory
from service.storage.service_keys import es256_key
from service.storage.spent_tokens import DatabaseSpentTokens
from service.web.app import EXAMPLE_CONTACT, Api, build_api
from service.web.audit import audit_routes
from service.web.audit_visit import AuditDesk
from service.web.authentication import Authenticator
from service.web.log import LogDesk, log_routes
from service.web.pagination import Cursors
from service.web.registry import Registrar, registry_routes

__all__ = ["API_VERSION", "create_app", "create_context"]

API_VERSION = "1.0.0"
_DESCRIPTION = (
    "Takes in pseudonymous signals of the parties of a covenant, finds where they concern the same subject, and tells "
    "each party exactly what the covenant's rules let it see."
)
_TAGS = (
    {"name": "Registry", "description": "Who takes part, enrolled by the operator"},
    {"name": "Covenant", "description": "The covenant in force and its published keys, and its end"},
    {"name": "Versions", "description": "Changing the rules: draft, proposal, advice, approval, schedule"},
    {"name": "Signals", "description": "Submitting, reading and withdrawing one's own signals"},
    {"name": "Disclosure", "description": "Hits, look-ups, disclosures, grants and notices"},
    {"name": "Figures", "description": "What a draft would change, and area figures"},
    {"name": "Conditions", "description": "What others do before something opens: releases and approvals"},
    {"name": "Log", "description": "This service's log: heads, proofs, and entries for who may see them"},
    {"name": "Audit", "description": "Searching the log, and what a party sees of it"},
)


def _now() -> datetime:
    return datetime.now(UTC)


def create_context(
    settings: BrokerSettings,
    *,
    clock: Callable[[], datetime] = _now,
    random: Callable[[int], bytes] = random_bytes,
    transport: httpx.BaseTransport | None = None,
    pool: Executor | None = None,
) -> BrokerContext:
    """The broker's parts. Raises KeyStoreError for keys that are not there or are open to others."""
    keys = KeyDirectory(settings.key_directory)
    cursor_key = keys.read("service/cursors")
    private_key = HybridPrivateKey(keys.read("service/encryption"))
    database = Database(settings.database_url, pool_size=settings.database_connections)
    audit = AuditWriter(Log.BROKER, clock=clock, random=random)
    parties = Parties(audit, clock=clock)
    covenants = Covenants(audit, approvers=parties.administrators, clock=clock)
    signal_keys = SignalKeys(keys, random)
    return BrokerContext(
        database=database,
        clock=clock,
        random=random,
        audit=audit,
        comparisons=Comparisons(audit, clock=clock),
        covenants=covenants,
        drafts=Drafts(covenants, audit, approvers=parties.administrators, clock=clock),
        versions=VersionAccounts(covenants, clock=clock),
        course=Course(covenants, audit, clock=clock),
        parties=parties,
        people=People(audit, clock=clock),
        submissions=Submissions(
            covenants, parties, signal_keys, audit, clock=clock, random=random, told_codes=told_codes, pool=pool
        ),
        signals=Signals(covenants, parties, audit, clock=clock),
        set_up=SetUp(signal_keys, private_key, audit, random=random),
        departures=Departures(signal_keys, audit, clock=clock),
        desk=Desk(
            covenants=covenants,
            parties=parties,
            audit=audit,
            clock=clock,
            random=random,
            signal_keys=signal_keys,
            grants=GrantIssuer(settings.issuer, settings.key_holder_issuer, es256_key(keys, "service/grants")),
            log=LogSigner(settings.issuer, keys.read("service/checkpoint")),
            request_key=_derived(cursor_key, b"repeated requests"),
        ),
        key_holder=KeyHolder(
            settings.key_holder_url,
            issuer=settings.key_holder_issuer,
            name=settings.service_name,
            private_key=es256_key(keys, "service/authentication"),
            clock=clock,
            random=random,
            transport=transport,
        ),
        cursors=Cursors(cursor_key),
    )


def create_app(
    settings: BrokerSettings,
    *,
    clock: Callable[[], datetime] = _now,
    random: Callable[[int], bytes] = random_bytes,
    transport: httpx.BaseTransport | None = None,
    pool: Executor | None = None,
) -> Api:
    """The broker as an ASGI app. It holds database connections until its lifespan ends."""
    context = create_context(settings, clock=clock, random=random, transport=transport, pool=pool)
    spent = DatabaseSpentTokens(context.database, clock=clock)
    directory = RegisteredPrincipals(context.database, operators=settings.operators, spent=spent)
    keys = KeyDirectory(settings.key_directory)
    log = LogDesk(context.database, context.audit, context.desk.log, witnessed=True)
    audit = AuditDesk.of(log, context.parties, clock=clock, secret=keys.read("service/cursors"), issuer=settings.issuer)

    def concerns() -> tuple[str, ...]:
        with context.database.transaction() as session:
            return log_concerns(session, clock(), witnessed=True)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        with ExitStack() as beside:
            beside.enter_context(kept_up(context))
            if settings.sequencer:
                beside.enter_context(log_kept(settings.database_url, context, log.signer))
            yield
        context.key_holder.close()
        context.database.dispose()

    api = build_api(
        title="Covenant broker",
        description=_DESCRIPTION,
        version=API_VERSION,
        routers=(
            registry_routes(
                Registrar(
                    context.database,
                    context.covenants,
                    context.parties,
                    context.people,
                    KeyChanges(context.audit, clock=context.clock),
                )
            ),
            covenant_routes(context),
            version_routes(context),
            signal_routes(context),
            disclosure_routes(context),
            condition_routes(context),
            figure_routes(context),
            log_routes(log),
            audit_routes(audit),
            officer_routes(
                log,
                Tracing(context.desk.signal_keys, context.audit, random=random),
                Misuse(context.audit, clock=clock),
                context.comparisons,
            ),
        ),
        authenticator=Authenticator(directory, audience=settings.issuer, clock=clock),
        turned_away=log.turned_away,
        checks=(context.database.ready,),
        concerns=concerns,
        lifespan=lifespan,
        contact=settings.contact.model_dump() if settings.contact else EXAMPLE_CONTACT,
        server_url=f"{settings.issuer}/v1",
        tags=_TAGS,
        body_limit=settings.body_limit,
        readers=SIGNAL_READERS,
    )
    api.fastapi.state.broker = context
    return api


def _derived(secret: bytes, purpose: bytes) -> bytes:
    """A key of its own for another purpose (HMAC as a PRF)."""
    return hmac.digest(secret, b"covenant-broker/v1 " + purpose, "sha256")
