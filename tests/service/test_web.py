"""The edge: what a bad request gets, what a good one must prove, and what never leaves."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

import anyio
import pytest
import structlog
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from fastapi import APIRouter, Depends
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from clients.protocol.encoding import b64u_decode, b64u_encode
from clients.protocol.jws import generate_key, public_jwk, thumbprint
from clients.protocol.messages.base import Bytes32, IsoDate, Message
from clients.protocol.request_token import sign_request
from service import errors
from service.principals import Principal, RegisteredKey, Role
from service.web.access_log import AccessLog, configure_logging
from service.web.app import Api, build_api
from service.web.authentication import Authenticator, require
from service.web.body import JsonBodies
from service.web.pagination import Cursors
from service.web.parameters import CovenantId, IdempotencyKey, Limit
from service.web.problems import STATUS

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
AUDIENCE = "https://broker.example"
SECRET = "999990019"
"""Stands for an identifier. Wherever it is sent, it must not come back and must not be logged."""


class Sighting(Message):
    day: IsoDate
    token: Bytes32
    kind: Literal["address", "person"]
    signal_id: UUID | None = None
    count: Annotated[int, Field(ge=1)] = 1


class Sightings(Message):
    sightings: Annotated[tuple[Sighting, ...], Field(min_length=1, max_length=200_000)]


class Refusal(Message):
    name: str


class Directory:
    """Two keys: police in covenant `vogelplein`, and an operator."""

    def __init__(self) -> None:
        self.police = generate_key()
        self.operator = generate_key()

    def find(self, key_id: str, covenant_id: str | None) -> RegisteredKey | None:
        if key_id == thumbprint(self.police) and covenant_id == "vogelplein":
            principal = Principal("vogelplein.police", Role.PARTY, party="police", covenant_id=covenant_id)
            return RegisteredKey(principal, public_jwk(self.police))
        if key_id == thumbprint(self.operator):
            return RegisteredKey(Principal("operator-1", Role.OPERATOR), public_jwk(self.operator))
        return None


class Spent:
    def __init__(self) -> None:
        self.seen: set[tuple[str, str]] = set()

    def spend(self, principal_id: str, token_id: str, expires_at: datetime) -> bool:
        new = (principal_id, token_id) not in self.seen
        self.seen.add((principal_id, token_id))
        return new


class TurnedAway:
    """Who was refused for its role, as (principal, covenant, code); or the failure to record it."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str | None, str]] = []
        self.failure: errors.Unavailable | None = None

    def __call__(self, caller: Principal, covenant_id: str | None, trace: str, refusal: errors.Refused) -> None:
        if self.failure is not None:
            raise self.failure
        self.seen.append((caller.id, covenant_id, refusal.code))


TURNED_AWAY = TurnedAway()
router = APIRouter()
REFUSALS: dict[str, errors.DomainError] = {
    "Invalid": errors.Invalid("stage-unknown", "no such stage", pointer="/stage"),
    "Unauthenticated": errors.Unauthenticated("token-invalid", "no"),
    "Refused": errors.Refused("no-permit", "no rule permits it", clause="art. 5.2", parameters={"purpose": "nuisance"}),
    "NotFound": errors.NotFound("signal-unknown", "no such signal"),
    "Conflict": errors.Conflict("key-version-stale", "the key was rotated"),
    "TooLarge": errors.TooLarge("batch-too-large", "too many"),
    "QuotaExceeded": errors.QuotaExceeded("quota-spent", "enough for today", retry_after=60),
    "Unavailable": errors.Unavailable("database-unavailable", "later", retry_after=2),
}


@router.post("/sightings")
def post_sightings(message: Sightings) -> dict[str, int]:
    return {"count": len(message.sightings)}


@router.get("/sightings")
def get_sightings(limit: Limit, day: IsoDate | None = None) -> dict[str, int]:
    return {"limit": limit}


@router.delete("/sightings/{signalId}")
def delete_sighting(signalId: UUID, key: IdempotencyKey) -> None:  # noqa: N803
    return None


@router.put("/sightings/{signalId}")
def put_sighting(signalId: UUID) -> None:  # noqa: N803
    return None


@router.post("/refusals")
def post_refusal(message: Refusal) -> None:
    raise REFUSALS[message.name]


