"""One byte string for each value, and one value for each byte string.

Whatever is hashed, signed or compared by two programs goes through here, so nothing has two encodings:

- `lp` joins parts so that no two lists of parts give the same bytes;
- base64url is unpadded and canonical (RFC 4648 §3.5, §5);
- JSON, for what has names, is in `clients.protocol.strict_json`.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode

from pydantic_core import SchemaValidator, core_schema

from clients.protocol.errors import EncodingError

__all__ = ["b64u_decode", "b64u_encode", "lp", "utf8"]

_BASE64 = SchemaValidator(
    core_schema.bytes_schema(), core_schema.CoreConfig(val_json_bytes="base64", cache_strings="none")
)
"""Reads a JSON string in base64 of either alphabet, padded or not, but nothing after the last byte's bits."""
_SHORT_LENGTHS = [length.to_bytes(2, "big") for length in range(256)]


def lp(*parts: bytes | str) -> bytes:
    """Each part preceded by its length in two bytes, big-endian; text as UTF-8.

    Raises EncodingError for a part above 65,535 bytes.
    """
    pieces: list[bytes] = []
    for part in parts:
        raw = utf8(part) if isinstance(part, str) else part
        length = len(raw)
        if length > 0xFFFF:
            raise EncodingError("part exceeds 65535 bytes")
        pieces.append(_SHORT_LENGTHS[length] if length < 256 else length.to_bytes(2, "big"))
        pieces.append(raw)
    return b"".join(pieces)


def b64u_encode(raw: bytes) -> str:
    """Unpadded base64url."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def b64u_decode(text: str, *, length: int | None = None) -> bytes:
    """The bytes that `b64u_encode` turns into `text`; of exactly `length` bytes where given.

    Raises EncodingError for padding, other alphabets, white space, and stray bits after the last byte.
    """
    try:
        if "+" in text or "/" in text or "=" in text or "\\" in text:
            raise ValueError
        raw: bytes = _BASE64.validate_json(f'"{text}"')
    except ValueError:
        raise EncodingError("not canonical unpadded base64url") from None
    if length is not None and len(raw) != length:
        raise EncodingError(f"expected {length} bytes, got {len(raw)}")
    return raw


def utf8(text: str) -> bytes:
    """Raises EncodingError for a lone surrogate, which no UTF-8 can hold."""
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise EncodingError("text holds a lone surrogate") from None
