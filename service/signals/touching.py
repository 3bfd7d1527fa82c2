"""Having others look again: what is known of a signal besides what it says has changed.

Hit feeds find what to decide anew by the transaction that last changed a pseudonym row. A row that is written again
just so moves nothing by itself: whoever decides anew and sees the same is told nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from uuid import UUID

from sqlalchemy import ColumnElement, func, tuple_, update
from sqlmodel import Session, col

from service.signals.arrays import among
from service.signals.tables import PseudonymRow

__all__ = ["touch", "touch_values"]


def touch(session: Session, covenant_id: str, signal_ids: Collection[UUID]) -> None:
    """Whoever is near these signals decides anew."""
    _touch(session, covenant_id, among(PseudonymRow.signal_id, signal_ids))


def touch_values(session: Session, covenant_id: str, party: str, values: Iterable[tuple[str, bytes]]) -> None:
    """Whoever is near the party's signals with these match key values, given as (match key, index), decides anew."""
    named = tuple_(col(PseudonymRow.match_key), col(PseudonymRow.index_))
    _touch(session, covenant_id, named.in_(list(values)) & (col(PseudonymRow.party) == party))


def _touch(session: Session, covenant_id: str, which: ColumnElement[bool]) -> None:
    session.connection().execute(
        update(PseudonymRow)
        .where(col(PseudonymRow.covenant_id) == covenant_id, which)
        .values(changed=func.pg_current_xact_id())
    )
