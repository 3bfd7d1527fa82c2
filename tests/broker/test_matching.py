"""What meets what, on rows put straight into the tables."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from hashlib import sha256
from uuid import UUID, uuid4

import pytest
from sqlalchemy import MetaData
from sqlmodel import Session

from service.disclosure.feed_repository import touched
from service.signals import matching, reading, repository
from service.signals.matching import Subject
from service.signals.tables import TABLES
from service.storage.database import Database
from tests.service.conftest import FreshDatabase

METADATA = MetaData()
for table in TABLES:
    table.__table__.to_metadata(METADATA)  # type: ignore[attr-defined]

COVENANT = "test-covenant"
BAG, POSTCODE = "address-bag", "address-postcode"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
VERSION = "0" * 64
LAST = UUID(int=2**128 - 1)


@pytest.fixture
def database(fresh_database: FreshDatabase) -> Database:
    return fresh_database(METADATA)


def index(match_key: str, subject: str) -> bytes:
    return sha256(f"{match_key} {subject}".encode()).digest()


def put(
    session: Session, party: str, *subjects: tuple[str, str], covenant: str = COVENANT, day: date = date(2026, 11, 1)
) -> UUID:
    """A live signal of `party` on the subject with these (match key, value) pairs."""
    signal_id, batch_id = uuid4(), uuid4()
    repository.claim(session, covenant, party, {signal_id: bytes(32)})
    key = {"signal_id": signal_id}
    repository.store(
        session,
        {
            "covenant_id": covenant,
            "batch_id": batch_id,
            "party": party,
            "version": VERSION,
            "leaves": bytes(32),
            "signature": bytes(64),
            "submitted_at": NOW,
            "remaining": 1,
        },
        [
            key
            | {
                "subject_kind": "address",
                "category": "noise",
                "day": day,
                "purposes": ["nuisance"],
                "origins": [],
                "handling_codes": [],
                "leaf_index": 0,
                "digests": bytes(32),
                "salts": bytes(64),
                "replaces": None,
            }
        ],
        [],
        [
            key
            | {
                "match_key": match_key,
                "index_": index(match_key, subject),
                "handle": index("handle", subject),
                "sealed": bytes(60),
                "evidence_at": NOW,
            }
            for match_key, subject in subjects
        ],
    )
    return signal_id


def met(session: Session, viewer: str, anchors: Sequence[UUID]) -> dict[UUID | None, set[UUID]]:
    found: dict[UUID | None, set[UUID]] = {}
    for neighbour in matching.neighbours(session, COVENANT, viewer, anchors):
        found.setdefault(neighbour.anchor, set()).add(neighbour.signal.signal_id)
    return found


def test_two_parties_meet_on_one_shared_match_key_value(database: Database) -> None:
    with database.transaction() as session:
        mine = put(session, "police", (BAG, "1"), (POSTCODE, "1"))
        theirs = put(session, "housing", (POSTCODE, "1"), (BAG, "2"))
        put(session, "care", (BAG, "3"))
        assert met(session, "police", [mine]) == {mine: {mine, theirs}}
        (neighbour,) = (
            n for n in matching.neighbours(session, COVENANT, "police", [mine]) if n.signal.signal_id == theirs
        )
        assert [match.match_key for match in neighbour.matches] == [POSTCODE]
        assert neighbour.signal.purposes == ("nuisance",)
        assert neighbour.signal.origins == ()


def test_a_neighbour_of_a_neighbour_is_no_neighbour(database: Database) -> None:
    with database.transaction() as session:
        mine = put(session, "police", (BAG, "1"))
        middle = put(session, "housing", (BAG, "1"), (POSTCODE, "9"))
        put(session, "care", (POSTCODE, "9"))
        assert met(session, "police", [mine]) == {mine: {mine, middle}}


def test_one_value_under_two_match_keys_does_not_meet(database: Database) -> None:
    with database.transaction() as session:
        mine = put(session, "police", (BAG, "1"))
        put(session, "housing", (POSTCODE, "1"))
        assert met(session, "police", [mine]) == {mine: {mine}}


def test_covenants_do_not_meet(database: Database) -> None:
    with database.transaction() as session:
        mine = put(session, "police", (BAG, "1"))
        put(session, "housing", (BAG, "1"), covenant="other-covenant")
        assert met(session, "police", [mine]) == {mine: {mine}}


def test_only_the_viewers_own_signals_are_anchors(database: Database) -> None:
    with database.transaction() as session:
        theirs = put(session, "housing", (BAG, "1"))
        put(session, "police", (BAG, "1"))
        assert met(session, "police", [theirs, uuid4()]) == {}
        assert met(session, "police", []) == {}


def test_the_viewers_other_signals_on_the_subject_are_among_the_facts(database: Database) -> None:
    with database.transaction() as session:
        first, second = put(session, "police", (BAG, "1")), put(session, "police", (BAG, "1"))
        assert met(session, "police", [first]) == {first: {first, second}}
        assert met(session, "police", [second, first]) == {first: {first, second}, second: {first, second}}


def test_an_ended_signal_neither_meets_nor_stands(database: Database) -> None:
    with database.transaction() as session:
        mine, theirs = put(session, "police", (BAG, "1")), put(session, "housing", (BAG, "1"))
        (ended,) = repository.end(session, COVENANT, [theirs], state="withdrawn", because="mistaken", at=NOW)
        assert (ended.signal_id, ended.party, ended.handles) == (theirs, "housing", (index("handle", "1"),))
        assert met(session, "police", [mine]) == {mine: {mine}}
        assert met(session, "housing", [theirs]) == {}
        assert repository.end(session, COVENANT, [theirs], state="withdrawn", because="mistaken", at=NOW) == []


def test_a_look_up_finds_by_any_match_key_and_has_no_anchor(database: Database) -> None:
    with database.transaction() as session:
        theirs = put(session, "housing", (BAG, "1"), (POSTCODE, "1"))
        other = put(session, "care", (POSTCODE, "1"))
        asked = [Subject(BAG, index(BAG, "1")), Subject(POSTCODE, index(POSTCODE, "1"))]
        found = matching.neighbours_of(session, COVENANT, asked)
        assert {n.signal.signal_id: [m.match_key for m in n.matches] for n in found} == {
            theirs: [BAG, POSTCODE],
            other: [POSTCODE],
        }
        assert {n.anchor for n in found} == {None}
        assert matching.neighbours_of(session, COVENANT, []) == []


def test_whoever_reads_from_the_last_horizon_misses_no_change(database: Database) -> None:
    with database.transaction() as session:
        mine, unconcerned = put(session, "police", (BAG, "1")), put(session, "police", (BAG, "2"))
    with database.transaction() as session:
        since = matching.horizon(session)
        assert touched(session, COVENANT, "police", since, LAST) == []
    with database.transaction() as slow:
        theirs = put(slow, "housing", (BAG, "1"))
        with database.transaction() as quick:
            put(quick, "care", (BAG, "3"))
        with database.transaction() as reader:
            # The slow writer is older than this snapshot, and not in it: the horizon must not pass it.
            between = matching.horizon(reader)
            assert touched(reader, COVENANT, "police", since, LAST) == []
    with database.transaction() as session:
        assert touched(session, COVENANT, "police", between, LAST) == [mine]
        since = matching.horizon(session)
    with database.transaction() as session:
        repository.end(session, COVENANT, [theirs], state="withdrawn", because="mistaken", at=NOW)
    with database.transaction() as session:
        assert touched(session, COVENANT, "police", since, LAST) == [mine]
        assert touched(session, COVENANT, "police", 0, LAST) == sorted([mine, unconcerned])


def test_a_forgotten_signal_leaves_nothing_but_its_taken_id(database: Database) -> None:
    with database.transaction() as session:
        kept, gone = put(session, "police", (BAG, "1")), put(session, "police", (BAG, "1"))
        repository.end(session, COVENANT, [gone], state="expired", because="expired", at=NOW)
        assert repository.forget(session, COVENANT, NOW, limit=10) == 0
        assert repository.forget(session, COVENANT, datetime(2027, 1, 1, tzinfo=UTC), limit=10) == 1
        assert repository.pseudonyms_of(session, COVENANT, [gone]) == []
        assert set(reading.signals_of(session, COVENANT, [kept, gone])) == {kept}
        assert repository.known(session, COVENANT, [gone, kept])[gone].state is None
        assert repository.claim(session, COVENANT, "housing", {gone: bytes(32)}) == frozenset()
