"""How fast signals come in, from HTTP request to commit, beside bare re-keying on the same cores in the same run.

    python -m tests.bench.bench_ingest [--batches 96] [--rounds 3] [--size 1000] [--tokens 2] [--fields 1]

As many replicas of the broker as there are cores, on an embedded PostgreSQL that writes through to disk, take batches
over TCP from clients that keep them busy (`ingest_load`). Bare re-keying is one process for each core that multiplies
and does nothing else; it is measured before and after every round. PostgreSQL and the clients share the cores with the
replicas, as they would not in production.

The ratio compares like with like: tokens re-keyed a second, for every signal has several. It is given by the clock on
the wall and by processor time, which other work on the machine disturbs less. Then follows what the rest is: processor
time of each step of one signal, measured in this process alone, one batch at a time.
"""

from __future__ import annotations

import argparse
import os
import secrets
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from statistics import mean, median
from typing import Any

import psycopg

from clients.protocol.group import multiply, multiply_base, random_scalar
from clients.protocol.messages.signals import SignalBatch, SignalSubmission, Token
from clients.protocol.normalise import NORMALISATION_VERSION
from clients.protocol.tokens import rekey_many
from service.broker.tables import metadata
from service.cli.serving import settle_memory
from service.principals import Principal, Role
from service.signals.admission import Terms, admit
from service.signals.keys import SubjectKeys
from service.signals.pseudonyms import Conversion, Pseudonymiser
from service.signals.quick_reading import read_batch
from service.storage.database import Database
from service.storage.embedded import EmbeddedPostgres
from service.web.access_log import configure_logging
from tests.bench.ingest_load import Driven, Replica, cpu_seconds, drive, replicas
from tests.kit import Partner, Stage, open_stage
from tests.service.cast import amended

CORES = len(os.sched_getaffinity(0))
PARTY = "housing-north"
MATCH_KEYS = ("address-bag", "address-postcode")
ITEMS = ("note.gist", "note.full", "contact.role")


@dataclass(frozen=True)
class Bare:
    """Multiplications a second on all cores at once, and the processor's microseconds for one."""

    a_second: float
    each: float


def bare_rekeying(seconds: float = 1.5) -> Bare:
    with ProcessPoolExecutor(CORES, mp_context=get_context("spawn")) as pool:
        list(pool.map(_rekey_for, [0.05] * CORES))
        counts, spent = zip(*pool.map(_rekey_for, [seconds] * CORES), strict=True)
        return Bare(sum(counts) / seconds, sum(spent) / sum(counts) * 1e6)


def _rekey_for(seconds: float) -> tuple[int, float]:
    scalar = random_scalar(secrets.token_bytes)
    token = multiply_base(random_scalar(secrets.token_bytes))
    count, start, spent = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - start < seconds:
        for _ in range(20):
            token = multiply(scalar, token)
        count += 20
    return count, time.process_time() - spent


def make_batches(stage: Stage, party: str, count: int, size: int, tokens: int, fields: int) -> list[bytes]:
    """Batches as they travel. Any element is a token of something: which does not matter to the broker's work."""
    partner = stage.partner(party)
    return [_batch(partner, size, tokens, fields) for _ in range(count)]


def _batch(partner: Partner, size: int, tokens: int, fields: int) -> bytes:
    made = []
    for number in range(size):
        given = [
            Token(match_key=key, key_version=1, token=multiply_base(random_scalar(secrets.token_bytes)))
            for key in MATCH_KEYS[:tokens]
        ]
        day = date.fromordinal(partner.stage.clock().date().toordinal() - number % 60)
        items = dict.fromkeys(ITEMS[:fields], b"")
        made.append(partner.signal({}, "noise", day=day, tokens=given, fields=items, mock_seal=True))
    return partner.batch(made).model_dump_json(exclude_none=True).encode()


