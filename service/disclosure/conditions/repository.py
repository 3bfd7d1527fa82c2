"""Reads and writes of questions to sources and their answers. Whoever calls owns the transaction."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text, tuple_
from sqlmodel import Session, col, select

from service.disclosure.conditions.tables import ReleaseAskRow, SourceReleaseRow

__all__ = [
    "AFFIRMED",
    "ask",
    "carry_over",
    "lapse",
    "open_asks",
    "remind",
    "request",
    "request_of",
    "requests_of",
    "taken_back",
]

Place = tuple[datetime, UUID]


# -- questions to sources


def ask(session: Session, row: ReleaseAskRow) -> ReleaseAskRow:
    """The question as it stands: the one that was asked before, if its term is not over, or else this one."""
    written = session.connection().execute(
        text(
            "INSERT INTO release_ask (covenant_id, viewer, anchor_id, purpose, stage, asked_at, expires_at)"
            " VALUES (:covenant_id, :viewer, :anchor_id, :purpose, :stage, :asked_at, :expires_at)"
            " ON CONFLICT (covenant_id, viewer, anchor_id, purpose) DO UPDATE"
            " SET stage = excluded.stage, asked_at = excluded.asked_at, expires_at = excluded.expires_at"
            " WHERE release_ask.expires_at <= excluded.asked_at RETURNING asked_at, expires_at"
        ),
        row.model_dump(),
    )
    if written.one_or_none() is not None:
        return row
    return session.exec(
        select(ReleaseAskRow).where(
            ReleaseAskRow.covenant_id == row.covenant_id,
            ReleaseAskRow.viewer == row.viewer,
            ReleaseAskRow.anchor_id == row.anchor_id,
            ReleaseAskRow.purpose == row.purpose,
        )
    ).one()


def open_asks(session: Session, covenant_id: str, now: datetime) -> list[ReleaseAskRow]:
    """Every question of the covenant whose term is not over, by viewer."""
    query = select(ReleaseAskRow).where(ReleaseAskRow.covenant_id == covenant_id, col(ReleaseAskRow.expires_at) > now)
    return list(session.exec(query.order_by(col(ReleaseAskRow.viewer), col(ReleaseAskRow.anchor_id))))


def request(session: Session, rows: Sequence[SourceReleaseRow]) -> frozenset[UUID]:
    """Puts questions to sources; returns the signals that a source is asked about now.

    Nothing is asked twice: neither what is pending or released, nor before its term is over what was refused or lapsed.
    """
    asked: set[UUID] = set()
    for row in sorted(rows, key=lambda row: row.signal_id):
        written = session.connection().execute(
            text(
                "INSERT INTO source_release AS known"
                " (covenant_id, source, signal_id, viewer, purpose, request_id, kind, named_from, stage, items, state,"
                " requested_at, expires_at)"
                " VALUES (:covenant_id, :source, :signal_id, :viewer, :purpose, :request_id, :kind, :named_from,"
                " :stage, :items, 'pending', :requested_at, :expires_at)"
                " ON CONFLICT (covenant_id, source, signal_id, viewer, purpose) DO UPDATE SET kind = excluded.kind,"
                " named_from = excluded.named_from, stage = excluded.stage, items = excluded.items, state = 'pending',"
                " requested_at = excluded.requested_at, expires_at = excluded.expires_at, reminded_at = NULL,"
                " answered_at = NULL, reason = NULL"
                " WHERE known.state IN ('refused', 'expired') AND known.expires_at <= excluded.requested_at"
                " RETURNING signal_id"
            ),
            row.model_dump(),
        )
        asked.update(written.scalars())
    return frozenset(asked)


def requests_of(
    session: Session, covenant_id: str, source: str, *, state: str | None, after: Place | None, limit: int
) -> list[SourceReleaseRow]:
    """What a source was asked about its signals, in the order in which it was asked."""
    row = SourceReleaseRow
    query = select(row).where(row.covenant_id == covenant_id, row.source == source, _of_use())
    if state is not None:
        query = query.where(row.state == state)
    if after is not None:
        query = query.where(tuple_(col(row.requested_at), col(row.request_id)) > after)
    return list(session.exec(query.order_by(col(row.requested_at), col(row.request_id)).limit(limit)))


def request_of(session: Session, covenant_id: str, source: str, request_id: UUID) -> SourceReleaseRow | None:
    """A question to the source, held until the transaction ends."""
    row = SourceReleaseRow
    query = select(row).where(
        row.covenant_id == covenant_id, row.source == source, row.request_id == request_id, _of_use()
    )
    return session.exec(query.with_for_update()).one_or_none()


def _of_use() -> Any:
    """That there is something to release, or to take back: what was released may have been affirmed since."""
    return text(
        "(source_release.state = 'released' OR EXISTS (SELECT FROM signal s"
        " WHERE s.covenant_id = source_release.covenant_id AND s.signal_id = source_release.signal_id"
        " AND s.state = 'live'))"
    )


# -- what was released

AFFIRMED = """
    later.covenant_id = earlier.covenant_id AND later.replaces = earlier.signal_id AND later.state = 'live'
    AND later.version <> earlier.version AND later.party = earlier.party AND later.category = earlier.category
    AND later.day = earlier.day AND later.purposes @> earlier.purposes AND later.purposes <@ earlier.purposes
    AND later.origins @> earlier.origins AND later.handling_codes @> earlier.handling_codes
    AND later.sealed <@ earlier.sealed
