"""Both services in one process, each with its own operator, and everyone who works with them, over real HTTP routes.

    town.steward("anna").approve(version)      an administrator or officer, as `covenant versions` is
    town.session("police").submit(…)           a party, as `covenant` is
    town.operator("broker").suspend(…)         an operator, as `covenantd` is

Nothing is imitated. What leaves the process is the clients' HTTP, and it ends at the other app.
"""

from __future__ import annotations

import csv
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import httpx
import psycopg
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from psycopg import sql
from starlette.testclient import TestClient

from clients.protocol import jws
from clients.protocol.messages.governance import VersionDescription, VersionPage
from clients.protocol.messages.keyholder import Enrolment, Founding
from clients.sdk import ServiceAddress, Session, create_profile, open_profile
from clients.sdk.governing import Governing
from clients.sdk.http import Conversation
from clients.sdk.offices import Office, create_office_profile, open_office_profile
from clients.sdk.operating import Operator, broker_enrolment
from clients.sdk.records import Rejected
from clients.sdk.submission import Tally
from service.broker import app as broker_app
from service.broker.upkeep import upkeep as broker_upkeep
from service.keyholder import app as keyholder_app
from service.keyholder.upkeep import upkeep as keyholder_upkeep
from service.settings import BrokerSettings, KeyHolderSettings
from service.storage.keystore import KeyDirectory
from service.storage.service_keys import create_service_keys, public_service_keys
from tests.service.cast import COVENANT, DOCUMENT, NOW, Clock, amended

C = COVENANT.id
ISSUERS = {"broker": "https://broker.example", "keyholder": "https://keyholder.example"}
ADDRESSES = {service: ServiceAddress(issuer, issuer) for service, issuer in ISSUERS.items()}
OPERATOR_KEYS = {service: jws.generate_key() for service in ISSUERS}
STEWARDS: Mapping[str, tuple[Office, str | None]] = {
    "anna": (Office.ADMINISTRATOR, "municipality"),
    "bob": (Office.ADMINISTRATOR, "police"),
    "carl": (Office.ADMINISTRATOR, "police"),
    "dora": (Office.ADMINISTRATOR, "housing-north"),
    "olga": (Office.OFFICER, None),
}
PARTIES = tuple(COVENANT.parties)

TODAY = "2026-11-22"
"""The day on which every test begins."""


def version_from(day: str, *changes: tuple[str, str], document: bytes = DOCUMENT) -> bytes:
    """The covenant in force from `day`, with passages changed."""
    for old, new in (("from: 2026-01-01", f"from: {day}"), *changes):
        document = amended(old, new, document)
    return document


def hash_of(document: bytes) -> str:
    return sha256(document).hexdigest()


