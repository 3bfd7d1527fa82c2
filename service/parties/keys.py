"""Public keys as they are registered: checked once, here, and named by a hash in the audit log."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from hashlib import sha256

from clients.protocol import jws, signatures
from clients.protocol.encoding import b64u_decode
from clients.protocol.errors import EncodingError, SealError, SignatureError
from clients.protocol.hybrid import HybridPublicKey
from clients.protocol.messages.keyholder import PartyKeys
from service.errors import Invalid, LocatedFault

__all__ = [
    "authentication_faults",
    "encryption_faults",
    "fingerprint",
    "fingerprints",
    "key_id",
    "party_faults",
    "refuse_faults",
    "signing_faults",
    "thumbprint",
]


def key_id(jwk: Mapping[str, str]) -> str:
    """The RFC 7638 thumbprint by which requests name the key. Raises EncodingError for what is no P-256 JWK."""
    return jws.thumbprint(jws.public_key_from_jwk(jwk))


def thumbprint(jwk: Mapping[str, str]) -> bytes:
    """The same as 32 bytes."""
    return b64u_decode(key_id(jwk), length=32)


def fingerprint(key: bytes) -> bytes:
    """SHA-256 of a raw public key: what the audit log names it by."""
    return sha256(key).digest()


def authentication_faults(jwk: Mapping[str, str], pointer: str) -> Iterator[LocatedFault]:
    try:
        jws.public_key_from_jwk(jwk)
    except EncodingError as error:
        yield LocatedFault(pointer, "key-invalid", str(error))


def signing_faults(key: bytes, pointer: str) -> Iterator[LocatedFault]:
    try:
        signatures.check_public_key(key)
    except SignatureError as error:
        yield LocatedFault(pointer, "key-invalid", str(error))


def encryption_faults(key: bytes, pointer: str) -> Iterator[LocatedFault]:
    try:
        HybridPublicKey(key)
    except SealError as error:
        yield LocatedFault(pointer, "key-invalid", str(error))


def party_faults(keys: PartyKeys) -> Iterator[LocatedFault]:
    """Every one of a party's keys that is none."""
    yield from authentication_faults(keys.authentication_key, "/keys/authenticationKey")
    yield from signing_faults(keys.signing_key, "/keys/signingKey")
    yield from encryption_faults(keys.encryption_key, "/keys/encryptionKey")


def fingerprints(keys: PartyKeys) -> dict[str, bytes]:
    """What the audit log names a party's keys by: 32 bytes each."""
    return {
        "authentication": thumbprint(keys.authentication_key),
        "signing": fingerprint(keys.signing_key),
        "encryption": fingerprint(keys.encryption_key),
    }


def refuse_faults(*faults: LocatedFault) -> None:
    """Raises Invalid with all of them, if any."""
    if faults:
        raise Invalid("keys-invalid", "not every key is one", faults=faults)
