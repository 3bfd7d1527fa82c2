"""The key holder as an ASGI app: `create_app(settings)`, which `covenantd keyholder` serves."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from datetime import UTC, datetime

from fastapi import FastAPI

from service.audit.attention import log_concerns
from service.audit.tree.sequencer import sequenced
from service.keyholder.governance import registrar_of
from service.keyholder.holder import KeyHolder, assemble
from service.keyholder.routes import evaluations, keys, operating, releases, versions, witness
from service.keyholder.upkeep import kept_up
from service.parties.directory import RegisteredPrincipals
from service.randomness import random_bytes
from service.settings import KeyHolderSettings
from service.storage.database import Database
from service.storage.keystore import KeyDirectory
from service.storage.spent_tokens import DatabaseSpentTokens
from service.web.app import EXAMPLE_CONTACT, Api, build_api
from service.web.audit import audit_routes
from service.web.audit_visit import AuditDesk
from service.web.authentication import Authenticator
from service.web.log import LogDesk, log_routes
from service.web.openapi import PREFIX
from service.web.registry import registry_routes

__all__ = ["VERSION", "create_app"]

VERSION = "1.0.0"
DESCRIPTION = """Evaluates blinded values under each party's own key, and releases the keys of sealed fields to those
whom the covenant allows. It holds keys and never ciphertext, and checks for itself whatever the broker says."""
TAGS = (
    {"name": "Registry", "description": "Who takes part, enrolled by the key holder's own operator"},
    {"name": "Operating", "description": "The broker, parties' keys, who leaves, and the end"},
    {"name": "Versions", "description": "Which rules are in force, and which are to come"},
    {"name": "Keys", "description": "Public keys and points, for everyone who takes part"},
    {"name": "Evaluation", "description": "From blinded values to a party's own tokens"},
    {"name": "Release", "description": "Opening sealed fields under a grant"},
    {"name": "Witness", "description": "What is seen of the broker's log, and cosigned"},
    {"name": "Log", "description": "This service's own log: heads, proofs, and entries for who may see them"},
    {"name": "Audit", "description": "Searching the log, and what a party sees of it"},
)


def _now() -> datetime:
    return datetime.now(UTC)


def create_app(
    settings: KeyHolderSettings,
    *,
    clock: Callable[[], datetime] = _now,
    random: Callable[[int], bytes] = random_bytes,
) -> Api:
    """The app. Raises KeyMissing where `covenantd keys create keyholder` was not run, and touches no database yet."""
    database = Database(settings.database_url, pool_size=settings.database_connections)
    directory = KeyDirectory(settings.key_directory)
    holder = assemble(database, directory, issuer=settings.issuer, clock=clock, random=random)
    log = LogDesk(database, holder.audit, holder.signer, witnessed=False)
    audit = AuditDesk.of(
        log, holder.parties, clock=clock, secret=directory.read("service/cursors"), issuer=settings.issuer
    )
    spent = DatabaseSpentTokens(database, clock=clock)
    principals = RegisteredPrincipals(database, operators=settings.operators, spent=spent)
    authenticator = Authenticator(principals, audience=settings.issuer, clock=clock)

    def concerns() -> tuple[str, ...]:
        with database.transaction() as session:
            return log_concerns(session, clock(), witnessed=False) + holder.witness.concerns(session)

    api = build_api(
        title="Key holder",
        description=DESCRIPTION,
        version=VERSION,
        routers=(
            registry_routes(registrar_of(holder)),
            operating.router,
            versions.router,
            keys.router,
            evaluations.router,
            releases.router,
            witness.router,
            log_routes(log),
            audit_routes(audit),
        ),
        authenticator=authenticator,
        turned_away=log.turned_away,
        checks=(database.ready,),
        concerns=concerns,
        lifespan=_lifespan(holder, settings),
        contact=settings.contact.model_dump() if settings.contact else EXAMPLE_CONTACT,
        server_url=f"{settings.issuer}{PREFIX}",
        tags=TAGS,
        body_limit=settings.body_limit,
    )
    api.fastapi.state.holder = holder
    return api


def _lifespan(holder: KeyHolder, settings: KeyHolderSettings) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        with ExitStack() as beside:
            beside.enter_context(kept_up(holder))
            if settings.sequencer:
                beside.enter_context(sequenced(settings.database_url, holder.signer, clock=holder.clock))
            yield
        holder.database.dispose()

    return lifespan
