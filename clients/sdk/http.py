"""One signed HTTP conversation with one service, and its refusals as exceptions."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, TypeAlias, TypeVar
from urllib.parse import urlencode
from uuid import uuid4

import httpx
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from pydantic import ValidationError

from clients.protocol.errors import EncodingError
from clients.protocol.messages.base import Message
from clients.protocol.request_token import sign_request
from clients.sdk.bounded import PLAIN, ask, refuse_compressed
from clients.sdk.errors import ClientError, Fault, OverQuota, Refused, Stale, Unreachable
from clients.sdk.profile import ServiceAddress

Answer = TypeVar("Answer", bound=Message)
Transports: TypeAlias = tuple[httpx.BaseTransport | None, httpx.BaseTransport | None]
"""For broker and key holder, where tests put their own."""

PROBLEMS = "/problems/"
"""What the `type` of every problem document of these services begins with; the code follows."""

LONGEST_ANSWER = 64 * 1024 * 1024
"""Bytes of an answer that is read whole; a disclosure of a hundred signals with every field stays far below it."""

_STALE = frozenset({"stale-covenant-version", "stale-key-version"})
_ATTEMPTS = 5
_FIRST_PAUSE = 0.2  # seconds; doubled after each attempt
_IN_A_MOMENT = "not-yet-witnessed"
"""Where `Retry-After`, in whole seconds, says longer than it takes: a tenth of a second, as a rule."""
_LONGEST_PAUSE = 5.0  # seconds: a quota that lasts until tomorrow is not waited for


class Conversation:
    """Signs each request with the caller's ES256 key and sends it; repeats what may be repeated.

    Every write of this API is harmless to repeat (by signal id, grant id or Idempotency-Key), so a lost answer is
    simply asked again. `transport` is where tests put their own.
    """

    def __init__(
        self,
        base_url: str,
        issuer: str,
        principal: str,
        private_key: EllipticCurvePrivateKey,
        *,
        actor: str | None = None,
        transport: httpx.BaseTransport | None = None,
        timeout: float = 60.0,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._http = httpx.Client(
            base_url=base_url, transport=transport, timeout=timeout, headers={"Accept": "application/json", **PLAIN}
        )
        self._issuer = issuer
        self._principal = principal
        self._private_key = private_key
        self._actor = actor
        self._now = now
        self._pause = pause

    def get(
        self,
        path: str,
        answer: type[Answer],
        query: Mapping[str, str | int] | None = None,
        *,
        language: str | None = None,
    ) -> Answer:
        """GET `path`, its sentences in `language` if the service knows it; raises Refused (or one of its kinds) or
        Unreachable.
        """
        target = f"{path}?{urlencode(query)}" if query else path
        headers = {"Accept-Language": language} if language else {}
        return self._read(self._send("GET", target, b"", headers), answer)

    def fetch(self, path: str) -> bytes:
        """GET `path`, whose answer is no JSON; raises Refused (or one of its kinds) or Unreachable."""
        return self._send("GET", path, b"", {}).content

    def post(
        self,
        path: str,
        body: Message | None,
        answer: type[Answer],
        *,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> Answer:
        """POST `body` as JSON to `path`; raises Refused (or one of its kinds) or Unreachable.

        `timeout`, in seconds, is for what takes longer than other requests.
        """
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        return self._read(self._send("POST", path, _encoded(body), headers, timeout), answer)

    def tell(self, path: str, body: Message | None) -> None:
        """POST to `path` where only that it was done matters; raises Refused (or one of its kinds) or Unreachable."""
        self._send("POST", path, _encoded(body), {})

    def put(self, path: str, body: Message) -> None:
        self._send("PUT", path, _encoded(body), {})

    def replace(self, path: str, body: Message, answer: type[Answer]) -> Answer:
        """PUT `body` as JSON to `path`, for what is there then; raises Refused (or one of its kinds) or Unreachable."""
        return self._read(self._send("PUT", path, _encoded(body), {}), answer)

    def download(self, path: str, body: Message) -> Iterator[bytes]:
        """POST `body` to `path`, and the answer piece by piece, however long it is.

        Raises Refused before the first piece, and Unreachable also where the answer breaks off.
        """
        content = _encoded(body)
        headers = {"Content-Type": "application/json", "Authorization": self.authorization("POST", path, content)}
        try:
            with self._http.stream("POST", path, content=content, headers=headers) as response:
                refuse_compressed(response)
                if not response.is_success:
                    response.read()
                    raise _refusal(response)
                yield from response.iter_bytes()
        except httpx.TransportError as error:
            raise Unreachable(f"no answer from {self._http.base_url.host}: {type(error).__name__}") from None

    def delete(self, path: str) -> None:
        self._send("DELETE", path, b"", {})

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Conversation:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def authorization(self, method: str, target: str, body: bytes) -> str:
        """The `Authorization` header for one request: a JWS over method, target and body, valid for a minute."""
        token = sign_request(
            self._private_key,
            principal=self._principal,
            audience=self._issuer,
            method=method,
            target=target,
            body=body,
            now=self._now(),
            jti=str(uuid4()),
            actor=self._actor,
        )
        return f"Bearer {token}"

    def _send(
        self, method: str, target: str, body: bytes, headers: Mapping[str, str], timeout: float | None = None
    ) -> httpx.Response:
        wait = _FIRST_PAUSE
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                response = ask(
                    self._http,
                    method,
                    target,
                    content=body,
                    headers={
                        **headers,
                        **({"Content-Type": "application/json"} if body else {}),
                        "Authorization": self.authorization(method, target, body),
                    },
                    longest=LONGEST_ANSWER,
                    timeout=timeout,
                )
            except httpx.TransportError as error:
                if attempt == _ATTEMPTS:
                    raise Unreachable(f"no answer from {self._http.base_url.host}: {type(error).__name__}") from None
            else:
                if response.is_success:
                    return response
                refusal = _refusal(response)
                patient = response.status_code in (429, 502, 503, 504) and (refusal.retry_after or 0) <= _LONGEST_PAUSE
                if not patient or attempt == _ATTEMPTS:
                    raise refusal
                if refusal.code != _IN_A_MOMENT:
                    wait = max(wait, refusal.retry_after or 0)
            self._pause(min(wait, _LONGEST_PAUSE))
            wait *= 2
        raise AssertionError("unreachable")  # pragma: no cover

    @staticmethod
    def _read(response: httpx.Response, answer: type[Answer]) -> Answer:
        try:
            return answer.model_validate_json(response.content)
        except (ValidationError, EncodingError):
            # The error's own text may quote the answer, which may hold disclosed content.
            raise ClientError(f"the service's answer is not a {answer.__name__}; is the client up to date?") from None


def _encoded(body: Message | None) -> bytes:
    return b"" if body is None else body.model_dump_json(exclude_none=True).encode()


def _refusal(response: httpx.Response) -> Refused:
    try:
        document: Any = response.json()
    except ValueError:
        document = {}
    if not isinstance(document, dict):
        document = {}
    kind_of_problem = str(document.get("type", ""))
    code = kind_of_problem.removeprefix(PROBLEMS) if kind_of_problem.startswith(PROBLEMS) else ""
    code = code or f"http-{response.status_code}"
    detail = str(document.get("detail") or response.reason_phrase)
    errors = document.get("errors")
    faults = tuple(
        Fault(str(fault.get("pointer", "")), str(fault.get("code", "")), str(fault.get("detail", "")))
        for fault in (errors if isinstance(errors, list) else [])
        if isinstance(fault, dict)
    )
    parameters = document.get("parameters")
    retry = response.headers.get("Retry-After", "")
    kind = Stale if code in _STALE else OverQuota if code.startswith("quota-") else Refused
    return kind(
        response.status_code,
        code,
        detail,
        faults,
        parameters if isinstance(parameters, dict) else None,
        float(retry) if retry.isdigit() else None,
        str(document["clause"]) if document.get("clause") else None,
    )


def conversations(
    services: tuple[ServiceAddress, ServiceAddress],
    principal: str,
    private_key: EllipticCurvePrivateKey,
    *,
    actor: str | None = None,
    transports: Transports = (None, None),
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> tuple[Conversation, Conversation]:
    """One principal's conversations with broker and key holder, whose addresses these are. Close both."""
    broker, key_holder = (
        Conversation(address.url, address.issuer, principal, private_key, actor=actor, transport=transport, now=now)
        for address, transport in zip(services, transports, strict=True)
    )
    return broker, key_holder
