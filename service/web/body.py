"""Request bodies, read and checked before any route sees them: size, media type, strict JSON.

Python's JSON reader keeps the last of two equal names and takes NaN, and a gateway or a signature check in front may
have kept the first: so what two readers could understand differently is refused here, once, for every route. FastAPI
reads the accepted bytes again, on the thread that all requests share: a route of large bodies (`ReadOnce`) takes what
was read here instead. Such a route can have a reader of its own, which makes the route's message of a large body's
bytes at once.

The bytes stay in the request's context: the caller's token covers their hash.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import anyio
import anyio.to_thread
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from clients.protocol.errors import EncodingError
from clients.protocol.strict_json import parse_json
from service.errors import Invalid, LocatedFault
from service.validation import shown
from service.web.context import context_of, in_scope
from service.web.problems import STATUS, problem_response

__all__ = ["DEFAULT_LIMIT", "JsonBodies", "ReadOnce", "Reader"]

Reader = Callable[[bytes], object | None]
"""What a route takes as its body, of bytes that no reader could understand otherwise; None to have them read as any."""

DEFAULT_LIMIT = 8 * 1024 * 1024
"""A full batch of 1,000 signals with three sealed fields each stays below it."""

_READ_TIMEOUT = 30.0
_PARSED_IN_PLACE = 64 * 1024
"""Below it parsing is cheaper than moving to a thread; above it other requests should not wait for it."""


class _Refused(Exception):
    def __init__(
        self, status: int, code: str, title: str, detail: str, *faults: LocatedFault, close: bool = False
    ) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.title = title
        self.detail = detail
        self.faults = faults
        self.headers = {"Connection": "close"} if close else {}


class _Disconnected(Exception):
    pass


class JsonBodies:
    """ASGI middleware. Refuses bodies above `limit` bytes while they come in, and what is not strict JSON.

    `reader` finds the reader of a path, if it has one; its routes must be `ReadOnce`.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        limit: int = DEFAULT_LIMIT,
        timeout: float = _READ_TIMEOUT,
        reader: Callable[[str], Reader | None] = lambda path: None,
    ) -> None:
        self._app = app
        self._reader = reader
        self._limit = limit
        self._timeout = timeout

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        context = in_scope(scope)
        try:
            body = await self._read(scope, receive)
            if body:
                _require_json(scope)
                context.document = await _strictly_read(body, self._reader(scope["path"]))
        except _Disconnected:
            return
        except _Refused as refused:
            response = problem_response(
                context,
                refused.status,
                refused.code,
                refused.title,
                refused.detail,
                faults=refused.faults,
                headers=refused.headers,
            )
            await response(scope, receive, send)
            return
        context.body = body
        waiting = True

        async def replay() -> Message:
            nonlocal waiting
            if not waiting:
                return await receive()
            waiting = False
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, replay, send)

    async def _read(self, scope: Scope, receive: Receive) -> bytes:
        announced = _header(scope, b"content-length")
        if announced.isdigit() and int(announced) > self._limit:
            raise self._too_large()
        chunks: list[bytes] = []
        size = 0
        with anyio.move_on_after(self._timeout):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise _Disconnected
                chunk = message.get("body", b"")
                size += len(chunk)
                if size > self._limit:
                    raise self._too_large()
                chunks.append(chunk)
                if not message.get("more_body", False):
                    return b"".join(chunks)
        raise _Refused(408, "body-too-slow", "Request timeout", "the body did not arrive in time", close=True)

    def _too_large(self) -> _Refused:
        return _Refused(413, "body-too-large", "Too large", f"the body exceeds {self._limit} bytes", close=True)


class ReadOnce(APIRoute):
    """A route whose body is what `JsonBodies` read."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """FastAPI's own, for a request that knows its document."""
        handle = super().get_route_handler()

        async def handle_read(request: Request) -> Response:
            return await handle(_ReadRequest(request.scope, request.receive))

        return handle_read


class _ReadRequest(Request):
    async def json(self) -> Any:
        return context_of(self).document


def _require_json(scope: Scope) -> None:
    media_type, _, parameters = _header(scope, b"content-type").decode("latin-1").lower().partition(";")
    charset = parameters.replace('"', "").strip()
    if media_type.strip() != "application/json" or charset not in ("", "charset=utf-8"):
        raise _unsupported("send the body as application/json in UTF-8")
    if _header(scope, b"content-encoding").lower() not in (b"", b"identity"):
        raise _unsupported("send the body without content encoding")


def _unsupported(detail: str) -> _Refused:
    return _Refused(415, "media-type-unsupported", "Unsupported media type", detail)


async def _strictly_read(body: bytes, reader: Reader | None) -> object:
    def read() -> object:
        if reader is not None and (known := reader(body)) is not None:
            return known
        return parse_json(body)

    try:
        if len(body) <= _PARSED_IN_PLACE:
            return parse_json(body)  # a reader takes longer over faults than other requests should wait
        return await anyio.to_thread.run_sync(read)
    except EncodingError as error:
        words = str(error).removesuffix(f" (at {error.pointer})")
        pointer = "/".join(step if step.isdigit() else shown(step) for step in error.pointer.split("/")[1:])
        fault = LocatedFault(f"/{pointer}" if error.pointer else "", "json-invalid", words)
        raise _Refused(
            400, "json-invalid", STATUS[Invalid][1], "the body is not JSON that every reader reads alike", fault
        ) from None


def _header(scope: Scope, name: bytes) -> bytes:
    """The value of a header that may stand once; of several, a value that no check accepts."""
    values: list[bytes] = [value for key, value in scope["headers"] if key == name]
    return values[0].strip() if len(values) == 1 else b",".join(values)
