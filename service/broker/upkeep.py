"""What the broker does by itself: signals expire and are forgotten, sources are reminded, versions' days come, endings
are finished, the log is compared with the key holder's, and its entries go at the end of their retention."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import structlog
from sqlmodel import Session

from service.audit.retention import Retention
from service.broker.comparing import compare_logs
from service.broker.context import BrokerContext
from service.broker.governance import finish_endings, turn_to_new_versions
from service.covenants.log_retention import erase_due_entries
from service.disclosure.conditions.upkeep import carry_on
from service.disclosure.figures.area import draw_up
from service.heartbeat import Heartbeat
from service.storage.spent_tokens import DatabaseSpentTokens

__all__ = ["kept_up", "upkeep"]

FIRST = timedelta(minutes=1)
"""After the start: a service that was just started has requests to answer first."""
EVERY = timedelta(hours=1)

_log = structlog.get_logger("service.broker")


def kept_up(context: BrokerContext) -> Heartbeat:
    """Rounds every hour, in a thread of their own, while it is entered as a context."""
    started = False

    def round_() -> float:
        nonlocal started
        if not started:
            started = True
            return FIRST.total_seconds()
        upkeep(context)
        return EVERY.total_seconds()

    return Heartbeat("upkeep", round_)


def upkeep(context: BrokerContext) -> None:
    """One round, harmless to repeat and to run in several processes at once. Raises Unavailable."""
    destroyed = turn_to_new_versions(context)
    finish_endings(context)
    with context.database.transaction() as session:
        covenants = context.covenants.list(session)
    expired = sum(_all(context, context.signals.expire, covenant_id) for covenant_id in covenants)
    for covenant_id in covenants:
        with context.database.transaction() as session:
            carry_on(session, context.desk, covenant_id)
        with context.database.transaction() as session:
            context.desk.forget(session, covenant_id)
        with context.database.transaction() as session:
            draw_up(session, context.desk, context.covenants.current(session, covenant_id))
    forgotten = sum(_all(context, context.signals.forget, covenant_id) for covenant_id in covenants)
    compare_logs(context)
    DatabaseSpentTokens(context.database, clock=context.clock).purge()
    retention = Retention(context.audit, clock=context.clock)
    erased = erase_due_entries(context.database, retention, context.covenants, context.course)
    if destroyed or expired or forgotten or erased:
        done = {"keys_destroyed": destroyed, "signals_expired": expired, "signals_forgotten": forgotten}
        _log.info("upkeep", **done, entries_erased=erased)


def _all(context: BrokerContext, step: Callable[[Session, str], int], covenant_id: str) -> int:
    """Does a step over and over, a transaction each time, until it finds nothing more; returns what it did in all."""
    total = 0
    while True:
        with context.database.transaction() as session:
            done = step(session, covenant_id)
        if not done:
            return total
        total += done
