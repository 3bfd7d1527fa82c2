"""What the key holder does by itself: destroys keys of months that are over, forgets answers nobody can ask again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import structlog

from service.errors import Unavailable
from service.keyholder.holder import KeyHolder

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
    if destroyed:
        _log.info("sealing keys destroyed", count=destroyed)


@contextmanager
def kept_up(holder: KeyHolder) -> Iterator[None]:
    """Rounds now and every hour, in a thread of their own, while the block lasts."""
    stopped = threading.Event()

    def rounds() -> None:
        while True:
            try:
                upkeep(holder)
            except Unavailable as error:
                _log.warning("upkeep postponed", reason=error.code)
            if stopped.wait(EVERY.total_seconds()):
                return

    thread = threading.Thread(target=rounds, name="upkeep", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()
