"""How long matching takes as the store grows: a batch of 1,000 signals against 100,000 pseudonyms, then ten million.

    python -m tests.bench.bench_matching_scale [--stored 100000] [--full] [--batch 1000]

The broker's own tables and statements on an embedded PostgreSQL as it comes (128 MB of shared buffers). Half as many
signals as pseudonyms are stored, by five parties, three to a subject on the average, each with two match keys. Timed
are the one join that serves a batch, the same for a look-up, the same asked one signal at a time, and what a hit feed
asks first: which of a party's signals were touched by a batch that has just come in. Each is the median over batches
that were not asked before, and the first of them by itself, since it finds no page in memory.

What one new signal costs stands beside running the intersection of two of the parties again, on one core: its token
from identifier to index, with a proof, and the join for it alone.
"""

from __future__ import annotations

import argparse
import os
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TypeVar
from uuid import UUID

from sqlalchemy import Connection, text
from sqlmodel import Session

from service.broker.tables import metadata
from service.disclosure import feed_repository
from service.signals import matching
from service.signals.matching import Neighbour, Subject
from service.storage.database import Database
from service.storage.embedded import EmbeddedPostgres
from tests.bench.bench_matching import identifiers, intersect, match, one_batch, two_sides

Made = TypeVar("Made")

COVENANT, PARTIES = "complex-approach", ("municipality", "police", "housing-north", "housing-south", "care-team")
MATCH_KEYS = ("address-bag", "address-postcode")
ROUNDS = 7

# A signal's subject is a hash of its number; `uuid` and indexes are hashes too, as random as the real ones.
_SIGNALS = """
INSERT INTO signal (covenant_id, signal_id, party, state, subject_kind, category, day, purposes, origins,
                    handling_codes, sealed, version, submitted_at, batch_id, leaf_index)
SELECT :covenant, md5('signal ' || n)::uuid, (CAST(:parties AS text[]))[1 + n % 5], 'live', 'address', 'noise',
       DATE '2026-11-01', '{nuisance}', '{}', '{}', '{}', repeat('0', 64), now(), md5('batch ' || n / 1000)::uuid,
       n % 1000
FROM generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) AS n
"""
_PSEUDONYMS = """
INSERT INTO pseudonym (covenant_id, match_key, index_, signal_id, party, live, handle, sealed, evidence_at)
SELECT :covenant, k, sha256(convert_to(k || ' ' || subject, 'UTF8')), md5('signal ' || n)::uuid,
       (CAST(:parties AS text[]))[1 + n % 5], true, sha256(convert_to('handle ' || subject, 'UTF8')),
       decode(repeat('00', 60), 'hex'), now()
FROM (SELECT n, ('x' || substr(md5('subject ' || n), 1, 15))::bit(60)::bigint % :subjects AS subject
      FROM generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) AS n) AS numbered,
     unnest(CAST(:match_keys AS text[])) AS k
"""


