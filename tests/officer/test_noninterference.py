"""What a party may not see changes no byte of what it is told: two logs that differ in that alone look the same to it.

No entry, no count, no length of a page, no place where one goes on, no order. Places in the tree are left out here, for
there is none, and so is how long an answer takes; what these tell is in the threat model.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from covenant_rules.model import AUDIT_FIELDS, AuditSight, Duration
from service.audit import search
from service.audit.events import Log
from service.audit.party_reading import PartyReading, SourcePlace
from service.audit.query import parse_query
from service.audit.record import AuditRecord, Shown
from service.audit.references import References
from service.audit.writer import AuditWriter
from service.errors import NotFound
from service.principals import Principal, Role
from service.storage.database import Database
from service.storage.embedded import EmbeddedPostgres
from service.web.audit_messages import entry_message, proved_message
from tests.officer.logs import METADATA, PARTIES, C, Scribe, principal

ME = "housing-north"
OTHERS = tuple(party for party in PARTIES if party != ME)
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
REFERENCES = References(bytes(range(32)))
QUERIES = {
    "own": (
        "", "purpose:nuisance", "purpose:support", "rule:rule-a", "rule:rule-b", "actor:desk-1", "actor:desk-2",
        "created:2026-11-18..2026-11-20", "outcome:shown", "action:disclosure purpose:support rule:rule-a",
    ),
    "source": (
        "", "party:police", "party:care-team", "purpose:nuisance", "purpose:support", "created:2026-11-18..2026-11-20",
        "action:hits", "party:municipality purpose:support",
    ),
    "covenant": ("", "action:enrolment", "created:2026-11-21"),
}  # fmt: skip

Pair = tuple[AuditRecord | None, AuditRecord | None]
"""What is written into the first log and into the second."""


@dataclass
class Maker:
    """Makes pairs. Whatever differs in a pair, `ME` may not see."""

    random: Random

    def __post_init__(self) -> None:
        self.scribe = Scribe(None, random=self.random)  # type: ignore[arg-type]

    def pair(self, ago: timedelta) -> Pair:
        make = self.random.choice(
            (self.same, self.hidden, self.as_recipient, self.as_source, self.not_yet, self.not_yet)
        )
        return make(ago)

    def same(self, _: timedelta) -> Pair:
        """Something that it sees."""
        record = self.random.choice((
            self.scribe.submission(ME),
            self.scribe.refusal(ME),
            self.scribe.disclosure(ME, sources=self.others(2)),
            AuditRecord(event="party-suspended", covenant_id=C, parties=("police",), words="keys were stolen"),
        ))  # fmt: skip
        return record, record

    def hidden(self, _: timedelta) -> Pair:
        """Something of others, in one of the logs alone."""
        asker, *sources = self.random.sample(OTHERS, 3)
        officer = Principal("officer-1", Role.OFFICER, ME, C)
        record = self.random.choice((
            self.scribe.submission(asker),
            self.scribe.refusal(asker),
            self.scribe.disclosure(asker, sources=sources, event=self.random.choice(("hits-told", "look-up-decided"))),
            AuditRecord(event="log-read", covenant_id=C, by=officer, counts={"entries": 3}, form="page"),
        ))  # fmt: skip
        return self.either(record)

    def not_yet(self, ago: timedelta) -> Pair:
        """Its signal was shown, and that is confidential; or the day is not over."""
        days = ago.days + self.random.randrange(2, 40)
        confidential = Duration(days=days) if ago > timedelta(hours=11) or self.random.random() < 0.5 else None
        allowed = self.some() - {"time"}
        sources = (ME, *self.others(1))
        sight = AuditSight(source=frozenset(allowed), confidential=confidential)
        return self.either(self.scribe.disclosure(self.asker(sources), sources=sources, sight=sight))

    def as_recipient(self, _: timedelta) -> Pair:
        """It asked, and the permit keeps something of the entry from it."""
        allowed = self.some()
        sight = AuditSight(recipient=frozenset(allowed))
        one = self.scribe.disclosure(ME, sources=self.others(2), sight=sight, rules=("rule-a",))
        other = self.changed(one, allowed)
        if "items" not in allowed:
            again = self.scribe.disclosure(ME, sources=self.others(1))
            other = replace(other, shown=again.shown, signals=again.signals, parties=again.parties)
        return one, other

    def as_source(self, _: timedelta) -> Pair:
        """Its signal was shown, and the permit keeps something of the entry from it; and others' signals."""
        allowed = self.some()
        sight = AuditSight(source=frozenset(allowed))
        sources = (ME, *self.others(1))
        one = self.scribe.disclosure(self.asker(sources), sources=sources, sight=sight, rules=("rule-a",))
        other = self.changed(one, allowed)
        assert one.by is not None
        if "party" not in allowed:
            asker = self.random.choice([party for party in OTHERS if party not in (one.by.party, *sources)])
            other = replace(other, by=principal(asker, other.by and other.by.actor))
        # Of the other source there may be another signal, and the items may be others.
        mine = {signal: part for signal, part in (one.shown or {}).items() if part.source == ME}
        theirs = {self.scribe.uuid(): Shown(source, ("hit",)) for source in sources if source != ME}
        shown = mine | theirs
        return one, replace(other, shown=shown, signals=tuple(shown))

    def changed(self, one: AuditRecord, allowed: set[str]) -> AuditRecord:
        assert one.by is not None
        hidden: dict[str, Any] = {
            "purpose": {"purpose": "support"},
            "stage": {"stage": "weighing"},
            "rule": {"rules": ("rule-b",)},
            "actor": {"by": replace(one.by, actor="desk-2")},
        }
        changes = {"subjects": (self.random.randbytes(32),), "trace": self.random.randbytes(16).hex()}
        for name, change in hidden.items():
            if name not in allowed:
                changes |= change
        return replace(one, **changes)

    def either(self, record: AuditRecord) -> Pair:
        return (record, None) if self.random.random() < 0.5 else (None, record)

    def some(self) -> set[str]:
        return {field for field in AUDIT_FIELDS if self.random.random() < 0.5}

    def others(self, count: int) -> tuple[str, ...]:
        return tuple(self.random.sample([party for party in OTHERS if party != "care-team"], count))

    def asker(self, sources: tuple[str, ...]) -> str:
        return self.random.choice([party for party in OTHERS if party not in sources])


