"""Reads of the log by what entries are like: a page of the newest, or all in their order.

A page is looked for from the newest entry backwards, in windows of time that widen while little is found. Each window
is one statement over an index that ends in the entry id, so it stops where the page is full. Two qualifiers that are
both common and never meet would make it walk through years of entries; so a page that has taken `BUDGET` seconds ends
where it is, and says from where to go on. One subject or one signal has few entries: all of them are gathered at once.

An entry id is a UUID of version 7: a day is a range of ids, and no index on the time is needed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, Uuid, any_, literal, select, union_all
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Session, col

from covenant_rules.dates import amsterdam_date, amsterdam_midnight
from service.audit.conditions import Branch, of_few, together
from service.audit.query import Search
from service.audit.tables import AuditEntryRow, AuditLeafRow
from service.audit.writer import uuid7

__all__ = [
    "BUDGET",
    "Entry",
    "Found",
    "entries_of",
    "find",
    "id_at",
    "id_range",
    "plan_by_values",
    "walk",
]

BUDGET = 0.15
"""Seconds after which a page begins no further window."""
FIRST_WINDOW = timedelta(days=1)
WIDENING = 4
AT_ONCE = 1000
"""Entries that a walk reads in one statement."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST, _AFTER_ALL = UUID(int=0), UUID(int=(1 << 128) - 1)


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry as it stands in the log. `leaf_index` is None until the sequencer has given it a place."""

    covenant_id: str
    entry_id: UUID
    event: str
    at: datetime
    fields: dict[str, Any]
    salt: bytes
    leaf_index: int | None

    @property
    def day(self) -> date:
        """In Amsterdam."""
        day = amsterdam_date(self.at)
        if day is None:
            raise ValueError("an entry has an aware moment")
        return day


@dataclass(frozen=True, slots=True)
class Found:
    """Entries, the newest first. `before` is where the next page goes on, None where there is nothing left."""

    entries: tuple[Entry, ...]
    before: UUID | None


# -- conditions


def plan_by_values(session: Session) -> None:
    """Has PostgreSQL plan each statement of this transaction for the values at hand.

    A plan for any values takes every range of ids to be short: after ten searches for one subject each, all further
    ones would walk through the whole log.
    """
    session.connection().exec_driver_sql("SET LOCAL plan_cache_mode = force_custom_plan")


def id_range(first: date | None, last: date | None) -> tuple[UUID, UUID]:
    """The ids of entries of these days in Amsterdam: from the first id, to before the second."""
    lowest = _FIRST if first is None else id_at(amsterdam_midnight(first))
    if last is None or last == date.max:
        return lowest, _AFTER_ALL
    return lowest, id_at(amsterdam_midnight(last + timedelta(days=1)))


def _ids(covenant_id: str, branch: Branch, floor: UUID, before: UUID) -> Select[Any]:
    row = AuditEntryRow
    return select(col(row.entry_id)).where(
        col(row.covenant_id) == covenant_id, col(row.entry_id) >= floor, col(row.entry_id) < before, *branch
    )


# -- a page


def find(
    session: Session,
    covenant_id: str,
    search: Search,
    branches: Sequence[Branch],
    *,
    before: UUID | None,
    limit: int,
    timer: Callable[[], float] = time.perf_counter,
) -> Found:
    """The newest `limit` entries before `before` that fit one of `branches` on the days of `search`.

    There may be fewer while `before` of the answer says where to go on: the time for one page was spent.
    """
    started = timer()
    plan_by_values(session)
    lowest, upper = id_range(search.first, search.last)
    upper = upper if before is None else min(upper, before)
    ends = _ends(session, covenant_id, lowest, upper)
    if ends is None or not branches:
        return Found((), None)
    lowest, newest = ends
    found: list[UUID] = []
    few = of_few(search)
    width, at = FIRST_WINDOW, _midnight_after(newest)
    while True:
        begun = timer()
        floor = lowest if few else max(lowest, id_at(at - width))
        found += _newest(session, covenant_id, branches, floor, upper, limit + 1 - len(found), few=few)
        if len(found) > limit or floor <= lowest:
            break
        now = timer()
        if now - started >= BUDGET:
            return Found(entries_of(session, covenant_id, found), floor)
        # As wide as the time that is left allows, if entries go on lying as close as they did.
        affordable = (BUDGET - (now - started)) / max(now - begun, 1e-6)
        at, upper, width = at - width, floor, width * min(WIDENING, max(affordable, 1 / WIDENING))
    more = len(found) > limit
    return Found(entries_of(session, covenant_id, found[:limit]), found[limit - 1] if more else None)


def _ends(session: Session, covenant_id: str, lowest: UUID, upper: UUID) -> tuple[UUID, UUID] | None:
    """The first and last id that there is in a range."""
    ids = _ids(covenant_id, (), lowest, upper)
    entry_id = col(AuditEntryRow.entry_id)
    first = session.connection().execute(ids.order_by(entry_id).limit(1)).scalar()
    last = session.connection().execute(ids.order_by(entry_id.desc()).limit(1)).scalar()
    return None if first is None or last is None else (first, last)


def _newest(
    session: Session, covenant_id: str, branches: Sequence[Branch], floor: UUID, before: UUID, limit: int, *, few: bool
) -> list[UUID]:
    parts = []
    for number, branch in enumerate(branches):
        ids = _ids(covenant_id, branch, floor, before)
        if few:
            # Or PostgreSQL, which thinks every range of ids short, might walk along it and miss the index for the few.
            gathered = ids.cte(f"gathered_{number}").prefix_with("MATERIALIZED")
            ids = select(gathered.c.entry_id)
        parts.append(ids.order_by(ids.selected_columns.entry_id.desc()).limit(limit))
    if len(parts) == 1:
        return list(session.connection().execute(parts[0]).scalars())
    together = union_all(*(select(part.subquery()) for part in parts)).subquery()
    query = select(together.c.entry_id).order_by(together.c.entry_id.desc()).limit(limit)
    return list(session.connection().execute(query).scalars())


def entries_of(session: Session, covenant_id: str, ids: Collection[UUID]) -> tuple[Entry, ...]:
    """Those of the entries that are there, the newest first."""
    if not ids:
        return ()
    row, leaf = AuditEntryRow, AuditLeafRow
    query = (
        _rows()
        .where(col(row.covenant_id) == covenant_id, col(row.entry_id) == any_(literal(list(ids), ARRAY(Uuid))))
        .where(col(leaf.covenant_id) == covenant_id)
        .order_by(col(row.entry_id).desc())
    )
    return tuple(_entry(found) for found in session.connection().execute(query))


# -- all of them


def walk(
    session: Session, covenant_id: str, search: Search, *, after: UUID | None, before: UUID, limit: int = AT_ONCE
) -> tuple[Entry, ...]:
    """The next entries that fit, the oldest first, up to before an id."""
    plan_by_values(session)
    lowest, upper = id_range(search.first, search.last)
    row, leaf = AuditEntryRow, AuditLeafRow
    query = (
        _rows()
        .where(
            col(row.covenant_id) == covenant_id,
            col(leaf.covenant_id) == covenant_id,
            col(row.entry_id) >= lowest,
            col(row.entry_id) < min(upper, before),
            *together(search),
        )
        .order_by(col(row.entry_id))
        .limit(limit)
    )
    if after is not None:
        query = query.where(col(row.entry_id) > after)
    return tuple(_entry(found) for found in session.connection().execute(query))


def _rows() -> Select[Any]:
    row, leaf = AuditEntryRow, AuditLeafRow
    return select(
        col(row.covenant_id),
        col(row.entry_id),
        col(row.event),
        col(row.at),
        col(row.fields),
        col(row.salt),
        col(leaf.leaf_index),
    ).join(leaf, col(leaf.entry_id) == col(row.entry_id))


def _entry(found: Any) -> Entry:
    return Entry(
        found.covenant_id, found.entry_id, found.event, found.at, found.fields, bytes(found.salt), found.leaf_index
    )


def id_at(moment: datetime) -> UUID:
    """The first id that an entry of this moment can have."""
    return uuid7(moment, 0, bytes(6)) if moment > _EPOCH else _FIRST


def _midnight_after(entry_id: UUID) -> datetime:
    """The end of an id's day. Windows begin there, for where a page ends early tells its reader where they began."""
    begun = _EPOCH + timedelta(milliseconds=entry_id.int >> 80)
    return begun.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
