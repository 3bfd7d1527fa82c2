"""Reads and writes of the hit feed: how far it is, what was last told, which anchors have something to decide.

Whether something happened is asked of transaction ids, not of clocks or sequences: a row of a transaction that was
still open when the feed last looked has an id not below the oldest one open then (`pg_snapshot_xmin`), and is found
next time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from service.disclosure.tables import HitState
from service.storage.copying import copy_rows

__all__ = [
    "AFTER_ALL",
    "BEFORE_ALL",
    "Feed",
    "State",
    "add",
    "lock",
    "next_anchors",
    "page",
    "replace",
    "save",
    "state_of_hit",
    "states",
    "touched",
]

BEFORE_ALL = UUID(int=0)
AFTER_ALL = UUID(int=2**128 - 1)


@dataclass(frozen=True, slots=True)
class Feed:
    """A row of `hit_feed` without its key."""

    sequence: int
    forgotten: int
    seen: int
    through: UUID
    day: date | None
    version: str
    active: bytes


@dataclass(frozen=True, slots=True)
class State:
    """A row of `hit_state` without covenant and viewer."""

    anchor_id: UUID
    purpose: str
    stage: str
    signal_id: UUID
    hit_id: UUID
    sequence: int
    appeared: int
    handle: bytes
    hit: str | None
    terms: str | None


_COLUMNS = tuple(column.name for column in fields(State))
_STATE = ", ".join(_COLUMNS)
_REPLACED: Mapping[str, str] = {
    "hit_id": "uuid",
    "sequence": "bigint",
    "appeared": "bigint",
    "handle": "bytea",
    "hit": "text",
    "terms": "text",
}
"""What changes of a hit, and its id to find it by, with the columns' types."""


def lock(session: Session, covenant_id: str, viewer: str) -> Feed:
    """The viewer's feed, made if there is none, and held until the transaction ends: its polls go one by one."""
    key = {"covenant_id": covenant_id, "viewer": viewer}
    session.connection().execute(
        text(
            "INSERT INTO hit_feed (covenant_id, viewer, sequence, forgotten, seen, through, version, active)"
            " VALUES (:covenant_id, :viewer, 0, 0, 0, :through, '', '') ON CONFLICT DO NOTHING"
        ),
        key | {"through": BEFORE_ALL},
    )
    row = session.connection().execute(
        text(
            "SELECT sequence, forgotten, seen, through, day, version, active FROM hit_feed"
            " WHERE covenant_id = :covenant_id AND viewer = :viewer FOR UPDATE"
        ),
        key,
    )
    return Feed(*row.one())


def save(session: Session, covenant_id: str, viewer: str, feed: Feed) -> None:
    session.connection().execute(
        text(
            "UPDATE hit_feed SET sequence = :sequence, seen = :seen, through = :through, day = :day,"
            " version = :version, active = :active WHERE covenant_id = :covenant_id AND viewer = :viewer"
        ),
        {
            "covenant_id": covenant_id,
            "viewer": viewer,
            "sequence": feed.sequence,
            "seen": feed.seen,
            "through": feed.through,
            "day": feed.day,
            "version": feed.version,
            "active": feed.active,
        },
    )


def touched(session: Session, covenant_id: str, viewer: str, since: int, through: UUID) -> list[UUID]:
    """Own signals up to `through`, live or not, that share a match key value with a signal changed since, or changed.

    In the order of their ids.
    """
    rows = session.connection().execute(
        text(
            "SELECT DISTINCT own.signal_id FROM pseudonym changed"
            " JOIN pseudonym own USING (covenant_id, match_key, index_)"
            " WHERE changed.covenant_id = :covenant_id AND changed.changed >= CAST(CAST(:since AS text) AS xid8)"
            " AND own.party = :viewer AND own.signal_id <= :through ORDER BY own.signal_id"
        ),
        {"covenant_id": covenant_id, "viewer": viewer, "since": str(since), "through": through},
    )
    return list(rows.scalars())


