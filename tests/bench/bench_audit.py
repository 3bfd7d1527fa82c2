"""How fast the audit log takes entries, gives them places, has them witnessed, and is verified.

    python -m tests.bench.bench_audit [--full]

Entries are of decisions, committed each with its decision in a transaction of its own, on a PostgreSQL that flushes
every commit to disk. `--full` runs longer and verifies one million entries instead of a hundred thousand.
"""

from __future__ import annotations

import argparse
import os
import secrets
import statistics
import tempfile
import threading
import time
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from uuid import UUID, uuid4

import psycopg

from clients.protocol.audit_leaf import entry_leaf
from clients.protocol.checkpoint import Checkpoint, LogKey, sign_checkpoint
from clients.protocol.merkle import root_of_leaves
from clients.protocol.messages.broker import GrantRequest
from clients.protocol.messages.log import LoggedEntry
from clients.protocol.signatures import public_key
from clients.protocol.tiles import TILE_WIDTH, bundle_path
from clients.sdk import Session
from clients.sdk.log_copy import LogCopy
from clients.sdk.records import RecordReader
from clients.sdk.verify_log import verify_log
from service.audit.events import Log
from service.audit.leaf import leaf_fields
from service.audit.record import AuditRecord, stored_form
from service.audit.tree.sequencer import LogSigner, Sequencer
from service.audit.writer import AuditWriter, uuid7
from service.broker.tables import metadata
from service.disclosure import repository as disclosures
from service.disclosure.tables import DisclosureRow
from service.storage.database import Database
from service.storage.embedded import EmbeddedPostgres
from service.web.access_log import configure_logging
from tests.audit.logbook import COVENANT, POLICE, decided, now, submitted
from tests.audit.outage import System
from tests.governance.town import record

CONCURRENT = 8
"""Transactions at once, each in a process of its own."""
RATE = 500
"""Decisions a second under which lag and grants are measured."""
ORIGIN = f"broker.example/covenants/{COVENANT}"


# -- committing


class Decider:
    """Commits decisions, each with its entry, as a process of the broker does."""

    def __init__(self, url: str) -> None:
        self.database = Database(url, pool_size=1)
        self.writer = AuditWriter(Log.BROKER, clock=now, random=secrets.token_bytes)

    def decide(self) -> UUID:
        disclosure = uuid4()
        with self.database.transaction() as session:
            entry = self.writer.append(session, decided(disclosure=disclosure))
            disclosures.add_disclosure(session, _row(disclosure, entry.entry_id))
        return entry.entry_id


def _row(disclosure: UUID, entry_id: UUID) -> DisclosureRow:
    return DisclosureRow(
        covenant_id=COVENANT,
        party="police",
        disclosure_id=disclosure,
        request=secrets.token_bytes(32),
        version="ab" * 32,
        purpose="nuisance",
        stage="signal",
        decided_at=now(),
        audit_entry_id=entry_id,
        anchor_signal_id=uuid4(),
        answer="[]",
        obligations=[],
    )


