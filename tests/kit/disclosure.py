"""A small world to ask in: a founded covenant, its parties, and signals submitted over the real path of tokens.

Where the whole set-up with a key holder is not the point, `World` makes its result: conversion scalars d_A, and per
party the tokens t_A for which d_A·t_A is the subject's pseudonym. Everything else is the broker's own code; questions
go over HTTP, signed as a party signs them. One seed gives one world, so that two worlds can be compared byte by byte.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from fastapi.testclient import TestClient
from sqlalchemy import MetaData, text

from clients.protocol import jws
from clients.protocol.encoding import b64u_encode
from clients.protocol.group import Scalar, hash_to_group, multiply, random_scalar, scalar_invert
from clients.protocol.hybrid import HybridPrivateKey
from clients.protocol.messages.broker import (
    ItemSalts,
    SealedVariant,
    SignalBatch,
    SignalStatus,
    SignalSubmission,
    Token,
    Withdrawal,
)
from clients.protocol.normalise import NORMALISATION_VERSION
from clients.protocol.request_token import sign_request
from clients.protocol.sealing import SealedField, WrapInfo, seal_field
from clients.protocol.signed_items import (
    SignalIdentity,
    commit_signal,
    item_slots,
    plain_items,
    sealed_item,
    sign_batch,
)
from covenant_rules.load import load
from covenant_rules.retention import retention_month
from service.audit import tables as audit_tables
from service.audit.events import Log
from service.audit.writer import AuditWriter
from service.broker.routes.disclosure import disclosure_routes
from service.covenants import tables as covenant_tables
from service.covenants.service import Covenants
from service.disclosure import tables as disclosure_tables
from service.disclosure.desk import Desk, GrantIssuer
from service.parties import tables as party_tables
from service.parties.directory import RegisteredPrincipals
from service.parties.service import Parties
from service.principals import Principal, Role
from service.signals import tables as signal_tables
from service.signals.keys import PartyKeyId, SignalKeys
from service.signals.lifecycle import Signals
from service.signals.submission import Submissions
from service.signals.tables import JointKeyRow, PublishedKeyRow
from service.storage.database import Database
from service.storage.keystore import KeyDirectory
from service.web.app import build_api
from service.web.authentication import Authenticator
from service.web.pagination import Cursors
from tests.service.cast import DOCUMENT, OPERATOR, Approver, Clock, Member

METADATA = MetaData()
for table in (
    *party_tables.TABLES,
    *covenant_tables.TABLES,
    *audit_tables.TABLES,
    *signal_tables.TABLES,
    *disclosure_tables.TABLES,
):
    table.__table__.to_metadata(METADATA)  # type: ignore[attr-defined]

AUDIENCE, HOLDER = "https://broker.example", "https://key-holder.example"
TODAY = date(2026, 11, 22)
MEMBERS: dict[str, Member] = {}
"""Parties keep their keys from test to test: drawing them is slow, and nothing depends on them."""
HOLDER_KEY = HybridPrivateKey.generate(lambda length: bytes(range(length)))
GRANT_KEY = jws.generate_key()

Subject = Mapping[str, str]
"""Match key values of one subject, as the parties know it."""


def address(number: int) -> Subject:
    return {"address-bag": f"home {number}", "address-postcode": f"door {number}"}


def person(number: int) -> Subject:
    return {"person-name-birthdate": f"person {number}"}


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any
    raw: bytes
    headers: Mapping[str, str]

    @property
    def code(self) -> str:
        return str(self.body["type"]).removeprefix("/problems/")


@dataclass
class World:
    """`random` is drawn from a seed: the same calls give the same ids, salts and scalars."""

    database: Database
    keys: Path
    document: bytes = DOCUMENT
    seed: int = 1
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.random = Random(self.seed).randbytes
        self._jtis = itertools.count()
        self.audit = AuditWriter(Log.BROKER, clock=self.clock, random=self.random)
        self.parties = Parties(self.audit, clock=self.clock)
        self.covenants = Covenants(self.audit, approvers=self.parties.administrators, clock=self.clock)
        self.covenant = load(self.document)
        self.signal_keys = SignalKeys(KeyDirectory(self.keys), self.random)
        self.submissions = Submissions(
            self.covenants, self.parties, self.signal_keys, self.audit, clock=self.clock, random=self.random
        )
        self.signals = Signals(self.covenants, self.parties, self.audit, clock=self.clock)
        self.scalars: dict[tuple[str, str], Scalar] = {}
        self._found()
        self.client = self._client()

    # -- set-up

    def _found(self) -> None:
        anna, bob = (Approver(name, party) for name, party in zip(("anna", "bob"), self.covenant.parties, strict=False))
        with self.database.transaction() as session:
            for approver in (anna, bob):
                self.parties.enrol_administrator(session, self.covenant.id, approver.enrolment, by=OPERATOR)
            approvals = [approver.approve(self.covenant.id, self.covenant.version) for approver in (anna, bob)]
            self.covenants.found(session, self.document, approvals, by=OPERATOR)
            self.approvers = (anna, bob)
            self.signal_keys.create(self.covenant.id)
            for party in self.covenant.parties:
                self._enrol(session, party)
            match_keys = {
                k for keys in self.covenant.match_keys.values() for given in keys.kinds.values() for k in given
            }
            for match_key in sorted(match_keys):
                session.add(
                    JointKeyRow(
                        covenant_id=self.covenant.id,
                        match_key=match_key,
                        epoch=1,
                        holder_point=bytes(32),
                        broker_point=bytes(32),
                        joint_point=bytes(32),
                        proof=bytes(64),
                    )
                )

    def _enrol(self, session: Any, party: str) -> None:
        member = MEMBERS.setdefault(party, Member(party))
        known = self.covenant.parties[party]
        self.parties.enrol(
            session, self.covenant.id, party, kind=known.kind, oin=known.oin, keys=member.keys, by=OPERATOR
        )
        for keys in self.covenant.match_keys.values():
            for match_key in keys.kinds.get(known.kind, ()):
                scalar = self.scalars[party, match_key] = random_scalar(self.random)
                self.signal_keys.keep_conversion(PartyKeyId(self.covenant.id, match_key, party, 1, 1), scalar)
                session.add(
                    PublishedKeyRow(
                        covenant_id=self.covenant.id,
                        match_key=match_key,
                        party=party,
                        key_version=1,
                        current=True,
                        commitment=sha256(f"{party} {match_key}".encode()).digest(),
                        point=bytes(32),
                        proof=bytes(64),
                    )
                )

    def _client(self) -> TestClient:
        desk = Desk(
            covenants=self.covenants,
            parties=self.parties,
            audit=self.audit,
            clock=self.clock,
            random=self.random,
            signal_keys=self.signal_keys,
            grants=GrantIssuer(AUDIENCE, HOLDER, GRANT_KEY),
            request_key=bytes(32),
        )
        self.desk = desk
        principals = RegisteredPrincipals(self.database, operators={})
        api = build_api(
            title="Broker",
            description="Of a test",
            version="1.0.0",
            routers=[disclosure_routes(self.database, desk, Cursors(bytes(32)))],
            authenticator=Authenticator(principals, audience=AUDIENCE, clock=self.clock),
        )
        return TestClient(api, raise_server_exceptions=False)

    def adopt(self, document: bytes) -> None:
        """A new version of the covenant."""
        version = sha256(document).hexdigest()
        with self.database.transaction() as session:
            approvals = [approver.approve(self.covenant.id, version) for approver in self.approvers]
            self.covenant = self.covenants.adopt(session, document, approvals, by=OPERATOR)

    def suspend(self, party: str) -> None:
        with self.database.transaction() as session:
            self.parties.suspend(session, self.covenant.id, party, reason="a test", by=OPERATOR)

    def reinstate(self, party: str) -> None:
        with self.database.transaction() as session:
            self.parties.reinstate(session, self.covenant.id, party, by=OPERATOR)

    # -- signals

    def token(self, party: str, match_key: str, value: str) -> Token:
        """The party's own pseudonym for the value: whoever multiplies it by d_A has everybody's."""
        pseudonym = hash_to_group(f"{match_key} {value}".encode(), b"a test")
        token = multiply(scalar_invert(self.scalars[party, match_key]), pseudonym)
        return Token(match_key=match_key, key_version=1, token=token)

    def tokens(self, party: str, subject: Subject) -> tuple[Token, ...]:
        return tuple(self.token(party, match_key, value) for match_key, value in sorted(subject.items()))

    def submit(
        self,
        party: str,
        subject: Subject,
        category: str = "noise",
        *,
        day: date = TODAY - timedelta(days=2),
        purposes: Sequence[str] = ("nuisance",),
        origins: Sequence[str] = (),
        handling_codes: Sequence[str] = (),
        fields: Mapping[tuple[str, str], str] | None = None,
        replaces: UUID | None = None,
    ) -> UUID:
        """Submits one signal and returns its id."""
        return self.submit_many(
            party,
            [
                {
                    "subject": subject,
                    "category": category,
                    "day": day,
                    "purposes": purposes,
                    "origins": origins,
                    "handling_codes": handling_codes,
                    "fields": fields or {},
                    "replaces": replaces,
                }
            ],
        )[0]

    def submit_many(self, party: str, stated: Sequence[Mapping[str, Any]]) -> list[UUID]:
        made = [self._signal(party, **one) for one in stated]
        batch = SignalBatch(
            covenant_version=self.covenant.version,
            leaves=tuple(leaf for _, leaf in made),
            signature=sign_batch(
                self.covenant.id, self.covenant.version, party, [leaf for _, leaf in made], MEMBERS[party].signing
            ).signature,
            signals=[signal.model_dump(mode="json") for signal, _ in made],
        )
        with self.database.transaction() as session:
            result = self.submissions.submit(session, self.covenant.id, batch, by=self.principal(party))
        refused = [one for one in result.results if one.status is SignalStatus.REJECTED]
        if refused:
            raise ValueError(f"a signal was refused: {refused[0].faults}")
        return [signal.signal_id for signal, _ in made]

    def _signal(
        self,
        party: str,
        *,
        subject: Subject,
        category: str = "noise",
        day: date = TODAY - timedelta(days=2),
        purposes: Sequence[str] = ("nuisance",),
        origins: Sequence[str] = (),
        handling_codes: Sequence[str] = (),
        fields: Mapping[tuple[str, str], str] | None = None,
        replaces: UUID | None = None,
    ) -> tuple[SignalSubmission, bytes]:
        covenant = self.covenant
        signal_id = UUID(bytes=self.random(16), version=4)
        month = retention_month(covenant, category, day)
        sealed: dict[str, tuple[tuple[str, str], SealedField]] = {}
        for (name, variant), value in (fields or {}).items():
            info = WrapInfo(
                covenant=covenant.id,
                version=covenant.version,
                party=party,
                signal_id=signal_id.bytes,
                match_keys=tuple(sorted(subject)),
                category=category,
                purposes=tuple(purposes),
                handling_codes=tuple(handling_codes),
                origins=tuple(origins),
                field=name,
                variant=variant,
                retention_month=month,
            )
            values = {key: value.encode() for key, value in subject.items()}
            made = seal_field(value.encode(), values, info, HOLDER_KEY.public_key(), self.random)
            sealed[f"{name}.{variant}"] = (name, variant), made
        items = plain_items(
            category=category,
            day=day.isoformat(),
            purposes=purposes,
            origins=origins,
            handling_codes=handling_codes,
        ) | {item: sealed_item(f.commitment, f.ciphertext, f.wrapped_key) for item, (_, f) in sealed.items()}
        slots = item_slots([(f.id, variant) for f in covenant.fields.values() for variant in f.variants])
        identity = SignalIdentity(covenant.id, covenant.version, party, signal_id.bytes)
        committed = commit_signal(identity, slots, items, self.random)
        salts = committed.salts
        submission = SignalSubmission(
            signal_id=signal_id,
            subject_kind="person" if any(key.startswith("person") for key in subject) else "address",
            category=category,
            day=day,
            purposes=tuple(purposes),
            origins=tuple(origins),
            handling_codes=tuple(handling_codes),
            normalisation_version=NORMALISATION_VERSION,
            tokens=self.tokens(party, subject),
            fields=tuple(
                SealedVariant(
                    field=name,
                    variant=variant,
                    salt=salts[item],
                    ciphertext=made.ciphertext,
                    commitment=made.commitment,
                    wrapped_key=made.wrapped_key,
                    retention_month=month,
                )
                for item, ((name, variant), made) in sealed.items()
            ),
            salts=ItemSalts(
                category=salts["category"],
                day=salts["day"],
                provenance=salts["provenance"],
                handling_codes=salts["handling-codes"],
            ),
            absent=committed.absent,
            replaces=replaces,
        )
        return submission, committed.leaf

    def withdraw(self, party: str, *signals: UUID) -> None:
        withdrawal = Withdrawal(signal_ids=signals, reason="mistaken")
        with self.database.transaction() as session:
            self.signals.withdraw(session, self.covenant.id, withdrawal, by=self.principal(party))

    def principal(self, party: str) -> Principal:
        return Principal(party, Role.PARTY, party, self.covenant.id)

    # -- questions

    def ask(
        self,
        party: str,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        key: EllipticCurvePrivateKey | None = None,
    ) -> Answer:
        """One signed request; `path` begins after the covenant."""
        target = f"/v1/covenants/{self.covenant.id}{path}"
        content = b"" if body is None else json.dumps(body).encode()
        token = sign_request(
            key or MEMBERS[party].authentication,
            principal=party,
            audience=AUDIENCE,
            method=method,
            target=target,
            body=content,
            now=self.clock(),
            jti=f"request-{next(self._jtis)}",
        )
        sent = {"Authorization": f"Bearer {token}", **(headers or {})}
        if body is not None:
            sent["Content-Type"] = "application/json"
        response = self.client.request(method, target, content=content, headers=sent)
        return Answer(response.status_code, response.json(), response.content, response.headers)

    def hits(self, party: str, **query: str | int) -> Answer:
        asked = "&".join(f"{name}={value}" for name, value in query.items())
        return self.ask(party, "GET", f"/hits?{asked}" if asked else "/hits")

    def disclose(
        self, party: str, anchor: UUID, *, purpose: str = "nuisance", stage: str = "signal", key: UUID | None = None
    ) -> Answer:
        body = {"purpose": purpose, "stage": stage, "anchor": {"kind": "signal", "signalId": str(anchor)}}
        return self.ask(party, "POST", "/disclosures", body, self._idempotent(key))

    def look_up(
        self,
        party: str,
        subject: Subject,
        *,
        purpose: str = "nuisance",
        stage: str = "signal",
        key: UUID | None = None,
        tokens: Sequence[Token] | None = None,
        **changes: Any,
    ) -> Answer:
        given = self.tokens(party, subject) if tokens is None else tokens
        body = {
            "purpose": purpose,
            "stage": stage,
            "subjectKind": "person" if any(name.startswith("person") for name in subject) else "address",
            "normalisationVersion": NORMALISATION_VERSION,
            "tokens": [
                {"matchKey": t.match_key, "keyVersion": t.key_version, "token": b64u_encode(t.token)} for t in given
            ],
        }
        return self.ask(party, "POST", "/look-ups", body | changes, self._idempotent(key))

    def grant(self, party: str, disclosure: str, signal: UUID | str, field_: str, variant: str) -> Answer:
        body = {"disclosureId": disclosure, "signalId": str(signal), "field": field_, "variant": variant}
        return self.ask(party, "POST", "/grants", body)

    def _idempotent(self, key: UUID | None) -> dict[str, str]:
        return {"Idempotency-Key": str(key or UUID(bytes=self.random(16), version=4))}

    # -- what is left behind

    def entries(self, event: str | None = None) -> list[tuple[str, str | None, dict[str, Any]]]:
        """(event, party, fields) of the audit log, in its order."""
        wanted = "" if event is None else " WHERE event = :event"
        return [
            (row.event, row.party, row.fields)
            for row in self.rows(f"SELECT event, party, fields FROM audit_entry{wanted} ORDER BY entry_id", event=event)
        ]

    def count(self, name: str) -> int:
        return int(self.rows(f"SELECT count(*) AS n FROM {name}")[0].n)

    def rows(self, statement: str, **parameters: Any) -> list[Any]:
        with self.database.transaction() as session:
            return list(session.connection().execute(text(statement), parameters))

    def break_log(self) -> None:
        """From now on the audit log takes no entries."""
        with self.database.transaction() as session:
            session.connection().execute(text("ALTER TABLE audit_entry RENAME TO audit_entry_lost"))

    def at(self) -> datetime:
        return self.clock.now
