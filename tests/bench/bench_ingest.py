"""How fast signals come in, from HTTP request to commit, beside bare re-keying on the same cores in the same run.

    python -m tests.bench.bench_ingest [--batches 40] [--size 1000] [--tokens 2] [--fields 1] [--workers N]

A broker of N uvicorn workers on an embedded PostgreSQL that writes through to disk takes batches over TCP, each on a
connection of its own, since a kept one stays with one worker. Twice as many clients as workers keep it busy, with
requests that were built and signed before the clock starts. Bare re-keying is one
process per core that multiplies and does nothing else, measured before and after. PostgreSQL and the clients share the
cores with the workers, as they would not in production.

The ratio compares like with like: tokens re-keyed in a second; and once more in processor time, which other work on
the machine disturbs less. Then follows where the time of one signal goes, measured
in this process, one batch at a time.
"""

from __future__ import annotations

import argparse
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

import httpx
from starlette.types import ASGIApp

from clients.protocol.encoding import parse_json
from clients.protocol.group import Scalar, multiply, multiply_base, random_scalar
from clients.protocol.messages.broker import SignalBatch, SignalSubmission, Token
from clients.protocol.request_token import sign_request
from clients.protocol.tokens import rekey_many
from service.broker.app import create_app
from service.broker.tables import metadata
from service.cli.serving import settle_memory
from service.principals import Principal, Role
from service.settings import BrokerSettings
from service.signals.admission import Terms, admit
from service.storage.database import Database
from service.storage.embedded import EmbeddedPostgres
from service.web.access_log import configure_logging
from tests.kit import Partner, Stage, open_stage
from tests.service.cast import amended

CORES = len(os.sched_getaffinity(0))
SETTINGS = "BENCH_BROKER_SETTINGS"
PARTY = "housing-north"
MATCH_KEYS = ("address-bag", "address-postcode")
ITEMS = ("note.gist", "note.full", "contact.role")


def broker() -> ASGIApp:
    """What each uvicorn worker serves."""
    configure_logging("WARNING")
    app = create_app(BrokerSettings.model_validate_json(Path(os.environ[SETTINGS]).read_bytes()))
    settle_memory()
    return app


def bare_rekeying(seconds: float = 2.0) -> tuple[float, float]:
    """Multiplications a second on all cores at once, and the processor's microseconds for one."""
    with ProcessPoolExecutor(CORES, mp_context=get_context("spawn")) as pool:
        list(pool.map(_rekey_for, [0.05] * CORES))
        counts, spent = zip(*pool.map(_rekey_for, [seconds] * CORES), strict=True)
        return sum(counts) / seconds, sum(spent) / sum(counts) * 1e6


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


