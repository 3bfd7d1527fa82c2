"""What two people read to each other by telephone to know that they hold the same public keys."""

from __future__ import annotations

from hashlib import sha256

from clients.protocol.encoding import lp
from clients.protocol.strict_json import canonical_json

__all__ = ["fingerprint"]

_TAG = "covenant-fingerprint/v1"
_DIGITS, _GROUP = 32, 4


def fingerprint(document: object) -> str:
    """128 bits of SHA-256 over lp(tag, RFC 8785 of `document`), as eight groups of four hexadecimal digits.

    Enough against who looks for other keys with the fingerprint of these, which is what a messenger could do. Raises
    EncodingError for what is no JSON.
    """
    digits = sha256(lp(_TAG, canonical_json(document))).hexdigest()[:_DIGITS]
    return " ".join(digits[at : at + _GROUP] for at in range(0, _DIGITS, _GROUP))
