"""A service with a few routes of every kind, for tests of what all routes share; its callers, and how they sign."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey
from fastapi import APIRouter, Depends
from pydantic import Field

from clients.protocol.jws import generate_key, thumbprint
from clients.protocol.messages.base import Bytes32, IsoDate, Message
from clients.protocol.request_token import sign_request
from service import errors
from service.principals import Admitted, Principal, Role
from service.web.authentication import require
from service.web.parameters import CovenantId, IdempotencyKey, Limit

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
AUDIENCE = "https://broker.example"
SECRET = "999990019"
"""Stands for an identifier. Wherever it is sent, it must not come back and must not be logged."""


class Sighting(Message):
    day: IsoDate
    token: Bytes32
    kind: Literal["address", "person"]
    signal_id: UUID | None = None
    count: Annotated[int, Field(ge=1)] = 1


class Sightings(Message):
    sightings: Annotated[tuple[Sighting, ...], Field(min_length=1, max_length=200_000)]


class Refusal(Message):
    name: str


class Directory:
    """Two keys: police in covenant `vogelplein`, and an operator."""

    def __init__(self) -> None:
        self.police = generate_key()
        self.operator = generate_key()
        self.spent: set[tuple[str, str]] = set()

    def public_key(self, key_id: str) -> EllipticCurvePublicKey | None:
        keys = (self.police.public_key(), self.operator.public_key())
        return next((key for key in keys if thumbprint(key) == key_id), None)

    def admit(self, key_id: str, covenant_id: str | None, token_id: str, expires_at: datetime) -> Admitted | None:
        fresh = (key_id, token_id) not in self.spent
        self.spent.add((key_id, token_id))
        if key_id == thumbprint(self.operator):
            return Admitted(Principal("operator-1", Role.OPERATOR), fresh)
        if covenant_id != "vogelplein":
            return None
        return Admitted(Principal("vogelplein.police", Role.PARTY, party="police", covenant_id=covenant_id), fresh)


class TurnedAway:
    """Who was refused for its role, as (principal, covenant, code); or the failure to record it."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str | None, str]] = []
        self.failure: errors.Unavailable | None = None

    def __call__(self, caller: Principal, covenant_id: str | None, trace: str, refusal: errors.Refused) -> None:
        if self.failure is not None:
            raise self.failure
        self.seen.append((caller.id, covenant_id, refusal.code))


TURNED_AWAY = TurnedAway()
router = APIRouter()
REFUSALS: dict[str, errors.DomainError] = {
    "Invalid": errors.Invalid("stage-unknown", "no such stage", pointer="/stage"),
    "Unauthenticated": errors.Unauthenticated("token-invalid", "no"),
    "Refused": errors.Refused("no-permit", "no rule permits it", clause="art. 5.2", parameters={"purpose": "nuisance"}),
    "NotFound": errors.NotFound("signal-unknown", "no such signal"),
    "Conflict": errors.Conflict("key-version-stale", "the key was rotated"),
    "TooLarge": errors.TooLarge("batch-too-large", "too many"),
    "QuotaExceeded": errors.QuotaExceeded("quota-spent", "enough for today", retry_after=60),
    "Unavailable": errors.Unavailable("database-unavailable", "later", retry_after=2),
}


@router.post("/sightings")
def post_sightings(message: Sightings) -> dict[str, int]:
    return {"count": len(message.sightings)}


@router.get("/sightings")
def get_sightings(limit: Limit, day: IsoDate | None = None) -> dict[str, int]:
    return {"limit": limit}


@router.delete("/sightings/{signalId}")
def delete_sighting(signalId: UUID, key: IdempotencyKey) -> None:  # noqa: N803
    return None


@router.put("/sightings/{signalId}")
def put_sighting(signalId: UUID) -> None:  # noqa: N803
    return None


@router.post("/refusals")
def post_refusal(message: Refusal) -> None:
    raise REFUSALS[message.name]


@router.post("/failures")
def post_failure(message: Refusal) -> None:
    raise RuntimeError(f"while reading {message.name}")


@router.post("/covenants/{covenantId}/signals")
def post_signal(
    covenant_id: CovenantId, message: Refusal, principal: Annotated[Principal, Depends(require(Role.PARTY))]
) -> dict[str, str | None]:
    return {"id": principal.id, "party": principal.party, "actor": principal.actor}


@router.get("/covenants/{covenantId}/signals")
def get_signals(
    covenant_id: CovenantId, principal: Annotated[Principal, Depends(require(Role.PARTY, Role.OPERATOR))]
) -> dict[str, str]:
    return {"id": principal.id}


def problem(response: Any, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["api-version"] == "1.2.3"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert SECRET not in response.text, "echoed"
    assert SECRET not in repr(response.headers), "echoed"
    document: dict[str, Any] = response.json()
    assert document["status"] == status
    assert {"type", "title", "detail", "traceId"} <= set(document)
    return document


def places(document: dict[str, Any]) -> list[tuple[str, str]]:
    return [(error["pointer"], error["code"]) for error in document["errors"]]


def sighting(**changes: Any) -> dict[str, Any]:
    return {"day": "2026-11-22", "token": "A" * 43, "kind": "address"} | changes


TARGET = "/v1/covenants/vogelplein/signals"
BODY = b'{"name": "x"}'


def token(key: EllipticCurvePrivateKey, **changes: Any) -> dict[str, str]:
    claims: dict[str, Any] = {
        "principal": "vogelplein.police",
        "audience": AUDIENCE,
        "method": "POST",
        "target": TARGET,
        "body": BODY,
        "now": NOW,
        "jti": str(uuid4()),
    }
    return {
        "authorization": f"Bearer {sign_request(key, **claims | changes)}",
        "content-type": "application/json",
    }
