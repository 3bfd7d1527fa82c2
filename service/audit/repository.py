"""Reads and writes of the audit tables. Only the writer inserts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast
from uuid import UUID

from sqlalchemy import BindParameter, Table, bindparam, insert
from sqlmodel import Session, SQLModel, col, select

from service.audit.tables import AuditEntryRow, AuditLeafRow
from service.storage.copying import copy_rows

__all__ = ["Row", "entries", "entry", "insert_entries", "leaf"]

Row = Mapping[str, Any]

_WORTH_A_COPY = 8
"""From here on COPY is faster than INSERT; both were measured with eight writers at once."""
_MENTIONS_WORTH_A_COPY = 100
"""So it is for few entries with long arrays, such as those of a batch of signals: the driver is slow to write those."""


def insert_entries(session: Session, entries: Sequence[Row], leaves: Sequence[Row]) -> None:
    """Inserts entries and their leaves, which have no index yet: two sequences of one length and order."""
    mentions = sum(len(entry["subjects"]) + len(entry["signals"]) for entry in entries)
    if len(entries) < _WORTH_A_COPY and mentions < _MENTIONS_WORTH_A_COPY:
        session.flush()
        rows = [_of(_ENTRY, entry) | _of(_LEAF, leaf) for entry, leaf in zip(entries, leaves, strict=True)]
        if rows:
            session.connection().execute(_INSERT_TOGETHER, rows)
    else:
        copy_rows(session, AuditEntryRow, entries)
        copy_rows(session, AuditLeafRow, leaves)


def _of(table: str, row: Row) -> dict[str, Any]:
    return {f"{table}_{name}": value for name, value in row.items()}


def _values(table: str, row: type[SQLModel], *names: str) -> dict[str, BindParameter[Any]]:
    columns = cast(Table, row.__table__).columns  # type: ignore[attr-defined]
    return {name: bindparam(f"{table}_{name}", type_=columns[name].type) for name in names}


_ENTRY, _LEAF = "entry", "leaf"
_INSERT_ENTRY = insert(AuditEntryRow).values(
    _values(
        _ENTRY,
        AuditEntryRow,
        *("covenant_id", "entry_id", "event", "at", "parties", "subjects", "signals", "rules", "fields", "salt"),
    )
)
_INSERT_TOGETHER = (
    insert(AuditLeafRow)
    .values(_values(_LEAF, AuditLeafRow, "covenant_id", "entry_id", "leaf_hash", "leaf_index"))
    .add_cte(_INSERT_ENTRY.cte("entry"))
)
"""Both in one statement: every decision waits for this, and a round trip is a tenth of its time."""


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
