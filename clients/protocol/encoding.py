"""One byte string for each value, and one value for each byte string.

Whatever is hashed, signed or compared by two programs goes through here, so nothing has two encodings:

- `lp` joins parts so that no two lists of parts give the same bytes;
- base64url is unpadded and canonical (RFC 4648 §3.5, §5);
- JSON, for what has names, is in `clients.protocol.strict_json`.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from binascii import a2b_base64

from clients.protocol.errors import EncodingError

__all__ = ["b64u_decode", "b64u_encode", "lp", "utf8"]

# What is standard base64 only, padding included, becomes a byte that no alphabet has.
_TO_STANDARD_ALPHABET = bytes.maketrans(b"-_+/=", b"+/\xff\xff\xff")
_PADDING = (b"", b"", b"==", b"=")
"""By the length of the text modulo 4; a single character that is left over is no encoding at all."""
_LAST_WITHOUT_STRAY_BITS = (frozenset[str](), frozenset[str](), frozenset("AQgw"), frozenset("AEIMQUYcgkosw048"))
"""The characters whose last four, or two, of six bits are zero: with those the text ends, by its length modulo 4."""
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
    left_over = len(text) % 4
    try:
        raw = a2b_base64(text.encode("ascii").translate(_TO_STANDARD_ALPHABET) + _PADDING[left_over], strict_mode=True)
    except ValueError:
        raise EncodingError("not unpadded base64url") from None
    if left_over and text[-1] not in _LAST_WITHOUT_STRAY_BITS[left_over]:
        raise EncodingError("base64url has stray bits after its last byte")
    if length is not None and len(raw) != length:
        raise EncodingError(f"expected {length} bytes, got {len(raw)}")
    return raw


def utf8(text: str) -> bytes:
    """Raises EncodingError for a lone surrogate, which no UTF-8 can hold."""
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise EncodingError("text holds a lone surrogate") from None
