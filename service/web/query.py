"""Queries have the parameters that their path takes, each once, and no others."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from service.errors import Invalid

__all__ = ["require_known_query"]


def require_known_query(request: Request) -> None:
    """Raises Invalid, which names what the path takes and nothing of what was sent.

    A parameter that is passed over answers another question than the one that was asked, as all hits for those of one
    misspelt purpose; and what somebody writes into a query may be what no URL should hold.
    """
    given = [name for name, _ in request.query_params.multi_items()]
    if not given:
        return
    route = request.scope["route"]
    known = sorted(set(_names(route.dependant))) if isinstance(route, APIRoute) else []
    if len(set(given)) < len(given) or not set(given) <= set(known):
        takes = f"takes {', '.join(known)}, each once" if known else "takes no query"
        raise Invalid("query-unknown", f"the query has what this path does not take; it {takes}", pointer="query")


def _names(dependant: Dependant) -> Iterator[str]:
    yield from (field.alias for field in dependant.query_params)
    for inner in dependant.dependencies:
        yield from _names(inner)
