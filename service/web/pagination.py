"""Cursors: where the next page begins, in a form that only this service can have made.

    base64url(tag ‖ canonical JSON of the position)

The tag is HMAC-SHA-256 over the scope and the position, cut to 16 bytes. The scope names the listing and whose it is,
so a cursor of one party, covenant or listing is worth nothing in another. A position is tamper-evident, not secret:
put no identifier, token or pseudonym in it.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping

from clients.protocol.encoding import b64u_decode, b64u_encode, lp
from clients.protocol.errors import EncodingError
from clients.protocol.strict_json import canonical_json, parse_json
from service.errors import Invalid

__all__ = ["Cursors"]

_DOMAIN = "page-cursor/v1"
_TAG_BYTES = 16
_LONGEST = 2048


class Cursors:
    """Issues and reads cursors under `key` (32 bytes), which all replicas of a service share."""

    def __init__(self, key: bytes) -> None:
        if len(key) != 32:
            raise ValueError("a cursor key has 32 bytes")
        self._key = key

    def issue(self, scope: tuple[str, ...], position: Mapping[str, str | int]) -> str:
        """The cursor for `position` in the listing that `scope` names."""
        raw = canonical_json(position)
        return b64u_encode(self._tag(scope, raw) + raw)

    def read(self, scope: tuple[str, ...], cursor: str, *, parameter: str = "cursor") -> dict[str, str | int]:
        """The position of a cursor issued for the same scope. Raises Invalid, located at query `parameter`."""
        try:
            if len(cursor) > _LONGEST:
                raise EncodingError("too long")
            raw = b64u_decode(cursor)
            tag, raw = raw[:_TAG_BYTES], raw[_TAG_BYTES:]
            if not hmac.compare_digest(tag, self._tag(scope, raw)):
                raise EncodingError("another tag")
            position = parse_json(raw)
        except EncodingError:
            raise Invalid(
                "cursor-invalid",
                "the cursor was not issued for this listing; begin without one",
                pointer=f"query/{parameter}",
            ) from None
        if not isinstance(position, dict):
            raise TypeError("a cursor that bears our tag holds an object")
        return position

    def _tag(self, scope: tuple[str, ...], raw: bytes) -> bytes:
        return hmac.digest(self._key, lp(_DOMAIN, lp(*scope), raw), "sha256")[:_TAG_BYTES]