@dataclass(frozen=True)
class Round:
    """One drive of batches, between two measurements of bare re-keying; processor time in seconds."""

    bare: Bare
    driven: Driven
    broker: float
    postgres: float

    @property
    def by_wall(self) -> float:
        """Signals a second for one multiplication a second: times the tokens of a signal, the ratio."""
        return self.driven.signals / self.driven.seconds / self.bare.a_second

    @property
    def by_processor(self) -> float:
        return self.bare.each * self.driven.signals / ((self.broker + self.postgres) * 1e6)


def measure(
    stage: Stage, bodies: Sequence[bytes], rounds: int, over: Sequence[Replica], postmaster: int
) -> list[Round]:
    """The batches in so many rounds, and bare re-keying around each."""
    processes = [replica.process for replica in over]
    measured = []
    before = bare_rekeying()
    for number in range(rounds):
        broker, postgres = -cpu_seconds(*processes), -cpu_seconds(postmaster)
        driven = drive(stage, PARTY, bodies[number::rounds], over)
        broker, postgres = broker + cpu_seconds(*processes), postgres + cpu_seconds(postmaster)
        after = bare_rekeying()
        bare = Bare(mean((before.a_second, after.a_second)), mean((before.each, after.each)))
        measured.append(Round(bare, driven, broker, postgres))
        before = after
    return measured


def tell(measured: Sequence[Round], tokens: int) -> None:
    """Totals over all rounds; the ratio of each round stands behind."""
    signals = sum(one.driven.signals for one in measured)
    rate = signals / sum(one.driven.seconds for one in measured)
    bare, each = mean(one.bare.a_second for one in measured), mean(one.bare.each for one in measured) * tokens
    broker, postgres, clients = (
        sum(spent) / signals * 1e6
        for spent in zip(*((one.broker, one.postgres, one.driven.clients) for one in measured), strict=True)
    )
    walls = ", ".join(f"{one.by_wall * tokens:.2f}" for one in measured)
    spans = ", ".join(f"{one.by_processor * tokens:.2f}" for one in measured)
    print("by the clock")
    print(f"  bare re-keying      {bare:10,.0f} tokens/s")
    print(f"  request to commit   {rate:10,.0f} signals/s = {rate * tokens:,.0f} tokens/s")
    print(f"  ratio               {rate * tokens / bare:10.2f}   (rounds: {walls})")
    print("by processor time of one signal")
    print(f"  bare re-keying      {each:10.0f} µs")
    print(f"  request to commit   {broker + postgres:10.0f} µs: the broker {broker:.0f}, PostgreSQL {postgres:.0f}")
    print(f"  ratio               {each / (broker + postgres):10.2f}   (rounds: {spans})")
    print(f"  the clients took    {clients:10.0f} µs of the same cores")


@dataclass
class Stopwatch:
    """Median microseconds of processor time a signal for each step."""

    size: int
    rounds: dict[str, list[float]]

    def time(self, step: str, work: Callable[[], Any]) -> Any:
        start = time.process_time()
        result = work()
        self.rounds.setdefault(step, []).append((time.process_time() - start) / self.size * 1e6)
        return result


