"""The privacy officer at the broker's door, and the parties beside: requests over HTTP, answers as they came."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import httpx

from clients.protocol import jws
from clients.protocol.messages.governance import OfficerEnrolment
from tests.kit.disclosure import World
from tests.service.cast import Member

OFFICER = "officer-1"


@dataclass
class Office:
    """`world` submits and asks as parties do; `entries` and the others read the log of it."""

    world: World
    officer: Member = field(default_factory=lambda: Member(OFFICER))

    @classmethod
    def open(cls, world: World) -> Office:
        """Enrols the officer, some time after the covenant was founded."""
        world.advance(timedelta(minutes=5))
        office = cls(world)
        enrolment = OfficerEnrolment(officer=OFFICER, authentication_key=jws.public_jwk(office.officer.authentication))
        world.stage.operate("POST", f"/covenants/{world.stage.covenant.id}/officers", enrolment)
        return office

    def get(self, path: str, *, by: str | None = None, **query: Any) -> httpx.Response:
        """As the officer, or as a party; `list_` for `list`."""
        named = {name.rstrip("_"): value for name, value in query.items()}
        target = self._target(path) + (f"?{urlencode(named)}" if named else "")
        return self.world.stage.send(self._who(by), "GET", target)

    def post(self, path: str, body: Any, *, by: str | None = None, **query: Any) -> httpx.Response:
        named = {name.rstrip("_"): value for name, value in query.items()}
        target = self._target(path) + (f"?{urlencode(named)}" if named else "")
        return self.world.stage.send(self._who(by), "POST", target, body)

    def put(self, path: str, body: Any, *, by: str | None = None) -> httpx.Response:
        return self.world.stage.send(self._who(by), "PUT", self._target(path), body)

    def entries(self, q: str = "", *, by: str | None = None, **query: Any) -> list[dict[str, Any]]:
        """One page, which must be given."""
        response = self.get("/audit-entries", by=by, q=q, **query)
        assert response.status_code == 200, response.text
        found: list[dict[str, Any]] = response.json()["entries"]
        return found

    def lines(self, q: str = "", form: str = "jsonl") -> list[dict[str, Any]]:
        """An export in JSON lines."""
        response = self.get("/audit-export", q=q, format=form)
        assert response.status_code == 200, response.text
        return [json.loads(line) for line in response.text.splitlines()]

    def _who(self, by: str | None) -> Member:
        return self.officer if by is None else self.world.stage.members[by]

    def _target(self, path: str) -> str:
        return f"/v1/covenants/{self.world.stage.covenant.id}{path}"


def faults(response: httpx.Response) -> list[tuple[str, str]]:
    """Place and code of every mistake that a problem document names."""
    assert response.status_code == 400, response.text
    return [(error["pointer"], error["code"]) for error in response.json()["errors"]]
