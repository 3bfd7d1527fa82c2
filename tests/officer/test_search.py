"""Searches in PostgreSQL find what the words of a query say, whatever is in the log."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from random import Random
from uuid import UUID

import pytest
from sqlalchemy import MetaData, text

from clients.protocol.encoding import b64u_encode
from service.audit import numbers
from service.audit import search as log
from service.audit.conditions import fitting
from service.audit.query import Search, parse_query
from service.audit.search import Entry, find, walk
from service.storage.database import Database
from service.storage.embedded import EmbeddedPostgres
from tests.officer.logs import METADATA, C, Scribe, handle, spread

QUERIES = (
    "",
    "party:police",
    "party:care-team outcome:refused",
    "actor:desk-1 purpose:support",
    "action:disclosure",
    "action:look-up outcome:empty party:municipality",
    "action:log",
    "event:hits-told source:police",
    "rule:rule-b",
    "rule:rule-a source:care-team purpose:nuisance",
    "outcome:done",
    "outcome:shown actor:desk-2",
    f"handle:{b64u_encode(handle(3))}",
    f"handle:{b64u_encode(handle(3))} party:police",
    f"handle:{b64u_encode(handle(4))} action:hits created:2025-01-01..",
    f"handle:{b64u_encode(handle(3))} source:police",
    f"handle:{b64u_encode(handle(3))} rule:rule-a",
    f"handle:{b64u_encode(handle(3))} actor:desk-1 purpose:nuisance outcome:shown",
    f"handle:{b64u_encode(handle(99))}",
    "created:2026-11-21",
    "created:2026-11-22..2026-11-22 party:police",
    "created:2026-10-20..2026-11-10 action:hits",
    "created:..2026-01-01",
    "created:2027-01-01..",
    "party:police outcome:refused source:police",
)


@pytest.fixture(scope="module")
def database(postgres: EmbeddedPostgres) -> Iterator[Database]:
    """Read only, so that one serves all tests."""
    made = Database(postgres.create("searches"))
    METADATA.create_all(made.engine)
    yield made
    made.dispose()


@pytest.fixture(scope="module")
def entries(database: Database) -> list[Entry]:
    """Three hundred entries, the newest first; another covenant's beside them."""
    scribe = Scribe(database, random=Random(20261122))
    for moment in spread(scribe.random, 300, scribe.now):
        scribe.write(scribe.any(), at=moment)
    with database.transaction() as session:
        session.connection().execute(
            text(
                "INSERT INTO audit_entry (covenant_id, entry_id, event, at, parties, subjects, signals, rules, fields,"
                " salt) SELECT 'other', entry_id, event, at, parties, subjects, signals, rules, fields, salt"
                " FROM audit_entry"
            )
        )
        session.connection().execute(
            text("INSERT INTO audit_leaf SELECT 'other', entry_id, leaf_hash, leaf_index, erased_by FROM audit_leaf")
        )
        ids = session.connection().execute(text("SELECT entry_id FROM audit_entry WHERE covenant_id = :c"), {"c": C})
        return list(log.entries_of(session, C, list(ids.scalars())))


def fits(entry: Entry, search: Search) -> bool:
    """What a query means, said once more and without PostgreSQL."""
    fields = entry.fields
    refused = entry.event.endswith("-refused")
    return all(
        (
            search.events is None or entry.event in search.events,
            search.party in (None, fields.get("party")),
            search.actor in (None, fields.get("actor")),
            search.purpose in (None, fields.get("purpose")),
            search.outcome in (None, "refused" if refused else fields.get("outcome", "done")),
            search.rule is None or search.rule in fields.get("rules", ()),
            search.source is None or search.source in fields.get("parties", ()),
            search.signal is None or str(search.signal) in fields.get("signals", ()),
            search.handles is None or {b64u_encode(h) for h in search.handles} & set(fields.get("subjects", ())),
            search.first is None or entry.day >= search.first,
            search.last is None or entry.day <= search.last,
        )
    )


@pytest.mark.parametrize("query", QUERIES)
def test_pages_one_after_another_hold_all_that_fits_once_and_in_order(
    database: Database, entries: list[Entry], query: str
) -> None:
    search = parse_query(query, pointer="/query")
    found: list[Entry] = []
    before: UUID | None = None
    while True:
        with database.transaction() as session:
            page = find(session, C, search, fitting(search), before=before, limit=7)
        assert len(page.entries) <= 7
        found += page.entries
        before = page.before
        if before is None:
            break
        assert page.entries
    assert found == [entry for entry in entries if fits(entry, search)]


