"""Who asks: one signed statement for each request, about just that request, good once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from clients.protocol.jws import generate_key
from service import errors
from tests.web.little_service import BODY, NOW, SECRET, TARGET, TURNED_AWAY, Directory, places, problem, token


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
