"""Looking for secrets where none may be: in logs, in databases and their files, in what services answer.

    watched = {"a token": token, "a name": "Kwikstaart"}
    with everything_logged() as log: …
    assert not found_in(log.getvalue(), watched)

A search that finds nothing proves something only if it would have found what is there. So each test that uses this also
looks for something that it knows to be there.
"""

from __future__ import annotations

import io
import json
import logging
from base64 import b64encode
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import httpx
import psycopg
import structlog
from psycopg import sql

from clients.protocol.encoding import b64u_encode
from service.storage.keystore import KeyDirectory
from service.web.access_log import configure_logging

Exchange = tuple[httpx.Request, httpx.Response]
Secrets = Mapping[str, bytes | str]
"""By the name under which a test tells of it."""

_LIBRARIES = ("httpx", "httpcore", "alembic", "sqlalchemy", "sqlalchemy.engine", "sqlalchemy.pool", "psycopg")


@contextmanager
def everything_logged(*, but: Collection[str] = ()) -> Iterator[io.StringIO]:
    """As in production, only chattier: every logger of every library but those named, from DEBUG on."""
    stream, root = io.StringIO(), logging.getLogger()
    before, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in _LIBRARIES}
    configure_logging("DEBUG", stream)
    for name in set(_LIBRARIES) - set(but):
        logging.getLogger(name).setLevel(logging.DEBUG)
    try:
        yield stream
    finally:
        for name, value in levels.items():
            logging.getLogger(name).setLevel(value)
        root.handlers[:], root.level = before, level
        structlog.reset_defaults()


def spellings(secret: bytes | str) -> set[str]:
    """How a secret may come to stand in a text, or in a JSON line, or in a URL."""
    if isinstance(secret, str):
        return {secret, json.dumps(secret)[1:-1], repr(secret)[1:-1], quote(secret)} | spellings(secret.encode())
    plain = repr(secret)[2:-1]
    padded = b64encode(secret).decode()
    return {secret.hex(), secret.hex().upper(), b64u_encode(secret), padded.rstrip("="), str(list(secret))[1:-1]} | {
        plain,
        json.dumps(plain)[1:-1],
    }


def found_in(haystack: str, wanted: Secrets) -> set[str]:
    """Names of those that stand in the text, in whichever spelling."""
    return {name for name, secret in wanted.items() for spelling in spellings(secret) if spelling in haystack}


def secrets_on_disk(directory: Path) -> dict[str, bytes]:
    """Every secret of a key directory, by its name there."""
    keys = KeyDirectory(directory)
    return {name: keys.read(name) for name in keys.names()}


def dump(url: str) -> str:
    """Every row of every table of a database, as text: binary columns stand there in hexadecimal."""
    with psycopg.connect(url) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        return "\n".join(
            row
            for (table,) in tables
            for (row,) in connection.execute(sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(table)))
        )


def found_in_files(directory: Path, wanted: Secrets) -> set[str]:
    """Names of those that stand in the files below a directory, as they are, in hexadecimal or in base64url.

    Of a database cluster these are its tables, write-ahead log and server log; what other tests left there is old.
    """
    needles = [
        (name, needle)
        for name, secret in wanted.items()
        for raw in [secret.encode() if isinstance(secret, str) else secret]
        for needle in (raw, raw.hex().encode(), b64u_encode(raw).encode())
    ]
    found = set()
    for file in directory.rglob("*"):
        if file.is_file() and file.stat().st_size:
            content = file.read_bytes()
            found |= {name for name, needle in needles if needle in content}
    return found


class Recorder(httpx.BaseTransport):
    """Passes requests on, and keeps them with their answers."""

    def __init__(self, inner: httpx.BaseTransport) -> None:
        self._inner = inner
        self.exchanges: list[Exchange] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = self._inner.handle_request(request)
        response.read()
        self.exchanges.append((request, response))
        return response

    def close(self) -> None:
        """The transport below serves others too."""