@pytest.fixture(scope="module")
def logs(postgres: EmbeddedPostgres) -> Iterator[tuple[Database, Database]]:
    made = tuple(Database(postgres.create(f"noninterference_{number}")) for number in (1, 2))
    for database in made:
        METADATA.create_all(database.engine)
    yield made[0], made[1]
    for database in made:
        database.dispose()


def write(logs: tuple[Database, Database], pairs: list[tuple[datetime, Pair]]) -> None:
    for place, database in enumerate(logs):
        with database.transaction() as session:
            session.connection().execute(text("TRUNCATE audit_entry, audit_leaf"))
            for number, (moment, pair) in enumerate(pairs):
                record = pair[place]
                if record is not None:
                    random = Random(number).randbytes  # the same ids in both
                    AuditWriter(Log.BROKER, clock=lambda at=moment: at, random=random).append(session, record)  # type: ignore[misc]


class _Read(Exception):
    """Takes back what reading wrote."""


def told(database: Database, listed: str, query: str, limit: int, *, slow: bool) -> list[str]:
    """Everything that page after page tells, to the byte."""
    said: list[str] = []
    before: UUID | None = None
    place: SourcePlace | None = None
    terms = parse_query(query, pointer="/query")
    while True:
        reading = PartyReading(_writer(), REFERENCES, clock=lambda: NOW)
        asked: dict[str, Any] = {"limit": limit, "by": principal(ME), "trace": None}
        try:
            with database.transaction() as session:
                if listed == "source":
                    ticks = iter(range(10**6))
                    timer = (lambda ticks=ticks: next(ticks) * 0.6) if slow else (lambda: 0.0)
                    page = reading.as_source(session, C, terms, place=place, timer=timer, **asked)
                    views, place, following = page.views, page.place, page.place
                else:
                    own = reading.page(session, C, terms, listed, before=before, **asked)  # type: ignore[arg-type]
                    views = tuple((view.entry.entry_id, view) for view in own.views)
                    before = following = own.before  # type: ignore[assignment]
                raise _Read
        except _Read:
            pass
        for reference, view in views:
            said.append(entry_message(view, reference).model_dump_json())
            shown = proved_message(view, reference, None)
            said.append(f"{sorted(shown.shown)} {len(shown.hidden)} {len(shown.groups)}")
        if not slow:  # where a page ends early, the time it took says where
            said.append(f"goes on at {following}")
        if following is None:
            return said


def _writer() -> AuditWriter:
    return AuditWriter(Log.BROKER, clock=lambda: NOW, random=Random(1).randbytes)


def answer(database: Database, reference: UUID) -> str:
    reading = PartyReading(_writer(), REFERENCES, clock=lambda: NOW)
    with database.transaction() as session:
        try:
            view = reading.entry(session, C, reference, by=principal(ME), trace=None)
        except NotFound as refused:
            return f"{refused.code} {refused.detail}"
        finally:
            session.rollback()
    return entry_message(view, reference).model_dump_json()


@pytest.mark.parametrize("seed", range(3))
def test_what_a_party_may_not_see_changes_no_byte_of_what_it_is_told(
    logs: tuple[Database, Database], seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "BUDGET", math.inf)
    maker = Maker(Random(seed))
    ago = sorted(timedelta(hours=maker.random.choice((10, 100, 400)) * maker.random.random()) for _ in range(60))
    pairs = [(NOW - each, maker.pair(each)) for each in reversed(ago)]
    write(logs, pairs)
    seen = 0
    for listed, queries in QUERIES.items():
        for query in queries:
            for limit, slow in ((1, False), (3, True), (100, False)):
                one, other = (told(database, listed, query, limit, slow=slow) for database in logs)
                assert one == other, (listed, query, limit)
                seen += len(one)
    assert seen > 300


def test_an_entry_that_is_not_seen_is_as_one_that_is_not_there(logs: tuple[Database, Database]) -> None:
    maker = Maker(Random(9))
    pairs = [(NOW - timedelta(hours=1 + n), maker.pair(timedelta(hours=1 + n))) for n in reversed(range(60))]
    write(logs, pairs)
    with logs[0].transaction() as session:
        ids = list(session.connection().execute(text("SELECT entry_id FROM audit_entry")).scalars())
    with logs[1].transaction() as session:
        ids += session.connection().execute(text("SELECT entry_id FROM audit_entry")).scalars()
    for reference in {name for entry in ids for name in (entry, REFERENCES.of(C, ME, entry))}:
        one, other = (answer(database, reference) for database in logs)
        assert one == other
