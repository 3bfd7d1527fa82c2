"""The published OpenAPI documents: current, and as the NLGov REST API Design Rules 2.2.0 want an API to be described.

Each test names the rule it is after (`/core/…`). The official linter says the same with Node; this says it without.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from tests.contract import documents

Operation = tuple[str, str, dict[str, Any]]

SEMVER = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
CAMEL = re.compile(r"[a-z][a-z0-9]*([A-Z][a-z0-9]*)*")
PASCAL = re.compile(r"([A-Z][a-z0-9]*)+")
SEGMENT = re.compile(r"[a-z0-9]+([-.][a-z0-9]+)*|\{[a-z][a-zA-Z0-9]*\}")

each_service = pytest.mark.parametrize("service", documents.SERVICES)


@cache
def document(service: str) -> dict[str, Any]:
    return documents.document(service)


@each_service
def test_describing_a_service_says_nothing_else(service: str, caplog: pytest.LogCaptureFixture) -> None:
    documents.document(service)
    assert caplog.messages == []


def operations(service: str) -> Iterator[Operation]:
    """Path, method and description of each operation."""
    for path, item in document(service)["paths"].items():
        for method, operation in item.items():
            yield path, method, operation


def resolved(service: str, node: dict[str, Any]) -> dict[str, Any]:
    """What a reference points at; anything else is itself."""
    while "$ref" in node:
        found: Any = document(service)
        for word in node["$ref"].removeprefix("#/").split("/"):
            found = found[word]
        node = found
    return node


def responses(service: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Operation, status and description of each response."""
    for path, method, operation in operations(service):
        for status, response in operation["responses"].items():
            yield f"{method} {path}", status, resolved(service, response)


