"""HMAC-SHA-256 (RFC 2104) taken apart, for those who hash so much that the library's wrapping is most of the time.

    HMAC(key, message) = SHA-256(key ⊕ outer pad ‖ SHA-256(key ⊕ inner pad ‖ message))

Keys are 32 bytes, half a block of SHA-256; the rest of the block is the pad itself.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

from clients.protocol.errors import EncodingError

__all__ = ["INNER", "INNER_REST", "KEY_BYTES", "OUTER", "OUTER_REST", "keyed_hash"]

KEY_BYTES = 32
INNER, OUTER = (bytes(byte ^ pad for byte in range(256)) for pad in (0x36, 0x5C))
"""What `bytes.translate` turns a key into either half-block with."""
INNER_REST, OUTER_REST = b"\x36" * 32, b"\x5c" * 32


def keyed_hash(key: bytes, head: bytes = b"") -> Callable[[bytes], bytes]:
    """HMAC-SHA-256(key, head ‖ rest) as a function of the rest; key and head are hashed once.

    Raises EncodingError for a key that is not 32 bytes long.
    """
    if len(key) != KEY_BYTES:
        raise EncodingError("a key of these hashes is 32 bytes")
    inner, outer = sha256(key.translate(INNER) + INNER_REST + head), sha256(key.translate(OUTER) + OUTER_REST)

    def hashed(rest: bytes) -> bytes:
        one = inner.copy()
        one.update(rest)
        other = outer.copy()
        other.update(one.digest())
        return other.digest()

    return hashed
