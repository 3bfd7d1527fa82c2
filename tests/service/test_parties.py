"""The registry: who is enrolled, under which keys, and in which state."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from sqlalchemy import MetaData
from sqlmodel import Session

from clients.protocol import jws
from clients.protocol.messages.keyholder import PartyKeys
from service.audit import repository as log
from service.audit import tables as audit_tables
from service.audit.events import SERVICE_LOG, Log
from service.audit.writer import AuditWriter
from service.errors import Conflict, Invalid, NotFound, Refused
from service.parties import repository, tables
from service.parties.counterpart import Counterpart
from service.parties.directory import RegisteredPrincipals
from service.parties.service import Parties
from service.principals import Admitted, Principal, Role
from service.storage import spent_tokens
from service.storage.database import Database
from service.storage.spent_tokens import DatabaseSpentTokens
from tests.service.cast import OPERATOR, Approver, Clock, Member, OtherService

METADATA = MetaData()
for table in (*audit_tables.TABLES, *tables.TABLES, *spent_tokens.TABLES):
    table.__table__.to_metadata(METADATA)  # type: ignore[attr-defined]

CLOCK = Clock()
C = "complex-approach"
AUDIT = AuditWriter(Log.KEYHOLDER, clock=CLOCK, random=secrets.token_bytes)
PARTIES = Parties(AUDIT, clock=CLOCK)
COUNTERPART = Counterpart(AUDIT, clock=CLOCK)


@pytest.fixture
def database(fresh_database: Callable[[MetaData], Database]) -> Database:
    return fresh_database(METADATA)


class Gate:
    """The registry as authentication sees it, at one replica. Every call brings a token of its own, or `token`."""

    def __init__(self, database: Database, operators: Mapping[str, Mapping[str, str]] | None = None) -> None:
        spent = DatabaseSpentTokens(database, clock=CLOCK)
        self.directory = RegisteredPrincipals(database, operators=operators or {}, spent=spent)

    def admit(self, key: EllipticCurvePrivateKey, covenant: str | None = C, token: str = "") -> Admitted | None:
        expires = CLOCK() + timedelta(seconds=60)
        return self.directory.admit(jws.thumbprint(key), covenant, token or secrets.token_hex(16), expires)

    def who(self, key: EllipticCurvePrivateKey, covenant: str | None = C) -> Principal | None:
        admitted = self.admit(key, covenant)
        return admitted and admitted.principal


def enrol(database: Database, member: Member, covenant: str = C, keys: PartyKeys | None = None) -> bool:
    with database.transaction() as session:
        return PARTIES.enrol(
            session, covenant, member.party, kind="police", oin="1", keys=keys or member.keys, by=OPERATOR
        )


def events(database: Database, covenant: str = C) -> list[str]:
    with database.transaction() as session:
        return [row.event for row in log.entries(session, covenant)]


def test_an_enrolled_party_is_active_and_found_by_its_key(database: Database) -> None:
    police = Member("police")
    assert enrol(database, police)
    with database.transaction() as session:
        assert PARTIES.active_parties(session, C) == {"police"}
        assert PARTIES.find(session, C, "police").keys == police.keys
        assert [party.party for party in PARTIES.list(session, C)] == ["police"]
    gate, key = Gate(database), police.authentication
    assert gate.admit(key) == Admitted(Principal("police", Role.PARTY, "police", C), fresh=True)
    assert gate.directory.public_key(jws.thumbprint(key)) == key.public_key()
    assert events(database) == ["party-enrolled"]


def test_a_key_is_a_principals_no_longer_than_the_registry_says_so(database: Database) -> None:
    enrol(database, police := Member("police"))
    gate, key = Gate(database), police.authentication
    assert gate.directory.public_key(jws.thumbprint(key)) is not None
    assert gate.who(key) is not None
    with database.transaction() as session:
        assert repository.forget_principal(session, C, "police", "party")
    assert gate.directory.public_key(jws.thumbprint(key)) is not None  # it is remembered, and good for nothing
    assert gate.admit(key) is None


def test_a_token_is_taken_once_whichever_replica_it_is_shown_to(database: Database) -> None:
    enrol(database, police := Member("police"))
    operator = jws.generate_key()
    replicas = [Gate(database, {"operator-1": jws.public_jwk(operator)}) for _ in range(2)]
    for key in (police.authentication, operator):
        admitted = [gate.admit(key, token="jti-1") for gate in replicas]
        assert [one and one.fresh for one in admitted] == [True, False]


def test_a_key_that_nobody_has_spends_nothing(database: Database) -> None:
    police = Member("police")
    gate, key = Gate(database), police.authentication
    assert gate.admit(key, token="jti-1") is None
    enrol(database, police)
    assert gate.admit(key, "severe-nuisance", token="jti-1") is None
    admitted = gate.admit(key, token="jti-1")
    assert admitted is not None
    assert admitted.fresh


def test_enrolling_again_with_the_same_keys_is_harmless(database: Database) -> None:
    police = Member("police")
    enrol(database, police)
    assert not enrol(database, police)
    assert events(database) == ["party-enrolled"]


def test_a_party_cannot_be_enrolled_with_other_keys(database: Database) -> None:
    enrol(database, Member("police"))
    with pytest.raises(Conflict, match="party-enrolled"):
        enrol(database, Member("police"))


@pytest.mark.parametrize("shared", ["authentication", "signing", "encryption"])
def test_no_two_parties_of_a_covenant_share_a_key(database: Database, shared: str) -> None:
    police, housing = Member("police"), Member("housing-north")
    enrol(database, police)
    with pytest.raises(Conflict, match="key-taken"):
        enrol(database, replace(housing, **{shared: getattr(police, shared)}))
    assert events(database) == ["party-enrolled"]


def test_an_organisation_may_use_its_keys_in_two_covenants_and_is_two_principals(database: Database) -> None:
    police = Member("police")
    enrol(database, police)
    enrol(database, replace(police, party="politie"), covenant="severe-nuisance")
    gate, key = Gate(database), police.authentication
    found = [gate.who(key, covenant) for covenant in (C, "severe-nuisance", "drug-premises", None)]
    assert [who and who.id for who in found] == ["police", "politie", None, None]


def test_every_key_that_is_none_is_named_at_once(database: Database) -> None:
    keys = PartyKeys(authentication_key={"kty": "EC"}, signing_key=b"\1" + bytes(31), encryption_key=b"\0" * 1215)
    with pytest.raises(Invalid) as refused:
        enrol(database, Member("police"), keys=keys)
    assert [fault.pointer for fault in refused.value.faults] == [
        "/keys/authenticationKey",
        "/keys/signingKey",
        "/keys/encryptionKey",
    ]


def test_a_suspension_is_seen_at_once_and_can_be_repeated_and_ended(database: Database) -> None:
    enrol(database, Member("police"))
    changes = []
    for act in (PARTIES.suspend, PARTIES.suspend):
        with database.transaction() as session:
            changes.append(act(session, C, "police", reason="keys were stolen", by=OPERATOR))
    with database.transaction() as session:
        assert PARTIES.active_parties(session, C) == frozenset()
        with pytest.raises(Refused, match="party-not-active"):
            PARTIES.require_active(session, C, "police")
    for _ in range(2):
        with database.transaction() as session:
            changes.append(PARTIES.reinstate(session, C, "police", by=OPERATOR))
    with database.transaction() as session:
        assert PARTIES.require_active(session, C, "police") == {"police"}
    assert changes == [True, False, True, False]
    assert events(database) == ["party-enrolled", "party-suspended", "party-reinstated"]


def test_who_is_not_enrolled_cannot_be_suspended_or_active(database: Database) -> None:
    with database.transaction() as session:
        with pytest.raises(NotFound):
            PARTIES.suspend(session, C, "police", reason="whatever", by=OPERATOR)
        with pytest.raises(Refused):
            PARTIES.require_active(session, C, "police")


def test_who_asks_learns_who_else_takes_part(database: Database) -> None:
    for name in ("police", "housing-north", "care-team"):
        enrol(database, Member(name))
    enrol(database, Member("municipality"), covenant="severe-nuisance")
    with database.transaction() as session:
        PARTIES.suspend(session, C, "care-team", reason="keys were stolen", by=OPERATOR)
        assert PARTIES.require_active(session, C, "police") == {"police", "housing-north"}
        assert PARTIES.hold_active(session, C, ("care-team", "police", "municipality")) == {"police"}


Hold = Callable[[Session], object]


@pytest.mark.parametrize(
    "hold",
    [
        pytest.param(lambda session: PARTIES.hold(session, C, ("police", "housing-north")), id="with its keys"),
        pytest.param(lambda session: PARTIES.hold_active(session, C, ("police", "housing-north")), id="its state"),
        pytest.param(lambda session: PARTIES.require_active(session, C, "police"), id="who asks"),
    ],
)
def test_a_suspension_waits_for_what_was_decided_on_the_old_state(database: Database, hold: Hold) -> None:
    enrol(database, Member("police"))
    suspended = threading.Event()

    def suspend() -> None:
        with database.transaction() as session:
            PARTIES.suspend(session, C, "police", reason="keys were stolen", by=OPERATOR)
        suspended.set()

    thread = threading.Thread(target=suspend)
    with database.transaction() as session:
        assert hold(session)
        thread.start()
        assert not suspended.wait(0.3)
    assert suspended.wait(5)
    thread.join()


def test_a_reason_is_one_readable_line(database: Database) -> None:
    enrol(database, Member("police"))
    with database.transaction() as session, pytest.raises(Invalid, match="reason-unreadable"):
        PARTIES.suspend(session, C, "police", reason="two\nlines", by=OPERATOR)


def test_an_administrator_is_enrolled_once_under_a_key_of_its_own(database: Database) -> None:
    anna = Approver("anna", "municipality")
    for expected in (True, False):
        with database.transaction() as session:
            assert PARTIES.enrol_administrator(session, C, anna.enrolment, by=OPERATOR) is expected
    with database.transaction() as session, pytest.raises(Conflict, match="administrator-enrolled"):
        PARTIES.enrol_administrator(session, C, Approver("anna", "municipality").enrolment, by=OPERATOR)
    with database.transaction() as session, pytest.raises(Conflict, match="key-taken"):
        PARTIES.enrol_administrator(session, C, replace(anna, administrator="bob").enrolment, by=OPERATOR)
    with database.transaction() as session:
        assert {a.administrator: a.party for a in PARTIES.administrators(session, C).values()} == {
            "anna": "municipality"
        }
    assert events(database) == ["administrator-enrolled"]


def test_there_is_one_other_service_and_its_key_is_good_for_every_covenant(database: Database) -> None:
    broker = OtherService()
    for expected in (True, False):
        with database.transaction() as session:
            assert COUNTERPART.enrol(session, broker.enrolment, by=OPERATOR) is expected
    with database.transaction() as session, pytest.raises(Conflict, match="service-enrolled"):
        COUNTERPART.enrol(session, OtherService("second-broker").enrolment, by=OPERATOR)
    with database.transaction() as session:
        assert COUNTERPART.known(session).grant_key_id == jws.thumbprint(broker.granting)
    gate = Gate(database)
    for covenant in (C, None):
        assert gate.who(broker.authentication, covenant) == Principal("broker", Role.SERVICE)
    assert events(database, SERVICE_LOG) == ["service-enrolled"]


def test_a_service_cannot_be_a_party_under_the_same_key(database: Database) -> None:
    broker = OtherService()
    with database.transaction() as session:
        COUNTERPART.enrol(session, broker.enrolment, by=OPERATOR)
    with pytest.raises(Conflict, match="key-taken"):
        enrol(database, replace(Member("police"), authentication=broker.authentication))


def test_operators_stand_in_the_settings(database: Database) -> None:
    key = jws.generate_key()
    gate = Gate(database, {"operator-1": jws.public_jwk(key)})
    assert gate.who(key) == OPERATOR
    assert gate.directory.public_key(jws.thumbprint(key)) == key.public_key()
    stranger = jws.generate_key()
    assert gate.directory.public_key(jws.thumbprint(stranger)) is None
    assert gate.who(stranger) is None
