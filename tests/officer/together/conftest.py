"""Both services, founded, with parties, administrators and an officer called Olga: one town for each module."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from service.storage.embedded import EmbeddedPostgres
from tests.governance.conftest import founded
from tests.governance.town import Town, open_town
from tests.service.cast import NOW
from tests.service.conftest import postgres

__all__ = ["founded", "postgres"]

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def town(postgres: EmbeddedPostgres, founded: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Tests of a module share it, and ask each about a house of its own."""
    number = next(_numbers)
    directory = tmp_path_factory.mktemp("together") / "town"
    shutil.copytree(founded, directory)
    names = {service: f"together_{service}_{number}" for service in ("broker", "keyholder")}
    urls = {service: postgres.create(name, template=f"founded_{service}") for service, name in names.items()}
    with open_town(directory, urls, NOW + timedelta(hours=1)) as opened:
        yield opened
    for name in names.values():
        postgres.drop(name)
