"""Public-key sealing that stays closed if either elliptic curves or lattices fall: HPKE with ML-KEM-768 and X25519.

HPKE (RFC 9180, base mode) in the suite MLKEM768-X25519, HKDF-SHA256, AES-256-GCM (draft-ietf-hpke-pq). What is sealed
stays sensitive for decades, so today's recording must not open on tomorrow's machine. Context is bound through `info`,
the only place the library offers; base mode does not authenticate the sender.

A public key is ML-KEM public key (1,184 bytes) ‖ X25519 public key (32); a private key is ML-KEM seed (64) ‖ X25519
private key (32). Encapsulation draws its randomness inside the library: sealing is the one operation of the protocol
that cannot be replayed from given randomness.
"""

from __future__ import annotations

from collections.abc import Callable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

from clients.protocol.errors import SealError

__all__ = [
    "PRIVATE_KEY_BYTES",
    "PUBLIC_KEY_BYTES",
    "SUITE_NAME",
    "HybridPrivateKey",
    "HybridPublicKey",
    "sealed_length",
]

SUITE_NAME = "covenant-broker/v1 HPKE MLKEM768-X25519 HKDF-SHA256 AES-256-GCM"
_SUITE = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)

_MLKEM_PUBLIC_BYTES, _MLKEM_SEED_BYTES, _X25519_BYTES = 1184, 64, 32
_ENCAPSULATED_BYTES, _TAG_BYTES = 1120, 16
PUBLIC_KEY_BYTES = _MLKEM_PUBLIC_BYTES + _X25519_BYTES
PRIVATE_KEY_BYTES = _MLKEM_SEED_BYTES + _X25519_BYTES


def sealed_length(plaintext_length: int) -> int:
    """Bytes of a sealed text: 1,136 more than the plain one."""
    return _ENCAPSULATED_BYTES + plaintext_length + _TAG_BYTES


class HybridPublicKey:
    """A key to seal to. `raw` is its one encoding, 1,216 bytes; equal when that is equal."""

    __slots__ = ("_key", "raw")

    def __init__(self, raw: bytes) -> None:
        """Raises SealError unless both halves are well-formed (FIPS 203 §7.2: every coefficient below 3329)."""
        if len(raw) != PUBLIC_KEY_BYTES:
            raise SealError(f"a hybrid public key is {PUBLIC_KEY_BYTES} bytes")
        try:
            self._key = MLKEM768X25519PublicKey(
                MLKEM768PublicKey.from_public_bytes(raw[:_MLKEM_PUBLIC_BYTES]),
                X25519PublicKey.from_public_bytes(raw[_MLKEM_PUBLIC_BYTES:]),
            )
        except ValueError:
            raise SealError("not a hybrid public key") from None
        self.raw = raw

    def seal(self, plaintext: bytes, info: bytes) -> bytes:
        """Sealed to this key and to `info`. Raises SealError for a key of small order."""
        try:
            return _SUITE.encrypt(plaintext, self._key, info=info)
        except ValueError:
            raise SealError("nothing can be sealed to this key") from None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, HybridPublicKey) and self.raw == other.raw

    def __hash__(self) -> int:
        return hash(self.raw)


class HybridPrivateKey:
    """A key to open with. `raw` is its one encoding, 96 bytes; it never shows in `repr`."""

    __slots__ = ("_key", "_mlkem", "_x25519", "raw")

    def __init__(self, raw: bytes) -> None:
        """Raises SealError for another length; every 96 bytes are a key."""
        if len(raw) != PRIVATE_KEY_BYTES:
            raise SealError(f"a hybrid private key is {PRIVATE_KEY_BYTES} bytes")
        self._mlkem = MLKEM768PrivateKey.from_seed_bytes(raw[:_MLKEM_SEED_BYTES])
        self._x25519 = X25519PrivateKey.from_private_bytes(raw[_MLKEM_SEED_BYTES:])
        self._key = MLKEM768X25519PrivateKey(self._mlkem, self._x25519)
        self.raw = raw

    @classmethod
    def generate(cls, random: Callable[[int], bytes]) -> HybridPrivateKey:
        return cls(random(PRIVATE_KEY_BYTES))

    def public_key(self) -> HybridPublicKey:
        return HybridPublicKey(
            self._mlkem.public_key().public_bytes_raw() + self._x25519.public_key().public_bytes_raw()
        )

    def open(self, sealed: bytes, info: bytes) -> bytes:
        """Raises SealError unless `sealed` was made for this key and this `info`."""
        try:
            return _SUITE.decrypt(sealed, self._key, info=info)
        except (InvalidTag, ValueError):
            raise SealError("does not open under this key and context") from None
