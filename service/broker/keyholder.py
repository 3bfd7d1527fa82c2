"""The key holder as the broker calls it, signed with the broker's own key: at set-up, and when a version is scheduled.

What comes back of keys is believed by nobody here; `service.signals.conversion` checks it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import TypeVar
from uuid import UUID

import httpx
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from pydantic import ValidationError

from clients.protocol.checkpoint import decode_number
from clients.protocol.errors import CheckpointError, EncodingError
from clients.protocol.messages.base import Message
from clients.protocol.messages.governance import VersionPage
from clients.protocol.messages.keyholder import CommitmentsAnswer, ConversionShares
from clients.protocol.messages.log import CosignatureAnswer, CosignatureRequest, GrantUse, GrantUses, WitnessedLog
from clients.protocol.reconciliation import LogLine
from clients.protocol.request_token import sign_request
from clients.protocol.strict_json import parse_json
from clients.sdk.bounded import PLAIN, ask
from service.errors import Unavailable

__all__ = ["KeyHolder"]

Answer = TypeVar("Answer", bound=Message)

_LONGEST_ANSWER = 4 * 1024 * 1024


class KeyHolder:
    """`issuer` is what the key holder calls itself; `name` what its operator enrolled this broker as."""

    def __init__(
        self,
        url: str,
        *,
        issuer: str,
        name: str,
        private_key: EllipticCurvePrivateKey,
        clock: Callable[[], datetime],
        random: Callable[[int], bytes],
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._http = httpx.Client(base_url=url, transport=transport, timeout=30, headers=PLAIN)
        self._issuer = issuer
        self._name = name
        self._private_key = private_key
        self._clock = clock
        self._random = random

    def commitments(self, covenant_id: str) -> CommitmentsAnswer:
        """H and the parties' K_A. Raises Unavailable."""
        return self._get(f"/v1/covenants/{covenant_id}/commitments", CommitmentsAnswer)

    def conversion_shares(self, covenant_id: str) -> ConversionShares:
        """The shares, sealed to the broker's key. Raises Unavailable."""
        return self._get(f"/v1/covenants/{covenant_id}/conversion-shares", ConversionShares)

    def versions(self, covenant_id: str) -> VersionPage:
        """The versions that were founded or scheduled there. Raises Unavailable."""
        return self._get(f"/v1/covenants/{covenant_id}/versions", VersionPage)

    def close(self) -> None:
        self._http.close()

    def witnessed(self, covenant_id: str) -> WitnessedLog:
        """What the key holder knows of this broker's log, as its witness. Raises Unavailable."""
        return self._get(f"/v1/covenants/{covenant_id}/witness", WitnessedLog)

    def cosign(self, covenant_id: str, request: CosignatureRequest) -> str | int:
        """The witness's signature line; or the size of the head it cosigned last, where that is another than was said.

        Raises Unavailable, also where the witness has found that the log contradicts itself.
        """
        target, body = f"/v1/covenants/{covenant_id}/witness/cosignatures", request.model_dump_json().encode()
        response = self._ask("POST", target, body)
        if response.status_code == httpx.codes.CONFLICT:
            return _size_of(response)
        return self._read(response, CosignatureAnswer).cosignature

    def grant_uses(self, covenant_id: str, day: date) -> Iterator[LogLine]:
        """What its log says of this broker's grants on a day, and some minutes around it. Raises Unavailable."""
        target = f"/v1/covenants/{covenant_id}/witness/grant-uses?usedDate={day}"
        answer = self._get(target, GrantUses)
        yield from map(_line, answer.uses)
        while answer.next_after is not None:
            answer = self._get(f"{target}&after={answer.next_after}", GrantUses)
            yield from map(_line, answer.uses)

    def _get(self, target: str, kind: type[Answer]) -> Answer:
        return self._read(self._ask("GET", target, b""), kind)

    def _ask(self, method: str, target: str, body: bytes) -> httpx.Response:
        token = sign_request(
            self._private_key,
            principal=self._name,
            audience=self._issuer,
            method=method,
            target=target,
            body=body,
            now=self._clock(),
            jti=str(UUID(bytes=self._random(16), version=4)),
        )
        headers = {"Authorization": f"Bearer {token}"} | ({"Content-Type": "application/json"} if body else {})
        try:
            return ask(self._http, method, target, content=body, headers=headers, longest=_LONGEST_ANSWER)
        except httpx.HTTPError:
            raise Unavailable("key-holder-unavailable", "the key holder did not answer", retry_after=10) from None

    def _read(self, response: httpx.Response, kind: type[Answer]) -> Answer:
        if response.status_code != httpx.codes.OK:
            raise Unavailable(
                "key-holder-refused",
                "the key holder did not give what this needs",
                parameters={"status": str(response.status_code)},
            )
        try:
            return kind.model_validate(parse_json(response.content))
        except (EncodingError, ValidationError):
            raise _invalid() from None


def _line(use: GrantUse) -> LogLine:
    return LogLine(str(use.entry), use.event, use.at, use.fields | {"grant": use.grant})


def _size_of(response: httpx.Response) -> int:
    try:
        problem = parse_json(response.content)
        if isinstance(problem, dict) and isinstance(parameters := problem.get("parameters"), dict):
            return decode_number(str(parameters.get("size")))
    except (EncodingError, CheckpointError):
        pass
    raise _invalid()


def _invalid() -> Unavailable:
    return Unavailable("key-holder-answer-invalid", "the key holder's answer is not in its form")