@contextmanager
def serving(stage: Stage, directory: Path, workers: int) -> Iterator[tuple[str, int]]:
    """The same broker as processes; gives its URL and the id of their parent."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    settings = stage.settings.model_dump(mode="json")
    path = directory / "settings.json"
    path.write_text(stage.settings.model_validate(settings).model_dump_json())
    command = [sys.executable, "-m", "uvicorn", "--factory", "tests.bench.bench_ingest:broker"]
    command += ["--port", str(port), "--workers", str(workers), "--no-access-log", "--log-level", "warning"]
    process = subprocess.Popen(command, env=os.environ | {SETTINGS: str(path)})
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                if httpx.get(f"{url}/v1/health/ready").is_success:
                    break
            except httpx.TransportError:
                time.sleep(0.1)
        yield url, process.pid
    finally:
        process.terminate()
        process.wait(30)


def drive(stage: Stage, url: str, bodies: Sequence[bytes], clients: int) -> float:
    """Seconds until every batch was answered as committed."""
    target = f"/v1/covenants/{stage.covenant.id}/signals"
    member = stage.members[PARTY]
    signed = [
        sign_request(
            member.authentication,
            principal=PARTY,
            audience=stage.settings.issuer,
            method="POST",
            target=target,
            body=body,
            now=datetime.now(UTC),
            jti=str(uuid4()),
        )
        for body in bodies
    ]
    with httpx.Client(base_url=url, timeout=120, limits=httpx.Limits(max_connections=clients)) as http:

        def send(number: int) -> int:
            headers = {
                "Authorization": f"Bearer {signed[number]}",
                "Content-Type": "application/json",
                "Connection": "close",
            }
            response = http.post(target, content=bodies[number], headers=headers)
            response.raise_for_status()
            return int(response.json()["accepted"])

        start = time.perf_counter()
        with ThreadPoolExecutor(clients) as pool:
            accepted = sum(pool.map(send, range(len(bodies))))
        elapsed = time.perf_counter() - start
    size = len(SignalBatch.model_validate_json(bodies[0]).signals)
    if accepted != size * len(bodies):
        raise RuntimeError("not every signal was accepted")
    return elapsed


def cpu_seconds(root: int) -> float:
    """Processor time of a process and its living children, theirs included."""
    spent = 0.0
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(") ")[2].split()
        except OSError:
            continue
        if int(entry.name) == root or int(fields[1]) == root:
            spent += sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    return spent


@dataclass
class Stopwatch:
    """Median microseconds a signal for each step."""

    size: int
    rounds: dict[str, list[float]]

    def time(self, step: str, work: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        result = work()
        self.rounds.setdefault(step, []).append((time.perf_counter() - start) / self.size * 1e6)
        return result


def breakdown(stage: Stage, bodies: Sequence[bytes], size: int) -> dict[str, float]:
    """What each step costs, in this process alone."""
    watch = Stopwatch(size, {})
    context, covenant = stage.context, stage.covenant
    by = Principal(PARTY, Role.PARTY, PARTY, covenant.id)
    today = stage.clock().date()
    terms = Terms(covenant, PARTY, today, dict.fromkeys(MATCH_KEYS, 1), frozenset({"1"}))
    scalar: Scalar = random_scalar(secrets.token_bytes)
    for body in bodies:
        document = watch.time("strict JSON (body check)", partial(parse_json, body))
        batch: SignalBatch = watch.time("envelope model", partial(SignalBatch.model_validate, document))
        signals = watch.time("signal models", lambda b=batch: [SignalSubmission.model_validate(s) for s in b.signals])
        pairs = list(zip(signals, batch.leaves, strict=True))
        watch.time("covenant rules and leaf", lambda p=pairs: [admit(s, terms, 0, leaf) for s, leaf in p])
        tokens = [token.token for signal in signals for token in signal.tokens]
        watch.time("re-keying", partial(rekey_many, scalar, tokens))

        def submit(batch: SignalBatch = batch) -> None:
            with context.database.transaction() as session:
                context.submissions.submit(session, covenant.id, batch, by=by, trace="0" * 32)

        watch.time("submission in all", submit)
    steps = {step: median(times) for step, times in watch.rounds.items()}
    inside = sum(steps[step] for step in ("signal models", "covenant rules and leaf", "re-keying"))
    steps["index, handle, sealing, rows, COPY, log, commit"] = steps.pop("submission in all") - inside
    return steps


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--batches", type=int, default=40)
    arguments.add_argument("--size", type=int, default=1000)
    arguments.add_argument("--tokens", type=int, default=2, choices=(1, 2))
    arguments.add_argument("--fields", type=int, default=1, choices=(0, 1, 2, 3))
    arguments.add_argument("--workers", type=int, default=CORES)
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
        # The workers go by the clock on the wall, and the example covenant ends.
        lasting = amended("until: 2028-12-31", "until: 2999-12-31")
        with open_stage(
            url, directory, document=lasting, clock=clock, parties=[PARTY], database_connections=8
        ) as stage:
            make = partial(make_batches, stage, PARTY, size=given.size, tokens=given.tokens, fields=given.fields)
            bodies, spare, warm = make(given.batches), make(5), make(2 * given.workers)
            print(f"{CORES} cores, {given.workers} workers, load {os.getloadavg()[0]:.1f}")
            print(f"{given.size} signals a batch, {given.tokens} tokens and {given.fields} fields each, ", end="")
            print(f"{len(bodies[0]) / given.size:.0f} bytes a signal")
            postmaster = int((directory / "postgres/data/postmaster.pid").read_text().split()[0])
            with serving(stage, directory, given.workers) as (address, workers):
                before = bare_rekeying()
                drive(stage, address, warm, 2 * given.workers)
                spent = {"workers": -cpu_seconds(workers), "PostgreSQL": -cpu_seconds(postmaster)}
                elapsed = drive(stage, address, bodies, 2 * given.workers)
                spent["workers"] += cpu_seconds(workers)
                spent["PostgreSQL"] += cpu_seconds(postmaster)
                after = bare_rekeying()
            total = given.batches * given.size
            signals = total / elapsed
            bare, cost = ((first + second) / 2 for first, second in zip(before, after, strict=True))
            each = {name: seconds / total * 1e6 for name, seconds in spent.items()}
            print(f"bare re-keying      {bare:10,.0f} tokens/s   (before {before[0]:,.0f}, after {after[0]:,.0f})")
            print(f"request to commit   {signals:10,.0f} signals/s = {signals * given.tokens:,.0f} tokens/s")
            print(f"ratio               {signals * given.tokens / bare:10.2f}")
            print("processor time of one signal, µs: ", end="")
            print(", ".join(f"{name} {microseconds:.0f}" for name, microseconds in each.items()), end="")
            print(f"; of its bare re-keying {cost * given.tokens:.0f}")
            print(f"ratio               {cost * given.tokens / sum(each.values()):10.2f}")
            settle_memory()
            print("one signal, in one process, µs:")
            for step, cost in breakdown(stage, spare, given.size).items():
                print(f"  {step:48} {cost:8.1f}")


if __name__ == "__main__":
    main()
