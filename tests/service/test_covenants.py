"""Versions of a covenant, and the approvals without which there are none."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from sqlalchemy import MetaData, text
from sqlmodel import Session

from clients.protocol.messages.governance import ApprovedVersion
from clients.protocol.messages.keyholder import Approval
from service.audit import repository as log
from service.audit import tables as audit_tables
from service.audit.events import Log
from service.audit.writer import AuditWriter
from service.covenants import tables
from service.covenants.accounts import VersionAccounts
from service.covenants.course import Course
from service.covenants.service import Covenants
from service.errors import Conflict, Invalid, NotFound
from service.parties.service import Administrator
from service.storage.database import Database
from tests.service.cast import COVENANT, DOCUMENT, OPERATOR, Approver, Clock, amended

METADATA = MetaData()
for table in (*audit_tables.TABLES, *tables.TABLES):
    table.__table__.to_metadata(METADATA)  # type: ignore[attr-defined]

ANNA, BOB = Approver("anna", "municipality"), Approver("bob", "police")
CARL, DORA = Approver("carl", "police"), Approver("dora", "somewhere-else")
LATER = amended("from: 2026-01-01", "from: 2026-12-01")
LATEST = amended("Complex approach Vogelplein", "Complex approach Vogelplein, third version", LATER)
MIDNIGHT = datetime(2026, 11, 30, 23, 0, tzinfo=UTC)
"""When 1 December begins in Amsterdam."""


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
def clock() -> Clock:
    return Clock()


@pytest.fixture
def covenants(clock: Clock) -> Covenants:
    audit = AuditWriter(Log.KEYHOLDER, clock=clock, random=secrets.token_bytes)
    return Covenants(audit, approvers=administrators, clock=clock)


def approvals(document: bytes, *approvers: Approver) -> list[Approval]:
    return [approver.approve(COVENANT.id, sha256(document).hexdigest()) for approver in approvers]


def found(database: Database, covenants: Covenants, document: bytes = DOCUMENT, *by: Approver) -> bool:
    with database.transaction() as session:
        _, new = covenants.found(session, document, approvals(document, *(by or (ANNA, BOB))), by=OPERATOR)
        return new


def schedule(
    database: Database,
    covenants: Covenants,
    document: bytes,
    *,
    predecessor: str = COVENANT.version,
    author: Approver = CARL,
    proposal: bytes | None = None,
    approvers: Sequence[Approver] = (ANNA, BOB),
) -> str:
    """What administrators bring to the key holder."""
    version = sha256(document).hexdigest()
    approved = ApprovedVersion(
        document=document.decode(),
        predecessor=predecessor,
        author=author.administrator,
        proposal=proposal or author.propose(COVENANT.id, version, predecessor),
        approvals=tuple(approvals(document, *approvers)),
    )
    with database.transaction() as session:
        covenants.schedule(session, COVENANT.id, approved, by=OPERATOR)
    return version


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
    other = amended("Complex approach Vogelplein", "Complex approach Mussenplein")
    with pytest.raises(Conflict, match="covenant-founded"):
        found(database, covenants, other)


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


# -- later versions


def test_a_scheduled_version_takes_over_on_its_day_and_the_earlier_stays_readable(
    database: Database, clock: Clock, covenants: Covenants
) -> None:
    found(database, covenants)
    version = schedule(database, covenants, LATER)
    with database.transaction() as session:
        assert covenants.current(session, COVENANT.id) == COVENANT
        assert [coming.version for coming in covenants.coming(session, COVENANT.id)] == [version]
        assert list(covenants.versions(session, COVENANT.id)) == [COVENANT.version]
    clock.now = MIDNIGHT - timedelta(seconds=1)
    with database.transaction() as session:
        assert covenants.current(session, COVENANT.id) == COVENANT
    clock.now = MIDNIGHT
    with database.transaction() as session:
        assert covenants.current(session, COVENANT.id) is covenants.versions(session, COVENANT.id)[version]
        assert list(covenants.versions(session, COVENANT.id)) == [COVENANT.version, version]
        assert covenants.coming(session, COVENANT.id) == ()
        # Whoever has taken the time already goes by it.
        before = MIDNIGHT - timedelta(microseconds=1)
        assert covenants.current(session, COVENANT.id, at=before) == COVENANT
        entry = log.entries(session, COVENANT.id)[-1]
    assert (entry.event, entry.fields["previous"], entry.fields["day"]) == (
        "version-scheduled",
        COVENANT.version,
        "2026-12-01",
    )
    assert entry.fields["administrators"] == ["anna", "bob", "carl"]


def test_scheduling_again_is_harmless(database: Database, covenants: Covenants) -> None:
    found(database, covenants)
    schedule(database, covenants, LATER)
    schedule(database, covenants, LATER)
    with database.transaction() as session:
        assert [entry.event for entry in log.entries(session, COVENANT.id)] == ["covenant-founded", "version-scheduled"]


def test_a_version_is_not_back_dated(database: Database, clock: Clock, covenants: Covenants) -> None:
    found(database, covenants)
    clock.now = MIDNIGHT + timedelta(days=1)
    with pytest.raises(Conflict, match="version-back-dated"):
        schedule(database, covenants, LATER)
    clock.now = MIDNIGHT + timedelta(hours=23, minutes=59)  # of its first day
    schedule(database, covenants, LATER)


def test_a_version_replaces_the_last_one_and_no_other(database: Database, clock: Clock, covenants: Covenants) -> None:
    found(database, covenants)
    second = schedule(database, covenants, LATER)
    for predecessor in (COVENANT.version, "0" * 64):
        with pytest.raises(Conflict, match="predecessor-not-last"):
            schedule(database, covenants, LATEST, predecessor=predecessor)
    schedule(database, covenants, LATEST, predecessor=second)
    with pytest.raises(Conflict, match="version-exists"):  # what was replaced does not come back
        schedule(database, covenants, LATER, predecessor=sha256(LATEST).hexdigest())
    with pytest.raises(Conflict, match="version-exists"):
        schedule(database, covenants, DOCUMENT, predecessor=sha256(LATEST).hexdigest())


def test_a_version_does_not_begin_before_the_one_it_replaces(database: Database, covenants: Covenants) -> None:
    found(database, covenants)
    later = schedule(database, covenants, LATER)
    earlier = amended("from: 2026-01-01", "from: 2026-11-30")
    with pytest.raises(Conflict, match="version-before-predecessor"):
        schedule(database, covenants, earlier, predecessor=later)


def test_of_two_versions_from_one_day_the_last_is_in_force(
    database: Database, clock: Clock, covenants: Covenants
) -> None:
    found(database, covenants)
    second = schedule(database, covenants, LATER)
    third = schedule(database, covenants, LATEST, predecessor=second)
    clock.now = MIDNIGHT
    with database.transaction() as session:
        assert covenants.current(session, COVENANT.id).version == third


def test_the_author_does_not_approve(database: Database, covenants: Covenants) -> None:
    found(database, covenants)
    with pytest.raises(Invalid) as refused:
        schedule(database, covenants, LATER, author=ANNA)
    assert codes(refused) == [("/approvals/0", "approval-by-author")]


def test_a_proposal_is_its_authors_own_and_names_what_it_replaces(database: Database, covenants: Covenants) -> None:
    found(database, covenants)
    version = sha256(LATER).hexdigest()
    wrong = [
        BOB.propose(COVENANT.id, version, COVENANT.version),
        CARL.propose(COVENANT.id, version, version),
        CARL.propose(COVENANT.id, COVENANT.version, COVENANT.version),
        CARL.approve(COVENANT.id, version).signature,
    ]
    for proposal in wrong:
        with pytest.raises(Invalid) as refused:
            schedule(database, covenants, LATER, proposal=proposal)
        assert codes(refused) == [("/proposal", "signature-invalid")]
    for author in (Approver("eve", "police"), DORA):
        with pytest.raises(Invalid) as refused:
            schedule(database, covenants, LATER, author=author)
        assert codes(refused) == [("/proposal", "administrator-unknown")]


def test_the_parties_of_the_version_that_is_replaced_decide(database: Database, covenants: Covenants) -> None:
    """Who joins by a version does not approve its own joining; who leaves by it still has a say."""
    found(database, covenants)
    newcomer = '  somewhere-else: {title: Tax office, kind: care, oin: "00000001007777777000"}'
    joining = amended("  care-team: {title", f"{newcomer}\n  care-team: {{title", LATER)
    with pytest.raises(Invalid) as refused:
        schedule(database, covenants, joining, approvers=(ANNA, DORA))
    assert codes(refused) == [("/approvals/1", "administrator-unknown")]
    schedule(database, covenants, joining)


def test_only_a_founded_covenant_takes_later_versions(database: Database, covenants: Covenants) -> None:
    with pytest.raises(NotFound):
        schedule(database, covenants, LATER)
    with database.transaction() as session:
        with pytest.raises(NotFound):
            covenants.current(session, COVENANT.id)
        with pytest.raises(NotFound):
            covenants.document(session, COVENANT.id, COVENANT.version)
        assert covenants.versions(session, COVENANT.id) == {}


def test_a_version_of_another_covenant_is_refused(database: Database, covenants: Covenants) -> None:
    found(database, covenants)
    with pytest.raises(Invalid, match="covenant-differs"):
        schedule(database, covenants, amended("covenant: complex-approach", "covenant: another", LATER))


# -- the course of time


def test_the_turn_to_a_version_is_put_on_record_once(database: Database, clock: Clock, covenants: Covenants) -> None:
    course = Course(covenants, covenants._audit, clock=clock)
    found(database, covenants)
    version = schedule(database, covenants, LATER)
    with database.transaction() as session:
        assert course.put_on_record(session) == []
    clock.now = MIDNIGHT + timedelta(days=3)
    for expected in ([COVENANT.id], []):
        with database.transaction() as session:
            assert course.put_on_record(session) == expected
    with database.transaction() as session:
        entry = log.entries(session, COVENANT.id)[-1]
        assert (entry.event, entry.fields) == (
            "version-adopted",
            {"version": version, "previous": COVENANT.version, "day": "2026-12-01"},
        )


def test_where_a_version_stands_follows_from_the_day(database: Database, clock: Clock, covenants: Covenants) -> None:
    accounts = VersionAccounts(covenants, clock=clock)
    found(database, covenants)
    schedule(database, covenants, amended("until: 2028-12-31", "until: 2026-12-31", LATER))

    def statuses() -> list[str]:
        with database.transaction() as session:
            return [one.status.value for one in accounts.page(session, COVENANT.id, drafts=False).versions]

    assert statuses() == ["active", "scheduled"]
    clock.now = MIDNIGHT
    assert statuses() == ["superseded", "active"]
    clock.now = MIDNIGHT + timedelta(days=31)
    assert statuses() == ["superseded", "expired"]
    with database.transaction() as session:
        Course(covenants, covenants._audit, clock=clock).end(session, COVENANT.id, reason="it is over", by=OPERATOR)
    assert statuses() == ["ended", "ended"]


def test_an_ended_covenant_has_no_rules_and_is_not_founded_again(database: Database, covenants: Covenants) -> None:
    course = Course(covenants, covenants._audit, clock=Clock())
    found(database, covenants)
    for first in (True, False):
        with database.transaction() as session:
            assert course.end(session, COVENANT.id, reason="it is over", by=OPERATOR) is first
    with database.transaction() as session:
        assert covenants.list(session) == []
        assert course.ended(session) == [COVENANT.id]
        assert list(covenants.versions(session, COVENANT.id)) == [COVENANT.version]
        with pytest.raises(Conflict, match="covenant-ended"):
            covenants.current(session, COVENANT.id)
        assert log.entries(session, COVENANT.id)[-1].fields["words"] == "it is over"
    with pytest.raises(Conflict, match="covenant-ended"):
        found(database, covenants)
    with pytest.raises(Conflict, match="covenant-ended"):
        schedule(database, covenants, LATER)


def test_a_document_that_was_changed_in_the_database_is_not_used(database: Database, covenants: Covenants) -> None:
    found(database, covenants)
    fresh = Covenants(covenants._audit, approvers=administrators, clock=Clock())
    with database.transaction() as session:
        session.connection().execute(text("UPDATE covenant_version SET document = :d"), {"d": LATER})
    with database.transaction() as session, pytest.raises(RuntimeError):
        fresh.current(session, COVENANT.id)
