"""Who asks: the one notion of an authenticated caller that routes and slices share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

__all__ = ["Principal", "PrincipalDirectory", "RegisteredKey", "Role"]


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
class RegisteredKey:
    """A principal and the ES256 public key (JWK, RFC 7517) with which it signs its requests."""

    principal: Principal
    public_key: Mapping[str, str]


class PrincipalDirectory(Protocol):
    """Where authentication finds keys. The parties slice has it from its database."""

    def find(self, key_id: str, covenant_id: str | None) -> RegisteredKey | None:
        """The key with RFC 7638 thumbprint `key_id` that may act in `covenant_id`, or None.

        `covenant_id` is the one in the request's path, None where the path has none. A key registered for two covenants
        is two principals; an operator's or service's key is found for every covenant. Suspended parties are found: they
        are refused later, by name. Raises Unavailable when it cannot look.
        """
        ...
