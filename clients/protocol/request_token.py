"""How a caller proves who it is: a signed statement about one request, worth nothing for any other.

A JWS under the caller's registered ES256 key covers method, path with query, and the SHA-256 of the body, and lives for
a minute. It is carried as `Authorization: Bearer`. `act` names the employee by a pseudonym of the party's own, so that
the log can tell one desk from another without knowing who sits there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey

from clients.protocol import jws
from clients.protocol.encoding import b64u_encode
from clients.protocol.errors import TokenError

TYP = "covenant-request+jwt"
LIFETIME = timedelta(seconds=60)

_ACTOR = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class RequestClaims:
    principal: str
    actor: str | None
    jti: str
    expires_at: datetime


def sign_request(
    private_key: EllipticCurvePrivateKey,
    *,
    principal: str,
    audience: str,
    method: str,
    target: str,
    body: bytes,
    now: datetime,
    jti: str,
    actor: str | None = None,
) -> str:
    """The token for one request: `target` is the path with its `?query` if any, `audience` the service's issuer.

    Raises TokenError for an actor that is not 1–64 letters, digits, dots, dashes or underscores.
    """
    if actor is not None and not _ACTOR.fullmatch(actor):
        raise TokenError("an actor is 1 to 64 letters, digits, dots, dashes or underscores")
    issued = int(now.timestamp())
    claims = {
        "iss": principal,
        "sub": principal,
        "aud": audience,
        "iat": issued,
        "exp": issued + int(LIFETIME.total_seconds()),
        "jti": jti,
        "htm": method,
        "htp": target,
        "bsh": _body_hash(body),
    } | ({"act": actor} if actor is not None else {})
    return jws.sign(claims, private_key, typ=TYP, kid=jws.thumbprint(private_key))


def verify_request(
    token: str,
    keys: Mapping[str, EllipticCurvePublicKey],
    *,
    audience: str,
    method: str,
    target: str,
    body: bytes,
    now: datetime,
) -> RequestClaims:
    """Who made this very request. Raises TokenError if the token is not exactly about it, or lives too long."""
    claims = jws.verify(token, keys, typ=TYP, audience=audience, now=now)
    if claims.get("iss") != claims["sub"]:
        raise TokenError("the token speaks for another")
    if claims["exp"] - claims["iat"] > LIFETIME.total_seconds():
        raise TokenError("the token lives too long")
    for name, value in (("htm", method), ("htp", target), ("bsh", _body_hash(body))):
        if claims.get(name) != value:
            raise TokenError("the token is for another request")
    actor = claims.get("act")
    if actor is not None and (not isinstance(actor, str) or not _ACTOR.fullmatch(actor)):
        raise TokenError("the token names no proper actor")
    return RequestClaims(claims["sub"], actor, claims["jti"], datetime.fromtimestamp(claims["exp"], UTC))


def _body_hash(body: bytes) -> str:
    return b64u_encode(sha256(body).digest())
