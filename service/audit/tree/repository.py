"""Reads and writes of the tree. Only the sequencer moves the head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import TextClause, and_, text
from sqlmodel import Session, col, select

from clients.protocol.tiles import TILE_WIDTH
from service.audit.events import SERVICE_LOG
from service.audit.tables import AuditEntryRow, AuditLeafRow
from service.audit.tree.tables import AuditCheckpointRow, AuditHeadRow

__all__ = [
    "Head",
    "append_to_tile",
    "bundle",
    "checkpoint",
    "checkpoints",
    "head",
    "lead",
    "leaf",
    "move_head",
    "place",
    "save_checkpoint",
    "save_cosigned",
    "tile",
    "unfinished",
    "unwitnessed_since",
    "waiting",
    "waits_since",
]


@dataclass(frozen=True, slots=True)
class Head:
    """Where a tree ends."""

    size: int
    peaks: bytes


# -- moving the head


def unfinished(session: Session) -> list[str]:
    """The covenants whose tree lacks committed entries, or whose head is not signed yet."""
    found = _all(
        session,
        """
        SELECT DISTINCT covenant_id FROM audit_leaf WHERE leaf_index IS NULL
        UNION
        SELECT covenant_id FROM audit_head AS head
        WHERE NOT EXISTS (SELECT FROM audit_checkpoint AS signed
                          WHERE signed.covenant_id = head.covenant_id AND signed.size >= head.size)
        """,
    )
    return sorted(row.covenant_id for row in found)


def lead(session: Session, covenant_id: str) -> bool:
    """Whether this transaction leads the tree until it ends; others try again later. A dead leader leads no more."""
    (row,) = _all(
        session,
        "SELECT pg_try_advisory_xact_lock(hashtextextended('covenant log ' || :covenant, 0)) AS leads",
        covenant=covenant_id,
    )
    return bool(row.leads)


def head(session: Session, covenant_id: str) -> Head:
    row = session.exec(select(AuditHeadRow).where(AuditHeadRow.covenant_id == covenant_id)).one_or_none()
    return Head(0, b"") if row is None else Head(row.size, row.peaks)


def waiting(session: Session, covenant_id: str, most: int) -> list[tuple[UUID, bytes]]:
    """(entry id, leaf hash) of committed entries that have no place, about in the order in which they were written.

    Only about: an entry is seen once it is committed, and then others with later ids may have their places.
    """
    found = _all(
        session,
        """
        SELECT entry_id, leaf_hash FROM audit_leaf
        WHERE covenant_id = :covenant AND leaf_index IS NULL ORDER BY entry_id LIMIT :most
        """,
        covenant=covenant_id,
        most=most,
    )
    return [(row.entry_id, bytes(row.leaf_hash)) for row in found]


def place(session: Session, covenant_id: str, first: int, entry_ids: Sequence[UUID]) -> int:
    """Gives the entries their places from `first` on; returns how many of them had none."""
    statement = text(
        """
        UPDATE audit_leaf SET leaf_index = :first + given.place - 1
        FROM unnest(CAST(:entries AS uuid[])) WITH ORDINALITY AS given(entry_id, place)
        WHERE covenant_id = :covenant AND audit_leaf.entry_id = given.entry_id AND leaf_index IS NULL
        """
    )
    return _count(session, statement, covenant=covenant_id, first=first, entries=list(entry_ids))


def append_to_tile(
    session: Session, covenant_id: str, level: int, tile_index: int, *, before: int, hashes: bytes
) -> bool:
    """Appends to a tile that has `before` bytes, 0 for a new one; False if it has not."""
    if before == 0:
        statement = text(
            "INSERT INTO audit_tile (covenant_id, level, tile_index, hashes) VALUES (:covenant, :level, :tile, :hashes)"
            " ON CONFLICT DO NOTHING"
        )
        return bool(_count(session, statement, covenant=covenant_id, level=level, tile=tile_index, hashes=hashes))
    statement = text(
        """
        UPDATE audit_tile SET hashes = hashes || :hashes
        WHERE covenant_id = :covenant AND level = :level AND tile_index = :tile AND octet_length(hashes) = :before
        """
    )
    return bool(
        _count(session, statement, covenant=covenant_id, level=level, tile=tile_index, hashes=hashes, before=before)
    )


def move_head(session: Session, covenant_id: str, before: Head, after: Head) -> bool:
    """Moves the head if it is still where it was; False if not."""
    if before.size == 0:
        statement = text(
            "INSERT INTO audit_head (covenant_id, size, peaks) VALUES (:covenant, :size, :peaks) ON CONFLICT DO NOTHING"
        )
        return bool(_count(session, statement, covenant=covenant_id, size=after.size, peaks=after.peaks))
    statement = text(
        """
        UPDATE audit_head SET size = :size, peaks = :peaks
        WHERE covenant_id = :covenant AND size = :size_before AND peaks = :peaks_before
        """
    )
    return bool(
        _count(
            session,
            statement,
            covenant=covenant_id,
            size=after.size,
            peaks=after.peaks,
            size_before=before.size,
            peaks_before=before.peaks,
        )
    )


# -- what is signed of it


def checkpoint(session: Session, covenant_id: str) -> AuditCheckpointRow | None:
    return session.exec(select(AuditCheckpointRow).where(AuditCheckpointRow.covenant_id == covenant_id)).one_or_none()


def checkpoints(session: Session) -> list[AuditCheckpointRow]:
    """Of every tree."""
    return list(session.exec(select(AuditCheckpointRow)))


def save_checkpoint(session: Session, covenant_id: str, size: int, note: str, at: datetime) -> None:
    """Keeps the note unless one of a larger tree is kept."""
    statement = text(
        """
        INSERT INTO audit_checkpoint AS kept (covenant_id, size, note, signed_at, cosigned_size)
        VALUES (:covenant, :size, :note, :at, 0)
        ON CONFLICT (covenant_id) DO UPDATE SET size = :size, note = :note, signed_at = :at WHERE kept.size < :size
        """
    )
    _count(session, statement, covenant=covenant_id, size=size, note=note, at=at)


def save_cosigned(session: Session, covenant_id: str, size: int, note: str, at: datetime) -> None:
    """Keeps the cosigned note unless one of a larger tree is kept."""
    statement = text(
        """
        UPDATE audit_checkpoint SET cosigned_size = :size, cosigned_note = :note, cosigned_at = :at
        WHERE covenant_id = :covenant AND cosigned_size <= :size
        """
    )
    _count(session, statement, covenant=covenant_id, size=size, note=note, at=at)


# -- whether all of this goes on


def waits_since(session: Session, before: datetime) -> bool:
    """Whether an entry from before then has no place yet."""
    found = _all(
        session,
        """
        SELECT FROM audit_leaf JOIN audit_entry USING (covenant_id, entry_id)
        WHERE leaf_index IS NULL AND at < :before LIMIT 1
        """,
        before=before,
    )
    return bool(found)


def unwitnessed_since(session: Session, before: datetime) -> bool:
    """Whether no head of some covenant's log was cosigned since then."""
    found = _all(
        session,
        """
        SELECT FROM audit_checkpoint
        WHERE covenant_id <> :own AND (cosigned_at IS NULL OR cosigned_at < :before) LIMIT 1
        """,
        own=SERVICE_LOG,
        before=before,
    )
    return bool(found)


