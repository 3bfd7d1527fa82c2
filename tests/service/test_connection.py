"""What a connection may cost before anybody has proved who they are."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from starlette.responses import PlainTextResponse

from service.web import connection
from service.web.connection import BoundedHttp

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setattr(connection, "HEAD_SECONDS", 1.0)
    config = uvicorn.Config(
        PlainTextResponse("there"), port=0, http=BoundedHttp, ws="none", log_config=None, timeout_keep_alive=30
    )
    server = uvicorn.Server(config)
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    server.should_exit = True
    thread.join(10)


@pytest.fixture
def peer(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as opened:
        yield opened


def answered(peer: socket.socket) -> bytes:
    """All that comes until the other end closes, or for a while."""
    said = b""
    peer.settimeout(0.3)
    try:
        while piece := peer.recv(65536):
            said += piece
    except TimeoutError:
        return said
    return said + b"<end>"


def taken(peer: socket.socket, piece: bytes, *, times: int, pause: float) -> int:
    """How many bytes could be sent before the other end had enough."""
    for number in range(times):
        try:
            peer.sendall(piece)
        except ConnectionError:
            return number * len(piece)
        time.sleep(pause)
    return times * len(piece)


def test_a_request_is_answered_and_another_may_follow_later(peer: socket.socket) -> None:
    for _ in range(2):
        peer.sendall(REQUEST + b"\r\n")
        assert answered(peer).endswith(b"there")
        time.sleep(1.2)  # longer than a head may take: nothing of one has come


def test_a_head_of_many_headers_is_taken_up_to_a_limit(peer: socket.socket) -> None:
    peer.sendall(REQUEST + b"x: " + b"y" * 40_000 + b"\r\n\r\n")
    assert answered(peer).endswith(b"there")


@pytest.mark.parametrize("piece", [b"x: y\r\n" * 1000, b"y" * 6000], ids=["endless headers", "one endless header"])
def test_a_head_that_does_not_end_is_refused(peer: socket.socket, piece: bytes) -> None:
    peer.sendall(REQUEST + b"x: ")
    assert taken(peer, piece, times=200, pause=0.005) < 600_000


@pytest.mark.parametrize("begun", [b"", b"GE", REQUEST])
def test_a_head_that_does_not_come_is_given_up(peer: socket.socket, begun: bytes) -> None:
    peer.sendall(begun)
    assert answered(peer) == b""
    time.sleep(1.2)
    assert answered(peer) == b"<end>"


@pytest.mark.parametrize("drop", [b"x", b"\r\n"], ids=["letters", "empty lines"])
@pytest.mark.parametrize("kept_alive", [False, True])
def test_a_head_that_comes_drop_by_drop_is_given_up(peer: socket.socket, drop: bytes, kept_alive: bool) -> None:
    if kept_alive:
        peer.sendall(REQUEST + b"\r\n")
        assert answered(peer).endswith(b"there")
    assert taken(peer, drop, times=40, pause=0.1) < 30 * len(drop)


def test_a_body_may_take_longer_than_a_head(peer: socket.socket) -> None:
    peer.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\na")
    time.sleep(1.3)
    peer.sendall(b"bc")
    assert answered(peer).endswith(b"there")
