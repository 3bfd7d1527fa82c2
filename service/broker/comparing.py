"""The broker compares its log with the key holder's, a day at a time, as soon as the day is over."""

from __future__ import annotations

from datetime import date

import structlog

from service.broker.context import BrokerContext
from service.errors import Unavailable

__all__ = ["compare_logs"]

_log = structlog.get_logger("service.broker")


def compare_logs(context: BrokerContext) -> None:
    """Compares every day that is due, of every covenant. Harmless to repeat and to run in several processes at once.

    While the key holder is away nothing is compared and nothing is lost: the days stay due.
    """
    with context.database.transaction() as session:
        covenants = context.covenants.list(session)
    for covenant_id in covenants:
        while (day := _due(context, covenant_id)) is not None:
            try:
                used = list(context.key_holder.grant_uses(covenant_id, day))
            except Unavailable as error:
                _log.warning("logs not compared", covenant=covenant_id, day=day.isoformat(), reason=error.code)
                break
            with context.database.transaction() as session:
                found = context.comparisons.compare(session, covenant_id, day, used)
            if found is not None and found.differences:
                _log.error("logs differ", covenant=covenant_id, day=day.isoformat(), differences=len(found.differences))


def _due(context: BrokerContext, covenant_id: str) -> date | None:
    with context.database.transaction() as session:
        return context.comparisons.due(session, covenant_id)