def breakdown(stage: Stage, bodies: Sequence[bytes], size: int) -> dict[str, float]:
    """What each step costs, in this process alone."""
    watch = Stopwatch(size, {})
    context, covenant = stage.context, stage.covenant
    by = Principal(PARTY, Role.PARTY, PARTY, covenant.id)
    today = stage.clock().date()
    terms = Terms(covenant, PARTY, today, dict.fromkeys(MATCH_KEYS, 1), frozenset({NORMALISATION_VERSION}))
    scalar, key = random_scalar(secrets.token_bytes), MATCH_KEYS[0]
    secret = SubjectKeys(*(secrets.token_bytes(32) for _ in range(3)))
    pseudonymiser = Pseudonymiser(covenant.id, secret, {key: Conversion(key, 1, 1, scalar)}, secrets.token_bytes)
    for body in bodies:
        batch: SignalBatch = watch.time("from JSON to messages", partial(read_batch, body))
        signals: list[SignalSubmission] = batch.signals
        judged = (admit(signal, terms, 0, leaf) for signal, leaf in zip(signals, batch.leaves, strict=True))
        watch.time("covenant's rules, and leaf", partial(list, judged))
        tokens = [(signal.signal_id, token.token) for signal in signals for token in signal.tokens]
        watch.time("re-keying", partial(rekey_many, scalar, [token for _, token in tokens]))
        watch.time("kept", partial(pseudonymiser.keep, key, NORMALISATION_VERSION, tokens))

        def submit(batch: SignalBatch = batch) -> None:
            with context.database.transaction() as session:
                context.submissions.submit(session, covenant.id, batch, by=by, trace="0" * 32)

        watch.time("submission", submit)
    steps = {step: median(times) for step, times in watch.rounds.items()}
    kept, submission = steps.pop("kept"), steps.pop("submission")
    steps["index, handle, sealing"] = kept - steps["re-keying"]
    inside = ("covenant's rules, and leaf", "re-keying", "index, handle, sealing")
    steps["batch signature, rows, COPY, log"] = submission - sum(steps[step] for step in inside)
    return steps


def recycle_log(url: str, segments: int) -> None:
    """Gives the write-ahead log segments to use again, as a server has that has run for a while.

    A new one has to write each of its first ones full of zeros, which would count as work for signals.
    """
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET min_wal_size = '1GB'")
        connection.execute("SELECT pg_reload_conf()")
        for _ in range(segments):
            connection.execute("SELECT pg_logical_emit_message(false, 'bench', 'so that there is something to switch')")
            connection.execute("SELECT pg_switch_wal()")
        connection.execute("CHECKPOINT")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--batches", type=int, default=96)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--size", type=int, default=1000)
    arguments.add_argument("--tokens", type=int, default=2, choices=(1, 2))
    arguments.add_argument("--fields", type=int, default=1, choices=(0, 1, 2, 3))
    given = arguments.parse_args()
    configure_logging("WARNING")
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o755)
        run(directory, given)


def run(directory: Path, given: argparse.Namespace) -> None:
    with EmbeddedPostgres(directory / "postgres") as postgres:
        url = postgres.url("broker")
        database = Database(url)
        metadata.create_all(database.engine)
        database.dispose()
        clock = partial(datetime.now, UTC)
        # The replicas go by the clock on the wall, and the example covenant ends.
        lasting = amended("until: 2028-12-31", "until: 2999-12-31")
        with open_stage(
            url, directory, document=lasting, clock=clock, parties=[PARTY], database_connections=8
        ) as stage:
            make = partial(make_batches, stage, PARTY, size=given.size, tokens=given.tokens, fields=given.fields)
            bodies, spare, warm = make(given.batches), make(5), make(2 * CORES)
            print(f"{CORES} cores and replicas, load {os.getloadavg()[0]:.1f}; {given.size} signals a batch,", end=" ")
            print(f"{given.tokens} tokens and {given.fields} fields each,", end=" ")
            print(f"{len(bodies[0]) / given.size:.0f} bytes a signal")
            recycle_log(url, segments=32)
            postmaster = int((directory / "postgres/data/postmaster.pid").read_text().split()[0])
            with replicas(stage, directory, CORES) as over:
                drive(stage, PARTY, warm, over)
                measured = measure(stage, bodies, given.rounds, over, postmaster)
            if sum(one.driven.signals for one in measured) != given.batches * given.size:
                raise RuntimeError("not every signal was accepted")
            tell(measured, given.tokens)
            settle_memory()
            print("of one signal in one process, µs of processor time")
            steps = breakdown(stage, spare, given.size)
            for step, cost in steps.items():
                print(f"  {step:34} {cost:6.1f}")
            broker = sum(one.broker for one in measured) / (given.batches * given.size) * 1e6
            print(f"  {'HTTP, authentication, shared cores':34} {broker - sum(steps.values()):6.1f}")


if __name__ == "__main__":
    main()