@dataclass
class Town:
    """`directory` has the key directories of the services and the profiles of everyone."""

    directory: Path
    urls: Mapping[str, str]
    clock: Clock

    def __post_init__(self) -> None:
        self._closing = ExitStack()
        self.keys = {}
        for service in ISSUERS:
            self.keys[service] = KeyDirectory(self.directory / f"{service}-keys")
            create_service_keys(self.keys[service], service, secrets.token_bytes)
        common = {
            service: {
                "issuer": ISSUERS[service],
                "database_url": self.urls[service],
                "database_connections": 5,
                "key_directory": self.directory / f"{service}-keys",
                "operators": {"operator": jws.public_jwk(OPERATOR_KEYS[service])},
            }
            for service in ISSUERS
        }
        key_holder = keyholder_app.create_app(KeyHolderSettings(**common["keyholder"]), clock=self.clock)  # type: ignore[arg-type]
        self.transports = {"keyholder": self._serve(key_holder, "keyholder")}
        broker = broker_app.create_app(
            BrokerSettings(
                **common["broker"],  # type: ignore[arg-type]
                key_holder_url=ISSUERS["keyholder"],
                key_holder_issuer=ISSUERS["keyholder"],
            ),
            clock=self.clock,
            transport=self.transports["keyholder"],
        )
        self.transports["broker"] = self._serve(broker, "broker")
        self.holder = key_holder.fastapi.state.holder
        self.broker = broker.fastapi.state.broker

    def _serve(self, api: object, service: str) -> httpx.BaseTransport:
        client = TestClient(api, base_url=ISSUERS[service], raise_server_exceptions=False)  # type: ignore[arg-type]
        self._closing.enter_context(client)
        transport: httpx.BaseTransport = client._transport
        return transport

    def close(self) -> None:
        self._closing.close()

    # -- who works here

    def operator(self, service: str, key: EllipticCurvePrivateKey | None = None, at: str | None = None) -> Operator:
        """The operator of one service, or whoever has `key`, calling the service `at`."""
        return Operator(self.conversation(at or service, "operator", key or OPERATOR_KEYS[service]))

    def conversation(self, service: str, principal: str, key: EllipticCurvePrivateKey) -> Conversation:
        return self._closing.enter_context(
            Conversation(
                ISSUERS[service],
                ISSUERS[service],
                principal,
                key,
                transport=self.transports[service],
                now=self.clock,
                pause=lambda _: None,
            )
        )

    def steward(self, name: str) -> Governing:
        profile = open_office_profile(self.directory / name)
        transports = (self.transports["broker"], self.transports["keyholder"])
        return self._closing.enter_context(Governing(profile, transports=transports, now=self.clock))

    def session(self, party: str) -> Session:
        transports = (self.transports["broker"], self.transports["keyholder"])
        profile = open_profile(self.directory / party)
        return self._closing.enter_context(Session(profile, transports=transports, now=self.clock))

    # -- what they do

    def found(self, parties: Sequence[str] = PARTIES) -> None:
        """Everything up to the first signal, each operator at its own service."""
        for name, (office, party) in STEWARDS.items():
            create_office_profile(
                self.directory / name,
                covenant=C,
                office=office,
                name=name,
                party=party,
                broker=ADDRESSES["broker"],
                key_holder=ADDRESSES["keyholder"],
            )
        enrolments = {name: open_office_profile(self.directory / name).enrolment() for name in STEWARDS}
        founding = Founding(
            document=DOCUMENT.decode(), approvals=tuple(self.steward(name).sign(DOCUMENT) for name in ("anna", "bob"))
        )
        public = public_service_keys(self.keys["broker"], "broker")
        self.operator("keyholder").enrol_service(broker_enrolment("broker", ISSUERS["broker"], public))
        for service in ISSUERS:
            operator = self.operator(service)
            for name, (office, _) in STEWARDS.items():
                enrol = operator.enrol_officer if office is Office.OFFICER else operator.enrol_administrator
                enrol(C, enrolments[name])  # type: ignore[operator]
            operator.found(founding)
        for party in parties:
            self.join(party)
        self.operator("broker").set_up(C)

    def join(self, party: str) -> None:
        """A party makes its keys, and both operators enrol it."""
        profile = create_profile(
            self.directory / party,
            covenant=C,
            party=party,
            broker=ADDRESSES["broker"],
            key_holder=ADDRESSES["keyholder"],
        )
        for service in ISSUERS:
            self.operator(service).enrol_party(C, Enrolment(party=party, keys=profile.public_keys()))

    def approved(self, document: bytes, *, author: str = "dora", approvers: Sequence[str] = ("anna", "bob")) -> str:
        """A version that went all the way to approved; returns its hash."""
        version = self.steward(author).draft(document).version
        self.steward(author).propose(version)
        self.steward("olga").advise(version, "favourable", "necessary, and no more than necessary")
        for name in approvers:
            self.steward(name).approve(version)
        return version

    def change(self, document: bytes) -> VersionDescription:
        """A version that went the whole way."""
        return self.steward("anna").schedule(self.approved(document))

    def submit(self, party: str, *rows: Mapping[str, str]) -> Tally:
        """Submits records; see `record`. Raises ValueError for one that is refused."""
        session = self.session(party)
        path = self.directory / party / "records.csv"
        columns = list(dict.fromkeys(column for row in rows for column in row))
        with path.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, columns, restval="")
            writer.writeheader()
            writer.writerows(rows)
        records = list(session.records(path))
        rejected = [one for one in records if isinstance(one, Rejected)]
        if rejected:
            raise ValueError(str(rejected[0].error))
        tally = session.submit(one for one in records if not isinstance(one, Rejected))
        if tally.refused:
            raise ValueError(str(tally.refused))
        return tally

    def upkeep(self) -> None:
        """A round of what both services do by themselves."""
        keyholder_upkeep(self.holder)
        broker_upkeep(self.broker)

    # -- what there is

    def statuses(self, service: str) -> dict[str, str]:
        """Where each version of the chain stands at one service."""
        key = open_profile(self.directory / "police").authentication_key
        conversation = self.conversation(service, "police", key)
        page = conversation.get(f"/v1/covenants/{C}/versions", VersionPage)
        return {one.version: one.status.value for one in page.versions}

    def events(self, service: str) -> list[tuple[str, Mapping[str, object]]]:
        """The log of one service, oldest first, without what happens at every turn."""
        with psycopg.connect(self.urls[service]) as connection:
            rows = connection.execute(
                "SELECT event, fields FROM audit_entry WHERE covenant_id = %s ORDER BY entry_id", (C,)
            ).fetchall()
        return [(event, fields) for event, fields in rows]

    def rows(self, service: str) -> dict[str, int]:
        """How many rows of the covenant each table has; tables without any are left out."""
        found: dict[str, int] = {}
        with psycopg.connect(self.urls[service]) as connection:
            tables = connection.execute(
                "SELECT table_name FROM information_schema.columns"
                " WHERE table_schema = 'public' AND column_name = 'covenant_id'"
            ).fetchall()
            for (table,) in tables:
                query = sql.SQL("SELECT count(*) FROM {} WHERE covenant_id = %s").format(sql.Identifier(table))
                row = connection.execute(query, (C,)).fetchone()
                if row and row[0]:
                    found[table] = row[0]
        return found


@contextmanager
def open_town(directory: Path, urls: Mapping[str, str], start: datetime = NOW) -> Iterator[Town]:
    town = Town(directory, urls, Clock(start))
    try:
        yield town
    finally:
        town.close()


def record(reference: str, house: int, category: str = "noise", **more: str) -> dict[str, str]:
    """A row about one address. Records of several parties about one `house` meet."""
    return {
        "reference": reference,
        "subject_kind": "address",
        "category": category,
        "day": "2026-11-10",
        "purposes": "nuisance",
        "postcode": "3561AB",
        "house_number": str(house),
        **more,
    }


def seen_by(session: Session) -> dict[str, tuple[str, ...]]:
    """What a party sees: items of each hit, by its own record's reference and the source."""
    return {
        f"{hit.own.record['reference'] if hit.own else '?'} {hit.hit.source or '?'}": hit.hit.items
        for hit in session.hits()
    }
