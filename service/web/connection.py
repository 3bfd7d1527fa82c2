"""HTTP connections that nobody holds open for nothing: a request's head is small, and it comes in time.

Uvicorn's quick parser (httptools) takes a head of any length and waits for it forever. A few such connections would
fill the memory of a service, or its table of open files, long before anybody has proved who they are.
"""

from __future__ import annotations

import asyncio
from asyncio.events import TimerHandle

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["HEAD_BYTES", "HEAD_SECONDS", "BoundedHttp"]

HEAD_BYTES = 64 * 1024
"""Of request line and headers: a request token of the longest kind is a quarter of it."""
HEAD_SECONDS = 15.0
"""From the connection, or the end of the request before on it, to the end of a head."""


class BoundedHttp(HttpToolsProtocol):
    """Uvicorn's protocol, which ends a connection whose next head is too long or does not come."""

    _head_bytes = 0
    _deadline: TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_came()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.cycle is None or self.cycle.response_complete:
            self._await_head()  # an empty line already, which the parser passes over in silence
        self._head_bytes += len(data)
        super().data_received(data)
        if self._deadline is None:
            self._head_bytes = 0
        elif self._head_bytes > HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response("The head of the request is too long.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_bytes = 0  # what came in one piece with it may be the end of a large body
        self._await_head()

    def on_headers_complete(self) -> None:
        self._head_came()
        super().on_headers_complete()

    def _await_head(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def _head_came(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._deadline = None
        self.transport.close()
