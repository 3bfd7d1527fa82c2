"""Signed JSON Web Tokens (RFC 7515, RFC 7519) as this project allows them: ES256, one exact `typ`, one pinned key.

This is the only module that imports python-jose, which accepts more than it should: no algorithm list, tokens without
the claims it was asked to check, unknown critical headers, any `typ`, and a public key as an HMAC secret. So every
property of a token is checked here, before or beside it, and nothing is taken from the token that says how to verify it
except `kid`, which only chooses among keys the caller already trusts (RFC 8725).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, cast

from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    EllipticCurvePublicNumbers,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from jose import jws
from jose.backends import ECKey
from jose.exceptions import JOSEError

from clients.protocol.encoding import b64u_decode, b64u_encode
from clients.protocol.errors import EncodingError, TokenError
from clients.protocol.strict_json import canonical_json, parse_json

__all__ = [
    "generate_key",
    "private_key_from_pem",
    "private_key_to_pem",
    "public_jwk",
    "public_key_from_jwk",
    "sign",
    "thumbprint",
    "unverified_kid",
    "verify",
]

if ECKey.__module__ != "jose.backends.cryptography_backend":
    raise ImportError("python-jose must verify with the cryptography package: install python-jose[cryptography]")

LONGEST_TOKEN = 16_384
"""Characters of a compact token, above which it is refused unread."""
LEEWAY = timedelta(seconds=5)
"""By how much two clocks may differ."""

_HEADER_NAMES = frozenset({"alg", "typ", "kid"})
_REQUIRED = ("aud", "exp", "iat", "sub", "jti")
_LATEST = 253_402_300_799
"""Seconds since 1970 to the end of the year 9999, the last that a date can be in."""


def generate_key() -> EllipticCurvePrivateKey:
    """A new P-256 key, from the operating system's randomness."""
    return generate_private_key(SECP256R1())


def private_key_to_pem(key: EllipticCurvePrivateKey) -> bytes:
    """PKCS #8 in PEM, unencrypted: for a key file that only its owner can read."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def private_key_from_pem(pem: bytes) -> EllipticCurvePrivateKey:
    """The P-256 key of a PKCS #8 PEM. Raises EncodingError for any other."""
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError):
        raise EncodingError("not an unencrypted private key in PEM") from None
    if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
        raise EncodingError("not a P-256 key")
    return key


def public_jwk(key: EllipticCurvePrivateKey | EllipticCurvePublicKey) -> dict[str, str]:
    """The public JWK (RFC 7517): kty, crv, x and y, and nothing else."""
    public = key.public_key() if isinstance(key, EllipticCurvePrivateKey) else key
    numbers = public.public_numbers()
    return {
        "kty": "EC",
        "crv": "P-256",
        "x": b64u_encode(numbers.x.to_bytes(32, "big")),
        "y": b64u_encode(numbers.y.to_bytes(32, "big")),
    }


def public_key_from_jwk(jwk: Mapping[str, object]) -> EllipticCurvePublicKey:
    """The P-256 point of a public JWK with exactly kty, crv, x and y. Raises EncodingError for any other."""
    if set(jwk) != {"kty", "crv", "x", "y"} or jwk["kty"] != "EC" or jwk["crv"] != "P-256":
        raise EncodingError("not a public P-256 JWK of kty, crv, x and y")
    x, y = (b64u_decode(value, length=32) if isinstance(value, str) else b"" for value in (jwk["x"], jwk["y"]))
    try:
        return EllipticCurvePublicNumbers(int.from_bytes(x, "big"), int.from_bytes(y, "big"), SECP256R1()).public_key()
    except ValueError:
        raise EncodingError("the JWK is not a point of P-256") from None


def thumbprint(key: EllipticCurvePrivateKey | EllipticCurvePublicKey) -> str:
    """The JWK thumbprint (RFC 7638) in base64url: how a key is named everywhere."""
    return b64u_encode(sha256(canonical_json(public_jwk(key))).digest())


def sign(claims: Mapping[str, Any], key: EllipticCurvePrivateKey, *, typ: str, kid: str) -> str:
    """A compact token over `claims`, which hold at least aud, exp, iat, sub and jti; else TokenError."""
    missing = [name for name in _REQUIRED if name not in claims]
    if missing:
        raise TokenError(f"claims without {', '.join(missing)}")
    pem = private_key_to_pem(key).decode()
    return jws.sign(canonical_json(claims), pem, headers={"typ": typ, "kid": kid}, algorithm="ES256")


def unverified_kid(token: str) -> str:
    """The key id a token names, for looking up which key to verify it with. Proves nothing. Raises TokenError."""
    return str(_header(token)["kid"])


def verify(
    token: str, keys: Mapping[str, EllipticCurvePublicKey], *, typ: str, audience: str, now: datetime
) -> dict[str, Any]:
    """The claims of a token that one of `keys` (by kid) signed for `audience`, and that is valid at `now`.

    Raises TokenError, which says what is wrong and repeats nothing of the token.
    """
    header = _header(token)
    if header["typ"] != typ:
        raise TokenError("the token is of another type")
    key = keys.get(header["kid"])
    if key is None:
        raise TokenError("the token is signed with a key that is not known here")
    try:
        payload = jws.verify(token, ECKey(key, "ES256"), algorithms=["ES256"])
    except JOSEError:
        raise TokenError("the token's signature does not hold") from None
    try:
        claims = parse_json(payload)
    except EncodingError:
        raise TokenError("the token's claims are not strict JSON") from None
    if not isinstance(claims, dict):
        raise TokenError("the token's claims are not an object")
    _check_claims(claims, audience, now)
    return claims


def _header(token: str) -> dict[str, str]:
    if len(token) > LONGEST_TOKEN or token.count(".") != 2:
        raise TokenError("not a compact signed token, or too long")
    protected, payload, signature = token.split(".")
    try:
        # All three parts: python-jose reads other spellings of base64 too, and a token would have many forms.
        b64u_decode(payload)
        b64u_decode(signature, length=64)
        header = parse_json(b64u_decode(protected))
    except EncodingError:
        raise TokenError("the token is not canonical") from None
    # No crit, jku, jwk, x5u, x5c, zip, enc …: a header that says more than this is for some other verifier.
    if not isinstance(header, dict) or set(header) != _HEADER_NAMES:
        raise TokenError("the token's header must hold exactly alg, typ and kid")
    if header["alg"] != "ES256":
        raise TokenError("the token's algorithm is not ES256")
    if not all(isinstance(value, str) for value in header.values()):
        raise TokenError("the token's header must hold text")
    return cast(dict[str, str], header)


def _check_claims(claims: Mapping[str, object], audience: str, now: datetime) -> None:
    for name in ("aud", "sub", "jti"):
        if not isinstance(claims.get(name), str) or not claims[name]:
            raise TokenError(f"the token has no {name}")
    moments: dict[str, int] = {}
    for name in ("exp", "iat", *(["nbf"] if "nbf" in claims else [])):
        value = claims.get(name)
        if type(value) is not int or not 0 < value <= _LATEST:
            raise TokenError(f"the token has no {name}")
        moments[name] = value
    if claims["aud"] != audience:
        raise TokenError("the token is for another audience")
    present, leeway = now.timestamp(), LEEWAY.total_seconds()
    if max(moments["iat"], moments.get("nbf", 0)) > present + leeway:
        raise TokenError("the token is not valid yet")
    if moments["exp"] + leeway <= present or moments["exp"] <= moments["iat"]:
        raise TokenError("the token has expired")
