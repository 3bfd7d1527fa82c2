"""The routes of an app by path: their templates for the log, their methods for `Allow`."""

from __future__ import annotations

import re

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

__all__ = ["RouteTable"]


class RouteTable:
    """Built once all routers are included. Routes are few, so a walk over them is cheap."""

    def __init__(self, app: FastAPI) -> None:
        self._routes: list[tuple[re.Pattern[str], str, frozenset[str]]] = []
        for route in iter_route_contexts(app.routes):
            if route.path_format is not None and route.methods:
                self._routes.append((route.path_regex, route.path_format, frozenset(route.methods)))

    def template(self, path: str) -> str | None:
        """The template of the first route that matches `path`, whatever the method."""
        return next((template for regex, template, _ in self._routes if regex.match(path)), None)

    def methods(self, path: str) -> frozenset[str]:
        """Every method that some route takes at `path` (RFC 9110 §10.2.1); Starlette names the first route's only."""
        return frozenset().union(*(methods for regex, _, methods in self._routes if regex.match(path)))
