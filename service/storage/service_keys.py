"""The keys that a service has as a service, as opposed to those of one covenant: what they are called and how made.

They are made once, before the first start, by `covenantd keys create`; a service that misses one does not start.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from clients.protocol import jws, signatures
from clients.protocol.encoding import b64u_encode
from clients.protocol.hybrid import HybridPrivateKey
from service.storage.keystore import KeyDirectory, KeyExists

__all__ = ["SERVICE_KEYS", "KeyKind", "create_service_keys", "es256_key", "public_service_keys"]

SECRET_BYTES = 32


class KeyKind(StrEnum):
    """How a key is made and stored."""

    ES256 = "ES256"
    """P-256 private key, PKCS #8 in PEM."""
    ED25519 = "Ed25519"
    """Private key of 32 bytes (RFC 8032)."""
    HYBRID = "hybrid"
    """ML-KEM-768 seed ‖ X25519 private key, 96 bytes (see clients.protocol.hybrid)."""
    SECRET = "secret"  # noqa: S105 - a kind, not a secret
    """32 random bytes, never shown."""


SERVICE_KEYS: Mapping[str, Mapping[str, KeyKind]] = {
    "broker": {
        "service/authentication": KeyKind.ES256,
        "service/grants": KeyKind.ES256,
        "service/encryption": KeyKind.HYBRID,
        "service/checkpoint": KeyKind.ED25519,
        "service/cursors": KeyKind.SECRET,
    },
    "keyholder": {
        "service/receipts": KeyKind.ED25519,
        "service/checkpoint": KeyKind.ED25519,
        "service/witness": KeyKind.ED25519,
        "service/cursors": KeyKind.SECRET,
    },
}
"""By service: the name in the key directory and the kind."""


def create_service_keys(keys: KeyDirectory, service: str, random: Callable[[int], bytes]) -> list[str]:
    """Makes the service's keys that are not there yet; returns their names. `random(n)` gives n bytes."""
    created = []
    for name, kind in SERVICE_KEYS[service].items():
        try:
            keys.create(name, _generate(kind, random))
        except KeyExists:
            continue
        created.append(name)
    return created


def public_service_keys(keys: KeyDirectory, service: str) -> dict[str, object]:
    """The public halves by the last part of their names: JWKs, and base64url for the others. Raises KeyMissing."""
    return {
        name.removeprefix("service/"): _public(kind, keys.read(name))
        for name, kind in SERVICE_KEYS[service].items()
        if kind is not KeyKind.SECRET
    }


def es256_key(keys: KeyDirectory, name: str) -> EllipticCurvePrivateKey:
    """An ES256 key of the directory, ready to sign with. Raises KeyMissing."""
    return jws.private_key_from_pem(keys.read(name))


def _generate(kind: KeyKind, random: Callable[[int], bytes]) -> bytes:
    match kind:
        case KeyKind.ES256:
            return jws.private_key_to_pem(jws.generate_key())
        case KeyKind.HYBRID:
            return HybridPrivateKey.generate(random).raw
        case KeyKind.ED25519 | KeyKind.SECRET:
            return random(SECRET_BYTES)


def _public(kind: KeyKind, key: bytes) -> object:
    match kind:
        case KeyKind.ES256:
            return jws.public_jwk(jws.private_key_from_pem(key))
        case KeyKind.HYBRID:
            return b64u_encode(HybridPrivateKey(key).public_key().raw)
        case KeyKind.ED25519:
            return b64u_encode(signatures.public_key(key))
        case KeyKind.SECRET:
            raise ValueError("a secret has no public half")
