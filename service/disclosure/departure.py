"""What goes of answers when their reader leaves, or when the covenant ends: everything. The log has what it needs."""

from __future__ import annotations

from sqlmodel import Session, SQLModel, col

from service.disclosure.conditions.tables import ApprovalRow, CodedTellingRow, ReleaseAskRow, SourceReleaseRow
from service.disclosure.figures.tables import AreaFigureRow, AreaMonthRow
from service.disclosure.tables import DisclosureRow, HitFeed, HitState, LookUpCount, Notice, Told
from service.storage.erasure import erase_some

__all__ = ["erase_some_of_covenant", "erase_some_of_party"]

_WHOSE: tuple[tuple[type[SQLModel], str], ...] = (
    (HitState, "viewer"),
    (HitFeed, "viewer"),
    (DisclosureRow, "party"),
    (Notice, "source"),
    (LookUpCount, "party"),
    (Told, "party"),
    (ReleaseAskRow, "viewer"),
    (SourceReleaseRow, "source"),
    (SourceReleaseRow, "viewer"),
    (ApprovalRow, "party"),
    (CodedTellingRow, "party"),
)
"""Every table of this slice with rows of parties, and the column that says whose they are."""
_NOBODYS: tuple[type[SQLModel], ...] = (AreaMonthRow, AreaFigureRow)


def erase_some_of_party(session: Session, covenant_id: str, party: str) -> int:
    """Deletes some of what was told to a party that has left; returns how many rows, none once nothing is left."""
    for table, whose in _WHOSE:
        of_party = (col(_column(table, "covenant_id")) == covenant_id, col(_column(table, whose)) == party)
        if gone := erase_some(session, table, *of_party):
            return gone
    return 0


def erase_some_of_covenant(session: Session, covenant_id: str) -> int:
    """Deletes some of what was told under a covenant that has ended; none once nothing is left."""
    for table in (*(table for table, _ in _WHOSE), *_NOBODYS):
        if gone := erase_some(session, table, col(_column(table, "covenant_id")) == covenant_id):
            return gone
    return 0


def _column(table: type[SQLModel], name: str) -> str:
    column: str = getattr(table, name)
    return column
