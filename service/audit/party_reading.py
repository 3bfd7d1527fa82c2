"""A party reads the log, as far as it may: one of three lists, and single entries, each reading an entry of its own.

A list may be searched by what is seen in it. An entry that fits by a field that is hidden from the party is passed
over, or the search would tell the field.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Literal
from uuid import UUID

from sqlalchemy import ColumnElement, Text, any_, literal, or_
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Session, col

from service.audit import search as log
from service.audit.conditions import Branch, fitting
from service.audit.events import CATALOGUE, Sight
from service.audit.query import EVERYTHING, Search
from service.audit.reading import read_record, today_of
from service.audit.references import References
from service.audit.search import Entry
from service.audit.tables import AuditEntryRow
from service.audit.visibility import View, party_view, source_view
from service.audit.writer import AuditWriter
from service.errors import Invalid, NotFound, Refused
from service.principals import Principal, Role

__all__ = ["PartyList", "PartyPage", "PartyReading", "SourcePage", "SourcePlace", "searchable"]

PartyList = Literal["own", "source", "covenant"]

BUSIEST_DAY = 20_000
"""Entries of one day in which one source's signals were shown; what exceeds it is not listed."""
LONGEST_SEARCH = 1.0
"""Seconds after which a source's page begins no further day."""

_SEARCHED: dict[PartyList, frozenset[str]] = {
    "own": frozenset({"created", "action", "event", "purpose", "outcome", "actor", "rule", "signal"}),
    "source": frozenset({"created", "action", "event", "purpose", "party", "signal"}),
    "covenant": frozenset({"created", "action", "event"}),
}
_FIELD_OF = {"purpose": "purpose", "actor": "actor", "party": "party", "rule": "rules"}
_TOLD_BY = {
    "purpose": ("purpose",),
    "actor": ("actor",),
    "rule": ("rule",),
    "created": ("day", "time"),
    "signal": ("items",),
}
"""What a recipient's sight must have one of, for a disclosure to be searched by a qualifier."""

SourcePlace = tuple[date, UUID | None]
"""A day, and the last reference of it that was listed; None where nothing of the day was."""


@dataclass(frozen=True, slots=True)
class PartyPage:
    """What a party did or was told, the newest first, and before which entry the next page begins."""

    views: tuple[View, ...]
    before: UUID | None


@dataclass(frozen=True, slots=True)
class SourcePage:
    """Where partners saw a source's signals, each with its reference; and where the next page begins."""

    views: tuple[tuple[UUID, View], ...]
    place: SourcePlace | None


def searchable(search: Search, listed: PartyList, *, pointer: str) -> None:
    """Raises Invalid where a party's list cannot be searched so."""
    if search.named - _SEARCHED[listed]:
        allowed = ", ".join(sorted(_SEARCHED[listed]))
        raise Invalid("qualifier-not-here", f"this list is searched by {allowed}", pointer=pointer)


