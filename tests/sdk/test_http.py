"""The signed conversation, with a transport in the place of the network."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from uuid import UUID

import httpx
import pytest

from clients.protocol import jws
from clients.protocol.messages.disclosure import GrantRequest, NoticePage
from clients.protocol.request_token import verify_request
from clients.sdk.errors import ClientError, OverQuota, Refused, Stale, Unreachable
from clients.sdk.http import Conversation

KEY = jws.generate_key()
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ISSUER = "https://broker.example"


def conversation(handler: Callable[[httpx.Request], httpx.Response], pauses: list[float] | None = None) -> Conversation:
    return Conversation(
        "https://broker.example",
        ISSUER,
        "police",
        KEY,
        actor="desk-1",
        transport=httpx.MockTransport(handler),
        now=lambda: NOW,
        pause=(pauses if pauses is not None else []).append,
    )


def problem(status: int, code: str, headers: dict[str, str] | None = None) -> httpx.Response:
    body = {
        "type": f"/problems/{code}",
        "detail": "no",
        "clause": "art. 5.2",
        "errors": [{"pointer": "#/x", "code": "bad", "detail": "is bad"}],
    }
    return httpx.Response(status, json=body, headers=headers)


def test_every_request_is_signed_for_itself_alone() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        claims = verify_request(
            request.headers["Authorization"].removeprefix("Bearer "),
            {jws.thumbprint(KEY): KEY.public_key()},
            audience=ISSUER,
            method=request.method,
            target=request.url.raw_path.decode(),
            body=request.content,
            now=NOW,
        )
        assert (claims.principal, claims.actor) == ("police", "desk-1")
        return httpx.Response(200, json={"notices": []})

    with conversation(handler) as talk:
        talk.get("/v1/covenants/c/notices", NoticePage, {"cursor": "a b+c"})
        talk.post("/v1/covenants/c/x", GrantRequest(disclosure_id=UUID(int=1), signal_id=UUID(int=2), field="note", variant="gist"), NoticePage)  # fmt: skip # noqa: E501


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "invalid", Refused),
        (409, "stale-covenant-version", Stale),
        (409, "stale-key-version", Stale),
        (429, "quota-spent", OverQuota),
    ],
)
def test_a_problem_document_becomes_an_exception_of_its_kind(status: int, code: str, kind: type[Refused]) -> None:
    with conversation(lambda _: problem(status, code, {"Retry-After": "3600"})) as talk, pytest.raises(kind) as caught:
        talk.get("/v1/x", NoticePage)
    assert type(caught.value) is kind
    assert (caught.value.status, caught.value.code) == (status, code)
    assert caught.value.faults[0].pointer == "#/x"
    assert caught.value.clause == "art. 5.2"


def test_what_passes_is_waited_for() -> None:
    answers = iter(
        [
            problem(503, "unavailable", {"Retry-After": "1"}),
            problem(503, "unavailable"),
            httpx.Response(200, json={"notices": []}),
        ]
    )
    pauses: list[float] = []
    with conversation(lambda _: next(answers), pauses) as talk:
        assert talk.get("/v1/x", NoticePage).notices == ()
    assert pauses == [1.0, 2.0]


def test_what_the_witness_has_yet_to_see_takes_no_whole_second() -> None:
    answers = iter([problem(503, "not-yet-witnessed", {"Retry-After": "1"})] * 2)
    pauses: list[float] = []
    with conversation(lambda _: next(answers, httpx.Response(200, json={"notices": []})), pauses) as talk:
        talk.get("/v1/x", NoticePage)
    assert pauses == [0.2, 0.4]


def test_a_silent_service_is_unreachable_after_a_while() -> None:
    def silent(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no")

    pauses: list[float] = []
    with conversation(silent, pauses) as talk, pytest.raises(Unreachable, match=r"broker\.example"):
        talk.get("/v1/x", NoticePage)
    assert len(pauses) == 4


def test_a_quota_spent_until_tomorrow_is_not_waited_for() -> None:
    pauses: list[float] = []
    with (
        conversation(lambda _: problem(429, "quota-spent", {"Retry-After": "3600"}), pauses) as talk,
        pytest.raises(OverQuota) as caught,
    ):
        talk.get("/v1/x", NoticePage)
    assert pauses == []
    assert caught.value.retry_after == 3600


@pytest.mark.parametrize(
    "answer",
    [b'{"notices": "Vogelplein 12"}', b'{"notices": [], "notices": "Vogelplein 12"}', b'{"Vogelplein 12": NaN}'],
)
def test_an_answer_out_of_form_is_not_repeated_in_the_error(answer: bytes) -> None:
    with (
        conversation(lambda _: httpx.Response(200, content=answer)) as talk,
        pytest.raises(ClientError) as caught,
    ):
        talk.get("/v1/x", NoticePage)
    assert "Vogelplein" not in str(caught.value)


def test_a_refusal_that_is_no_problem_document_still_is_one() -> None:
    with conversation(lambda _: httpx.Response(418, text="teapot")) as talk, pytest.raises(Refused) as caught:
        talk.get("/v1/x", NoticePage)
    assert caught.value.code == "http-418"


class Endless(httpx.SyncByteStream):
    """An answer that goes on; `sent` says how much of it was taken."""

    def __init__(self, piece: bytes) -> None:
        self.piece = piece
        self.sent = 0

    def __iter__(self) -> Iterator[bytes]:
        while True:
            self.sent += len(self.piece)
            yield self.piece


def test_an_answer_that_does_not_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clients.sdk.http.LONGEST_ANSWER", 1_000_000)
    monkeypatch.setattr("clients.sdk.http._ATTEMPTS", 1)
    endless = Endless(b"x" * 65_536)
    with conversation(lambda _: httpx.Response(200, stream=endless)) as talk, pytest.raises(Unreachable):
        talk.get("/v1/x", NoticePage)
    assert endless.sent < 1_200_000


def test_no_answer_is_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kilobyte that is a megabyte once it is read."""
    monkeypatch.setattr("clients.sdk.http._ATTEMPTS", 1)
    seen: list[str] = []

    def bomb(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers["Accept-Encoding"])
        packed = iter([gzip.compress(b'{"notices": []}' + b" " * 1_000_000)])
        return httpx.Response(200, headers={"Content-Encoding": "gzip"}, content=packed)

    with conversation(bomb) as talk:
        with pytest.raises(Unreachable):
            talk.get("/v1/x", NoticePage)
        with pytest.raises(Unreachable):
            list(talk.download("/v1/x", NoticePage(notices=())))
    assert seen == ["identity", "identity"]