@router.post("/failures")
def post_failure(message: Refusal) -> None:
    raise RuntimeError(f"while reading {message.name}")


@router.post("/covenants/{covenantId}/signals")
def post_signal(
    covenant_id: CovenantId, message: Refusal, principal: Annotated[Principal, Depends(require(Role.PARTY))]
) -> dict[str, str | None]:
    return {"id": principal.id, "party": principal.party, "actor": principal.actor}


@router.get("/covenants/{covenantId}/signals")
def get_signals(
    covenant_id: CovenantId, principal: Annotated[Principal, Depends(require(Role.PARTY, Role.OPERATOR))]
) -> dict[str, str]:
    return {"id": principal.id}


@pytest.fixture(scope="module")
def directory() -> Directory:
    return Directory()


@pytest.fixture
def api(directory: Directory) -> Api:
    def ready() -> None:
        raise errors.Unavailable("database-unavailable", "the database did not answer")

    authenticator = Authenticator(directory, audience=AUDIENCE, clock=lambda: NOW, spent=Spent())
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


def problem(response: Any, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["api-version"] == "1.2.3"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert SECRET not in response.text, "echoed"
    assert SECRET not in repr(response.headers), "echoed"
    document: dict[str, Any] = response.json()
    assert document["status"] == status
    assert {"type", "title", "detail", "traceId"} <= set(document)
    return document


def places(document: dict[str, Any]) -> list[tuple[str, str]]:
    return [(error["pointer"], error["code"]) for error in document["errors"]]


def sighting(**changes: Any) -> dict[str, Any]:
    return {"day": "2026-11-22", "token": "A" * 43, "kind": "address"} | changes


# -- bodies ------------------------------------------------------------------------------------------------------------


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


# -- refusals and failures ---------------------------------------------------------------------------------------------


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


# -- traces and logs ---------------------------------------------------------------------------------------------------


def test_the_callers_trace_is_continued(client: TestClient) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    document = problem(client.get("/v1/none", headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}), 404)
    assert document["traceId"] == trace


@pytest.mark.parametrize(
    "traceparent",
    [
        "",
        SECRET,
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{'a' * 32}-{'0' * 16}-01",
        f"ff-{'a' * 32}-00f067aa0ba902b7-01",
        f"00-{'A' * 32}-00f067aa0ba902b7-01",
        f"00-{'a' * 32}-00f067aa0ba902b7-01\t",
    ],
)
def test_a_trace_that_is_none_is_replaced(client: TestClient, traceparent: str) -> None:
    document = problem(client.get("/v1/none", headers={"traceparent": traceparent}), 404)
    assert len(document["traceId"]) == 32
    assert document["traceId"] not in {"a" * 32, "0" * 32}


def test_a_request_is_logged_by_its_template_and_nothing_it_sent(client: TestClient) -> None:
    with capture_logs() as logs:
        client.delete(f"/v1/sightings/{SECRET}?bsn={SECRET}", headers={"authorization": SECRET})
        client.request(SECRET, f"/v1/{SECRET}", content=SECRET)
    lines = [entry for entry in logs if entry["event"] == "request"]
    assert [(line["method"], line["route"], line["status"]) for line in lines] == [
        ("DELETE", "/v1/sightings/{signalId}", 400),
        ("other", "unmatched", 415),
    ]
    assert set(lines[0]) == {
        "event", "log_level", "method", "route", "status", "duration_ms", "principal", "trace_id", "span_id",
    }  # fmt: skip
    assert SECRET not in repr(logs)


# -- who asks ----------------------------------------------------------------------------------------------------------

TARGET = "/v1/covenants/vogelplein/signals"
BODY = b'{"name": "x"}'


def token(key: EllipticCurvePrivateKey, **changes: Any) -> dict[str, str]:
    claims: dict[str, Any] = {
        "principal": "vogelplein.police",
        "audience": AUDIENCE,
        "method": "POST",
        "target": TARGET,
        "body": BODY,
        "now": NOW,
        "jti": str(uuid4()),
    }
    return {
        "authorization": f"Bearer {sign_request(key, **claims | changes)}",
        "content-type": "application/json",
    }