def commit_for(url: str, seconds: float) -> int:
    """As many decisions as this process commits one after the other."""
    decider = Decider(url)
    decider.decide()
    count, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        decider.decide()
        count += 1
    return count


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
    for _ in range(count // 1000):
        with decider.database.transaction() as session:
            decider.writer.append_many(session, [decided() for _ in range(1000)])


# -- measuring


def committed(url: str, pool: Executor, seconds: float) -> float:
    jobs = [pool.submit(commit_for, url, seconds) for _ in range(CONCURRENT)]
    return sum(job.result() for job in jobs) / seconds


def sequenced(url: str, pool: Executor, count: int) -> float:
    for job in [pool.submit(fill, url, count // 4) for _ in range(4)]:
        job.result()
    database = Database(url, pool_size=1)
    sequencer = Sequencer(database, LogSigner("https://broker.example", secrets.token_bytes(32)), clock=now)
    placed, start = 0, time.perf_counter()
    while done := sequencer.round():
        placed += done
    elapsed = time.perf_counter() - start
    database.dispose()
    return placed / elapsed


@contextmanager
def heads(url: str) -> Iterator[list[tuple[int, float]]]:
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


def lags(url: str, made: Sequence[tuple[UUID, float]], seen: Sequence[tuple[int, float]]) -> list[float]:
    """Seconds from each commit to the first head that covers it."""
    with psycopg.connect(url) as connection:
        places = dict(
            connection.execute("SELECT entry_id, leaf_index FROM audit_leaf WHERE covenant_id = %s", (COVENANT,))
        )
    sizes = [size for size, _ in seen]
    return [seen[bisect_right(sizes, places[entry])][1] - at for entry, at in made]


def grants(session: Session, seconds: float) -> list[float]:
    """Seconds from asking what may be seen to holding a grant for it, over HTTP, again and again."""
    taken = []
    own = next(iter(session.journal.live())).signal_id
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        start = time.perf_counter()
        disclosure = session.disclose(own, "nuisance")
        hit = next(hit for hit in disclosure.hits if hit.sealed)
        session.broker.grant(
            GrantRequest(
                disclosure_id=disclosure.disclosure_id,
                signal_id=hit.hit.signal_id,
                field=hit.sealed[0].field,
                variant=hit.sealed[0].variant,
            )
        )
        taken.append(time.perf_counter() - start)
    return taken


def under_load(directory: Path, pool: Executor, seconds: float) -> tuple[list[float], list[float], float]:
    """Lags of heads and times of grants while decisions are committed, and how many a second they were."""
    with System(directory) as system:
        with system.session("police") as police, system.session("municipality") as municipality:
            for session in (police, municipality):
                reader = RecordReader(session.agreement.covenant, session.profile.party)
                session.submit([reader.read(0, record("r", 1, **{"note.gist": "noise"}))])
            url = system.urls["broker"]
            with heads(url) as seen:
                jobs = [pool.submit(commit_at, url, RATE / 4, seconds) for _ in range(4)]
                time.sleep(1)
                taken = grants(municipality, seconds - 2)
                made = [one for job in jobs for one in job.result()]
                time.sleep(2)
        span = max(at for _, at in made) - min(at for _, at in made)
        return lags(url, made, seen), taken, len(made) / span


def over_http(directory: Path, seconds: float) -> float:
    """Decisions a second through HTTP: eight clients in threads, one process of the broker."""
    with System(directory) as system:
        counts: list[int] = []
        parties = ("police", "municipality", "housing-north", "care-team")
        for party in parties:
            with system.session(party) as session:
                reader = RecordReader(session.agreement.covenant, party)
                session.submit([reader.read(0, record("r", 1))])
        ready = threading.Barrier(CONCURRENT)

        def ask(party: str) -> None:
            with system.session(party) as session:
                own = next(iter(session.journal.live())).signal_id
                session.disclose(own, "nuisance")
                ready.wait()
                end, count = time.monotonic() + seconds, 0
                while time.monotonic() < end:
                    session.disclose(own, "nuisance")
                    count += 1
                counts.append(count)

        threads = [threading.Thread(target=ask, args=(parties[n % len(parties)],)) for n in range(CONCURRENT)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sum(counts) / seconds


# -- verifying


def bundle(directory: Path, index: int, width: int) -> list[bytes]:
    """Writes one tile and its entries as a copy has them; returns the leaves."""
    leaves, lines = [], []
    for place in range(index * TILE_WIDTH, index * TILE_WIDTH + width):
        made, at = _record(place), datetime.now(UTC)
        entry_id, salt = uuid7(at, 0, os.urandom(6)), os.urandom(32)
        fields = leaf_fields(COVENANT, entry_id, made.event, at, stored_form(made, Log.BROKER))
        leaves.append(entry_leaf(salt, fields))
        texts = {name: value.decode() for name, value in fields.items()}
        lines.append(LoggedEntry(index=place, salt=salt, fields=texts).model_dump_json(exclude_none=True))
    name = bundle_path(index, width)
    for path, content in ((f"tile/0/{name}", b"".join(leaves)), (f"entries/{name}", "\n".join(lines).encode())):
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_bytes(content)
    return leaves


def _record(place: int) -> AuditRecord:
    """Three decisions, a submission and an empty answer in five."""
    match place % 5:
        case 0:
            return submitted()
        case 1:
            return AuditRecord(event="hits-read-empty", covenant_id=COVENANT, by=POLICE, counts={"hits": 0})
        case _:
            return decided()


def verified(directory: Path, pool: Executor, size: int) -> float:
    """Entries a second, from the files of a copy to the report, on one core."""
    widths = [min(TILE_WIDTH, size - start) for start in range(0, size, TILE_WIDTH)]
    made = pool.map(partial(bundle, directory), range(len(widths)), widths, chunksize=16)
    leaves = [leaf for part in made for leaf in part]
    key = secrets.token_bytes(32)
    (directory / "checkpoint").write_text(sign_checkpoint(Checkpoint(ORIGIN, size, root_of_leaves(leaves)), key))
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(cores)})
    start = time.perf_counter()
    report = verify_log(LogCopy(directory), LogKey(ORIGIN, public_key(key)))
    elapsed = time.perf_counter() - start
    os.sched_setaffinity(0, cores)
    if report.entries != size:
        raise SystemExit("the copy was not verified whole")
    return size / elapsed


# -- all of it


def percentile(values: Sequence[float], share: int) -> float:
    return statistics.quantiles(values, n=100)[share - 1]


def run(directory: Path, *, full: bool) -> list[tuple[str, str, str]]:
    """(what, measured, wanted)."""
    seconds, sequence, verify = (30.0, 200_000, 1_000_000) if full else (8.0, 40_000, 100_000)
    rows: list[tuple[str, str, str]] = []
    with ProcessPoolExecutor(CONCURRENT, mp_context=get_context("spawn")) as pool:
        with EmbeddedPostgres(directory / "postgres") as postgres:
            for name in ("commit", "sequence"):
                database = Database(postgres.create(name))
                metadata.create_all(database.engine)
                database.dispose()
            rate = committed(postgres.url("commit"), pool, seconds)
            rows.append(
                (f"decisions committed with their entries, {CONCURRENT} at once", f"{rate:,.0f}/s", "≥ 1,500/s")
            )
            rate = sequenced(postgres.url("sequence"), pool, sequence)
            rows.append((f"entries given their places, {sequence:,} waiting", f"{rate:,.0f}/s", "≥ 10,000/s"))
        rate = over_http(directory / "http", seconds)
        rows.append(("decisions through HTTP, one process of the broker", f"{rate:,.0f}/s", "stated"))
        lag, taken, rate = under_load(directory / "load", pool, seconds + 7)
        at = f"at {rate:,.0f} decisions/s"
        rows.append(
            (f"from commit to a signed head, {at}, 50th percentile", f"{percentile(lag, 50) * 1000:,.0f} ms", "")
        )
        rows.append(
            (f"from commit to a signed head, {at}, 99th", f"{percentile(lag, 99) * 1000:,.0f} ms", "≤ 1,000 ms")
        )
        rows.append(
            (f"from request to grant, {at}, 50th ({len(taken)})", f"{percentile(taken, 50) * 1000:,.0f} ms", "")
        )
        rows.append((f"from request to grant, {at}, 95th", f"{percentile(taken, 95) * 1000:,.0f} ms", "≤ 1,500 ms"))
        rate = verified(directory / "copy", pool, verify)
        rows.append((f"entries verified offline, of {verify:,}, one core", f"{rate:,.0f}/s", "≥ 25,000/s"))
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
