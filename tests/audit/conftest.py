"""Fixtures of the log's tests: an empty database with the audit tables, and a town with both services."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import MetaData

from service.storage.database import Database
from tests.audit.logbook import METADATA, Logbook
from tests.governance.conftest import founded, town
from tests.service.conftest import fresh_database, postgres, templates

__all__ = ["founded", "fresh_database", "postgres", "templates", "town"]


@pytest.fixture
def database(fresh_database: Callable[[MetaData], Database]) -> Database:
    return fresh_database(METADATA)


@pytest.fixture
def logbook(database: Database) -> Logbook:
    return Logbook(database)
