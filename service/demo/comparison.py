"""What the parties were told over the API, held against what the oracle found on paper."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from uuid import UUID

from clients.sdk import Session
from clients.sdk.session import KnownHit
from service.demo.oracle import Finding


@dataclass(frozen=True, slots=True)
class Comparison:
    """`missing` were found on paper and not told; `surplus` were told and must not have been."""

    agreed: int
    missing: frozenset[Finding]
    surplus: frozenset[Finding]


def collect_hits(sessions: Mapping[str, Session]) -> dict[str, list[KnownHit]]:
    """Every party's hits, all parties asking at once."""
    with ThreadPoolExecutor(len(sessions)) as threads:
        futures = {party: threads.submit(session.hits) for party, session in sessions.items()}
        return {party: future.result() for party, future in futures.items()}


def references(sessions: Mapping[str, Session]) -> dict[UUID, str]:
    """`party/reference` of every live signal, out of all the journals together: only the demo can do this."""
    return {
        entry.signal_id: f"{party}/{entry.record['reference']}"
        for party, session in sessions.items()
        for entry in session.journal.live()
    }


def compare(told: Mapping[str, list[KnownHit]], names: Mapping[UUID, str], expected: Iterable[Finding]) -> Comparison:
    """Compare item by item: who sees what of which signal, standing on which of its own."""
    heard = {
        (party, hit.purpose, hit.own.record["reference"], names[hit.hit.signal_id], item)
        for party, hits in told.items()
        for hit in hits
        if hit.own is not None
        for item in hit.hit.items
    }
    wanted = set(expected)
    return Comparison(len(heard & wanted), frozenset(wanted - heard), frozenset(heard - wanted))
