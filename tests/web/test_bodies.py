"""What a request may bring: strict JSON of a size, and every mistake in it located and none quoted."""

from __future__ import annotations

import json
from typing import Any

import anyio
import pytest
from starlette.testclient import TestClient

from service.web.access_log import AccessLog
from service.web.app import Api
from service.web.body import JsonBodies
from tests.web.little_service import SECRET, places, problem, sighting


def test_a_good_body_is_taken(client: TestClient) -> None:
    response = client.post("/v1/sightings", json={"sightings": [sighting()] * 200})
    assert response.json() == {"count": 200}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        pytest.param(b'{"sightings": [', "", id="cut off"),
        pytest.param(b"\xff\xfe", "", id="not UTF-8"),
        pytest.param(b'{"sightings": [{"day": "%b", "day": 1}]}' % SECRET.encode(), "/sightings/0/day", id="duplicate"),
        pytest.param(b'{"%b": 1, "%b": 2}' % (SECRET.encode(), SECRET.encode()), "/?", id="duplicate foreign name"),
        pytest.param(b'{"' + b"AbcdEfgh" * 5 + b'abc": {"' + b"AbcdEfgh" * 5 + b'abc": NaN}}', "/?/?", id="token name"),
        pytest.param(b'{"sightings": [{"count": NaN}]}', "/sightings/0/count", id="NaN"),
        pytest.param(b'{"sightings": [{"count": -Infinity}]}', "/sightings/0/count", id="infinity"),
        pytest.param(b'{"sightings": [{"count": 1e999}]}', "/sightings/0/count", id="overflow"),
        pytest.param(b'{"count": 99999000199999900019}', "/count", id="long integer"),
        pytest.param(b"[" * 40 + b"]" * 40, "/0" * 32, id="deep"),
        pytest.param(b"[" * 40_000, "", id="bottomless"),
        pytest.param(
            b'{"sightings": "' + b" " * 70_000 + b'", "sightings": 1}', "/sightings", id="large and duplicate"
        ),
    ],
)
def test_a_body_that_is_not_strict_json_is_a_located_400(client: TestClient, body: bytes, pointer: str) -> None:
    response = client.post("/v1/sightings", content=body, headers={"content-type": "application/json"})
    document = problem(response, 400)
    assert document["type"] == "/problems/json-invalid"
    assert places(document) == [(pointer, "json-invalid")]


@pytest.mark.parametrize(
    ("content_type", "good"),
    [
        ("application/json", True),
        ("Application/JSON; charset=UTF-8", True),
        ('application/json;charset="utf-8"', True),
        ("application/json; charset=latin-1", False),
        ("text/plain", False),
        ("application/x-www-form-urlencoded", False),
        ("application/jsonp", False),
        ("", False),
        (None, False),
    ],
)
def test_only_json_in_utf8_is_taken(client: TestClient, content_type: str | None, good: bool) -> None:
    headers = {} if content_type is None else {"content-type": content_type}
    body = json.dumps({"sightings": [sighting()]}).encode()
    response = client.post("/v1/sightings", content=body, headers=headers)
    if good:
        assert response.status_code == 200
    else:
        problem(response, 415)


def test_two_content_types_are_none(client: TestClient) -> None:
    headers = [("content-type", "application/json"), ("content-type", "text/plain")]
    problem(client.post("/v1/sightings", content=b"{}", headers=headers), 415)


def test_a_compressed_body_is_refused(client: TestClient) -> None:
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    problem(client.post("/v1/sightings", content=b"\x1f\x8b", headers=headers), 415)


