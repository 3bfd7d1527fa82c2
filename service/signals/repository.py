"""Reads and writes of the signal tables. Whoever calls owns the transaction, and the rules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import LargeBinary, column, delete, func, literal, select, tuple_, update
from sqlalchemy import Uuid as SqlUuid
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col

from service.signals.arrays import among, bytes_array, uuid_array
from service.signals.tables import PseudonymRow, SignalBatchRow, SignalFieldRow, SignalIdRow, SignalRow
from service.storage.copying import copy_rows

__all__ = [
    "Ended",
    "Known",
    "Row",
    "claim",
    "due",
    "end",
    "field_names_of",
    "forget",
    "known",
    "live_of",
    "live_targets",
    "own_page",
    "pseudonyms_of",
    "release",
    "store",
]

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Known:
    """An id that was taken before. `state` is None once its signal was forgotten."""

    party: str
    leaf: bytes
    state: str | None


@dataclass(frozen=True, slots=True)
class Ended:
    """A signal that has just ended, with the handles of its subject."""

    signal_id: UUID
    party: str
    category: str
    handles: tuple[bytes, ...]


# -- taking in


def known(session: Session, covenant_id: str, signal_ids: Collection[UUID]) -> dict[UUID, Known]:
    """Those of the ids that were taken before, by any party."""
    taken, signal = SignalIdRow, SignalRow
    query = (
        select(col(taken.signal_id), col(taken.party), col(taken.leaf), col(signal.state))
        .outerjoin(
            signal,
            (col(signal.covenant_id) == col(taken.covenant_id)) & (col(signal.signal_id) == col(taken.signal_id)),
        )
        .where(col(taken.covenant_id) == covenant_id, among(taken.signal_id, signal_ids))
    )
    return {
        signal_id: Known(owner, leaf, state) for signal_id, owner, leaf, state in session.connection().execute(query)
    }


def live_targets(session: Session, covenant_id: str, party: str, signal_ids: Collection[UUID]) -> frozenset[UUID]:
    """Those of the ids that are live signals of the party; nobody else can end them until this transaction does."""
    if not signal_ids:
        return frozenset()
    query = (
        select(col(SignalRow.signal_id), col(SignalRow.state))
        .where(
            col(SignalRow.covenant_id) == covenant_id,
            among(SignalRow.signal_id, signal_ids),
            col(SignalRow.party) == party,
        )
        .order_by(col(SignalRow.signal_id))  # one order for all, or two transactions wait for each other
        .with_for_update()
    )
    return frozenset(signal_id for signal_id, state in session.connection().execute(query) if state == "live")


def claim(session: Session, covenant_id: str, party: str, leaves: Mapping[UUID, bytes]) -> frozenset[UUID]:
    """Takes the ids for the party; returns those that were free. Waits for whoever is taking one of them just now."""
    if not leaves:
        return frozenset()
    wanted = (
        func.unnest(uuid_array(leaves), bytes_array(leaves.values()))
        .table_valued(column("signal_id", SqlUuid), column("leaf", LargeBinary), name="wanted")
        .render_derived()
    )
    # In one order for all, or two batches that share signals wait for each other.
    rows = select(literal(covenant_id), wanted.c.signal_id, literal(party), wanted.c.leaf).order_by(wanted.c.signal_id)
    statement = (
        insert(SignalIdRow)
        .from_select(["covenant_id", "signal_id", "party", "leaf"], rows)
        .on_conflict_do_nothing()
        .returning(col(SignalIdRow.signal_id))
    )
    return frozenset(session.connection().execute(statement).scalars())


def release(session: Session, covenant_id: str, signal_ids: Collection[UUID]) -> None:
    """Gives ids free again that this transaction claimed."""
    if signal_ids:
        session.connection().execute(
            delete(SignalIdRow).where(
                col(SignalIdRow.covenant_id) == covenant_id, among(SignalIdRow.signal_id, signal_ids)
            )
        )


def store(
    session: Session, batch: Row, signals: Iterable[Row], fields: Iterable[Row], pseudonyms: Iterable[Row]
) -> None:
    """One batch with its accepted signals, whose ids were claimed, by COPY. What the batch says, its signals do not."""
    of_signals = {name: batch[name] for name in ("covenant_id", "batch_id", "party", "version", "submitted_at")}
    of_signals |= {"state": "live", "ended_at": None, "ended_because": None}
    of_fields = {"covenant_id": batch["covenant_id"]}
    copy_rows(session, SignalBatchRow, (batch,))
    copy_rows(session, SignalRow, signals, alike=of_signals)
    copy_rows(session, SignalFieldRow, fields, alike=of_fields)
    copy_rows(session, PseudonymRow, pseudonyms, alike=of_fields | {"party": batch["party"], "live": True})


def pseudonyms_of(session: Session, covenant_id: str, signal_ids: Collection[UUID]) -> list[PseudonymRow]:
    """The pseudonym rows of some signals, dead ones too."""
    if not signal_ids:
        return []
    query = select(PseudonymRow).where(
        col(PseudonymRow.covenant_id) == covenant_id, among(PseudonymRow.signal_id, signal_ids)
    )
    return list(session.scalars(query))


# -- ending and forgetting


def end(
    session: Session, covenant_id: str, signal_ids: Collection[UUID], *, state: str, because: str, at: datetime
) -> list[Ended]:
    """Ends those of the signals that are live: their contents go now, their bare rows are marked dead."""
    if not signal_ids:
        return []
    connection = session.connection()
    stopped = connection.execute(
        update(SignalRow)
        .where(
            col(SignalRow.covenant_id) == covenant_id,
            among(SignalRow.signal_id, signal_ids),
            col(SignalRow.state) == "live",
        )
        .values(state=state, ended_at=at, ended_because=because, digests=None, salts=None)
        .returning(col(SignalRow.signal_id), col(SignalRow.party), col(SignalRow.category))
    ).all()
    ids = [signal_id for signal_id, _, _ in stopped]
    if not ids:
        return []
    connection.execute(
        delete(SignalFieldRow).where(
            col(SignalFieldRow.covenant_id) == covenant_id, among(SignalFieldRow.signal_id, ids)
        )
    )
    handles: dict[UUID, list[bytes]] = {}
    for signal_id, handle in connection.execute(
        update(PseudonymRow)
        .where(col(PseudonymRow.covenant_id) == covenant_id, among(PseudonymRow.signal_id, ids))
        .values(live=False, sealed=None, changed=func.pg_current_xact_id())
        .returning(col(PseudonymRow.signal_id), col(PseudonymRow.handle))
    ):
        handles.setdefault(signal_id, []).append(handle)
    return [
        Ended(signal_id, party, category, tuple(handles.get(signal_id, ()))) for signal_id, party, category in stopped
    ]


def due(session: Session, covenant_id: str, cutoffs: Mapping[tuple[str, str], date], *, limit: int) -> frozenset[UUID]:
    """Up to `limit` live signals whose day is at or before the cutoff of their (version, category).

    Locked for whoever ends them; those that another transaction holds are left to the next time.
    """
    found: set[UUID] = set()
    for (version, category), cutoff in cutoffs.items():
        query = (
            select(col(SignalRow.signal_id))
            .where(
                col(SignalRow.covenant_id) == covenant_id,
                col(SignalRow.state) == "live",
                col(SignalRow.category) == category,
                col(SignalRow.day) <= cutoff,
                col(SignalRow.version) == version,
            )
            .limit(limit - len(found))
            .with_for_update(skip_locked=True)
        )
        found.update(session.connection().execute(query).scalars())
        if len(found) >= limit:
            break
    return frozenset(found)


def live_of(session: Session, covenant_id: str, party: str, *, limit: int) -> frozenset[UUID]:
    """Up to `limit` live signals of a party that has left, locked for whoever ends them."""
    query = (
        select(col(SignalRow.signal_id))
        .where(col(SignalRow.covenant_id) == covenant_id, col(SignalRow.party) == party, col(SignalRow.state) == "live")
        .order_by(col(SignalRow.signal_id))
        .limit(limit)
        .with_for_update()
    )
    return frozenset(session.connection().execute(query).scalars())


def forget(session: Session, covenant_id: str, before: datetime, *, limit: int) -> int:
    """Deletes up to `limit` signals that ended before the moment, their pseudonyms, and the batches left empty.

    Their ids stay taken. Returns how many signals went.
    """
    connection = session.connection()
    gone = (
        select(col(SignalRow.signal_id))
        .where(
            col(SignalRow.covenant_id) == covenant_id,
            col(SignalRow.state) != "live",
            col(SignalRow.ended_at) < before,
        )
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    ids = list(connection.execute(gone).scalars())
    if not ids:
        return 0
    connection.execute(
        delete(PseudonymRow).where(col(PseudonymRow.covenant_id) == covenant_id, among(PseudonymRow.signal_id, ids))
    )
    gone_from = Counter(
        connection.execute(
            delete(SignalRow)
            .where(col(SignalRow.covenant_id) == covenant_id, among(SignalRow.signal_id, ids))
            .returning(col(SignalRow.batch_id))
        ).scalars()
    )
    batch = SignalBatchRow
    for batch_id, count in sorted(gone_from.items()):
        connection.execute(
            update(batch)
            .where(col(batch.covenant_id) == covenant_id, col(batch.batch_id) == batch_id)
            .values(remaining=col(batch.remaining) - count)
        )
    connection.execute(
        delete(batch).where(
            col(batch.covenant_id) == covenant_id, among(batch.batch_id, gone_from.keys()), col(batch.remaining) <= 0
        )
    )
    return len(ids)


# -- reading back


def own_page(
    session: Session, covenant_id: str, party: str, *, after: tuple[datetime, UUID] | None, limit: int
) -> list[SignalRow]:
    """The party's signals in the order they came, after the given place, ended ones that are still remembered too."""
    query = select(SignalRow).where(col(SignalRow.covenant_id) == covenant_id, col(SignalRow.party) == party)
    if after is not None:
        query = query.where(tuple_(col(SignalRow.submitted_at), col(SignalRow.signal_id)) > tuple_(*after))
    return list(session.scalars(query.order_by(col(SignalRow.submitted_at), col(SignalRow.signal_id)).limit(limit)))


def field_names_of(session: Session, covenant_id: str, signal_ids: Collection[UUID]) -> dict[UUID, tuple[str, ...]]:
    """Which sealed variants some signals have, as items."""
    row = SignalFieldRow
    item = func.concat(col(row.field), ".", col(row.variant))
    query = (
        select(col(row.signal_id), func.array_agg(item))
        .where(col(row.covenant_id) == covenant_id, among(row.signal_id, signal_ids))
        .group_by(col(row.signal_id))
    )
    return {signal_id: tuple(sorted(items)) for signal_id, items in session.connection().execute(query)}
