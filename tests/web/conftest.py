"""The little service, and a client of it that notices what must not be logged."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from service import errors
from service.web.app import Api, build_api
from service.web.authentication import Authenticator
from tests.web.little_service import AUDIENCE, NOW, SECRET, TURNED_AWAY, Directory, router


@pytest.fixture(scope="module")
def directory() -> Directory:
    return Directory()


@pytest.fixture
def api(directory: Directory) -> Api:
    def ready() -> None:
        raise errors.Unavailable("database-unavailable", "the database did not answer")

    authenticator = Authenticator(directory, audience=AUDIENCE, clock=lambda: NOW)
    return build_api(
        title="Test",
        description="A service under test",
        version="1.2.3",
        routers=[router],
        authenticator=authenticator,
        turned_away=TURNED_AWAY,
        checks=[ready],
        body_limit=100_000,
    )


@pytest.fixture
def client(api: Api) -> Iterator[TestClient]:
    with TestClient(api) as client, capture_logs() as logs:
        yield client
        assert SECRET not in repr(logs), "logged"