# -- reading


def tile(session: Session, covenant_id: str, level: int, tile_index: int, width: int) -> bytes:
    """The first `width` hashes of a tile, as far as it has them."""
    if level == 0:
        found = _all(
            session,
            """
            SELECT leaf_hash FROM audit_leaf
            WHERE covenant_id = :covenant AND leaf_index >= :first AND leaf_index < :end ORDER BY leaf_index
            """,
            covenant=covenant_id,
            first=tile_index * TILE_WIDTH,
            end=tile_index * TILE_WIDTH + width,
        )
        return b"".join(row.leaf_hash for row in found)
    found = _all(
        session,
        """
        SELECT substring(hashes FOR :length) AS hashes FROM audit_tile
        WHERE covenant_id = :covenant AND level = :level AND tile_index = :tile
        """,
        covenant=covenant_id,
        level=level,
        tile=tile_index,
        length=width * 32,
    )
    return b"".join(bytes(row.hashes) for row in found)


def leaf(session: Session, covenant_id: str, entry_id: UUID) -> tuple[bytes, int | None] | None:
    """(leaf hash, place if it has one) of an entry."""
    found = _all(
        session,
        "SELECT leaf_hash, leaf_index FROM audit_leaf WHERE covenant_id = :covenant AND entry_id = :entry",
        covenant=covenant_id,
        entry=entry_id,
    )
    return next(((bytes(row.leaf_hash), row.leaf_index) for row in found), None)


def bundle(
    session: Session, covenant_id: str, first: int, end: int
) -> list[tuple[int, UUID | None, AuditEntryRow | None]]:
    """(place, by which erasure it went, entry) of the leaves from `first` to before `end`.

    The entry is None where it is there no more.
    """
    query = (
        select(AuditLeafRow.leaf_index, AuditLeafRow.erased_by, AuditEntryRow)
        .join(
            AuditEntryRow,
            and_(
                col(AuditEntryRow.covenant_id) == AuditLeafRow.covenant_id,
                col(AuditEntryRow.entry_id) == AuditLeafRow.entry_id,
            ),
            isouter=True,
        )
        .where(AuditLeafRow.covenant_id == covenant_id, col(AuditLeafRow.leaf_index).between(first, end - 1))
        .order_by(col(AuditLeafRow.leaf_index))
    )
    return [(index, erased_by, row) for index, erased_by, row in session.exec(query) if index is not None]


def _all(session: Session, statement: str, **parameters: Any) -> list[Any]:
    return list(session.connection().execute(text(statement), parameters))


def _count(session: Session, statement: TextClause, **parameters: Any) -> int:
    return session.connection().execute(statement, parameters).rowcount
