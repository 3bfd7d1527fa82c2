"""Notices to sources: that a signal of theirs was disclosed, as far and as soon as the covenant lets them know."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from sqlmodel import Session

from clients.protocol.messages.disclosure import SourceNotice
from service.disclosure import repository
from service.disclosure.asking import Asking
from service.disclosure.desk import Desk

__all__ = ["Position", "read"]

Position = tuple[date, UUID]
"""Where a page ends: the day from which its last notice may be read, and that notice."""


def read(
    session: Session, asking: Asking, desk: Desk, *, after: Position | None, limit: int
) -> tuple[tuple[SourceNotice, ...], Position | None]:
    """A page of the asking party's notices, and where the next begins; None after the last."""
    rows = repository.notices(session, asking.covenant_id, asking.viewer, asking.today, after, limit + 1)
    page = rows[:limit]
    desk.audit.append(session, asking.record("notices-read", counts={"notices": len(page)}))
    told = tuple(
        SourceNotice(
            notice_id=row.notice_id,
            signal_id=row.signal_id,
            day=row.day,
            party=row.party,
            purpose=row.purpose,
            items=None if row.items is None else tuple(row.items),
        )
        for row in page
    )
    return told, (page[-1].visible_from, page[-1].notice_id) if len(rows) > limit else None
