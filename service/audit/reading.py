"""The officer reads the log: each reading is an entry of its own, committed before anything that was read leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlmodel import Session

from covenant_rules.dates import amsterdam_date
from service.audit import numbers
from service.audit import search as log
from service.audit.conditions import fitting
from service.audit.query import EVERYTHING, Search
from service.audit.record import AuditRecord
from service.audit.search import Found
from service.audit.visibility import View, whole
from service.audit.writer import AuditWriter
from service.errors import NotFound
from service.principals import Principal

__all__ = ["OfficerReading", "read_record", "today_of"]

Days = tuple[date | None, date]
"""The first and last day of something; from the log's beginning, if the first is None."""

USUAL_DAYS = 92
"""What facets and counts are of when a search names no days."""


def today_of(clock: Callable[[], datetime]) -> date:
    """The day in Amsterdam."""
    today = amsterdam_date(clock())
    if today is None:
        raise ValueError("the clock must give an aware moment")
    return today


def read_record(
    covenant_id: str,
    form: str,
    search: Search,
    count: int,
    *,
    by: Principal,
    trace: str | None,
    entry: UUID | None = None,
) -> AuditRecord:
    """The entry about one reading: in which form, searched by which qualifiers, and of how many entries."""
    return AuditRecord(
        event="log-read",
        covenant_id=covenant_id,
        by=by,
        trace=trace,
        form=form,
        counts={"entries": count},
        filters=search.named,
        subjects=search.handles or (),
        entry=entry,
    )


class OfficerReading:
    """One service's log for the officer. Methods work in the caller's transaction, and write their entry in it."""

    def __init__(self, audit: AuditWriter, *, clock: Callable[[], datetime]) -> None:
        self._audit = audit
        self._clock = clock

    def page(
        self,
        session: Session,
        covenant_id: str,
        search: Search,
        *,
        before: UUID | None,
        limit: int,
        by: Principal,
        trace: str | None,
    ) -> Found:
        """The newest entries that fit."""
        found = log.find(session, covenant_id, search, fitting(search), before=before, limit=limit)
        record = read_record(covenant_id, "page", search, len(found.entries), by=by, trace=trace)
        self._audit.append(session, record)
        return found

    def entry(self, session: Session, covenant_id: str, entry_id: UUID, *, by: Principal, trace: str | None) -> View:
        """One entry. Raises NotFound."""
        found = log.entries_of(session, covenant_id, (entry_id,))
        if not found:
            raise NotFound("entry-unknown", "the log has no such entry for this reader")
        record = read_record(covenant_id, "entry", EVERYTHING, 1, by=by, trace=trace, entry=entry_id)
        self._audit.append(session, record)
        return whole(found[0])

    def facets(
        self, session: Session, covenant_id: str, search: Search, *, by: Principal, trace: str | None
    ) -> tuple[Days, numbers.Facets]:
        """How often each value occurs, on which days."""
        search, days = self._bounded(search)
        counted = numbers.facets(session, covenant_id, search)
        self._audit.append(session, read_record(covenant_id, "facets", search, counted.total, by=by, trace=trace))
        return days, counted

    def counts(
        self, session: Session, covenant_id: str, search: Search, *, by: Principal, trace: str | None
    ) -> tuple[Days, dict[date, tuple[int, int]]]:
        """Entries and refusals per day that has any, on which days."""
        search, days = self._bounded(search)
        counted = numbers.counts(session, covenant_id, search)
        total = sum(entries for entries, _ in counted.values())
        self._audit.append(session, read_record(covenant_id, "counts", search, total, by=by, trace=trace))
        return days, counted

    def begin_export(
        self, session: Session, covenant_id: str, search: Search, form: str, *, by: Principal, trace: str | None
    ) -> UUID:
        """Writes the entry about an export and returns its id: what is exported is what was written before it."""
        record = AuditRecord(
            event="log-exported",
            covenant_id=covenant_id,
            by=by,
            trace=trace,
            form=form,
            filters=search.named,
            subjects=search.handles or (),
        )
        return self._audit.append(session, record).entry_id

    def _bounded(self, search: Search) -> tuple[Search, Days]:
        """The search on the days it names, up to today, or on the usual ones; and the first and last of them."""
        today, first = today_of(self._clock), search.first
        last = min(search.last or today, max(today, first or today))
        if first is None and search.last is None:
            first = last - timedelta(days=USUAL_DAYS - 1)
        return replace(search, first=first, last=last), (first, last)
