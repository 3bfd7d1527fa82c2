"""The log at work in the whole system, broker and key holder as processes: rates, lags and waits.

A System is the broker, which keeps its log itself, the key holder, which witnesses it, a further replica of the log's
keeper, and a PostgreSQL that flushes every commit to disk. Load that HTTP clients beside it cannot make on the same
machine is committed by processes as the broker's own do it.
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import psutil
import psycopg

from clients.protocol.messages.disclosure import GrantRequest
from clients.sdk import Session
from clients.sdk.records import RecordReader
from tests.audit.logbook import COVENANT
from tests.audit.outage import System
from tests.bench.audit_decisions import commit_at
from tests.governance.town import record

__all__ = ["AtWork", "HttpRate", "over_http", "under_load"]

_DECIDERS = 4


@dataclass(frozen=True)
class HttpRate:
    """Decisions a second through one process of the broker, and its processor time for one, in milliseconds."""

    rate: float
    used: float


@dataclass
class AtWork:
    """Seconds, under `rate` decisions a second."""

    rate: float = 0
    lags: list[float] = field(default_factory=list)
    """From each commit to the first signed head that covers it."""
    decided: list[float] = field(default_factory=list)
    """From asking what may be seen to the answer, over HTTP."""
    granted: list[float] = field(default_factory=list)
    """From asking what may be seen to holding a grant for it, over HTTP."""


def over_http(directory: Path, clients: int, seconds: float) -> HttpRate:
    """Clients in threads, each with requests one after the other."""
    parties = ("police", "municipality", "housing-north", "care-team")
    with System(directory) as system:
        for party in parties:
            with system.session(party) as session:
                _submit(session)
        broker = system.process("broker")
        ready, counts = threading.Barrier(clients + 1), list[int]()

        def ask(party: str) -> None:
            with system.session(party) as session:
                own = _own(session)
                session.disclose(own, "nuisance")
                ready.wait()
                end, count = time.monotonic() + seconds, 0
                while time.monotonic() < end:
                    session.disclose(own, "nuisance")
                    count += 1
                counts.append(count)

        threads = [threading.Thread(target=ask, args=(parties[n % len(parties)],)) for n in range(clients)]
        for thread in threads:
            thread.start()
        ready.wait()
        before = _used(broker)
        for thread in threads:
            thread.join()
        return HttpRate(sum(counts) / seconds, (_used(broker) - before) / sum(counts) * 1000)


def under_load(directory: Path, pool: Executor, rate: float, seconds: float) -> AtWork:
    """Decisions are committed at `rate`, or as far as the machine goes, while one party asks and has grants made."""
    with System(directory) as system:
        with system.session("police") as police, system.session("municipality") as municipality:
            for session in (police, municipality):
                _submit(session)
            url, work = system.urls["broker"], AtWork()
            with _heads(url) as seen:
                jobs = [pool.submit(commit_at, url, rate / _DECIDERS, seconds) for _ in range(_DECIDERS)]
                time.sleep(1)
                _grants(municipality, seconds - 2, work)
                made = [one for job in jobs for one in job.result()]
                time.sleep(2)
        work.rate = len(made) / (max(at for _, at in made) - min(at for _, at in made))
        work.lags = _lags(url, made, seen)
        return work


def _submit(session: Session) -> None:
    reader = RecordReader(session.agreement.covenant, session.profile.party)
    session.submit([reader.read(0, record("r", 1, **{"note.gist": "noise"}))])


def _own(session: Session) -> UUID:
    return next(iter(session.journal.live())).signal_id


def _used(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _grants(session: Session, seconds: float, work: AtWork) -> None:
    own, end = _own(session), time.monotonic() + seconds
    while time.monotonic() < end:
        start = time.perf_counter()
        disclosure = session.disclose(own, "nuisance")
        work.decided.append(time.perf_counter() - start)
        hit = next(hit for hit in disclosure.hits if hit.sealed)
        session.broker.grant(
            GrantRequest(
                disclosure_id=disclosure.disclosure_id,
                signal_id=hit.hit.signal_id,
                field=hit.sealed[0].field,
                variant=hit.sealed[0].variant,
            )
        )
        work.granted.append(time.perf_counter() - start)


@contextmanager
def _heads(url: str) -> Iterator[list[tuple[int, float]]]:
    """(size, when it was first seen) of every signed head, while the block lasts."""
    seen: list[tuple[int, float]] = []
    stopped = threading.Event()

    def watch() -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            while not stopped.wait(0.005):
                row = connection.execute(
                    "SELECT size FROM audit_checkpoint WHERE covenant_id = %s", (COVENANT,)
                ).fetchone()
                if row and (not seen or row[0] > seen[-1][0]):
                    seen.append((row[0], time.time()))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield seen
    finally:
        stopped.set()
        thread.join()


def _lags(url: str, made: Sequence[tuple[UUID, float]], seen: Sequence[tuple[int, float]]) -> list[float]:
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT entry_id, leaf_index FROM audit_leaf WHERE covenant_id = %s", (COVENANT,))
        places: dict[UUID, int] = dict(found)
    sizes = [size for size, _ in seen]
    return [seen[bisect_right(sizes, places[entry])][1] - at for entry, at in made]
