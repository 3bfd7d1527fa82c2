"""What the key holder does by itself: destroys keys that are over, forgets answers, receipts and uses that nobody can
ask about any more, erases entries of its log at the end of their retention."""

from __future__ import annotations

from datetime import timedelta

import structlog

from service.audit.retention import Retention
from service.covenants.log_retention import erase_due_entries
from service.heartbeat import Heartbeat
from service.keyholder.governance import turn_to_new_versions
from service.keyholder.holder import KeyHolder
from service.storage.spent_tokens import DatabaseSpentTokens

__all__ = ["kept_up", "upkeep"]

EVERY = timedelta(hours=1)
ANSWERS_KEPT = timedelta(hours=1)
"""After a grant has expired; longer than any two clocks differ."""

_log = structlog.get_logger("service.keyholder")


def upkeep(holder: KeyHolder) -> None:
    """One round, harmless to repeat and to run in several processes at once. Raises Unavailable."""
    with holder.database.transaction() as session:
        destroyed = holder.sealing_keys.destroy_expired(session)
        holder.releases.forget(session, holder.clock() - ANSWERS_KEPT)
        forgotten = holder.evaluations.forget(session)
    DatabaseSpentTokens(holder.database, clock=holder.clock).purge()
    withdrawn = turn_to_new_versions(holder)
    retention = Retention(holder.audit, clock=holder.clock)
    erased = erase_due_entries(holder.database, retention, holder.covenants, holder.course)
    if destroyed or withdrawn or erased or forgotten:
        done = {"sealing_keys_destroyed": destroyed, "party_keys_destroyed": withdrawn, "rows_forgotten": forgotten}
        _log.info("upkeep", **done, entries_erased=erased)


def kept_up(holder: KeyHolder) -> Heartbeat:
    """Rounds now and every hour, in a thread of their own, while it is entered as a context."""

    def round_() -> float:
        upkeep(holder)
        return EVERY.total_seconds()

    return Heartbeat("upkeep", round_)