@dataclass(frozen=True)
class Store:
    """What stands in the tables."""

    database: Database
    signals: int

    def ids(self, count: int, party: str) -> list[UUID]:
        """Random signals of the party."""
        wanted = [secrets.randbelow(self.signals // 5) * 5 + PARTIES.index(party) for _ in range(count)]
        query = text("SELECT md5('signal ' || n)::uuid FROM unnest(CAST(:numbers AS bigint[])) AS n")
        with self.database.transaction() as session:
            return list(session.connection().execute(query, {"numbers": wanted}).scalars())


@contextmanager
def stored(directory: Path, pseudonyms: int) -> Iterator[Store]:
    """A database with so many pseudonyms, two to a signal."""
    with EmbeddedPostgres(directory / "postgres", durable=False) as postgres:
        database = Database(postgres.url("broker"), statement_timeout=None)
        metadata.create_all(database.engine)
        with database.engine.begin() as connection, _without_indexes(connection):
            fill(connection, 0, pseudonyms // 2, subjects=max(1, pseudonyms // 6))
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
        yield Store(database, pseudonyms // 2)
        database.dispose()


def fill(connection: Connection, first: int, count: int, *, subjects: int) -> None:
    """Signals numbered from `first` on, with their pseudonyms."""
    parameters = {
        "covenant": COVENANT,
        "parties": list(PARTIES),
        "match_keys": list(MATCH_KEYS),
        "first": first,
        "last": first + count - 1,
        "subjects": subjects,
    }
    connection.execute(text(_SIGNALS), parameters)
    connection.execute(text(_PSEUDONYMS), parameters)


@contextmanager
def _without_indexes(connection: Connection) -> Iterator[None]:
    """Builds the indexes once the rows are there: an index of ten million grows tenfold faster so."""
    keys = connection.execute(
        text(
            "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE contype = 'p' AND conrelid IN ('signal'::regclass, 'pseudonym'::regclass)"
        )
    ).all()
    for table, name, _ in keys:
        connection.execute(text(f"ALTER TABLE {table} DROP CONSTRAINT {name}"))
    others = connection.execute(
        text("SELECT indexname, indexdef FROM pg_indexes WHERE tablename IN ('signal', 'pseudonym')")
    ).all()
    for name, _ in others:
        connection.execute(text(f"DROP INDEX {name}"))
    yield
    connection.execute(text("SET LOCAL maintenance_work_mem = '1GB'"))
    for table, name, definition in keys:
        connection.execute(text(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}"))
    for _, definition in others:
        connection.execute(text(definition))


def timed(store: Store, ask: Callable[[Session], Made]) -> tuple[float, Made]:
    """Milliseconds of one question in a transaction of its own."""
    with store.database.transaction() as session:
        session.connection().execute(text("SELECT 1"))
        start = time.perf_counter()
        answer = ask(session)
        return (time.perf_counter() - start) * 1000, answer


def match_batch(store: Store, party: str, anchors: list[UUID]) -> tuple[float, list[Neighbour]]:
    return timed(store, lambda session: matching.neighbours(session, COVENANT, party, anchors))


def look_up(store: Store, subjects: list[Subject]) -> tuple[float, list[Neighbour]]:
    return timed(store, lambda session: matching.neighbours_of(session, COVENANT, subjects))


def subjects_of(found: list[Neighbour]) -> list[Subject]:
    return [Subject(match.match_key, match.index) for match in found[0].matches]


def touch(store: Store, party: str, size: int, number: int) -> tuple[float, list[UUID]]:
    """A batch comes in; which of the party's signals does it concern?"""
    with store.database.transaction() as session:
        since = matching.horizon(session)
    with store.database.engine.begin() as connection:
        fill(connection, store.signals + number * size, size, subjects=max(1, store.signals // 3))
    last = UUID(int=(1 << 128) - 1)
    return timed(store, lambda session: feed_repository.touched(session, COVENANT, party, since, last))


def one_new_signal(store: Store, each: int) -> None:
    """Beside the intersection of two parties with so many records each."""
    side, _ = two_sides()
    spent = []
    for number, anchor in enumerate(store.ids(100, "police")):
        start = time.perf_counter()
        one_batch(side, [f"{number:016}".encode()], proved=True)
        made = (time.perf_counter() - start) * 1000
        spent.append(made + match_batch(store, "police", [anchor])[0])
    new = median(spent)
    print(f"  one new signal: token and join         {new:9.2f} ms")
    lists = identifiers(each)
    for name, run in (
        ("openmined-psi", lambda: set(intersect(*lists))),
        ("ours, a tenth of the batches proved", lambda: match(lists, 1000, 0.1, None)),
    ):
        start = time.perf_counter()
        run()
        again = (time.perf_counter() - start) * 1000
        print(f"  {each:,} records a party intersected again, {name}: {again:,.0f} ms, {again / new:,.0f} times")


def report(name: str, times: list[float], note: str) -> float:
    usual = median(times[1:])
    print(f"  {name:38} {usual:9.1f} ms   first {times[0]:9.1f} ms   {note}")
    return usual


def run(store: Store, size: int) -> float:
    """Milliseconds of the join that serves a batch of `size`."""
    batches, lookups, singles, feeds = [], [], [], []
    found: list[Neighbour] = []
    touched: list[UUID] = []
    for number in range(ROUNDS + 1):
        elapsed, found = match_batch(store, "police", store.ids(size, "police"))
        batches.append(elapsed)
        elapsed, _ = look_up(store, subjects_of(found))
        lookups.append(elapsed)
        alone = store.ids(max(1, size // 10), "police")
        singles.append(sum(match_batch(store, "police", [one])[0] for one in alone) / len(alone) * size)
        elapsed, touched = touch(store, "police", size, number)
        feeds.append(elapsed)
    met = sum(neighbour.signal.party != "police" for neighbour in found)
    joined = report(f"a batch of {size:,}, one join", batches, f"{met:,} signals of others met")
    report("a look-up by two match keys", lookups, "")
    report(f"{size:,} signals one at a time", singles, "reckoned from a tenth")
    report(f"feed: touched by a batch of {size:,}", feeds, f"{len(touched):,} anchors to decide anew")
    return joined


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stored", type=int, default=100_000)
    parser.add_argument("--full", action="store_true", help="then ten million pseudonyms; needs 8 GB of disk")
    parser.add_argument("--batch", type=int, default=1000)
    given = parser.parse_args()
    few, many = given.stored, 10_000_000
    joined = {pseudonyms: measure(pseudonyms, given.batch) for pseudonyms in ((few, many) if given.full else (few,))}
    if given.full:
        print(f"a batch against {many:,} pseudonyms beside one against {few:,}: {joined[many] / joined[few]:.1f} times")


def measure(pseudonyms: int, batch: int) -> float:
    """All of it with so many pseudonyms; milliseconds of the join that serves a batch."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o755)
        start = time.perf_counter()
        with stored(directory, pseudonyms) as store:
            print(f"{pseudonyms:,} pseudonyms of {store.signals:,} signals, stored in ", end="")
            print(f"{time.perf_counter() - start:.0f} s; load {os.getloadavg()[0]:.1f}")
            joined = run(store, batch)
            one_new_signal(store, min(100_000, store.signals // len(PARTIES)))
            return joined


if __name__ == "__main__":
    main()
