"""A founded town per test: a copy of one that was founded over HTTP once."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from service.broker.tables import metadata as broker_metadata
from service.keyholder.tables import metadata as keyholder_metadata
from service.storage.database import Database
from service.storage.embedded import EmbeddedPostgres
from tests.governance.town import Town, open_town
from tests.service.cast import NOW
from tests.service.conftest import postgres

__all__ = ["postgres"]

_METADATA = {"broker": broker_metadata, "keyholder": keyholder_metadata}
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def founded(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a founded town; its databases are `founded_broker` and `founded_keyholder`."""
    urls = {}
    for service, metadata in _METADATA.items():
        urls[service] = postgres.create(f"founded_{service}")
        database = Database(urls[service])
        metadata.create_all(database.engine)
        database.dispose()
    directory = tmp_path_factory.mktemp("town")
    with open_town(directory, urls) as town:
        town.found()
    return directory


@pytest.fixture
def town(postgres: EmbeddedPostgres, founded: Path, tmp_path: Path) -> Iterator[Town]:
    """Both services with the complex approach founded, five parties, four administrators and an officer."""
    number = next(_numbers)
    directory = tmp_path / "town"
    shutil.copytree(founded, directory)
    names = {service: f"town_{service}_{number}" for service in _METADATA}
    urls = {service: postgres.create(name, template=f"founded_{service}") for service, name in names.items()}
    with open_town(directory, urls, NOW + timedelta(hours=1)) as opened:  # after all that was founded
        yield opened
    for name in names.values():
        postgres.drop(name)
