"""Reads and writes of committed disclosures, notices, look-up counts and of who was told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import bindparam, insert, text, tuple_
from sqlalchemy import select as columns
from sqlmodel import Session, col, select

from service.disclosure.tables import DisclosureRow, Notice
from service.storage.copying import copy_rows

__all__ = [
    "Committed",
    "add_disclosure",
    "add_notices",
    "count_look_up",
    "disclosure",
    "hold",
    "mark_told",
    "notices",
]


class Committed(NamedTuple):
    """A committed decision, as `DisclosureRow` stores it."""

    covenant_id: str
    party: str
    disclosure_id: UUID
    request: bytes
    version: str
    purpose: str
    stage: str
    decided_at: datetime
    audit_entry_id: UUID
    anchor_signal_id: UUID | None
    answer: str
    obligations: Sequence[str]


_HOLD = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")
_ADD = insert(DisclosureRow)
_FIND = columns(*(getattr(DisclosureRow, name) for name in Committed._fields)).where(
    *(getattr(DisclosureRow, name) == bindparam(name) for name in ("covenant_id", "party", "disclosure_id"))
)


def hold(session: Session, covenant_id: str, party: str, disclosure_id: UUID) -> None:
    """Lets one transaction at a time work under an idempotency key; a repetition waits, then finds the answer.

    The lock's name is a hash: two keys may share one, and then wait for each other once.
    """
    session.connection().execute(_HOLD, {"name": f"disclosure/{covenant_id}/{party}/{disclosure_id}"})


def disclosure(session: Session, covenant_id: str, party: str, disclosure_id: UUID) -> Committed | None:
    """A party's own disclosure; another party's of the same id is as good as none."""
    wanted = {"covenant_id": covenant_id, "party": party, "disclosure_id": disclosure_id}
    row = session.connection().execute(_FIND, wanted).one_or_none()
    return None if row is None else Committed._make(row)


def add_disclosure(session: Session, made: Committed) -> None:
    session.connection().execute(_ADD, made._asdict())


def mark_told(
    session: Session, covenant_id: str, party: str, subjects: Iterable[tuple[str, bytes]], at: datetime
) -> None:
    """Remembers the first time `party` was told of subjects, given as (match key, index)."""
    named = sorted(set(subjects))  # in one order, so that two transactions do not wait for each other
    if not named:
        return
    session.connection().execute(
        text(
            "INSERT INTO told (covenant_id, match_key, index_, party, first_told_at)"
            " SELECT :covenant_id, s.match_key, s.index_, :party, :at"
            " FROM unnest(CAST(:match_keys AS text[]), CAST(:indexes AS bytea[])) AS s (match_key, index_)"
            " ON CONFLICT DO NOTHING"
        ),
        {
            "covenant_id": covenant_id,
            "party": party,
            "at": at,
            "match_keys": [match_key for match_key, _ in named],
            "indexes": [index for _, index in named],
        },
    )


def add_notices(session: Session, new: Sequence[Notice]) -> None:
    copy_rows(session, Notice, (notice.model_dump() for notice in new))


def notices(
    session: Session, covenant_id: str, source: str, today: date, after: tuple[date, UUID] | None, limit: int
) -> list[Notice]:
    """Notices a source may read by now, the oldest first."""
    query = select(Notice).where(
        Notice.covenant_id == covenant_id, Notice.source == source, col(Notice.visible_from) <= today
    )
    if after is not None:
        query = query.where(tuple_(col(Notice.visible_from), col(Notice.notice_id)) > after)
    return list(session.exec(query.order_by(col(Notice.visible_from), col(Notice.notice_id)).limit(limit)))


def count_look_up(session: Session, covenant_id: str, party: str, purpose: str, day: date, allowed: int) -> bool:
    """Counts one look-up against the day's allowance; False, and nothing counted, when it is spent."""
    counted = session.connection().execute(
        text(
            "INSERT INTO lookup_count AS spent (covenant_id, party, purpose, day, count)"
            " SELECT :covenant_id, :party, :purpose, :day, 1 WHERE :allowed > 0"
            " ON CONFLICT (covenant_id, party, purpose, day) DO UPDATE SET count = spent.count + 1"
            " WHERE spent.count < :allowed RETURNING count"
        ),
        {"covenant_id": covenant_id, "party": party, "purpose": purpose, "day": day, "allowed": allowed},
    )
    return counted.one_or_none() is not None
