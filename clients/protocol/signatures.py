"""Ed25519 (RFC 8032) with a domain in front of every message.

What is signed is lp(domain) ‖ message: a signature made for one purpose is worthless for every other, even when two
messages happen to be the same bytes. Keys are raw, 32 bytes; signatures 64.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from clients.protocol.encoding import lp
from clients.protocol.errors import SignatureError

__all__ = ["check_public_key", "public_key", "sign", "sign_raw", "verify", "verify_raw"]

_FIELD_PRIME = 2**255 - 19
_SMALL_ORDER = frozenset(
    int.from_bytes(bytes.fromhex(y), "little")
    for y in (
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    )
)
"""The y of the eight points of small order: one signature verifies for them under many messages, and binds nobody."""


def sign(private_key: bytes, domain: str, message: bytes) -> bytes:
    """64 bytes. Raises SignatureError when `private_key` is not 32 bytes."""
    return sign_raw(private_key, lp(domain) + message)


def verify(public_key: bytes, domain: str, message: bytes, signature: bytes) -> None:
    """Raises SignatureError unless `signature` was made by the holder of `public_key` over this domain and message."""
    verify_raw(public_key, lp(domain) + message, signature)


def sign_raw(private_key: bytes, message: bytes) -> bytes:
    """Without a domain: only for formats whose text carries its own, such as signed notes."""
    return _private(private_key).sign(message)


def verify_raw(public_key: bytes, message: bytes, signature: bytes) -> None:
    """As `verify`, without a domain. OpenSSL refuses a response that is not below the group's order."""
    check_public_key(public_key)
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        raise SignatureError("the signature does not hold") from None


def public_key(private_key: bytes) -> bytes:
    """The 32-byte public key of a 32-byte private key."""
    return _private(private_key).public_key().public_bytes_raw()


def check_public_key(encoded: bytes) -> None:
    """Raises SignatureError for other lengths, coordinates not below 2^255 - 19, and points of small order."""
    if len(encoded) != 32:
        raise SignatureError("an Ed25519 public key is 32 bytes")
    y = int.from_bytes(encoded, "little") & (2**255 - 1)
    if y >= _FIELD_PRIME or y in _SMALL_ORDER:
        raise SignatureError("not a public key that can be held to a signature")


def _private(raw: bytes) -> Ed25519PrivateKey:
    if len(raw) != 32:
        raise SignatureError("an Ed25519 private key is 32 bytes")
    return Ed25519PrivateKey.from_private_bytes(raw)