def nodes(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from nodes(value)
    elif isinstance(node, list):
        for value in node:
            yield from nodes(value)


def properties(service: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Schema, name and description of each property."""
    for name, schema in document(service)["components"]["schemas"].items():
        for node in nodes(schema):
            if isinstance(node.get("properties"), dict):
                for key, described in node["properties"].items():
                    yield name, key, described


@each_service
def test_the_published_document_is_current(service: str) -> None:
    published = (documents.PUBLISHED / f"{service}.json").read_text("utf-8")
    assert published == documents.text(service), "run `make openapi` and read what has changed"


@each_service
def test_the_document_says_who_answers_for_it_and_which_version_it_is(service: str) -> None:
    """/core/doc-openapi, /core/doc-openapi-contact, /core/semver."""
    told = document(service)
    assert re.fullmatch(r"3(\.\d+){1,2}", told["openapi"])
    assert SEMVER.fullmatch(told["info"]["version"])
    assert told["info"]["title"]
    assert told["info"]["description"]
    assert {"name", "email", "url"} <= told["info"]["contact"].keys()


@each_service
def test_the_major_version_stands_in_the_address_and_not_in_the_paths(service: str) -> None:
    """/core/uri-version."""
    told = document(service)
    major = told["info"]["version"].partition(".")[0]
    assert told["servers"]
    for server in told["servers"]:
        assert re.fullmatch(rf"https://\S+/v{major}", server["url"])
    assert not any(re.match(r"/v\d", path) for path in told["paths"])


@each_service
def test_paths_are_kebab_case_without_a_slash_at_the_end(service: str) -> None:
    """/core/path-segments-kebab-case, /core/no-trailing-slash."""
    for path in document(service)["paths"]:
        assert path.startswith("/")
        assert not path.endswith("/")
        assert all(SEGMENT.fullmatch(segment) for segment in path.split("/")[1:]), path


@each_service
def test_methods_are_standard_ones_and_what_is_only_read_has_no_body(service: str) -> None:
    """/core/http-methods."""
    for path, method, operation in operations(service):
        assert method in {"get", "put", "post", "delete", "patch"}, path
        assert method not in {"get", "delete"} or "requestBody" not in operation, path


@each_service
def test_parameters_are_named_in_one_style_and_described(service: str) -> None:
    """/core/query-keys-camel-case."""
    for path, method, operation in operations(service):
        parameters = operation.get("parameters", [])
        in_path = {parameter["name"] for parameter in parameters if parameter["in"] == "path"}
        assert in_path == set(re.findall(r"\{(\w+)\}", path)), (method, path)
        for parameter in parameters:
            assert parameter["in"] == "header" or CAMEL.fullmatch(parameter["name"]), (path, parameter)
            assert parameter["in"] != "cookie"
            assert parameter.get("description"), (method, path, parameter["name"])


@each_service
def test_every_operation_has_an_id_a_tag_and_words(service: str) -> None:
    told = document(service)
    declared = [tag["name"] for tag in told["tags"]]
    assert len(set(declared)) == len(declared)
    assert all(tag["description"] for tag in told["tags"])
    found = list(operations(service))
    for path, method, operation in found:
        assert CAMEL.fullmatch(operation["operationId"]), path
        assert len(operation["tags"]) == 1, (method, path)
        assert operation["summary"], (method, path)
        assert operation["description"], (method, path)
    ids = [operation["operationId"] for *_, operation in found]
    assert len(set(ids)) == len(ids)
    assert {operation["tags"][0] for *_, operation in found} == set(declared)


@each_service
def test_every_response_bears_the_version_of_the_api(service: str) -> None:
    """/core/version-header."""
    for operation, status, response in responses(service):
        header = resolved(service, response["headers"]["API-Version"])
        assert header["schema"]["examples"] == [document(service)["info"]["version"]], (operation, status)


@each_service
def test_every_refusal_is_a_problem_document(service: str) -> None:
    """/core/error-handling/problem-details."""
    for operation, status, response in responses(service):
        if status[0] in "45":
            assert list(response["content"]) == ["application/problem+json"], (operation, status)
            schema = resolved(service, response["content"]["application/problem+json"]["schema"])
            assert {"status", "title", "detail"} <= set(schema["required"])


@each_service
def test_invalid_input_is_400_and_never_422(service: str) -> None:
    """/core/error-handling/invalid-input."""
    for path, method, operation in operations(service):
        assert "422" not in operation["responses"], (method, path)
        if operation.get("parameters") or method in {"put", "post", "patch"}:
            assert "400" in operation["responses"], (method, path)
    assert not {"HTTPValidationError", "ValidationError"} & document(service)["components"]["schemas"].keys()


@each_service
def test_what_asks_for_a_caller_can_refuse_it(service: str) -> None:
    """And every operation asks for one, besides those by which a service describes itself."""
    schemes = document(service)["components"]["securitySchemes"]
    for path, method, operation in operations(service):
        if operation["tags"] == ["Service"]:
            assert "security" not in operation
            continue
        assert operation["security"], (method, path)
        assert all(set(required) <= schemes.keys() for required in operation["security"])
        refusals = {status: resolved(service, operation["responses"][status]) for status in ("401", "403", "429")}
        assert "WWW-Authenticate" in refusals["401"]["headers"]
        assert "Retry-After" in refusals["429"]["headers"]


@each_service
def test_schemas_and_their_properties_are_named_in_one_style(service: str) -> None:
    for name in document(service)["components"]["schemas"]:
        assert PASCAL.fullmatch(name), name
    for schema, name, _ in properties(service):
        # An ES256 key stands in the words of RFC 7517, which are camelCase too.
        assert CAMEL.fullmatch(name), (schema, name)


@each_service
def test_dates_are_dates_and_moments_have_a_zone(service: str) -> None:
    """/core/date-time/date-omit-time-portion, /core/date-time/timezone."""
    for schema, name, described in properties(service):
        formats = {node.get("format") for node in nodes(described)}
        assert not formats & {"time", "date-time-local"}, (schema, name)
        if re.search(r"(?<!up)date$", name.lower()):
            assert "date" in formats, (schema, name)
        if "date-time" in formats:
            assert name == "at" or name.endswith("At"), (schema, name)
        if name.endswith("At"):
            assert "date-time" in formats, (schema, name)


@each_service
def test_every_reference_resolves_and_nothing_is_described_that_nobody_refers_to(service: str) -> None:
    told = document(service)
    referred = {node["$ref"] for node in nodes(told) if isinstance(node.get("$ref"), str)}
    for reference in referred:
        resolved(service, {"$ref": reference})
    described = {f"#/components/{kind}/{name}" for kind, named in told["components"].items() for name in named}
    described = {name for name in described if "/securitySchemes/" not in name}
    # Each may stand for a mapping by a discriminator too.
    mapped = {
        target for node in nodes(told) if isinstance(node.get("mapping"), dict) for target in node["mapping"].values()
    }
    assert not described - referred - mapped
