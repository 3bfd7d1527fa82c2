"""What administrators sign of a covenant version: its author proposes it, two others approve it. Ed25519.

An approval is over the covenant's id and the version's hash. A proposal names besides which version it is to replace,
so that nobody can put a version in the place of one that its author never compared it with.

Signatures are made where the administrator's key is, with the version's text at hand, and verified by broker and key
holder each for itself: nobody who runs a service can put a covenant in force.
"""

from __future__ import annotations

from clients.protocol import signatures
from clients.protocol.encoding import lp

__all__ = ["sign_approval", "sign_proposal", "verify_approval", "verify_proposal"]

_APPROVAL = "covenant-approval/v1"
_PROPOSAL = "covenant-proposal/v1"


def sign_approval(private_key: bytes, covenant: str, version: str) -> bytes:
    """64 bytes over the covenant's id and the version's SHA-256 in hexadecimal. Raises SignatureError."""
    return signatures.sign(private_key, _APPROVAL, lp(covenant, version))


def verify_approval(public_key: bytes, covenant: str, version: str, signature: bytes) -> None:
    """Raises SignatureError unless the holder of `public_key` approved this version of this covenant."""
    signatures.verify(public_key, _APPROVAL, lp(covenant, version), signature)


def sign_proposal(private_key: bytes, covenant: str, version: str, predecessor: str) -> bytes:
    """64 bytes over the covenant's id and the hashes of the version and of what it replaces. Raises SignatureError."""
    return signatures.sign(private_key, _PROPOSAL, lp(covenant, version, predecessor))


def verify_proposal(public_key: bytes, covenant: str, version: str, predecessor: str, signature: bytes) -> None:
    """Raises SignatureError unless the holder of `public_key` proposed this version in place of that one."""
    signatures.verify(public_key, _PROPOSAL, lp(covenant, version, predecessor), signature)
