"""Every day the broker's log is held against the key holder's: every grant issued, every grant used.

The key holder gives out what its log says of one day, and the broker compares it with its own and puts what it found on
record, for the officer: that it compared, and each difference. What either service leaves out of its log, the other's
has. Neither needs to be believed: the officer's client makes the same comparison by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session, col, select

from clients.protocol.reconciliation import ISSUED, REFUSED, RELEASED, SHARED_FIELDS, LogLine, Reconciliation, reconcile
from covenant_rules.dates import amsterdam_date, amsterdam_midnight
from service.audit import search as log
from service.audit.query import FIRST_DAY, Search
from service.audit.record import AuditRecord
from service.audit.tables import AuditEntryRow
from service.audit.writer import AuditWriter
from service.errors import Invalid
from service.principals import Principal

__all__ = ["Comparisons", "LoggedDifference", "grant_uses"]

MARGIN = timedelta(minutes=10)
"""Around a day: a grant of its last minute is used after midnight, by a clock that differs."""
FIRST_TIME = timedelta(days=31)
"""How far back the first comparison of a log begins."""
MOST_DIFFERENCES = 1000
"""Of one day that get an entry each; how many there are stands in the entry about the comparison."""


@dataclass(frozen=True, slots=True)
class LoggedDifference:
    """One difference as it was put on record: `entry` says so, `issued` and `used` are the entries it is about."""

    day: date
    kind: str
    grant: str
    entry: UUID
    issued: UUID | None
    used: tuple[UUID, ...]


def grant_uses(
    session: Session,
    covenant_id: str,
    day: date,
    *,
    after: UUID | None,
    audit: AuditWriter,
    today: date,
    by: Principal,
    trace: str | None,
) -> tuple[list[LogLine], UUID | None]:
    """What the key holder's log says of grants on a day and just beside it, and after which entry it goes on.

    Raises Invalid for a day that has not begun, or that was before any log.
    """
    if not FIRST_DAY <= day <= today:
        raise Invalid("day-invalid", f"give a day from {FIRST_DAY} to today", pointer="query/usedDate")
    found = _lines(session, covenant_id, (RELEASED, REFUSED), day, after)
    record = AuditRecord(
        event="log-read",
        covenant_id=covenant_id,
        by=by,
        trace=trace,
        form="grant-uses",
        counts={"entries": len(found)},
    )
    audit.append(session, record)
    following = found[-1].entry_id if len(found) == log.AT_ONCE else None
    return [_line(entry) for entry in found if "grant" in entry.fields], following


class Comparisons:
    """Of the broker's logs. Methods work in the caller's transaction."""

    def __init__(self, audit: AuditWriter, *, clock: Callable[[], datetime]) -> None:
        self._audit = audit
        self._clock = clock

    def due(self, session: Session, covenant_id: str) -> date | None:
        """The first day that is over and was not compared yet; None if there is none, or no log."""
        over = amsterdam_date(self._clock() - MARGIN)
        if over is None:
            raise ValueError("the clock must give an aware moment")
        compared = self.until(session, covenant_id)
        if compared is None:
            first = session.connection().execute(_ids(covenant_id).order_by(col(AuditEntryRow.entry_id)).limit(1))
            begun = amsterdam_date(row.at) if (row := first.one_or_none()) else None
            next_ = None if begun is None else max(begun, over - FIRST_TIME)
        else:
            next_ = compared + timedelta(days=1)
        return next_ if next_ is not None and next_ < over else None

    def until(self, session: Session, covenant_id: str) -> date | None:
        """The last day that was compared."""
        newest = _ids(covenant_id, "logs-compared").order_by(col(AuditEntryRow.entry_id).desc()).limit(1)
        row = session.connection().execute(newest).one_or_none()
        return None if row is None else date.fromisoformat(row.fields["day"])

    def compare(self, session: Session, covenant_id: str, day: date, used: Sequence[LogLine]) -> Reconciliation | None:
        """Compares a day that is due, and puts it on record. None if another process did so meanwhile."""
        name = {"name": f"logs-compared/{covenant_id}"}
        session.connection().execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), name)
        if self.due(session, covenant_id) != day:
            return None
        begins, ends = amsterdam_midnight(day), amsterdam_midnight(day + timedelta(days=1))
        found = reconcile(self._issued(session, covenant_id, day), used, begins, ends)
        counts = {
            "issued": found.issued,
            "used": found.used,
            "unused": found.unused,
            "differences": len(found.differences),
        }
        records = [AuditRecord(event="logs-compared", covenant_id=covenant_id, day=day, counts=counts)]
        records += [
            AuditRecord(
                event="logs-differ",
                covenant_id=covenant_id,
                day=day,
                reason=one.kind,
                grant=one.grant,
                entry=None if one.issued is None else UUID(one.issued),
                entries=[UUID(entry) for entry in one.used],
            )
            for one in found.differences[:MOST_DIFFERENCES]
        ]
        self._audit.append_many(session, records)
        return found

    def differences(self, session: Session, covenant_id: str, first: date, last: date) -> tuple[LoggedDifference, ...]:
        """What was found of these days, in their order."""
        # A day is compared after it is over, and as long after as the key holder was away.
        entries = _ids(covenant_id, "logs-differ").where(col(AuditEntryRow.entry_id) >= log.id_range(first, None)[0])
        rows = session.connection().execute(entries.order_by(col(AuditEntryRow.entry_id)))
        found = (_difference(row) for row in rows)
        return tuple(one for one in found if first <= one.day <= last)

    def _issued(self, session: Session, covenant_id: str, day: date) -> Iterable[LogLine]:
        after: UUID | None = None
        while found := _lines(session, covenant_id, (ISSUED,), day, after):
            yield from map(_line, found)
            after = found[-1].entry_id


def _lines(
    session: Session, covenant_id: str, events: Iterable[str], day: date, after: UUID | None
) -> tuple[log.Entry, ...]:
    """The next entries of these events from just before the day to just after it."""
    begins, ends = amsterdam_midnight(day) - MARGIN, amsterdam_midnight(day + timedelta(days=1)) + MARGIN
    floor = log.id_at(begins)
    search = Search(events=frozenset(events))
    after = floor if after is None else max(after, floor)
    return log.walk(session, covenant_id, search, after=after, before=log.id_at(ends))


def _line(entry: log.Entry) -> LogLine:
    fields = {name: value for name, value in entry.fields.items() if name in SHARED_FIELDS}
    return LogLine(str(entry.entry_id), entry.event, entry.at, fields)


def _ids(covenant_id: str, event: str | None = None) -> Any:
    row = AuditEntryRow
    query = select(col(row.entry_id), col(row.at), col(row.fields)).where(col(row.covenant_id) == covenant_id)
    return query if event is None else query.where(col(row.event) == event)


def _difference(row: Any) -> LoggedDifference:
    fields = row.fields
    return LoggedDifference(
        day=date.fromisoformat(fields["day"]),
        kind=fields["reason"],
        grant=fields["grant"],
        entry=row.entry_id,
        issued=UUID(fields["entry"]) if "entry" in fields else None,
        used=tuple(map(UUID, fields.get("entries", ()))),
    )
