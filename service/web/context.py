"""What is known of the request at hand: its trace, its caller once authenticated, its body as bytes and as read."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass

from starlette.requests import Request
from starlette.types import Scope

from service.principals import Principal

__all__ = ["RequestContext", "context_of", "enter"]

_KEY = "covenant.request"
# W3C Trace Context §3.2.2; version ff is forbidden, and later versions may append fields.
_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?", re.ASCII)


@dataclass(slots=True)
class RequestContext:
    """`trace_id` (32 hexadecimal digits) is the caller's, or new; `span_id` (16) is this request's own."""

    trace_id: str
    span_id: str
    principal: Principal | None = None
    body: bytes = b""
    document: object = None
    """The body as strict JSON, or the reader of its route, reads it."""


def context_of(request: Request) -> RequestContext:
    """The context of `request`, for handlers and dependencies."""
    return in_scope(request.scope)


def in_scope(scope: Scope) -> RequestContext:
    context: RequestContext = scope[_KEY]
    return context


def enter(scope: Scope) -> RequestContext:
    """Puts a context into an HTTP scope, continuing the trace that `traceparent` names."""
    context = RequestContext(_trace_id(scope) or secrets.token_hex(16), secrets.token_hex(8))
    scope[_KEY] = context
    return context


def _trace_id(scope: Scope) -> str | None:
    values = [value for name, value in scope["headers"] if name == b"traceparent"]
    if len(values) != 1:
        return None
    match = _TRACEPARENT.fullmatch(values[0].decode("latin-1"))
    if match is None or not int(match[1], 16) or not int(match[2], 16):
        return None
    return match[1]