def test_a_caller_is_known_by_its_token(client: TestClient, directory: Directory) -> None:
    response = client.post(TARGET, content=BODY, headers=token(directory.police, actor="desk-7"))
    assert response.json() == {"id": "vogelplein.police", "party": "police", "actor": "desk-7"}


def test_the_log_names_the_principal(client: TestClient, directory: Directory) -> None:
    with capture_logs() as logs:
        client.post(TARGET, content=BODY, headers=token(directory.police))
    assert [entry["principal"] for entry in logs if entry["event"] == "request"] == ["vogelplein.police"]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"method": "PUT"}, id="another method"),
        pytest.param({"target": "/v1/covenants/vogelplein/withdrawals"}, id="another path"),
        pytest.param({"target": f"{TARGET}?limit=1"}, id="another query"),
        pytest.param({"body": b'{"name": "y"}'}, id="another body"),
        pytest.param({"audience": "https://key-holder.example"}, id="another service"),
        pytest.param({"principal": "vogelplein.housing"}, id="another principal"),
        pytest.param({"now": NOW - timedelta(minutes=2)}, id="expired"),
        pytest.param({"now": NOW + timedelta(minutes=2)}, id="not yet valid"),
    ],
)
def test_a_token_made_for_something_else_is_refused(
    client: TestClient, directory: Directory, changes: dict[str, Any]
) -> None:
    response = client.post(TARGET, content=BODY, headers=token(directory.police, **changes))
    document = problem(response, 401)
    assert document["type"] == "/problems/token-invalid"
    assert document["detail"] == "the request token does not hold for this request"
    assert response.headers["www-authenticate"] == "Bearer"


def test_a_token_does_not_serve_a_request_with_a_query_it_does_not_cover(
    client: TestClient, directory: Directory
) -> None:
    problem(client.post(f"{TARGET}?a=1", content=BODY, headers=token(directory.police)), 401)
    covered = token(directory.police, target=f"{TARGET}?a=%31&b")
    taken = client.post(f"{TARGET}?a=%31&b", content=BODY, headers=covered)  # the token; the path takes no query
    assert problem(taken, 400)["type"] == "/problems/query-unknown"


def test_a_token_serves_once(client: TestClient, directory: Directory) -> None:
    headers = token(directory.police)
    assert client.post(TARGET, content=BODY, headers=headers).status_code == 200
    problem(client.post(TARGET, content=BODY, headers=headers), 401)


def test_an_unknown_key_and_a_forged_signature_get_the_same_answer(client: TestClient, directory: Directory) -> None:
    unknown = problem(client.post(TARGET, content=BODY, headers=token(generate_key())), 401)
    headers = token(directory.police)
    tail = headers["authorization"][-20:]
    headers["authorization"] = headers["authorization"].removesuffix(tail) + tail.swapcase()
    forged = problem(client.post(TARGET, content=BODY, headers=headers), 401)
    del unknown["traceId"], forged["traceId"]
    assert unknown == forged


def test_a_key_serves_only_the_covenant_it_was_enrolled_in(client: TestClient, directory: Directory) -> None:
    elsewhere = "/v1/covenants/other/signals"
    problem(client.post(elsewhere, content=BODY, headers=token(directory.police, target=elsewhere)), 401)


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer ", f"Basic {SECRET}", f"Bearer {SECRET}"])
def test_without_a_token_nobody_gets_in(client: TestClient, authorization: str | None) -> None:
    headers = {"content-type": "application/json"} | ({} if authorization is None else {"authorization": authorization})
    problem(client.post(TARGET, content=BODY, headers=headers), 401)


def test_two_tokens_are_none(client: TestClient, directory: Directory) -> None:
    headers = list(token(directory.police).items())
    problem(client.post(TARGET, content=BODY, headers=[*headers, headers[0]]), 401)


def test_a_caller_in_another_role_is_refused_on_record(
    client: TestClient, directory: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TURNED_AWAY, "seen", [])
    operator = {"principal": "operator-1", "method": "GET", "body": b""}
    assert client.get(TARGET, headers=token(directory.operator, **operator)).json() == {"id": "operator-1"}
    response = client.post(
        TARGET, content=BODY, headers=token(directory.operator, **operator | {"method": "POST", "body": BODY})
    )
    document = problem(response, 403)
    assert document["type"] == "/problems/role-not-allowed"
    assert document["parameters"] == {"roles": "party"}
    assert TURNED_AWAY.seen == [("operator-1", "vogelplein", "role-not-allowed")]


