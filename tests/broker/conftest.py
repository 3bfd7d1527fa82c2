"""A broker with a covenant, on a database of its own for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.broker.tables import metadata
from tests.kit import Stage, open_stage
from tests.kit.disclosure import World
from tests.service.conftest import FreshDatabase, fresh_database, postgres, templates

__all__ = ["fresh_database", "postgres", "templates"]


@pytest.fixture
def database_url(fresh_database: FreshDatabase) -> str:
    """An empty database with the broker's tables."""
    return fresh_database(metadata).engine.url.render_as_string(hide_password=False)


@pytest.fixture
def stage(database_url: str, tmp_path: Path) -> Iterator[Stage]:
    """A broker with the complex approach founded, its five parties enrolled, and the set-up done."""
    with open_stage(database_url, tmp_path) as opened:
        yield opened


@pytest.fixture
def world(stage: Stage) -> World:
    """The stage with the words of those who ask."""
    return World(stage)