def next_anchors(session: Session, covenant_id: str, viewer: str, after: UUID, limit: int) -> list[UUID]:
    """The next own signals that live, or that something visible was told about, in the order of their ids."""
    rows = session.connection().execute(
        text(
            "(SELECT DISTINCT signal_id FROM pseudonym WHERE covenant_id = :covenant_id AND party = :viewer AND live"
            " AND signal_id > :after ORDER BY signal_id LIMIT :limit)"
            " UNION (SELECT DISTINCT anchor_id FROM hit_state WHERE covenant_id = :covenant_id AND viewer = :viewer"
            " AND anchor_id > :after AND hit IS NOT NULL ORDER BY anchor_id LIMIT :limit)"
            " ORDER BY 1 LIMIT :limit"
        ),
        {"covenant_id": covenant_id, "viewer": viewer, "after": after, "limit": limit},
    )
    return list(rows.scalars())


def states(session: Session, covenant_id: str, viewer: str, anchors: Sequence[UUID]) -> list[State]:
    """What was last told standing on these anchors, retractions included."""
    rows = session.connection().execute(
        text(
            f"SELECT {_STATE} FROM hit_state"  # noqa: S608 - a constant
            " WHERE covenant_id = :covenant_id AND viewer = :viewer AND anchor_id = ANY(:anchors)"
        ),
        {"covenant_id": covenant_id, "viewer": viewer, "anchors": list(anchors)},
    )
    return [State(*row) for row in rows]


def state_of_hit(session: Session, covenant_id: str, viewer: str, hit_id: UUID) -> State | None:
    """The viewer's hit of that id, unless it was retracted."""
    rows = session.connection().execute(
        text(
            f"SELECT {_STATE} FROM hit_state"  # noqa: S608 - a constant
            " WHERE covenant_id = :covenant_id AND viewer = :viewer AND hit_id = :hit_id AND hit IS NOT NULL"
        ),
        {"covenant_id": covenant_id, "viewer": viewer, "hit_id": hit_id},
    )
    row = rows.one_or_none()
    return None if row is None else State(*row)


def add(session: Session, covenant_id: str, viewer: str, new: Iterable[State]) -> None:
    """Stores states of hits that were never told before."""
    key = {"covenant_id": covenant_id, "viewer": viewer}
    copy_rows(session, HitState, (key | {name: getattr(state, name) for name in _COLUMNS} for state in new))


def replace(session: Session, covenant_id: str, viewer: str, changed: Sequence[State]) -> None:
    """Stores states over what was told of the same hits before."""
    if not changed:
        return
    columns: dict[str, Any] = {name: [getattr(state, name) for state in changed] for name in _REPLACED}
    arrays = ", ".join(f"CAST(:{name} AS {kind}[])" for name, kind in _REPLACED.items())
    session.connection().execute(
        text(
            "UPDATE hit_state SET sequence = new.sequence, appeared = new.appeared, handle = new.handle,"  # noqa: S608
            f" hit = new.hit, terms = new.terms FROM unnest({arrays}) AS new ({', '.join(_REPLACED)})"
            " WHERE hit_state.covenant_id = :covenant_id AND hit_state.viewer = :viewer"
            " AND hit_state.hit_id = new.hit_id"
        ),
        {"covenant_id": covenant_id, "viewer": viewer} | columns,
    )


def page(session: Session, covenant_id: str, viewer: str, since: int, limit: int, purpose: str | None) -> list[State]:
    """States told after `since`, in the order of their numbers; retractions only of what was told up to `since`."""
    wanted = "" if purpose is None else " AND purpose = :purpose"
    rows = session.connection().execute(
        text(
            f"SELECT {_STATE} FROM hit_state"  # noqa: S608 - constants
            " WHERE covenant_id = :covenant_id AND viewer = :viewer AND sequence > :since"
            f" AND (hit IS NOT NULL OR appeared <= :since){wanted} ORDER BY sequence LIMIT :limit"
        ),
        {"covenant_id": covenant_id, "viewer": viewer, "since": since, "limit": limit, "purpose": purpose},
    )
    return [State(*row) for row in rows]
