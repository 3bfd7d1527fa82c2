"""Who asks: the one notion of an authenticated caller that routes and slices share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

__all__ = ["Admitted", "Principal", "PrincipalDirectory", "Role"]


class Role(StrEnum):
    """What a principal is to this service. A principal has one; who does two jobs has two keys."""

    PARTY = "party"
    OPERATOR = "operator"
    OFFICER = "officer"
    ADMINISTRATOR = "administrator"
    SERVICE = "service"


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller.

    `party` is the covenant's id of the organisation, for roles that belong to one. `covenant_id` is the covenant it was
    enrolled in; None for operators and services, which serve all. `actor` is the employee's pseudonym that the caller
    itself stated: evidence for the audit log, never for a decision.
    """

    id: str
    role: Role
    party: str | None = None
    covenant_id: str | None = None
    actor: str | None = None


@dataclass(frozen=True, slots=True)
class Admitted:
    """Who signed a request token. It is `fresh` unless it was spent before."""

    principal: Principal
    fresh: bool


class PrincipalDirectory(Protocol):
    """Where authentication finds who asks. The parties slice has it from its database."""

    def public_key(self, key_id: str) -> EllipticCurvePublicKey | None:
        """The ES256 key with this RFC 7638 thumbprint if anybody ever registered it here.

        A thumbprint names one key for good, so what was found once need not be looked up again; whose it is now, if
        anybody's, says `admit`. Raises Unavailable when it cannot look.
        """
        ...

    def admit(self, key_id: str, covenant_id: str | None, token_id: str, expires_at: datetime) -> Admitted | None:
        """Whose the key is that may act in `covenant_id`, and its token is spent; None where it is nobody's.

        `covenant_id` is the one in the request's path, None where the path has none. A key registered for two covenants
        is two principals; an operator's or service's key is found for every covenant. Suspended parties are found: they
        are refused later, by name. Raises Unavailable when it cannot look.
        """
        ...
