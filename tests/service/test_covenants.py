"""Versions of a covenant, and the approvals without which there are none."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from hashlib import sha256

import pytest
from sqlalchemy import MetaData, text
from sqlmodel import Session

from clients.protocol.messages.keyholder import Approval
from service.audit import repository as log
from service.audit import tables as audit_tables
from service.audit.events import Log
from service.audit.writer import AuditWriter
from service.covenants import tables
from service.covenants.service import Covenants
from service.errors import Conflict, Invalid, NotFound
from service.parties.service import Administrator
from service.storage.database import Database
from tests.service.cast import COVENANT, DOCUMENT, OPERATOR, Approver, Clock, amended

METADATA = MetaData()
for table in (*audit_tables.TABLES, *tables.TABLES):
    table.__table__.to_metadata(METADATA)  # type: ignore[attr-defined]

CLOCK = Clock()
ANNA, BOB = Approver("anna", "municipality"), Approver("bob", "police")
CARL, DORA = Approver("carl", "police"), Approver("dora", "somewhere-else")
LATER = amended("Complex approach Vogelplein", "Complex approach Vogelplein, second version")


def administrators(_: Session, covenant_id: str) -> Mapping[str, Administrator]:
    if covenant_id != COVENANT.id:
        return {}
    return {
        a.administrator: Administrator(a.administrator, a.party, a.enrolment.approval_key)
        for a in (ANNA, BOB, CARL, DORA)
    }


@pytest.fixture
def database(fresh_database: Callable[[MetaData], Database]) -> Database:
    return fresh_database(METADATA)


@pytest.fixture
def covenants() -> Covenants:
    audit = AuditWriter(Log.KEYHOLDER, clock=CLOCK, random=secrets.token_bytes)
    return Covenants(audit, approvers=administrators, clock=CLOCK)


def approvals(document: bytes, *approvers: Approver) -> list[Approval]:
    return [approver.approve(COVENANT.id, sha256(document).hexdigest()) for approver in approvers]


def found(database: Database, covenants: Covenants, document: bytes = DOCUMENT, *by: Approver) -> bool:
    with database.transaction() as session:
        _, new = covenants.found(session, document, approvals(document, *(by or (ANNA, BOB))), by=OPERATOR)
        return new


def codes(refused: pytest.ExceptionInfo[Invalid]) -> list[tuple[str, str]]:
    return [(fault.pointer, fault.code) for fault in refused.value.faults]


def test_two_parties_approve_and_the_covenant_is_there(database: Database, covenants: Covenants) -> None:
    assert found(database, covenants)
    with database.transaction() as session:
        assert covenants.current(session, COVENANT.id) == COVENANT
        assert list(covenants.versions(session, COVENANT.id)) == [COVENANT.version]
        assert covenants.document(session, COVENANT.id, COVENANT.version) == DOCUMENT
        assert covenants.list(session) == [COVENANT.id]
        [entry] = log.entries(session, COVENANT.id)
    assert (entry.event, entry.fields["version"]) == ("covenant-founded", COVENANT.version)
    assert entry.fields["administrators"] == ["anna", "bob"]


def test_founding_again_with_the_same_version_is_harmless(database: Database, covenants: Covenants) -> None:
    found(database, covenants)
    assert not found(database, covenants)
    with database.transaction() as session:
        assert len(log.entries(session, COVENANT.id)) == 1


def test_a_covenant_is_founded_once(database: Database, covenants: Covenants) -> None:
    found(database, covenants)
    with pytest.raises(Conflict, match="covenant-founded"):
        found(database, covenants, LATER)


def test_a_version_is_one_object_however_often_it_is_asked_for(database: Database, covenants: Covenants) -> None:
    found(database, covenants)
    with database.transaction() as session:
        first = covenants.current(session, COVENANT.id)
        assert covenants.current(session, COVENANT.id) is first
        assert covenants.versions(session, COVENANT.id)[COVENANT.version] is first


def test_one_approval_is_too_few(database: Database, covenants: Covenants) -> None:
    with pytest.raises(Invalid, match="approvals-too-few"):
        found(database, covenants, DOCUMENT, ANNA)


def test_an_administrator_cannot_approve_twice(database: Database, covenants: Covenants) -> None:
    with pytest.raises(Invalid) as refused:
        found(database, covenants, DOCUMENT, ANNA, ANNA)
    assert codes(refused) == [("/approvals/1", "approval-repeated")]


def test_administrators_of_one_party_do_not_make_two(database: Database, covenants: Covenants) -> None:
    with pytest.raises(Invalid) as refused:
        found(database, covenants, DOCUMENT, BOB, CARL)
    assert codes(refused) == [("/approvals/1", "approval-same-party")]


def test_strangers_cannot_approve(database: Database, covenants: Covenants) -> None:
    with pytest.raises(Invalid) as refused:
        found(database, covenants, DOCUMENT, Approver("eve", "police"), ANNA, DORA)
    assert codes(refused) == [("/approvals/0", "administrator-unknown"), ("/approvals/2", "administrator-unknown")]


def test_an_approval_of_another_version_or_by_another_key_is_none(database: Database, covenants: Covenants) -> None:
    mixed = [
        *approvals(LATER, ANNA),
        Approval(administrator="bob", signature=approvals(DOCUMENT, CARL)[0].signature),
    ]
    with database.transaction() as session, pytest.raises(Invalid) as refused:
        covenants.found(session, DOCUMENT, mixed, by=OPERATOR)
    assert codes(refused) == [("/approvals/0", "signature-invalid"), ("/approvals/1", "signature-invalid")]


def test_a_document_with_mistakes_is_refused_with_their_places(database: Database, covenants: Covenants) -> None:
    with pytest.raises(Invalid) as refused:
        found(database, covenants, amended("kind: police, oin", "kind: pollice, oin"))
    assert refused.value.code == "covenant-invalid"
    assert all(fault.pointer == "/document" and fault.detail.startswith("line ") for fault in refused.value.faults)


def test_a_document_that_breaks_its_own_promise_is_refused(database: Database, covenants: Covenants) -> None:
    broken = amended(
        "categories: [noise, waste]\n    items: [hit, source, category, period]\n    when: {within: P180D}",
        "categories: [noise, waste]\n    items: [hit, source, category, period, note.gist, note.full]",
    )
    with pytest.raises(Invalid) as refused:
        found(database, covenants, broken)
    assert [fault.code for fault in refused.value.faults] == ["cr524"]


def test_a_later_version_takes_over_and_the_earlier_stays_readable(database: Database, covenants: Covenants) -> None:
    found(database, covenants)
    with database.transaction() as session:
        later = covenants.adopt(session, LATER, approvals(LATER, ANNA, BOB), by=OPERATOR)
    with database.transaction() as session:
        assert covenants.current(session, COVENANT.id) is covenants.versions(session, COVENANT.id)[later.version]
        assert list(covenants.versions(session, COVENANT.id)) == [COVENANT.version, later.version]
        assert log.entries(session, COVENANT.id)[-1].fields["previous"] == COVENANT.version


def test_what_was_replaced_does_not_come_back(database: Database, covenants: Covenants) -> None:
    found(database, covenants)
    with database.transaction() as session:
        covenants.adopt(session, LATER, approvals(LATER, ANNA, BOB), by=OPERATOR)
    for document in (DOCUMENT, LATER):
        with pytest.raises(Conflict, match="version-exists"), database.transaction() as session:
            covenants.adopt(session, document, approvals(document, ANNA, BOB), by=OPERATOR)


def test_only_a_founded_covenant_takes_later_versions(database: Database, covenants: Covenants) -> None:
    with database.transaction() as session:
        with pytest.raises(NotFound):
            covenants.adopt(session, LATER, approvals(LATER, ANNA, BOB), by=OPERATOR)
        with pytest.raises(NotFound):
            covenants.current(session, COVENANT.id)
        with pytest.raises(NotFound):
            covenants.document(session, COVENANT.id, COVENANT.version)
        assert covenants.versions(session, COVENANT.id) == {}


def test_a_document_that_was_changed_in_the_database_is_not_used(database: Database, covenants: Covenants) -> None:
    found(database, covenants)
    fresh = Covenants(covenants._audit, approvers=administrators, clock=CLOCK)
    with database.transaction() as session:
        session.connection().execute(text("UPDATE covenant_version SET document = :d"), {"d": LATER})
    with database.transaction() as session, pytest.raises(RuntimeError):
        fresh.current(session, COVENANT.id)
