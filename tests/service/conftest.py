"""One embedded PostgreSQL per test process, and an empty database per test that asks for one."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import MetaData

from service.storage.database import Database
from service.storage.embedded import EmbeddedPostgres

FreshDatabase = Callable[[MetaData], Database]

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """The server; `postgres.url(name)` creates a database. Under pytest-xdist every worker has its own.

    Not below pytest's own directory: another pytest that starts as root closes that to PostgreSQL's user.
    """
    with (
        tempfile.TemporaryDirectory(prefix="postgres-") as directory,
        EmbeddedPostgres(Path(directory), durable=False) as server,
    ):
        yield server


@pytest.fixture(scope="session")
def templates() -> dict[int, tuple[MetaData, str]]:
    """Template databases by the identity of the metadata they were made from."""
    return {}


@pytest.fixture
def fresh_database(postgres: EmbeddedPostgres, templates: dict[int, tuple[MetaData, str]]) -> Iterator[FreshDatabase]:
    """`fresh_database(metadata)` is an empty database with its tables, dropped after the test.

    Tables are made once per metadata; a test's database is a copy of that template.
    """
    made: list[tuple[str, Database]] = []

    def create(metadata: MetaData) -> Database:
        if id(metadata) not in templates:
            template = f"template_{next(_numbers)}"
            database = Database(postgres.url(template))
            metadata.create_all(database.engine)
            database.dispose()  # a database with connections cannot be copied
            templates[id(metadata)] = metadata, template
        name = f"test_{next(_numbers)}"
        database = Database(postgres.create(name, template=templates[id(metadata)][1]))
        made.append((name, database))
        return database

    yield create
    for name, database in made:
        database.dispose()
        postgres.drop(name)
