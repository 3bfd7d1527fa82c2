"""A party's lists, straight from the tables: nothing is found by what is not seen, and nothing is listed twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import MetaData

from covenant_rules.model import AuditSight, Duration
from service.audit.party_reading import PartyReading, SourcePlace
from service.audit.query import parse_query
from service.audit.references import References
from service.audit.visibility import View
from service.storage.database import Database
from tests.officer.logs import METADATA, C, Scribe, principal

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def scribe(fresh_database: Callable[[MetaData], Database]) -> Scribe:
    return Scribe(fresh_database(METADATA), now=NOW - timedelta(days=3))


def reading(scribe: Scribe) -> PartyReading:
    return PartyReading(scribe.writer(), References(bytes(32)), clock=lambda: NOW)


def as_source(scribe: Scribe, query: str = "", party: str = "municipality") -> list[View]:
    with scribe.database.transaction() as session:
        search = parse_query(query, pointer="/query")
        page = reading(scribe).as_source(session, C, search, place=None, limit=100, by=principal(party), trace=None)
    return [view for _, view in page.views]


def own(scribe: Scribe, query: str = "", party: str = "police") -> list[View]:
    with scribe.database.transaction() as session:
        search = parse_query(query, pointer="/query")
        page = reading(scribe).page(session, C, search, "own", before=None, limit=100, by=principal(party), trace=None)
    return [view for view in page.views if view.entry.event != "log-read"]


def test_nothing_is_found_by_a_field_that_is_hidden_from_the_source(scribe: Scribe) -> None:
    scribe.write(scribe.disclosure(sight=AuditSight(source=frozenset({"items"}))))
    assert len(as_source(scribe)) == 1
    for query in ("party:police", "purpose:nuisance", "created:2026-11-19"):
        assert as_source(scribe, query) == []
    assert len(as_source(scribe, "action:disclosure")) == 1


def test_a_source_finds_by_what_it_sees(scribe: Scribe) -> None:
    scribe.write(scribe.disclosure(sight=AuditSight(source=frozenset({"day", "party", "purpose"}))))
    (view,) = as_source(scribe)
    (signal,) = view.fields["signals"]
    for query in ("party:police", "purpose:nuisance", "created:2026-11-19", f"signal:{signal}"):
        assert len(as_source(scribe, query)) == 1
    for query in ("party:care-team", "purpose:support", "created:2026-11-18", f"signal:{UUID(int=5)}"):
        assert as_source(scribe, query) == []


def test_another_source_s_signal_finds_nothing(scribe: Scribe) -> None:
    record = scribe.disclosure(sources=("municipality", "care-team"))
    scribe.write(record)
    assert record.shown is not None
    for signal, shown in record.shown.items():
        found = as_source(scribe, f"signal:{signal}")
        assert len(found) == (shown.source == "municipality")


def test_nothing_is_found_by_a_field_that_is_hidden_from_the_recipient(scribe: Scribe) -> None:
    scribe.write(scribe.disclosure(sight=AuditSight(recipient=frozenset({"day", "purpose"}))))
    assert len(own(scribe, "purpose:nuisance")) == 1
    assert own(scribe, "actor:desk-1") == []
    assert own(scribe, "rule:police-sees-nuisance") == []
    scribe.write(scribe.disclosure())
    assert len(own(scribe, "actor:desk-1")) == len(own(scribe, "rule:police-sees-nuisance")) == 1


def test_a_confidential_entry_is_not_listed_before_its_day(scribe: Scribe) -> None:
    for days in (1, 3, 30):
        sight = AuditSight(source=frozenset({"day"}), confidential=Duration(days=days))
        scribe.write(scribe.disclosure(sight=sight))
    assert len(as_source(scribe)) == 2


def test_a_source_s_pages_hold_everything_once_whatever_their_size_and_however_slow(scribe: Scribe) -> None:
    for number in range(23):
        scribe.write(scribe.disclosure(), at=scribe.now - timedelta(hours=7 * number))
    whole = as_source(scribe)
    assert len(whole) == 23
    for limit in (1, 2, 5, 22, 23, 24):
        for slow in (False, True):
            listed = list(pages(scribe, limit, slow=slow))
            assert [view.entry.entry_id for view in listed] == [view.entry.entry_id for view in whole]


def pages(scribe: Scribe, limit: int, *, slow: bool) -> Iterator[View]:
    """Every page after another; a slow one ends after a day or two."""
    place: SourcePlace | None = None
    while True:
        ticks = iter(range(10**6))
        with scribe.database.transaction() as session:
            page = reading(scribe).as_source(
                session,
                C,
                parse_query("", pointer="/query"),
                place=place,
                limit=limit,
                by=principal("municipality"),
                trace=None,
                timer=(lambda ticks=ticks: next(ticks) * 0.4) if slow else (lambda: 0.0),  # type: ignore[misc]
            )
        yield from (view for _, view in page.views)
        if page.place is None:
            return
        assert page.place != place
        place = page.place


def test_references_are_of_one_party_and_lead_back() -> None:
    references = References(bytes(range(32)))
    entries = [UUID(int=number) for number in range(50)]
    named = [references.of(C, "police", entry) for entry in entries]
    assert len(set(named)) == 50
    assert [references.entry_id(C, "police", name) for name in named] == entries
    assert not set(named) & {references.of(C, "municipality", entry) for entry in entries}
    assert not set(named) & {references.of("other", "police", entry) for entry in entries}
    assert not set(named) & {References(bytes(32)).of(C, "police", entry) for entry in entries}
