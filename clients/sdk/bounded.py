"""Answers of a service that may be dishonest: read up to a length, and as they were sent.

A few kilobytes of a compressed answer can be gigabytes once they are read, so none is asked for and none is taken.
"""

from __future__ import annotations

from collections.abc import Mapping

import httpx

__all__ = ["PLAIN", "ask", "refuse_compressed"]

PLAIN: Mapping[str, str] = {"Accept-Encoding": "identity"}
"""For the headers of every request of `http`."""


def ask(
    http: httpx.Client,
    method: str,
    target: str,
    *,
    content: bytes,
    headers: Mapping[str, str],
    longest: int,
    timeout: float | None = None,
) -> httpx.Response:
    """One request and its answer of up to `longest` bytes; `timeout` in seconds, the client's own without.

    Raises httpx.TransportError, for any other answer too.
    """
    patience = http.timeout if timeout is None else timeout
    with http.stream(method, target, content=content or None, headers=headers, timeout=patience) as response:
        refuse_compressed(response)
        body = bytearray()
        for piece in response.iter_bytes():
            body += piece
            if len(body) > longest:
                raise httpx.RemoteProtocolError("the answer is longer than any that this service gives")
    return httpx.Response(response.status_code, headers=response.headers, content=bytes(body))


def refuse_compressed(response: httpx.Response) -> None:
    """Raises httpx.RemoteProtocolError for an answer in another encoding than was asked for."""
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise httpx.RemoteProtocolError("the answer is compressed, which was not asked for")
