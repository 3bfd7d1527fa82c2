"""A founded key holder per test: a copy of one that was founded over HTTP once."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from clients.protocol.sealing import SealedField, WrapInfo
from service.keyholder.tables import metadata
from service.storage.database import Database
from service.storage.embedded import EmbeddedPostgres
from tests.keyholder.house import House
from tests.service.conftest import postgres as postgres

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def founded(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """Name of a database and a key directory to copy."""
    url, directory = postgres.create("founded"), tmp_path_factory.mktemp("founded") / "keys"
    database = Database(url)
    metadata.create_all(database.engine)
    database.dispose()
    house = House(url, directory)
    house.found()
    house.close()
    return "founded", directory


@pytest.fixture
def house(postgres: EmbeddedPostgres, founded: tuple[str, Path], tmp_path: Path) -> Iterator[House]:
    template, keys = founded
    name = f"house_{next(_numbers)}"
    shutil.copytree(keys, tmp_path / "keys")
    built = House(postgres.create(name, template=template), tmp_path / "keys")
    yield built
    built.close()
    postgres.drop(name)


@pytest.fixture
def empty_house(postgres: EmbeddedPostgres, tmp_path: Path) -> Iterator[House]:
    """Before anything was founded."""
    name = f"house_{next(_numbers)}"
    url = postgres.create(name)
    database = Database(url)
    metadata.create_all(database.engine)
    database.dispose()
    built = House(url, tmp_path / "keys")
    yield built
    built.close()
    postgres.drop(name)


@pytest.fixture
def field(house: House) -> tuple[WrapInfo, SealedField]:
    """A field as the police has sealed it."""
    return house.sealed()