class PartyReading:
    """One service's log for its parties. Methods work in the caller's transaction, and write their entry in it."""

    def __init__(self, audit: AuditWriter, references: References, *, clock: Callable[[], datetime]) -> None:
        self._audit = audit
        self._references = references
        self._clock = clock

    def page(
        self,
        session: Session,
        covenant_id: str,
        search: Search,
        listed: Literal["own", "covenant"],
        *,
        before: UUID | None,
        limit: int,
        by: Principal,
        trace: str | None,
    ) -> PartyPage:
        """What the party did, or what every party is told; the newest first."""
        party = _party(by)
        branches = _own(search, party) if listed == "own" else _of_covenant(search)
        found = log.find(session, covenant_id, search, branches, before=before, limit=limit)
        views = [view for entry in found.entries if (view := party_view(entry, party)) and _shows(view, search)]
        self._audit.append(session, read_record(covenant_id, listed, search, len(views), by=by, trace=trace))
        return PartyPage(tuple(views), found.before)

    def as_source(
        self,
        session: Session,
        covenant_id: str,
        search: Search,
        *,
        place: SourcePlace | None,
        limit: int,
        by: Principal,
        trace: str | None,
        timer: Callable[[], float] = time.perf_counter,
    ) -> SourcePage:
        """Where partners saw the party's signals, the latest day first.

        Within a day references are in their own order, which is as good as random: the order of time would tell what
        a permit keeps back.
        """
        views, following = self._source_views(session, covenant_id, search, _party(by), place, limit, timer)
        self._audit.append(session, read_record(covenant_id, "source", search, len(views), by=by, trace=trace))
        return SourcePage(tuple(views), following)

    def entry(self, session: Session, covenant_id: str, reference: UUID, *, by: Principal, trace: str | None) -> View:
        """One entry by its id or, for a source, by its reference. Raises NotFound for what the party may not see."""
        seen = self._seen(session, covenant_id, reference, _party(by))
        if seen is None:
            raise NotFound("entry-unknown", "the log has no such entry for this reader")
        record = read_record(covenant_id, "entry", EVERYTHING, 1, by=by, trace=trace, entry=seen.entry.entry_id)
        self._audit.append(session, record)
        return seen

    def _seen(self, session: Session, covenant_id: str, reference: UUID, party: str) -> View | None:
        found = log.entries_of(session, covenant_id, (reference,))
        if found:
            return party_view(found[0], party)
        entry_id = self._references.entry_id(covenant_id, party, reference)
        found = log.entries_of(session, covenant_id, (entry_id,))
        return source_view(found[0], party, today_of(self._clock)) if found else None

    def _source_views(
        self,
        session: Session,
        covenant_id: str,
        search: Search,
        party: str,
        place: SourcePlace | None,
        limit: int,
        timer: Callable[[], float],
    ) -> tuple[list[tuple[UUID, View]], SourcePlace | None]:
        started = timer()
        views: list[tuple[UUID, View]] = []
        done: date | None = None
        for day in self._source_days(session, covenant_id, search, party, place and place[0]):
            if done is not None and timer() - started > LONGEST_SEARCH:
                # Not the day that is next: of that, there may be nothing that is told yet.
                return views, (done - timedelta(days=1), None)
            after = place[1] if place is not None and day == place[0] else None
            for reference, view in self._of_day(session, covenant_id, search, party, day):
                if after is not None and reference <= after:
                    continue
                if len(views) == limit:
                    last, of_day = views[-1][0], views[-1][1].entry.day
                    return views, (day, last if of_day == day else None)
                views.append((reference, view))
            done = day
        return views, None

    def _source_days(
        self, session: Session, covenant_id: str, search: Search, party: str, last: date | None
    ) -> Iterator[date]:
        """The days, the latest first, on which some signal of the party was shown; up to `last`."""
        while True:
            if last is not None:
                search = replace(search, last=min(last, search.last or last))
            newest = self._shown_of(session, covenant_id, search, party, limit=1)
            if not newest:
                return
            yield newest[0].day
            last = newest[0].day - timedelta(days=1)

    def _of_day(
        self, session: Session, covenant_id: str, search: Search, party: str, day: date
    ) -> Sequence[tuple[UUID, View]]:
        shown = self._shown_of(session, covenant_id, replace(search, first=day, last=day), party, limit=BUSIEST_DAY)
        today = today_of(self._clock)
        named = [
            (self._references.of(covenant_id, party, entry.entry_id), view)
            for entry in shown
            if (view := source_view(entry, party, today)) is not None and _shows(view, search)
        ]
        return sorted(named, key=lambda one: one[0])

    def _shown_of(
        self, session: Session, covenant_id: str, search: Search, party: str, *, limit: int
    ) -> tuple[Entry, ...]:
        branches = [_of_source(search, party)]
        found = log.find(session, covenant_id, search, branches, before=None, limit=limit, timer=lambda: 0.0)
        return found.entries


def _party(by: Principal) -> str:
    if by.role is not Role.PARTY or by.party is None:
        raise Refused("role-not-allowed", "this list of the log is for parties")
    return by.party


def _own(search: Search, party: str) -> list[Branch]:
    """What the party did, and what the service did with something of its own."""
    row = AuditEntryRow
    (others,) = fitting(replace(search, events=None))
    mine = [*others, col(row.party) == party, col(row.fields)["role"].astext == Role.PARTY.value]
    # In the statement and not afterwards: a page that is short, or goes on, would tell what was passed over.
    told = col(row.fields)["sight"]["recipient"]
    seen = [or_(*map(told.has_key, _TOLD_BY[name])) for name in sorted(search.named & _TOLD_BY.keys())]
    return [
        [*mine, _events(search, Sight.ACTOR)],
        [*mine, _events(search, Sight.DISCLOSURE), *seen],
        [*others, col(row.parties).contains([party]), _events(search, Sight.CONCERNED)],
    ]


def _of_covenant(search: Search) -> list[Branch]:
    told = frozenset(event.id for event in CATALOGUE.values() if event.sight is Sight.PARTIES)
    return fitting(replace(search, events=told if search.events is None else told & search.events))


def _of_source(search: Search, party: str) -> Branch:
    row = AuditEntryRow
    (others,) = fitting(replace(search, events=None))
    named = col(row.parties).contains([party])
    return [*others, named, col(row.party) != party, _events(search, Sight.DISCLOSURE)]


def _events(search: Search, *sights: Sight) -> ColumnElement[bool]:
    events = {event.id for event in CATALOGUE.values() if event.sight in sights}
    wanted = events if search.events is None else events & search.events
    return col(AuditEntryRow.event) == any_(literal(sorted(wanted), ARRAY(Text)))


def _shows(view: View, search: Search) -> bool:
    """Whether everything that was searched by is seen."""
    if "created" in search.named and not view.day:
        return False
    if search.signal is not None and str(search.signal) not in view.fields.get("signals", ()):
        return False
    return all(_FIELD_OF[name] in view.fields for name in search.named & _FIELD_OF.keys())
