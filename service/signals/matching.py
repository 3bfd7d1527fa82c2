"""Where signals of several parties concern the same subject: one set-based join, for any number of anchors.

Two signals meet where they share a pseudonym index: the same covenant, match key, normalisation version and epoch, for
all of these are in the index. Nothing is followed further: if A meets B by one match key and B meets C by another, A
does not meet C.

Neighbours are facts for the rules engine, not answers. Nothing read here may be told to anyone undecided.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, FromClause, LargeBinary, Select, Text, bindparam, column, func, literal, select
from sqlalchemy import Uuid as SqlUuid
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlmodel import Session, col

from service.signals.arrays import BYTES, TEXTS, any_of, given, written_bytes, written_texts, written_uuids
from service.signals.tables import PseudonymRow, SignalRow, Xid8

__all__ = ["Match", "Neighbour", "Subject", "StoredSignal", "horizon", "neighbours", "neighbours_of"]


INDEX_BYTES = 32
"""Bytes of an index, and of a handle."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A subject as one match key shows it: what a look-up asks for."""

    match_key: str
    index: bytes


@dataclass(frozen=True, slots=True)
class StoredSignal:
    """A live signal as the rules engine needs it. `origins`, `handling_codes` and `sealed` may be empty.

    `sealed` are the items it has a sealed variant of.
    """

    signal_id: UUID
    party: str
    subject_kind: str
    category: str
    day: date
    purposes: tuple[str, ...]
    origins: tuple[str, ...]
    handling_codes: tuple[str, ...]
    sealed: tuple[str, ...]
    version: str
    submitted_at: datetime


@dataclass(frozen=True, slots=True)
class Match:
    """One shared match key value; `handle` is how the audit log names the subject by it."""

    match_key: str
    index: bytes
    handle: bytes


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A live signal on the anchor's subject, and by which match keys it is.

    `anchor` is the viewer's signal, or None after a look-up. The anchor itself is among its own neighbours, by all its
    match keys, as are the viewer's other signals on the subject: conditions count them.
    """

    anchor: UUID | None
    signal: StoredSignal
    matches: tuple[Match, ...]


def neighbours(session: Session, covenant_id: str, viewer: str, anchors: Sequence[UUID]) -> list[Neighbour]:
    """The neighbours of the viewer's live signals `anchors`, by anchor and signal id.

    An anchor that is not live, or not the viewer's, has none: not even itself.
    """
    if not anchors:
        return []
    asked = {"covenant_id": covenant_id, "viewer": viewer, "anchors": written_uuids(anchors)}
    return _gathered(session, _NEAR_ANCHORS, asked)


def neighbours_of(session: Session, covenant_id: str, subjects: Iterable[Subject]) -> list[Neighbour]:
    """The live signals on a subject that has no anchor: `subjects` are the same one by its several match keys."""
    wanted = list(subjects)
    if not wanted:
        return []
    asked = {
        "covenant_id": covenant_id,
        "match_keys": written_texts(subject.match_key for subject in wanted),
        "indexes": written_bytes(subject.index for subject in wanted),
    }
    return _gathered(session, _NEAR_SUBJECTS, asked)


def horizon(session: Session) -> int:
    """The oldest transaction still in progress: whatever is `changed` by an older one is visible now.

    Take it before reading, keep it, and read `changed >= it` next time: rows may be seen twice, none is missed.
    """
    return int(session.scalar(select(func.pg_snapshot_xmin(func.pg_current_snapshot(), type_=Xid8()))) or 0)


def _join(asked: FromClause, anchor: ColumnElement[Any]) -> Select[Any]:
    """Who is near what was asked in the covenant `:covenant_id`, one row for each neighbour.

    A row has the match keys in their order, joined with commas, and for each of them index ‖ handle.
    """
    near, signal = PseudonymRow, SignalRow
    found = (
        select(
            anchor.label("anchor"),
            col(near.signal_id).label("signal_id"),
            func.string_agg(col(near.match_key), aggregate_order_by(literal(",", Text), col(near.match_key))).label(
                "keys"
            ),
            func.string_agg(
                col(near.index_).op("||")(col(near.handle)),
                aggregate_order_by(literal(b"", LargeBinary), col(near.match_key)),
                type_=LargeBinary,
            ).label("values"),
        )
        .select_from(asked)
        .join(
            near,
            (col(near.covenant_id) == bindparam("covenant_id"))
            & (col(near.match_key) == asked.c.match_key)
            & (col(near.index_) == asked.c.index_)
            & col(near.live),
        )
        .group_by(anchor, col(near.signal_id))
        .cte("found")
    )
    return (
        select(
            found.c.anchor,
            found.c["keys"],
            found.c["values"],
            col(signal.signal_id),
            col(signal.party),
            col(signal.subject_kind),
            col(signal.category),
            col(signal.day),
            _joined(signal.purposes),
            _joined(signal.origins),
            _joined(signal.handling_codes),
            _joined(signal.sealed),
            col(signal.version),
            col(signal.submitted_at),
        )
        .join(
            found,
            (col(signal.covenant_id) == bindparam("covenant_id")) & (col(signal.signal_id) == found.c.signal_id),
        )
        .order_by(found.c.anchor, col(signal.signal_id))
    )


def _joined(words: list[str]) -> ColumnElement[str]:
    """An array of words of the covenant as one text: the driver reads that in a tenth of the time."""
    return func.array_to_string(col(words), ",", type_=Text)


_ANCHORS = (
    select(col(PseudonymRow.signal_id).label("anchor"), col(PseudonymRow.match_key), col(PseudonymRow.index_))
    .where(
        col(PseudonymRow.covenant_id) == bindparam("covenant_id"),
        any_of(PseudonymRow.signal_id, "anchors"),
        col(PseudonymRow.party) == bindparam("viewer"),
        col(PseudonymRow.live),
    )
    .cte("asked")
)
_SUBJECTS = (
    select(column("match_key", Text), column("index_", LargeBinary))
    .select_from(
        func.unnest(given("match_keys", TEXTS), given("indexes", BYTES))
        .table_valued(column("match_key", Text), column("index_", LargeBinary), name="asked")
        .render_derived()
    )
    .cte("asked")
)
_NEAR_ANCHORS = _join(_ANCHORS, _ANCHORS.c.anchor)
_NEAR_SUBJECTS = _join(_SUBJECTS, literal(None, SqlUuid))


def _gathered(session: Session, query: Select[Any], asked: Mapping[str, str]) -> list[Neighbour]:
    return [
        Neighbour(anchor, _stored(stated), _matches(keys, values))
        for anchor, keys, values, *stated in session.connection().execute(query, asked)
    ]


def _matches(keys: str, values: bytes) -> tuple[Match, ...]:
    return tuple(
        Match(match_key, values[at : at + INDEX_BYTES], values[at + INDEX_BYTES : at + 2 * INDEX_BYTES])
        for match_key, at in zip(keys.split(","), range(0, len(values), 2 * INDEX_BYTES), strict=True)
    )


def _stored(stated: Sequence[Any]) -> StoredSignal:
    signal_id, party, subject_kind, category, day, purposes, origins, codes, sealed, version, submitted_at = stated
    return StoredSignal(
        signal_id,
        party,
        subject_kind,
        category,
        day,
        _words(purposes),
        _words(origins),
        _words(codes),
        _words(sealed),
        version,
        submitted_at,
    )


def _words(joined: str) -> tuple[str, ...]:
    return tuple(joined.split(",")) if joined else ()
