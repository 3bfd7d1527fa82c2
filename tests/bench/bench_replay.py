"""How long a draft takes to be replayed over all the signals of a covenant, and how much memory that takes.

    python -m tests.bench.bench_replay [--signals 100000] [--full] [--processes N]

The broker's own tables, statements and audit log, on an embedded PostgreSQL as it comes. Signals of five parties in
five categories over ten months, with two match keys each and three signals to a subject on the average; one in twenty
is derived from another party's, one in twenty carries a handling code. The draft of the complex approach widens one
rule, narrows one and drops one. Memory is the most that this process and those it started held at one moment;
PostgreSQL is not counted. Beside it: how long a batch of a party takes to come in meanwhile.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import psutil
from sqlalchemy import Connection, text

from clients.protocol.messages.figures import ReplayAnswer
from service.broker.tables import metadata
from service.disclosure.figures import replays
from service.principals import Principal, Role
from service.storage.database import Database
from service.storage.embedded import EmbeddedPostgres
from service.web.access_log import configure_logging
from tests.kit import Stage, open_stage
from tests.kit.partner import subject
from tests.service.cast import DOCUMENT, amended

STEWARD = Principal("administrator-police", Role.ADMINISTRATOR, party="police")
CATEGORIES = ("noise", "waste", "illegal-subletting", "drug-dealing", "violence")
DRAFT = amended(
    "items: [hit, source, contact.role]\n    when: {independent_parties: 2, within: P90D}\n    audit",
    "items: [hit, source]\n    when: {independent_parties: 2, within: P120D}\n    audit",
    DOCUMENT,
)
DRAFT = amended(
    "from: [municipality, police]\n    to: [housing]\n    categories: [noise, waste]\n",
    "from: [municipality, police]\n    to: [housing]\n    categories: [noise]\n",
    DRAFT,
)
DRAFT = amended("when: {viewer_has: [noise, drug-dealing, violence]}", "when: {within: P180D}", DRAFT)

# Whatever a signal states is a hash of its number, as is its subject: as random as it gets, and the same every time.
_NUMBERED = """
CREATE TEMPORARY TABLE made ON COMMIT DROP AS
SELECT n, md5('signal ' || n)::uuid AS signal_id, (CAST(:parties AS text[]))[1 + roll(n, 'party') % 5] AS party,
       roll(n, 'category') AS category, roll(n, 'day') % 300 AS age, roll(n, 'rare') AS rare,
       roll(n, 'subject') % CAST(:subjects AS bigint) AS subject
FROM generate_series(0, CAST(:signals AS bigint) - 1) AS n
"""
_ROLL = """
CREATE FUNCTION roll(n bigint, what text) RETURNS bigint IMMUTABLE PARALLEL SAFE LANGUAGE sql
RETURN ('x' || substr(md5(what || n), 1, 15))::bit(60)::bigint
"""
_SIGNALS = """
INSERT INTO signal (covenant_id, signal_id, party, state, subject_kind, category, day, purposes, origins,
                    handling_codes, sealed, version, submitted_at, batch_id, leaf_index)
SELECT :covenant, signal_id, party, 'live', 'address',
       -- what a class of data a party may process: landlords and care do not report crime
       (CAST(:categories AS text[]))[1 + category % CASE WHEN party IN ('police', 'municipality') THEN 5 ELSE 3 END],
       CAST(:today AS date) - CAST(age AS integer), '{nuisance}',
       CASE WHEN rare % 20 = 0 AND party <> 'police' THEN '{police}' ELSE '{}' END::text[],
       CASE WHEN rare % 20 = 1 THEN '{not-to-landlords}' ELSE '{}' END::text[],
       CASE WHEN rare % 2 = 0 THEN '{note.gist,contact.role}' ELSE '{}' END::text[],
       :version, now(), md5('batch ' || n / 1000)::uuid, n % 1000
FROM made
"""
_PSEUDONYMS = """
INSERT INTO pseudonym (covenant_id, match_key, index_, signal_id, party, live, handle, sealed, evidence_at)
SELECT :covenant, k, sha256(convert_to(k || ' ' || subject, 'UTF8')), signal_id, party, true,
       sha256(convert_to('handle ' || subject, 'UTF8')), decode(repeat('00', 60), 'hex'), now()