class Sender:
    """A client that sends its body in chunks of 10,000 bytes and counts what the service took."""

    def __init__(self, chunks: int, headers: list[tuple[bytes, bytes]]) -> None:
        self.left = chunks
        self.taken = 0
        self.scope = {
            "type": "http",
            "method": "POST",
            "path": "/v1/sightings",
            "query_string": b"",
            "headers": [(b"content-type", b"application/json"), *headers],
        }
        self.answer: list[Any] = []

    async def receive(self) -> dict[str, Any]:
        if not self.left:
            await anyio.sleep_forever()
        self.left -= 1
        self.taken += 1
        return {"type": "http.request", "body": b" " * 10_000, "more_body": True}

    async def send(self, message: Any) -> None:
        self.answer.append(message)

    def status(self, app: Any) -> int:
        anyio.run(app, self.scope, self.receive, self.send)
        return int(self.answer[0]["status"])


def test_a_body_that_announces_too_much_is_refused_unread(api: Api) -> None:
    sender = Sender(1000, [(b"content-length", b"100001")])
    assert sender.status(api) == 413
    assert sender.taken == 0
    assert (b"connection", b"close") in sender.answer[0]["headers"]


@pytest.mark.parametrize("announced", [[], [(b"content-length", b"5")]])
def test_a_body_that_grows_too_large_is_refused_where_it_does(api: Api, announced: list[tuple[bytes, bytes]]) -> None:
    sender = Sender(1000, announced)
    assert sender.status(api) == 413
    assert sender.taken == 11


def test_a_body_that_never_ends_is_given_up() -> None:
    async def nothing(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("a request without its body must not get here")

    sender = Sender(3, [])
    app = AccessLog(JsonBodies(nothing, timeout=0.02), template=lambda path: path)
    assert sender.status(app) == 408


def test_a_body_within_the_limit_is_taken(client: TestClient) -> None:
    body = json.dumps({"sightings": [sighting()]}).encode()
    padded = body + b" " * (100_000 - len(body))
    assert client.post("/v1/sightings", content=padded, headers={"content-type": "application/json"}).is_success


def test_every_mistake_is_named_at_once_and_none_is_quoted(client: TestClient) -> None:
    bad = [
        {SECRET: 1, "extra": SECRET, "day": 0, "token": SECRET, "kind": SECRET, "signalId": SECRET, "count": 0},
        sighting(day="2026-02-30", token=f"{'A' * 42}=", count=f"{SECRET}x"),
        SECRET,
        {},
    ]
    document = problem(client.post("/v1/sightings", json={"sightings": bad}), 400)
    assert document["detail"] == "14 mistakes in the request"
    assert set(places(document)) == {
        ("/sightings/0/?", "extra-forbidden"),
        ("/sightings/0/extra", "extra-forbidden"),
        ("/sightings/0/day", "value-error"),
        ("/sightings/0/token", "value-error"),
        ("/sightings/0/kind", "literal-error"),
        ("/sightings/0/signalId", "uuid-parsing"),
        ("/sightings/0/count", "greater-than-equal"),
        ("/sightings/1/day", "date-from-datetime-parsing"),
        ("/sightings/1/token", "value-error"),
        ("/sightings/1/count", "int-parsing"),
        ("/sightings/2", "model-attributes-type"),
        ("/sightings/3/day", "missing"),
        ("/sightings/3/token", "missing"),
        ("/sightings/3/kind", "missing"),
    }


def test_a_flood_of_mistakes_gets_a_short_answer(client: TestClient) -> None:
    document = problem(client.post("/v1/sightings", json={"sightings": [{}] * 1000}), 400)
    assert len(document["errors"]) == 100


def test_a_missing_body_is_a_located_400(client: TestClient) -> None:
    assert places(problem(client.post("/v1/sightings"), 400)) == [("", "missing")]


def test_mistakes_in_parameters_are_located_too(client: TestClient) -> None:
    wrong = problem(client.get(f"/v1/sightings?limit={SECRET}&day={SECRET}"), 400)
    assert set(places(wrong)) == {("query/limit", "less-than-equal"), ("query/day", "value-error")}
    wrong = problem(client.delete(f"/v1/sightings/{SECRET}", headers={"Idempotency-Key": SECRET}), 400)
    assert set(places(wrong)) == {("path/signalId", "uuid-parsing"), ("header/Idempotency-Key", "uuid-parsing")}
