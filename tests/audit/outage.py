"""The whole system as processes that can be killed: PostgreSQL, key holder, broker, a worker of the log.

    with System(directory) as system:      founded, running
        system.kill("broker")              SIGKILL, nothing is finished
        system.start("broker")

The broker keeps its log itself and the worker does it too: two replicas, of which one leads.
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import psutil
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, text

from clients.protocol import jws
from clients.sdk import ServiceAddress, Session, open_profile
from covenant_rules.load import load
from service.broker.tables import metadata as broker_metadata
from service.demo.system import OPERATOR, Running, found
from service.keyholder.tables import metadata as keyholder_metadata
from service.storage.database import Database
from service.storage.embedded import EmbeddedPostgres
from service.storage.keystore import KeyDirectory
from service.storage.migrate import _config
from service.storage.service_keys import create_service_keys
from tests.audit.waiting import until
from tests.service.cast import amended

__all__ = ["VICTIMS", "System"]

VICTIMS = ("broker", "postgres", "worker")
_SCHEMAS = {"broker": broker_metadata, "keyholder": keyholder_metadata}
_COMMANDS = {"broker": ("broker",), "keyholder": ("keyholder",), "worker": ("worker", "broker")}
_START_SECONDS = 60.0

_GENEROUS = amended(
    "tokens: {municipality: 50000, police: 5000, housing: 50000,",
    "tokens: {municipality: 5000000, police: 5000000, housing: 5000000,",
)
"""Parties that do in minutes what their quotas are for in days."""


class System:
    """Use as a context manager. `urls` are those of the two databases."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._postgres = EmbeddedPostgres(directory / "postgresql")
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.urls: dict[str, str] = {}
        self._addresses: dict[str, str] = {}

    def __enter__(self) -> System:
        try:
            self._begin()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _begin(self) -> None:
        self._postgres.start()
        keys = {service: jws.generate_key() for service in _SCHEMAS}
        self._addresses = {service: f"http://127.0.0.1:{_free_port()}" for service in _SCHEMAS}
        for service, schema in _SCHEMAS.items():
            self.urls[service] = self._postgres.create(service)
            _make_schema(self.urls[service], service, schema)
            create_service_keys(KeyDirectory(self.directory / service / "keys"), service, secrets.token_bytes)
            self._write_settings(service, jws.public_jwk(keys[service]))
        for name in _COMMANDS:
            self.start(name)
        running = Running(
            directory=self.directory,
            broker=ServiceAddress(self._addresses["broker"], self._addresses["broker"]),
            key_holder=ServiceAddress(self._addresses["keyholder"], self._addresses["keyholder"]),
            database_urls=self.urls,
            operator_keys=keys,
        )
        self.profile = running.profile
        found(running, load(_GENEROUS), _GENEROUS)

    def __exit__(self, *_: object) -> None:
        for process in self._processes.values():
            process.kill()
        for process in self._processes.values():
            process.wait()
        self._postgres.close()

    def issuer(self, service: str) -> str:
        return self._addresses[service]

    def session(self, party: str) -> Session:
        return Session(open_profile(self.profile(party)))

    def process(self, name: str) -> psutil.Process:
        return psutil.Process(self._processes[name].pid)

    def kill(self, victim: str) -> None:
        """From one instant to the next, with whatever it was doing."""
        if victim == "postgres":
            os.kill(self._postgres._server.get_pid(), signal.SIGKILL)
        else:
            self._processes[victim].kill()
            self._processes[victim].wait()

    def start(self, name: str) -> None:
        """Starts what was killed; returns once it is ready, but for the worker, which nobody waits for."""
        if name == "postgres":
            self._start_postgres()
            return
        service = "broker" if name == "worker" else name
        with (self.directory / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                [sys.executable, "-m", "service.cli", *_COMMANDS[name], "--settings", self._settings(service)],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        if name != "worker":
            self.await_ready(name)

    def await_ready(self, service: str) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                if httpx.get(f"{self._addresses[service]}/v1/health/ready", timeout=5).is_success:
                    return
            except httpx.TransportError:
                pass
            if self._processes[service].poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{service} does not run; see {self.directory / service}.log")
            time.sleep(0.1)

    def _start_postgres(self) -> None:
        """Once the orphans of the old postmaster have noticed that it is gone: they hold its memory until then."""
        data = self.directory / "postgresql" / "data"
        until(lambda: not any(map(_runs_in(data), psutil.process_iter())))
        # What is left of the killed one may be a zombie that nobody buries: by its files it would count as running.
        for name in ("postmaster.pid", ".s.PGSQL.5432.lock"):
            (data / name).unlink(missing_ok=True)
        self._postgres._run()

    def _settings(self, service: str) -> Path:
        return self.directory / service / "settings.toml"

    def _write_settings(self, service: str, operator: dict[str, str]) -> None:
        address = self._addresses[service]
        lines = [
            f'issuer = "{address}"',
            f"port = {address.rpartition(':')[2]}",
            f'database_url = "{self.urls[service]}"',
            f'key_directory = "{self.directory / service / "keys"}"',
        ]
        if service == "broker":
            lines += [f'key_holder_{name} = "{self._addresses["keyholder"]}"' for name in ("url", "issuer")]
        lines += [f"[operators.{OPERATOR}]", *(f'{name} = "{value}"' for name, value in operator.items())]
        self._settings(service).write_text("\n".join(lines) + "\n")


def _runs_in(directory: Path) -> Callable[[psutil.Process], bool]:
    def runs(process: psutil.Process) -> bool:
        try:
            return process.status() != psutil.STATUS_ZOMBIE and Path(process.cwd()) == directory
        except (psutil.Error, OSError):
            return False

    return runs


def _make_schema(url: str, service: str, schema: MetaData) -> None:
    """The tables as the code says they are, marked as the newest revision."""
    revision = ScriptDirectory.from_config(_config(service, None)).get_current_head()  # type: ignore[arg-type]
    database = Database(url)
    schema.create_all(database.engine)
    with database.transaction() as session:
        connection = session.connection()
        connection.execute(text("CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)"))
        connection.execute(text("INSERT INTO alembic_version VALUES (:revision)"), {"revision": revision})
    database.dispose()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
