"""Looks at every request: did what it changed or disclosed come into the log, and what if nothing can?

with broken_log():     no entry can be written, in either service
Recorder(…)            stands before a service: each route is first tried with a broken log, and then goes on
"""

from __future__ import annotations

import secrets
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import psycopg
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from psycopg import sql
from sqlalchemy.exc import SQLAlchemyError

from service.audit import repository

__all__ = ["Call", "Recorder", "Route", "routes_of"]

Route = tuple[str, str, str]
"""Service, method, and path below `/v1`."""

_MOVED_BESIDE = ("audit_", "spent_token", "witnessed_log", "alembic_version")
"""Tables that are the log itself, or that the services write beside the requests."""
_BESIDE = "witnessing"
"""The thread that shows heads to the key holder."""


def routes_of(service: str, app: FastAPI) -> dict[Route, Any]:
    """Every route of an app, with the pattern of its path."""
    found: dict[Route, Any] = {}
    for route in iter_route_contexts(app.routes):
        for method in route.methods or ():
            if route.path_format is not None and method != "HEAD":
                found[service, method, route.path_format.removeprefix("/v1")] = route.path_regex
    return found


@dataclass(frozen=True)
class Call:
    """One request that was answered with success: how many entries bear its trace, and whether it changed anything."""

    route: Route
    entries: int
    changed: bool


@dataclass
class Recorder(httpx.BaseTransport):
    """Stands in front of one service. `untried` are the routes still to be tried with a broken log."""

    service: str
    inner: httpx.BaseTransport
    url: str
    routes: Mapping[Route, Any]
    untried: set[Route]
    calls: list[Call] = field(default_factory=list)
    not_denied: list[tuple[Route, str]] = field(default_factory=list)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if threading.current_thread().name == _BESIDE or _broken.is_set():
            return self.inner.handle_request(request)
        route = self._route(request)
        if route in self.untried:
            return self._try_broken(route, request)
        before, trace = self._state(), secrets.token_hex(16)
        request.headers["traceparent"] = f"00-{trace}-{secrets.token_hex(8)}-01"
        response = self.inner.handle_request(request)
        response.read()
        if response.is_success:
            self.calls.append(Call(route, self._entries(trace), self._state() != before))
        return response

    def _try_broken(self, route: Route, request: httpx.Request) -> httpx.Response:
        """The client repeats what is unavailable, so the story goes on after this."""
        self.untried.discard(route)
        before = self._state()
        with broken_log():
            response = self.inner.handle_request(request)
            response.read()
        if response.status_code != 503:
            self.not_denied.append((route, f"answered {response.status_code}"))
        if self._state() != before:
            self.not_denied.append((route, "changed something"))
        return response

    def _route(self, request: httpx.Request) -> Route:
        return next(
            route
            for route, pattern in self.routes.items()
            if route[0] == self.service and route[1] == request.method and pattern.match(request.url.path)
        )

    def _entries(self, trace: str) -> int:
        with psycopg.connect(self.url) as connection:
            row = connection.execute(
                "SELECT count(*) FROM audit_entry WHERE fields ->> 'trace' = %s", (trace,)
            ).fetchone()
        return int(row[0]) if row else 0

    def _state(self) -> dict[str, Any]:
        """A digest of every table that requests write to."""
        with psycopg.connect(self.url) as connection:
            names = [
                str(name)
                for (name,) in connection.execute(
                    "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
                )
            ]
            return {
                name: connection.execute(
                    sql.SQL("SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {} AS t").format(
                        sql.Identifier(name)
                    )
                ).fetchone()
                for name in names
                if not name.startswith(_MOVED_BESIDE)
            }


_broken = threading.Event()


@contextmanager
def broken_log() -> Iterator[None]:
    """No audit entry can be written in this process while the block lasts."""
    genuine = repository.insert_entries

    def fail(*_: object) -> None:
        raise SQLAlchemyError

    repository.insert_entries = fail
    _broken.set()
    try:
        yield
    finally:
        _broken.clear()
        repository.insert_entries = genuine


def by_route(calls: list[Call]) -> Mapping[Route, list[Call]]:
    found: dict[Route, list[Call]] = defaultdict(list)
    for call in calls:
        found[call.route].append(call)
    return found
