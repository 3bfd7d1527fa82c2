"""What is stored of some signals, for whoever has decided that it may be handed over.

Rows are read as plain tuples with the columns' names: nothing read here is changed, and every answer waits for it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, cast
from uuid import UUID

from sqlalchemy import Row, Select, Table, bindparam, select
from sqlmodel import Session, SQLModel, col

from service.signals.arrays import any_of, written_uuids
from service.signals.tables import SignalBatchRow, SignalFieldRow, SignalRow

__all__ = ["batches", "fields_of", "hold_live", "signals_of"]


def _named(row: type[SQLModel], key: UUID) -> Select[Any]:
    """The rows of one covenant whose `key` is one of `:ids`."""
    table = cast(Table, row.__table__)  # type: ignore[attr-defined]
    return select(*table.columns).where(table.columns["covenant_id"] == bindparam("covenant_id"), any_of(key, "ids"))


_SIGNALS = _named(SignalRow, SignalRow.signal_id)
_HELD = _SIGNALS.order_by(col(SignalRow.signal_id)).with_for_update(read=True)
"""Locked in one order, so that no two transactions wait for each other."""
_FIELDS = _named(SignalFieldRow, SignalFieldRow.signal_id).order_by(
    col(SignalFieldRow.signal_id), col(SignalFieldRow.field), col(SignalFieldRow.variant)
)
_BATCHES = _named(SignalBatchRow, SignalBatchRow.batch_id)


def signals_of(session: Session, covenant_id: str, signal_ids: Collection[UUID]) -> Mapping[UUID, Row[Any]]:
    """The signals with these ids, ended ones too."""
    return {row.signal_id: row for row in _read(session, _SIGNALS, covenant_id, signal_ids)}


def hold_live(session: Session, covenant_id: str, signal_ids: Collection[UUID]) -> Mapping[UUID, Row[Any]]:
    """Those of the signals that are live, and that nobody can end before this transaction does."""
    return {row.signal_id: row for row in _read(session, _HELD, covenant_id, signal_ids) if row.state == "live"}


def fields_of(session: Session, covenant_id: str, signal_ids: Collection[UUID]) -> Mapping[UUID, list[Row[Any]]]:
    """The sealed variants of some signals; none for a signal that has ended."""
    found: dict[UUID, list[Row[Any]]] = {}
    for row in _read(session, _FIELDS, covenant_id, signal_ids):
        found.setdefault(row.signal_id, []).append(row)
    return found


def batches(session: Session, covenant_id: str, batch_ids: Collection[UUID]) -> Mapping[UUID, Row[Any]]:
    """The batches with these ids, from whose leaves inclusion proofs are made."""
    return {row.batch_id: row for row in _read(session, _BATCHES, covenant_id, batch_ids)}


def _read(session: Session, query: Select[Any], covenant_id: str, ids: Collection[UUID]) -> Collection[Row[Any]]:
    if not ids:
        return ()
    return session.connection().execute(query, {"covenant_id": covenant_id, "ids": written_uuids(ids)}).all()