"""
"""The same statement, submitted again under another version: what the source said of the one it says of the other. A
correction under the same version is another statement, and is to be released anew."""


def taken_back(
    session: Session, covenant_id: str, viewer: str, purpose: str, signals: Collection[UUID], since: datetime
) -> frozenset[UUID]:
    """Those of the signals whose source has refused them to the viewer since."""
    if not signals:
        return frozenset()
    row = SourceReleaseRow
    query = select(row.signal_id).where(
        row.covenant_id == covenant_id,
        row.viewer == viewer,
        row.purpose == purpose,
        row.state == "refused",
        col(row.answered_at) > since,
        col(row.signal_id).in_(list(signals)),
    )
    return frozenset(session.exec(query))


# -- what time does to questions


def remind(session: Session, covenant_id: str, now: datetime, before: datetime) -> list[SourceReleaseRow]:
    """Questions that nobody has answered, and of which their source was last told before the moment: told again now."""
    return _advance(
        session,
        "SET reminded_at = :now WHERE covenant_id = :covenant_id AND state = 'pending' AND expires_at > :now"
        " AND coalesce(reminded_at, requested_at) <= :before",
        {"covenant_id": covenant_id, "now": now, "before": before},
    )


def lapse(session: Session, covenant_id: str, now: datetime) -> list[SourceReleaseRow]:
    """Questions that nobody has answered in their term: they expire now."""
    return _advance(
        session,
        "SET state = 'expired' WHERE covenant_id = :covenant_id AND state = 'pending' AND expires_at <= :now",
        {"covenant_id": covenant_id, "now": now},
    )


def _advance(session: Session, change: str, parameters: dict[str, Any]) -> list[SourceReleaseRow]:
    statement = text(f"UPDATE source_release {change} RETURNING *")
    rows = session.connection().execute(statement, parameters)
    return [SourceReleaseRow(**row) for row in rows.mappings()]


def carry_over(session: Session, covenant_id: str) -> int:
    """Lets releases go with the signal when its source has affirmed it under a later version; returns how many."""
    return (
        session.connection()
        .execute(
            text(
                "UPDATE source_release r SET signal_id = later.signal_id FROM signal later"  # noqa: S608 - a constant
                f" JOIN signal earlier ON {AFFIRMED}"
                " WHERE later.covenant_id = :covenant_id AND r.covenant_id = :covenant_id"
                " AND r.signal_id = earlier.signal_id AND r.state = 'released' AND NOT EXISTS ("
                "SELECT FROM source_release other WHERE other.covenant_id = r.covenant_id AND other.source = r.source"
                " AND other.signal_id = later.signal_id AND other.viewer = r.viewer AND other.purpose = r.purpose)"
            ),
            {"covenant_id": covenant_id},
        )
        .rowcount
    )