def test_of_one_signal_is_found_what_fits_all_else_that_is_asked(database: Database, entries: list[Entry]) -> None:
    shown = [entry for entry in entries if entry.fields.get("rules")]
    for entry in shown[:4]:
        one = Search(signal=UUID(entry.fields["signals"][0]))
        source, other = entry.fields["parties"][0], next(iter({"police", "care-team"} - set(entry.fields["parties"])))
        for search, found in (
            (one, [entry]),
            (replace(one, source=source, rule=entry.fields["rules"][0], events=frozenset({entry.event})), [entry]),
            (replace(one, source=other), []),
            (replace(one, rule="rule-of-no-version"), []),
            (replace(one, events=frozenset({"signal-submitted"})), []),
            (replace(one, events=frozenset()), []),
        ):
            with database.transaction() as session:
                page = find(session, C, search, fitting(search), before=None, limit=7)
                walked = walk(session, C, search, after=None, before=UUID(int=(1 << 128) - 1))
            assert list(page.entries) == list(walked) == found
            assert [e for e in entries if fits(e, search)] == found


@pytest.mark.parametrize("query", QUERIES)
def test_a_walk_reads_all_that_fits_from_the_oldest_on(database: Database, entries: list[Entry], query: str) -> None:
    search = parse_query(query, pointer="/query")
    bound = entries[40].entry_id
    found: list[Entry] = []
    while True:
        with database.transaction() as session:
            after = found[-1].entry_id if found else None
            portion = walk(session, C, search, after=after, before=bound, limit=50)
        if not portion:
            break
        found += portion
    assert found == [entry for entry in reversed(entries) if fits(entry, search) and entry.entry_id < bound]


@pytest.mark.parametrize("query", QUERIES)
def test_facets_and_counts_are_of_all_that_fits(database: Database, entries: list[Entry], query: str) -> None:
    search = parse_query(query, pointer="/query")
    fitting_ones = [entry for entry in entries if fits(entry, search)]
    with database.transaction() as session:
        facets = numbers.facets(session, C, search)
        days = numbers.counts(session, C, search)
    assert facets.total == len(fitting_ones)
    for name in ("event", "party", "actor", "purpose"):
        values = [e.event if name == "event" else e.fields.get(name) for e in fitting_ones]
        assert dict(facets.values[name]) == {v: values.count(v) for v in values if v is not None}
        assert [n for _, n in facets.values[name]] == sorted((n for _, n in facets.values[name]), reverse=True)
    rules = [rule for entry in fitting_ones for rule in entry.fields.get("rules", ())]
    assert dict(facets.values["rule"]) == {rule: rules.count(rule) for rule in rules}
    by_day: dict[date, list[Entry]] = {}
    for entry in fitting_ones:
        by_day.setdefault(entry.day, []).append(entry)
    assert days == {
        day: (len(of_day), sum(one.event.endswith("-refused") for one in of_day)) for day, of_day in by_day.items()
    }


def test_a_page_ends_when_its_time_is_spent_and_says_where_to_go_on(database: Database, entries: list[Entry]) -> None:
    search = parse_query("party:nobody", pointer="/query")
    ticks = iter(range(10**6))
    pages, before = 0, None
    while True:
        with database.transaction() as session:
            page = find(
                session, C, search, fitting(search), before=before, limit=7, timer=lambda: next(ticks) * log.BUDGET
            )
        pages += 1
        assert not page.entries
        if page.before is None:
            break
        assert before is None or page.before < before
        before = page.before
    assert pages > 3


def test_a_day_is_one_of_amsterdam(fresh_database: Callable[[MetaData], Database]) -> None:
    database = fresh_database(METADATA)
    scribe = Scribe(database)
    midnight = datetime.fromisoformat("2026-11-21T23:00:00+00:00")
    (late,) = scribe.write(scribe.refusal("police"), at=midnight - timedelta(microseconds=1))
    (early,) = scribe.write(scribe.refusal("police"), at=midnight)
    with database.transaction() as session:
        for query, ids in (("created:2026-11-21", [late]), ("created:2026-11-22", [early]), ("", [early, late])):
            search = parse_query(query, pointer="/query")
            found = find(session, C, search, fitting(search), before=None, limit=5)
            assert [entry.entry_id for entry in found.entries] == ids


def test_no_search_passes_over_an_entry_whose_fields_were_not_changed(database: Database) -> None:
    """What is searched by one value is computed from the fields: it cannot be changed beside them."""
    for column in ("party", "actor", "purpose", "outcome"):
        with pytest.raises(Exception, match="GeneratedAlways"), database.transaction() as session:
            session.connection().execute(text(f"UPDATE audit_entry SET {column} = 'somebody-else'"))


def test_every_search_is_planned_for_its_own_values(database: Database, entries: list[Entry]) -> None:
    """A plan for any values takes a range of ids for short and walks it; PostgreSQL makes one after ten searches."""
    search = parse_query(f"handle:{b64u_encode(handle(3))}", pointer="/query")
    with database.transaction() as session:
        find(session, C, search, fitting(search), before=None, limit=5)
        (mode,) = session.connection().execute(text("SHOW plan_cache_mode")).one()
    assert mode == "force_custom_plan"
