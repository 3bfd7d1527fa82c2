"""How fast the audit log takes entries, gives them places, has them witnessed, and is verified.

    python -m tests.bench.bench_audit [--full]

Entries are of decisions, each committed with its decision in a transaction of its own, on a PostgreSQL that flushes
every commit to disk. `--full` runs longer and verifies one million entries instead of a hundred thousand. What waits
for a processor is measured in its time too, which other work on the machine does not lengthen as much.
"""

from __future__ import annotations

import argparse
import os
import secrets
import statistics
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import psutil

from service.audit.tree.sequencer import LogSigner, Sequencer
from service.broker.tables import metadata
from service.storage.database import Database
from service.storage.embedded import EmbeddedPostgres
from service.web.access_log import configure_logging
from tests.audit.logbook import now
from tests.bench.audit_copies import verified
from tests.bench.audit_decisions import commit_for, fill
from tests.bench.audit_system import over_http, under_load

CONCURRENT = 8
"""Transactions at once, each in a process of its own, and clients of the broker."""
RATE = 500
"""Decisions a second under which lags and grants are measured."""

Row = tuple[str, str, str]
"""What, measured, wanted."""


def committing(postgres: EmbeddedPostgres, url: str, pool: Executor, seconds: float) -> list[Row]:
    before = _used_by(postgres)
    jobs = [pool.submit(commit_for, url, seconds) for _ in range(CONCURRENT)]
    counts, used = zip(*(job.result() for job in jobs), strict=True)
    deciding, storing = (share / sum(counts) * 1000 for share in (sum(used), _used_by(postgres) - before))
    return [
        (
            f"decisions committed with their entries, {CONCURRENT} processes at once",
            f"{sum(counts) / seconds:,.0f}/s",
            "≥ 1,500/s",
        ),
        ("processor time for one: the deciding process, PostgreSQL", f"{deciding:.2f} + {storing:.2f} ms", ""),
    ]


def _used_by(postgres: EmbeddedPostgres) -> float:
    """Seconds of processor time of the server and all its processes, also of those that have ended."""
    server = psutil.Process(postgres._server.get_pid())
    own = server.cpu_times()
    alive = [process.cpu_times() for process in server.children(recursive=True)]
    ended = own.children_user + own.children_system
    return float(ended + sum(times.user + times.system for times in (own, *alive)))


def sequencing(url: str, pool: Executor, count: int) -> list[Row]:
    for job in [pool.submit(fill, url, count // 4) for _ in range(4)]:
        job.result()
    database = Database(url, pool_size=1)
    sequencer = Sequencer(database, LogSigner("https://broker.example", secrets.token_bytes(32)), clock=now)
    placed, start = 0, time.perf_counter()
    while done := sequencer.round():
        placed += done
    elapsed = time.perf_counter() - start
    database.dispose()
    return [(f"entries given their places, {count:,} waiting", f"{placed / elapsed:,.0f}/s", "≥ 10,000/s")]


def asking(directory: Path, seconds: float) -> list[Row]:
    measured = over_http(directory, CONCURRENT, seconds)
    return [
        (f"decisions through HTTP, {CONCURRENT} clients, one process of the broker", f"{measured.rate:,.0f}/s", ""),
        ("processor time of the broker for one", f"{measured.used:.1f} ms", ""),
    ]


def granting(directory: Path, pool: Executor, seconds: float) -> list[Row]:
    work = under_load(directory, pool, RATE, seconds)
    at = f"{work.rate:,.0f} decisions/s"
    return [
        (f"from commit to a signed head at {at}, median", _milliseconds(work.lags, 50), ""),
        (f"from commit to a signed head at {at}, 99th percentile", _milliseconds(work.lags, 99), "≤ 1,000 ms"),
        (f"from request to decision at {at}, median of {len(work.decided)}", _milliseconds(work.decided, 50), ""),
        (f"from request to grant at {at}, median", _milliseconds(work.granted, 50), ""),
        (f"from request to grant at {at}, 95th percentile", _milliseconds(work.granted, 95), "≤ 1,500 ms"),
    ]


def verifying(directory: Path, pool: Executor, size: int) -> list[Row]:
    rate = verified(directory, pool, size)
    return [(f"entries verified offline, of {size:,}, a second of one core", f"{rate:,.0f}", "≥ 25,000")]


def _milliseconds(seconds: Sequence[float], share: int) -> str:
    return f"{statistics.quantiles(seconds, n=100)[share - 1] * 1000:,.0f} ms"


def run(directory: Path, *, full: bool) -> list[Row]:
    seconds, sequence, verify = (30.0, 200_000, 1_000_000) if full else (8.0, 40_000, 100_000)
    rows: list[Row] = []
    with ProcessPoolExecutor(CONCURRENT, mp_context=get_context("spawn")) as pool:
        with EmbeddedPostgres(directory / "postgres") as postgres:
            for name in ("commit", "sequence"):
                database = Database(postgres.create(name))
                metadata.create_all(database.engine)
                database.dispose()
            rows += committing(postgres, postgres.url("commit"), pool, seconds)
            rows += sequencing(postgres.url("sequence"), pool, sequence)
        rows += asking(directory / "http", seconds)
        rows += granting(directory / "load", pool, seconds + 7)
        rows += verifying(directory / "copy", pool, verify)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--full", action="store_true")
    options = parser.parse_args()
    configure_logging("ERROR")
    before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o755)
        rows = run(directory, full=options.full)
    print(f"Load average {before:.1f} before, {os.getloadavg()[0]:.1f} after, {len(os.sched_getaffinity(0))} cores.\n")
    print("| what | measured | wanted |\n|---|---:|---:|")
    for row in rows:
        print(f"| {' | '.join(row)} |")


if __name__ == "__main__":
    main()