def test_a_refusal_that_cannot_be_recorded_is_not_told(
    client: TestClient, directory: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TURNED_AWAY, "failure", errors.Unavailable("audit-unavailable", "no entries are taken"))
    response = client.post(TARGET, content=BODY, headers=token(directory.operator, principal="operator-1"))
    assert problem(response, 503)["type"] == "/problems/audit-unavailable"


def test_who_asks_is_settled_before_what_is_asked(client: TestClient, directory: Directory) -> None:
    problem(client.post(TARGET, content=b'{"wrong": 1}', headers=token(generate_key(), body=b'{"wrong": 1}')), 401)


@pytest.mark.parametrize("query", ["surprise=1", "a=1&a=2", f"{SECRET}=1"])
def test_a_query_with_what_the_path_does_not_take_is_refused_and_not_quoted(
    client: TestClient, directory: Directory, query: str
) -> None:
    target = f"{TARGET}?{query}"
    wrong = problem(client.post(target, content=BODY, headers=token(directory.police, target=target)), 400)
    assert places(wrong) == [("query", "query-unknown")]
    assert SECRET not in str(wrong)


# -- cursors -----------------------------------------------------------------------------------------------------------

SCOPE = ("signals", "vogelplein", "police")


def test_a_cursor_leads_back_to_its_position() -> None:
    position: dict[str, str | int] = {"after": "2026-11-22", "sequence": 7}
    assert Cursors(bytes(32)).read(SCOPE, Cursors(bytes(32)).issue(SCOPE, position)) == position


@given(st.data())
def test_a_cursor_that_was_touched_is_refused(data: st.DataObject) -> None:
    cursors = Cursors(bytes(32))
    raw = bytearray(b64u_decode(cursors.issue(SCOPE, {"sequence": 7})))
    place = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[place // 8] ^= 1 << place % 8
    with pytest.raises(errors.Invalid) as caught:
        cursors.read(SCOPE, b64u_encode(bytes(raw)))
    assert caught.value.faults[0].pointer == "query/cursor"


@pytest.mark.parametrize("cursor", ["", "A", "A" * 22, "%", "é", SECRET, "A" * 5000])
def test_what_is_no_cursor_is_refused_and_not_quoted(cursor: str) -> None:
    with pytest.raises(errors.Invalid) as caught:
        Cursors(bytes(32)).read(SCOPE, cursor, parameter="since")
    assert caught.value.faults[0].pointer == "query/since"
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    "other", [("signals", "vogelplein", "housing"), ("signals", "vogelpleinpolice"), ("signals", "vogelplein")]
)
def test_a_cursor_serves_only_the_listing_it_was_issued_for(other: tuple[str, ...]) -> None:
    cursors = Cursors(bytes(32))
    with pytest.raises(errors.Invalid):
        cursors.read(other, cursors.issue(SCOPE, {"sequence": 7}))


def test_a_cursor_of_another_service_is_refused() -> None:
    with pytest.raises(errors.Invalid):
        Cursors(bytes(32)).read(SCOPE, Cursors(b"\1" * 32).issue(SCOPE, {"sequence": 7}))


# -- the document ------------------------------------------------------------------------------------------------------


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


# -- the log's configuration -------------------------------------------------------------------------------------------


def test_the_configured_log_is_json_lines_without_messages_of_exceptions() -> None:
    stream = io.StringIO()
    before = logging.getLogger().handlers[:]
    try:
        configure_logging("INFO", stream)
        structlog.get_logger("service.test").info("something", count=1)
        try:
            raise ValueError(SECRET)
        except ValueError:
            structlog.get_logger("service.test").exception("ours")
            logging.getLogger("library").exception("theirs")
        logging.getLogger("uvicorn.access").info("GET /%s", SECRET)
    finally:
        logging.getLogger().handlers[:] = before
        structlog.reset_defaults()
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(line["event"], line["level"]) for line in lines] == [
        ("something", "info"),
        ("ours", "error"),
        ("theirs", "error"),
    ]
    assert lines[1]["error"] == lines[2]["error"] == ["builtins.ValueError"]
    assert SECRET not in stream.getvalue()
