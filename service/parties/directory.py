"""Whose key signed a request: the registry as authentication sees it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from sqlmodel import Session

from clients.protocol.jws import public_key_from_jwk
from service.errors import Conflict
from service.parties import keys as public_keys
from service.parties import repository
from service.parties.tables import PrincipalRow
from service.principals import Admitted, Principal, PrincipalDirectory, Role
from service.storage.database import Database
from service.storage.spent_tokens import DatabaseSpentTokens

__all__ = ["RegisteredPrincipals", "refuse_replaced", "register"]

EVERY_COVENANT = "-"
"""Stands for the covenant of services, which serve all; no covenant can have this id."""


def register(session: Session, principal: Principal, public_key: Mapping[str, str], now: datetime) -> None:
    """Lets `principal` sign its requests with a key that `authentication_faults` found nothing wrong with.

    Raises Conflict where the key speaks for someone else already: one key, one principal, within a covenant, and
    everywhere for those who serve every covenant.
    """
    covenant_id = principal.covenant_id or EVERY_COVENANT
    key_id = public_keys.key_id(public_key)
    refuse_replaced(session, covenant_id, public_keys.thumbprint(public_key))
    for other in repository.principals(session, key_id):
        if EVERY_COVENANT in (covenant_id, other.covenant_id) or covenant_id == other.covenant_id:
            raise Conflict("key-taken", "the authentication key is registered already, for someone else")
    row = PrincipalRow(
        covenant_id=covenant_id,
        key_id=key_id,
        principal_id=principal.id,
        role=principal.role.value,
        party=principal.party,
        public_key=dict(public_key),
        registered_at=now,
    )
    repository.insert(session, row)


def refuse_replaced(session: Session, covenant_id: str, *fingerprints: bytes) -> None:
    """Raises Conflict where one of these keys was a party's of this covenant, and was replaced."""
    if repository.any_former(session, covenant_id, fingerprints):
        raise Conflict("key-replaced", "one of the keys was replaced by another, and is not registered again")


class RegisteredPrincipals(PrincipalDirectory):
    """Authentication's view of the registry, and the operators that the service was started with.

    `operators` maps a name to its public JWK. They stand in the settings, for somebody has to enrol the first.
    """

    def __init__(
        self, database: Database, *, operators: Mapping[str, Mapping[str, str]], spent: DatabaseSpentTokens
    ) -> None:
        self._database = database
        self._spent = spent
        self._operators = {public_keys.key_id(jwk): Principal(name, Role.OPERATOR) for name, jwk in operators.items()}
        self._keys = {public_keys.key_id(jwk): public_key_from_jwk(jwk) for jwk in operators.values()}

    def public_key(self, key_id: str) -> EllipticCurvePublicKey | None:
        if key_id not in self._keys:
            with self._database.statement() as connection:
                jwk = repository.public_key(connection, key_id)
            if jwk is None:
                return None
            self._keys[key_id] = public_key_from_jwk(jwk)
        return self._keys[key_id]

    def admit(self, key_id: str, covenant_id: str | None, token_id: str, expires_at: datetime) -> Admitted | None:
        if key_id in self._operators:
            return Admitted(self._operators[key_id], self._spent.spend(key_id, token_id, expires_at))
        wanted = {"key": key_id, "everywhere": EVERY_COVENANT, "covenant": covenant_id}
        rows = self._spent.spend_in(repository.ADMITTING, key_id, token_id, expires_at, **wanted)
        if len(rows) != 1:
            return None
        (row,) = rows
        enrolled_in = None if row.covenant_id == EVERY_COVENANT else row.covenant_id
        return Admitted(Principal(row.principal_id, Role(row.role), row.party, enrolled_in), row.fresh)
