"""A broker as several replicas, and clients that keep them busy and take as little as they can of the same cores.

Replicas are stateless, and what stands before them in production gives a request to whoever is free. Here too: each
replica is a process with a port of its own, and its clients take the next batch from one heap when theirs is answered.
(Workers that share a port take connections by luck, and the unluckiest would set the time.)
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from socket import socket
from uuid import uuid4

import httpx
from starlette.types import ASGIApp

from clients.protocol.messages.signals import SignalBatchResult
from clients.protocol.request_token import sign_request
from service.broker.app import create_app
from service.cli.serving import settle_memory
from service.settings import BrokerSettings
from service.web.access_log import configure_logging
from tests.kit import Stage

__all__ = ["Driven", "Replica", "broker", "cpu_seconds", "drive", "replicas"]

SETTINGS = "BENCH_BROKER_SETTINGS"
AT_ONCE = 2
"""Batches that one replica is given at a time: while one waits for the database, it works on the other."""


@dataclass(frozen=True)
class Replica:
    port: int
    process: int


@dataclass(frozen=True)
class Driven:
    """`seconds` from the first request to the last answer; `clients` is the processor time they took of it."""

    signals: int
    seconds: float
    clients: float


def broker() -> ASGIApp:
    """What each replica serves."""
    configure_logging("WARNING")
    app = create_app(BrokerSettings.model_validate_json(Path(os.environ[SETTINGS]).read_bytes()))
    settle_memory()
    return app


@contextmanager
def replicas(stage: Stage, directory: Path, count: int) -> Iterator[list[Replica]]:
    """`count` brokers on the stage's database, that answer when this gives them, and end with it."""
    path = directory / "settings.json"
    path.write_text(stage.settings.model_dump_json())
    environment = os.environ | {SETTINGS: str(path)}
    with ExitStack() as running:
        started = []
        for _ in range(count):
            with socket() as listener:
                listener.bind(("127.0.0.1", 0))
                port = listener.getsockname()[1]
            command = [sys.executable, "-m", "uvicorn", "--factory", "tests.bench.ingest_load:broker"]
            command += ["--port", str(port), "--no-access-log", "--log-level", "warning"]
            process = subprocess.Popen(command, env=environment)
            running.callback(process.wait, 30)
            running.callback(process.terminate)
            started.append(Replica(port, process.pid))
        for replica in started:
            _await(replica)
        yield started


def _await(replica: Replica) -> None:
    for _ in range(600):
        try:
            if httpx.get(f"http://127.0.0.1:{replica.port}/v1/health/ready").is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise RuntimeError("a replica does not answer")


def drive(stage: Stage, party: str, bodies: Sequence[bytes], over: Sequence[Replica]) -> Driven:
    """Has every batch committed. Requests are signed before the clock starts, and answers read after it stopped."""
    target = f"/v1/covenants/{stage.covenant.id}/signals"
    waiting = deque((body, _headers(stage, party, target, body)) for body in bodies)
    connections = [HTTPConnection("127.0.0.1", replica.port, timeout=120) for replica in over for _ in range(AT_ONCE)]

    def work(connection: HTTPConnection) -> list[bytes]:
        answers: list[bytes] = []
        while True:
            try:
                body, headers = waiting.popleft()
            except IndexError:
                connection.close()
                return answers
            connection.request("POST", target, body, headers)
            answers.append(connection.getresponse().read())

    spent, start = time.process_time(), time.perf_counter()
    with ThreadPoolExecutor(len(connections)) as clients:
        answers = [answer for each in clients.map(work, connections) for answer in each]
    seconds, spent = time.perf_counter() - start, time.process_time() - spent
    return Driven(sum(SignalBatchResult.model_validate_json(answer).accepted for answer in answers), seconds, spent)


def _headers(stage: Stage, party: str, target: str, body: bytes) -> dict[str, str]:
    token = sign_request(
        stage.members[party].authentication,
        principal=party,
        audience=stage.settings.issuer,
        method="POST",
        target=target,
        body=body,
        now=datetime.now(UTC),
        jti=str(uuid4()),
    )
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}


def cpu_seconds(*roots: int) -> float:
    """Processor time of some processes and their children, those that have ended too."""
    spent = 0.0
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(") ")[2].split()
        except OSError:
            continue
        if int(entry.name) in roots or int(fields[1]) in roots:
            spent += sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    return spent
