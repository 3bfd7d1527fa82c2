"""Reads and writes of the audit tables. Only the writer inserts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import insert
from sqlmodel import Session, SQLModel, col, select

from service.audit.tables import AuditEntryRow, AuditLeafRow
from service.storage.copying import copy_rows

__all__ = ["Row", "entries", "entry", "insert_entries", "leaf"]

Row = Mapping[str, Any]

_WORTH_A_COPY = 8
"""From here on COPY is faster than INSERT; both were measured with eight writers at once."""


def insert_entries(session: Session, entries: Sequence[Row], leaves: Sequence[Row]) -> None:
    """Inserts entries and their leaves, which have no index yet."""
    for table, rows in ((AuditEntryRow, entries), (AuditLeafRow, leaves)):
        if len(rows) < _WORTH_A_COPY:
            _insert(session, table, rows)
        else:
            copy_rows(session, table, rows)


def _insert(session: Session, table: type[SQLModel], rows: Sequence[Row]) -> None:
    if rows:
        session.flush()
        session.connection().execute(insert(table), [dict(row) for row in rows])


def entry(session: Session, covenant_id: str, entry_id: UUID) -> AuditEntryRow | None:
    return session.get(AuditEntryRow, (covenant_id, entry_id))


def entries(session: Session, covenant_id: str, *, after: UUID | None = None, limit: int = 100) -> list[AuditEntryRow]:
    """Entries of one log in the order of their ids, after the given one."""
    query = select(AuditEntryRow).where(AuditEntryRow.covenant_id == covenant_id)
    if after is not None:
        query = query.where(col(AuditEntryRow.entry_id) > after)
    return list(session.exec(query.order_by(col(AuditEntryRow.entry_id)).limit(limit)))


def leaf(session: Session, covenant_id: str, entry_id: UUID) -> AuditLeafRow | None:
    return session.get(AuditLeafRow, (covenant_id, entry_id))
