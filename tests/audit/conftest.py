"""Fixtures of the log's tests: an empty database with the audit tables."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import MetaData

from service.storage.database import Database
from tests.audit.logbook import METADATA, Logbook
from tests.service.conftest import fresh_database as fresh_database
from tests.service.conftest import postgres as postgres
from tests.service.conftest import templates as templates


@pytest.fixture
def database(fresh_database: Callable[[MetaData], Database]) -> Database:
    return fresh_database(METADATA)


@pytest.fixture
def logbook(database: Database) -> Logbook:
    return Logbook(database)
