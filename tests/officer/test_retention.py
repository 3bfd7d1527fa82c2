"""Entries go when their time has come; what is left says so and proves it, and what was taken out is missed."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import MetaData

from clients.protocol.erasures import erasure_digest
from clients.sdk.errors import VerificationError
from clients.sdk.verify_erasures import Erased
from covenant_rules.load import load
from covenant_rules.model import Covenant
from service.audit.events import CATALOGUE, Kept
from service.audit.record import AuditRecord
from service.audit.retention import Retention
from service.audit.tree.sequencer import LogSigner, Sequencer
from service.audit.writer import AuditWriter
from service.broker.upkeep import upkeep
from service.storage.database import Database
from tests.audit.logbook import Logbook
from tests.officer.logs import METADATA, C, Scribe, spread
from tests.officer.office import Office
from tests.service.cast import COVENANT, DOCUMENT, amended

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TODAY = date(2026, 11, 22)
DUE = date(2021, 11, 21)
"""The latest day of which five years are over."""

_seeds = itertools.count(5)


@pytest.fixture
def book(fresh_database: Callable[[MetaData], Database]) -> Logbook:
    return Logbook(fresh_database(METADATA))


def scribe(book: Logbook) -> Scribe:
    return Scribe(book.database, random=Random(next(_seeds)), now=NOW)


def retention(book: Logbook, at: datetime = NOW) -> Retention:
    return Retention(AuditWriter(scribe(book).log, clock=lambda: at, random=Random(9).randbytes), clock=lambda: at)


def erase(book: Logbook, current: Covenant = COVENANT, *others: Covenant, at: datetime = NOW) -> int:
    versions = {version.version: version for version in (*others, current)}
    with book.database.transaction() as session:
        return retention(book, at).erase_some(session, C, current, versions)


def sequence(book: Logbook) -> None:
    while book.sequencer.place(C):
        pass
    book.sequencer.sign(C)
    book.witness(C)


def events(book: Logbook) -> list[str]:
    return [row.event for row in book.rows("SELECT event FROM audit_entry ORDER BY entry_id")]


def long_ago(book: Logbook, *records: AuditRecord, day: date = DUE) -> None:
    at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    scribe(book).write(*records, at=at)


def test_an_entry_goes_the_day_after_its_retention_and_not_before(book: Logbook) -> None:
    hand = scribe(book)
    long_ago(book, hand.refusal("police"), day=DUE)
    long_ago(book, hand.refusal("police"), day=DUE + timedelta(days=1))
    sequence(book)
    assert erase(book) == 1
    assert erase(book) == 0
    assert events(book) == ["look-up-refused", "entries-erased"]
    (erasure,) = book.rows("SELECT fields FROM audit_entry WHERE event = 'entries-erased'")
    assert {name: erasure.fields[name] for name in ("day", "counts", "version")} == {
        "day": DUE.isoformat(),
        "counts": {"entries": 1},
        "version": COVENANT.version,
    }


def test_what_explains_the_others_stays(book: Logbook) -> None:
    hand = scribe(book)
    long_ago(book, AuditRecord(event="party-suspended", covenant_id=C, parties=("police",), words="keys were stolen"))
    long_ago(book, hand.refusal("police"))
    sequence(book)
    assert erase(book) == 1
    assert events(book) == ["party-suspended", "entries-erased"]
    assert CATALOGUE["entries-erased"].kept is Kept.ALWAYS


def test_an_entry_without_a_place_waits_for_it(book: Logbook) -> None:
    long_ago(book, scribe(book).refusal("police"))
    assert erase(book) == 0
    sequence(book)
    assert erase(book) == 1


def test_the_shorter_of_two_versions_counts(book: Logbook) -> None:
    shorter = load(amended("  audit: P5Y", "  audit: P1Y"))
    hand = scribe(book)
    year_ago = date(2025, 11, 21)
    under_long = hand.disclosure()
    long_ago(book, under_long, day=year_ago)
    sequence(book)
    assert erase(book) == 0
    assert erase(book, shorter, COVENANT) == 1  # the new version keeps entries for a year
    long_ago(book, hand.disclosure(), day=year_ago)
    sequence(book)
    assert erase(book, COVENANT, shorter) == 0  # written under no version that is known: the current one counts


def test_an_entry_keeps_the_term_it_was_written_under_if_that_is_shorter(book: Logbook) -> None:
    shorter = load(amended("  audit: P5Y", "  audit: P1Y"))
    record = AuditRecord(event="statistics-read", covenant_id=C, version=shorter.version, purpose="nuisance",
                         counts={"cells": 1})  # fmt: skip
    long_ago(book, record, day=date(2025, 11, 21))
    sequence(book)
    assert erase(book, COVENANT, shorter) == 1


def test_the_verifier_says_what_was_erased_under_which_version(book: Logbook, tmp_path: Path) -> None:
    hand = scribe(book)
    for moment in spread(hand.random, 60, datetime(2021, 11, 20, 12, tzinfo=UTC)):
        hand.write(hand.any(), at=moment)
    hand.write(*(hand.any() for _ in range(20)))
    sequence(book)
    before = len(events(book))
    erased = erase(book)
    assert erased > 20
    sequence(book)
    report = book.verify(tmp_path / "copy")
    assert report.erased == (Erased(COVENANT.version, DUE, erased),)
    assert (report.entries, report.head.size) == (before - erased + 1, before + 1)
    assert any(f"{erased:,} entries up to {DUE} were erased" in sentence for sentence in report.words())


@pytest.mark.parametrize(
    ("attack", "words"),
    [
        ("DELETE FROM audit_entry WHERE event = 'look-up-refused'", "no entry of this copy accounts for them"),
        (
            (
                "UPDATE audit_leaf SET erased_by = (SELECT entry_id FROM audit_entry WHERE event = 'entries-erased')"
                " WHERE entry_id IN (SELECT entry_id FROM audit_entry WHERE event = 'look-up-refused');"
                " DELETE FROM audit_entry WHERE event = 'look-up-refused'"
            ),
            "are missing by the erasure",
        ),
        ("DELETE FROM audit_entry WHERE event = 'entries-erased'", "no entry of this copy accounts for them"),
        ("UPDATE audit_leaf SET erased_by = NULL", "no entry of this copy accounts for them"),
        (
            "UPDATE audit_leaf SET erased_by = (SELECT entry_id FROM audit_entry LIMIT 1) WHERE erased_by IS NOT NULL",
            "no entry of this copy accounts for them",
        ),
    ],
)
def test_what_was_taken_out_is_missed(book: Logbook, tmp_path: Path, attack: str, words: str) -> None:
    hand = scribe(book)
    long_ago(book, *(hand.disclosure() for _ in range(5)))
    hand.write(hand.refusal("police"))
    sequence(book)
    assert erase(book) == 5
    sequence(book)
    for statement in attack.split(";"):
        book.execute(statement)
    with pytest.raises(VerificationError, match=words):
        book.verify(tmp_path / "copy")


def test_an_operator_cannot_erase_what_is_too_young_under_an_old_day(book: Logbook, tmp_path: Path) -> None:
    """The entry about an erasure is true to its digest, and still lies about the day."""
    hand = scribe(book)
    for days in range(40, 0, -2):
        hand.write(hand.refusal("police"), at=NOW - timedelta(days=days))
    sequence(book)
    (row,) = book.rows("SELECT entry_id, leaf_index, leaf_hash FROM audit_leaf ORDER BY leaf_index DESC LIMIT 1")
    lie = AuditRecord(
        event="entries-erased", covenant_id=C, version=COVENANT.version, day=DUE, counts={"entries": 1},
        digest=erasure_digest([(row.leaf_index, bytes(row.leaf_hash))]),
    )  # fmt: skip
    (lie_id,) = hand.write(lie)
    book.execute(f"DELETE FROM audit_entry WHERE entry_id = '{row.entry_id}'")
    book.execute(f"UPDATE audit_leaf SET erased_by = '{lie_id}' WHERE entry_id = '{row.entry_id}'")
    sequence(book)
    with pytest.raises(VerificationError, match="are younger than that"):
        book.verify(tmp_path / "copy")


def test_the_broker_erases_what_is_due_by_itself(office: Office) -> None:
    stage, context = office.world.stage, office.world.stage.context
    hand = Scribe(context.database)
    hand.write(*(hand.refusal("police") for _ in range(3)), at=datetime(2020, 1, 1, tzinfo=UTC))
    signer = LogSigner(stage.settings.issuer, stage.keys.read("service/checkpoint"))
    Sequencer(context.database, signer, clock=context.clock).place(C)
    upkeep(context)
    assert [fields["counts"] for _, fields in office.world.entries("entries-erased")] == [{"entries": 3}]
    assert office.entries("event:look-up-refused") == []
    upkeep(context)
    assert len(office.world.entries("entries-erased")) == 1


def test_the_document_of_these_tests_keeps_entries_for_five_years() -> None:
    assert b"  audit: P5Y" in DOCUMENT
