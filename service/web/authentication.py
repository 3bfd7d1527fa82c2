"""Who asks, proved per request: the one dependency behind which the proof may change.

    Authorization: Bearer <JWS>

The JWS (ES256, see `clients.protocol.request_token`) covers method, path with query, and the SHA-256 of the body, names
this service as its audience and lives for at most a minute. So a token that leaks serves no other request than the one
it was made for, and not even that one a second time.

Routes say whom they are for:

    def submit(principal: Annotated[Principal, Depends(require(Role.PARTY))]) -> …
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Annotated

import structlog
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from clients.protocol.errors import TokenError
from clients.protocol.jws import unverified_kid
from clients.protocol.request_token import verify_request
from service.errors import Refused, Unauthenticated
from service.principals import Principal, PrincipalDirectory, Role
from service.web.context import context_of
from service.web.query import require_known_query

__all__ = ["Authenticator", "TurnedAway", "require"]

TurnedAway = Callable[[Principal, str | None, str, Refused], None]
"""Puts on record that a caller was refused for its role: who, the covenant in the path if any, the trace, and why."""

_log = structlog.get_logger("service.authentication")
_bearer = HTTPBearer(
    auto_error=False,
    bearerFormat="JWS",
    scheme_name="RequestToken",
    description="ES256 JWS over method, path with query, and SHA-256 of the body; at most 60 seconds old.",
)


class Authenticator:
    """Verifies request tokens for one service. `audience` is its issuer string."""

    def __init__(self, directory: PrincipalDirectory, *, audience: str, clock: Callable[[], datetime]) -> None:
        self._directory = directory
        self._keys = _RegisteredKeys(directory)
        self._audience = audience
        self._clock = clock

    def authenticate(self, token: str, *, method: str, target: str, body: bytes, covenant_id: str | None) -> Principal:
        """The principal that signed this very request; `target` is path and query as they were sent.

        Raises Unauthenticated, with the same words whatever is wrong; the log has the reason.
        """
        try:
            claims = verify_request(
                token, self._keys, audience=self._audience, method=method, target=target, body=body, now=self._clock()
            )
        except TokenError as error:
            raise _unauthenticated(str(error)) from None
        admitted = self._directory.admit(unverified_kid(token), covenant_id, claims.jti, claims.expires_at)
        if admitted is None:
            raise _unauthenticated("the key is registered to nobody who may act here")
        if admitted.principal.id != claims.principal:
            raise _unauthenticated("the key is registered to another principal than the token names")
        if not admitted.fresh:
            raise _unauthenticated("the token was used before")
        return replace(admitted.principal, actor=claims.actor)


class _RegisteredKeys(Mapping[str, EllipticCurvePublicKey]):
    """The directory as the mapping from key id to public key that the verifier asks for."""

    def __init__(self, directory: PrincipalDirectory) -> None:
        self._directory = directory

    def __getitem__(self, key_id: str) -> EllipticCurvePublicKey:
        found = self._directory.public_key(key_id)
        if found is None:
            raise KeyError
        return found

    def __iter__(self) -> Iterator[str]:
        raise TypeError("the registered keys are looked up, never listed")

    def __len__(self) -> int:
        raise TypeError("the registered keys are looked up, never listed")


def _authenticate(request: Request, credentials: HTTPAuthorizationCredentials | None) -> Principal:
    """The caller, by the authenticator that the app was built with."""
    if credentials is None or len(request.headers.getlist("authorization")) != 1:
        raise Unauthenticated("token-missing", "send one request token as Authorization: Bearer")
    authenticator: Authenticator = request.app.state.authenticator
    context = context_of(request)
    path: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    query: bytes = request.scope["query_string"]
    context.principal = authenticator.authenticate(
        credentials.credentials,
        method=request.method,
        target=(path + b"?" + query if query else path).decode("latin-1"),
        body=context.body,
        covenant_id=request.path_params.get("covenantId"),
    )
    return context.principal


def require(*roles: Role) -> Callable[[Request, HTTPAuthorizationCredentials | None], Principal]:
    """FastAPI dependency: the caller, refused on record unless it has one of `roles`, and asking what can be asked."""

    def allowed(
        request: Request, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
    ) -> Principal:
        principal = _authenticate(request, credentials)
        if principal.role not in roles:
            refusal = Refused(
                "role-not-allowed",
                "this operation is for other roles than the caller's",
                parameters={"roles": ", ".join(roles)},
            )
            turned_away: TurnedAway = request.app.state.turned_away
            turned_away(principal, request.path_params.get("covenantId"), context_of(request).trace_id, refusal)
            raise refusal
        require_known_query(request)
        return principal

    return allowed


def _unauthenticated(reason: str) -> Unauthenticated:
    _log.info("token refused", reason=reason)
    return Unauthenticated("token-invalid", "the request token does not hold for this request")