FROM made, unnest('{address-bag,address-postcode}'::text[]) AS k
"""


@dataclass
class Watch:
    """What happened meanwhile."""

    most: int = 0
    """Bytes."""
    submissions: list[float] = field(default_factory=list)
    """Milliseconds of each batch of one signal."""


def fill(connection: Connection, stage: Stage, signals: int) -> None:
    covenant = stage.covenant
    connection.execute(text(_ROLL))
    connection.execute(
        text(_NUMBERED), {"parties": list(covenant.parties)[:5], "signals": signals, "subjects": max(1, signals // 3)}
    )
    given = {"covenant": covenant.id, "version": covenant.version}
    connection.execute(text(_SIGNALS), given | {"categories": list(CATEGORIES), "today": stage.context.clock().date()})
    connection.execute(text(_PSEUDONYMS), given)


@contextmanager
def watched(stage: Stage) -> Iterator[Watch]:
    """Looks ten times a second how much memory is held, and submits a signal as often as that takes."""
    watch, over, us = Watch(), threading.Event(), psutil.Process()
    police = stage.partner("police")

    def look() -> None:
        while not over.wait(0.1):
            held = 0
            for process in (us, *us.children(recursive=True)):
                try:
                    if process.name() != "postgres":
                        held += process.memory_info().rss
                except psutil.Error:
                    continue
            watch.most = max(watch.most, held)

    def submit() -> None:
        number = 0
        while not over.wait(0.2):
            made = police.signal(subject(f"new {number}"), "noise")
            start = time.perf_counter()
            police.submit(made)
            watch.submissions.append((time.perf_counter() - start) * 1000)
            number += 1

    threads = [threading.Thread(target=work) for work in (look, submit)]
    for thread in threads:
        thread.start()
    try:
        yield watch
    finally:
        over.set()
        for thread in threads:
            thread.join()


def processor_seconds() -> float:
    """Of this process and of those it started that have ended; PostgreSQL's is not in it."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def replay(stage: Stage, processes: int | None = None) -> ReplayAnswer:
    context = stage.context
    with context.database.transaction(isolation="REPEATABLE READ") as session:
        return replays.replay(
            session, context.desk, stage.covenant.id, DRAFT, by=STEWARD, trace=None, processes=processes
        )


def run(stage: Stage, signals: int, processes: int | None) -> None:
    database = stage.context.database
    start = time.perf_counter()
    with database.engine.begin() as connection:
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        fill(connection, stage, signals)
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text("VACUUM ANALYZE"))
    print(f"{signals:,} signals stored in {time.perf_counter() - start:.0f} s; load {os.getloadavg()[0]:.1f}")
    before = psutil.Process().memory_info().rss
    with watched(stage) as watch:
        start, used = time.perf_counter(), processor_seconds()
        answer = replay(stage, processes)
        elapsed, used = time.perf_counter() - start, processor_seconds() - used
    shown = [number for row in answer.rows for number in (row.gained, row.lost, row.kept) if number]
    print(f"replayed in {elapsed:.1f} s, {signals / elapsed:,.0f} signals a second; {used:.0f} s of processor time")
    print(f"{len(answer.rows)} rows, {len(shown)} numbers of {min(shown):,} to {max(shown):,}")
    print(f"memory at most {watch.most / 2**20:,.0f} MiB, of which {before / 2**20:,.0f} before")
    if watch.submissions:
        print(
            f"meanwhile {len(watch.submissions)} signals came in, {median(watch.submissions):.0f} ms each,"
            f" {max(watch.submissions):.0f} ms at most"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--signals", type=int, default=100_000)
    parser.add_argument("--full", action="store_true", help="a million signals; needs 2 GB of disk")
    parser.add_argument("--processes", type=int, help="as many as it is worth, if not given")
    given = parser.parse_args()
    configure_logging("ERROR")
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-replay-")))
        directory.chmod(0o755)  # PostgreSQL runs as a user of its own
        server = stack.enter_context(EmbeddedPostgres(directory / "postgres", durable=False))
        database = Database(server.url("broker"))
        metadata.create_all(database.engine)
        database.dispose()
        stage = stack.enter_context(open_stage(server.url("broker"), directory / "stage"))
        run(stage, 1_000_000 if given.full else given.signals, given.processes)


if __name__ == "__main__":
    main()
