"""Decisions committed with their entries, as processes of the broker do: one after the other, or at a steady rate.

The functions here run in worker processes, so this module loads no more than they need.
"""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime
from uuid import UUID, uuid4

from service.audit.events import Log
from service.audit.writer import AuditWriter
from service.disclosure import repository as disclosures
from service.storage.database import Database
from tests.audit.logbook import COVENANT, decided

__all__ = ["Decider", "commit_at", "commit_for", "fill"]

_AT_ONCE = 1000


class Decider:
    """One process of the broker: its connection, its writer."""

    def __init__(self, url: str) -> None:
        self.database = Database(url, pool_size=1)
        self.writer = AuditWriter(Log.BROKER, clock=lambda: datetime.now(UTC), random=secrets.token_bytes)

    def decide(self) -> UUID:
        """Commits one decision and its entry; returns the entry."""
        disclosure = uuid4()
        with self.database.transaction() as session:
            entry = self.writer.append(session, decided(disclosure=disclosure))
            disclosures.add_disclosure(session, _row(disclosure, entry.entry_id, entry.at))
        return entry.entry_id


def _row(disclosure: UUID, entry_id: UUID, at: datetime) -> disclosures.Committed:
    return disclosures.Committed(
        covenant_id=COVENANT,
        party="police",
        disclosure_id=disclosure,
        request=secrets.token_bytes(32),
        version="ab" * 32,
        purpose="nuisance",
        stage="signal",
        decided_at=at,
        audit_entry_id=entry_id,
        anchor_signal_id=uuid4(),
        answer="[]",
        obligations=[],
    )


def commit_for(url: str, seconds: float) -> tuple[int, float]:
    """As many decisions as this process commits one after the other: (how many, seconds of its own processor time)."""
    decider = Decider(url)
    decider.decide()
    count, end, used = 0, time.monotonic() + seconds, time.process_time()
    while time.monotonic() < end:
        decider.decide()
        count += 1
    return count, time.process_time() - used


def commit_at(url: str, rate: float, seconds: float) -> list[tuple[UUID, float]]:
    """Decisions at a steady rate: entry, and when its commit was acknowledged (seconds since 1970)."""
    decider, made = Decider(url), []
    start = time.monotonic()
    for number in range(int(rate * seconds)):
        time.sleep(max(0.0, start + number / rate - time.monotonic()))
        entry = decider.decide()
        made.append((entry, time.time()))
    return made


def fill(url: str, count: int) -> None:
    """Entries without a place, a thousand in a transaction."""
    decider = Decider(url)
    for _ in range(count // _AT_ONCE):
        with decider.database.transaction() as session:
            decider.writer.append_many(session, [decided() for _ in range(_AT_ONCE)])
