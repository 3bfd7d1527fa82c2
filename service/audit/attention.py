"""What an operator has to look into about the log of a service, as codes that `/v1/health/ready` tells."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlmodel import Session

from service.audit.tree import repository

__all__ = ["log_concerns"]

_LATE = timedelta(seconds=60)
"""Entries get their places within a second, and heads are shown to the witness every ten."""


def log_concerns(session: Session, now: datetime, *, witnessed: bool) -> tuple[str, ...]:
    """About every tree of the service; `witnessed` where another service cosigns them.

    log-not-kept        an entry has waited for its place for a minute: no sequencer runs, or it found damage
    log-not-witnessed   the witness has cosigned no head of some log for a minute: no grant is signed there
    """
    before, found = now - _LATE, []
    if repository.waits_since(session, before):
        found.append("log-not-kept")
    if witnessed and repository.unwitnessed_since(session, before):
        found.append("log-not-witnessed")
    return tuple(found)
