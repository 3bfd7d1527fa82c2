"""The OpenAPI document says what the service does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient


@pytest.fixture
def document(client: TestClient) -> dict[str, Any]:
    response = client.get("/v1/openapi.json")
    assert response.headers["access-control-allow-origin"] == "*"
    document: dict[str, Any] = response.json()
    return document


def operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for item in document["paths"].values() for operation in item.values()]


def test_the_major_version_stands_in_the_server_and_not_in_the_paths(document: dict[str, Any]) -> None:
    assert document["servers"][0]["url"].endswith("/v1")
    assert "/sightings" in document["paths"]
    assert not any(path.startswith("/v1") for path in document["paths"])


def test_the_document_names_whom_to_ask(document: dict[str, Any]) -> None:
    assert set(document["info"]["contact"]) == {"name", "email", "url"}


def test_every_operation_has_a_name_of_its_own(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for operation in operations(document)]
    assert len(names) == len(set(names))
    assert {"postSightings", "healthLive"} <= set(names)


def test_every_response_bears_the_version_and_every_refusal_is_a_problem(document: dict[str, Any]) -> None:
    shared = document["components"]["responses"]
    for operation in operations(document):
        for status, response in operation["responses"].items():
            response = shared[response["$ref"].rsplit("/", 1)[1]] if "$ref" in response else response
            assert "API-Version" in response["headers"]
            if status[0] in "45":
                assert list(response["content"]) == ["application/problem+json"]


def test_whatever_has_input_can_answer_400_and_never_422(document: dict[str, Any]) -> None:
    for operation in operations(document):
        assert "422" not in operation["responses"]
        if "parameters" in operation or "requestBody" in operation:
            assert "400" in operation["responses"]
    assert not {"HTTPValidationError", "ValidationError"} & set(document["components"]["schemas"])


def test_what_asks_for_a_token_says_so(document: dict[str, Any]) -> None:
    guarded = document["paths"]["/covenants/{covenantId}/signals"]["post"]
    assert guarded["security"] == [{"RequestToken": []}]
    assert {"401", "403"} <= set(guarded["responses"])
    assert "security" not in document["paths"]["/health/live"]["get"]


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    def references(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            yield from ([value["$ref"]] if isinstance(value.get("$ref"), str) else [])
            for member in value.values():
                yield from references(member)
        elif isinstance(value, list):
            for item in value:
                yield from references(item)

    for reference in references(document):
        place: Any = document
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]
