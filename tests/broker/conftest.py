"""A broker with a covenant, on a database of its own for each test."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from service.broker.tables import metadata
from service.storage.database import Database
from service.storage.embedded import EmbeddedPostgres
from tests.kit import Stage, open_stage, reopen_stage
from tests.kit.disclosure import World
from tests.service.conftest import FreshDatabase, fresh_database, postgres, templates

__all__ = ["fresh_database", "postgres", "templates"]

_numbers = itertools.count(1)

MakeWorld = Callable[[bytes], World]


@pytest.fixture
def database_url(fresh_database: FreshDatabase) -> str:
    """An empty database with the broker's tables."""
    return fresh_database(metadata).engine.url.render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def founded(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """The complex approach, founded, its five parties enrolled and the set-up done: closed, and copied by each test."""
    url = postgres.url("founded")
    database = Database(url)
    metadata.create_all(database.engine)
    database.dispose()
    with open_stage(url, tmp_path_factory.mktemp("founded")) as stage:
        return stage


@pytest.fixture
def stage(postgres: EmbeddedPostgres, founded: Stage, tmp_path: Path) -> Iterator[Stage]:
    """A running broker with that covenant, all its own."""
    name = f"stage_{next(_numbers)}"
    with reopen_stage(founded, postgres.create(name, template="founded"), tmp_path) as opened:
        yield opened
    postgres.drop(name)


@pytest.fixture
def world(stage: Stage) -> World:
    """The same, as its parties see it."""
    return World(stage)


@pytest.fixture
def make_world(fresh_database: FreshDatabase, tmp_path: Path) -> Iterator[MakeWorld]:
    """A world under another covenant than the usual one."""
    with ExitStack() as stack:

        def make(document: bytes) -> World:
            url = fresh_database(metadata).engine.url.render_as_string(hide_password=False)
            return World(stack.enter_context(open_stage(url, tmp_path / "other", document=document)))

        yield make


@pytest.fixture
def fresh(database_url: str, tmp_path: Path) -> Iterator[Stage]:
    """A stage where police and municipality are enrolled, and nobody else."""
    with open_stage(database_url, tmp_path, parties=["police", "municipality"]) as stage:
        yield stage
