"""A route of large bodies takes what the strict reading gave it, and reads nothing a second time."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from starlette.testclient import TestClient

from clients.protocol.messages.base import Message
from service.web.access_log import AccessLog
from service.web.body import JsonBodies, ReadOnce


class Note(Message):
    words: tuple[str, ...]


router = APIRouter(route_class=ReadOnce)


@router.post("/notes")
def post_note(note: Note) -> dict[str, int]:
    return {"words": len(note.words)}


@pytest.fixture
def client() -> TestClient:
    app = FastAPI()
    app.include_router(router)
    return TestClient(AccessLog(JsonBodies(app), template=lambda path: path))


@pytest.mark.parametrize("count", [1, 20_000], ids=["read in place", "read in a thread"])
def test_the_bytes_are_read_once(client: TestClient, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    body = json.dumps({"words": ["a word"] * count})

    def again(*_: Any, **__: Any) -> None:
        raise AssertionError("read a second time")

    with monkeypatch.context() as patched:
        patched.setattr("starlette.requests.json.loads", again)
        response = client.post("/notes", content=body, headers={"Content-Type": "application/json"})
    assert response.json() == {"words": count}


def test_what_is_read_is_checked_as_ever(client: TestClient) -> None:
    assert client.post("/notes", json={"words": [1]}).status_code == 422
    assert client.post("/notes", content=b"", headers={"Content-Type": "application/json"}).status_code == 422
    twice = b'{"words": ["a"], "words": ["b"]}'
    assert client.post("/notes", content=twice, headers={"Content-Type": "application/json"}).status_code == 400
