"""What a refusal and a failure tell, and what every answer bears."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from service import errors
from service.web.problems import STATUS
from tests.web.little_service import REFUSALS, SECRET, problem


@pytest.mark.parametrize("name", REFUSALS)
def test_a_domain_error_has_its_status_from_the_table(client: TestClient, name: str) -> None:
    error = REFUSALS[name]
    response = client.post("/v1/refusals", json={"name": name})
    status, title = STATUS[type(error)]
    document = problem(response, status)
    assert (document["type"], document["title"], document["detail"]) == (f"/problems/{error.code}", title, error.detail)
    assert response.headers.get("retry-after") == {"QuotaExceeded": "60", "Unavailable": "2"}.get(name)
    assert response.headers.get("www-authenticate") == ("Bearer" if name == "Unauthenticated" else None)
    assert document.get("clause") == getattr(error, "clause", None)
    assert document.get("parameters", {}) == error.parameters
    assert ("errors" in document) == bool(error.faults)


def test_the_table_knows_every_domain_error() -> None:
    assert set(STATUS) == set(errors.DomainError.__subclasses__())
    assert {type(error) for error in REFUSALS.values()} == set(STATUS)


def test_a_failure_is_a_500_without_its_message(client: TestClient) -> None:
    with capture_logs() as logs:
        document = problem(client.post("/v1/failures", json={"name": SECRET}), 500)
    assert document["detail"] == "something went wrong here; nothing was disclosed"
    failure = next(entry for entry in logs if entry["event"] == "failure")
    assert failure["error"][0] == "builtins.RuntimeError"
    assert any("post_failure" in frame for frame in failure["raised_at"])
    assert failure["trace_id"] == document["traceId"]
    assert SECRET not in repr(logs)


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v2/sightings", "/v1/sightings/", f"/v1/{SECRET}", "/docs", "/openapi.json"]
)
def test_an_unknown_path_is_a_404(client: TestClient, path: str) -> None:
    problem(client.get(path), 404)


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PATCH", "/v1/sightings", "GET, POST"),
        ("GET", "/v1/sightings/0a3f1f0e-8f6e-4a53-9a53-3c1d8d1f0c11", "DELETE, PUT"),
        ("OPTIONS", "/v1/covenants/c/signals", "GET, POST"),
        ("POST", "/v1/health/live", "GET"),
    ],
)
def test_a_405_names_every_method_allowed(client: TestClient, method: str, path: str, allow: str) -> None:
    response = client.request(method, path)
    problem(response, 405)
    assert response.headers["allow"] == allow


def test_every_answer_bears_the_headers(client: TestClient) -> None:
    response = client.get("/v1/health/live")
    assert response.json() == {"status": "live"}
    expected = {
        "api-version": "1.2.3",
        "cache-control": "no-store",
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
        "referrer-policy": "no-referrer",
        "strict-transport-security": "max-age=31536000; includeSubDomains",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
    }
    assert expected.items() <= dict(response.headers).items()


def test_a_service_that_lacks_something_is_not_ready(client: TestClient) -> None:
    assert problem(client.get("/v1/health/ready"), 503)["type"] == "/problems/database-unavailable"
