"""An administrator's approval of one covenant version: Ed25519 over the covenant's id and the version's hash.

The signature is made where the administrator's key is, with the version's text at hand, and verified by broker and key
holder each for itself: nobody who runs a service can put a covenant in force.
"""

from __future__ import annotations

from clients.protocol import signatures
from clients.protocol.encoding import lp

__all__ = ["sign_approval", "verify_approval"]

_DOMAIN = "covenant-approval/v1"


def sign_approval(private_key: bytes, covenant: str, version: str) -> bytes:
    """64 bytes over the covenant's id and the version's SHA-256 in hexadecimal. Raises SignatureError."""
    return signatures.sign(private_key, _DOMAIN, lp(covenant, version))


def verify_approval(public_key: bytes, covenant: str, version: str, signature: bytes) -> None:
    """Raises SignatureError unless the holder of `public_key` approved this version of this covenant."""
    signatures.verify(public_key, _DOMAIN, lp(covenant, version), signature)
