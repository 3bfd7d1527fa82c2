"""A database, or a broker with an officer, for each test that asks for one."""

from __future__ import annotations

import pytest

from tests.broker.conftest import founded, stage
from tests.kit import Stage
from tests.kit.disclosure import World
from tests.officer.office import Office
from tests.service.conftest import fresh_database, postgres, templates

__all__ = ["founded", "fresh_database", "postgres", "stage", "templates"]


@pytest.fixture
def office(stage: Stage) -> Office:
    """The privacy officer of a covenant with five parties, at the broker."""
    return Office.open(World(stage))
