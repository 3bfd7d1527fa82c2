"""What the key holder's own operator does besides registration (`service.web.registry`): the broker, keys, the end.

The broker's operator has no say here.
"""

from __future__ import annotations

from fastapi import APIRouter, Response, status

from clients.protocol.messages.governance import OperatorReason
from clients.protocol.messages.keyholder import KeyRotation, PartyCommitment, ServiceEnrolment
from service.keyholder.callers import Holder, OperatorCaller
from service.keyholder.governance import end_covenant, leave_covenant, rotate_key
from service.web.parameters import CovenantId, KeyOwnerId, MatchKey, PartyId

__all__ = ["router"]

router = APIRouter(tags=["Operating"])
_NO_CONTENT = status.HTTP_204_NO_CONTENT


@router.post("/services", status_code=_NO_CONTENT, response_class=Response, summary="Enrol the broker")
def enrol_service(holder: Holder, caller: OperatorCaller, body: ServiceEnrolment) -> None:
    """Registers the broker's keys. There is one broker; repeating its enrolment is harmless."""
    with holder.database.transaction() as session:
        holder.counterpart.enrol(session, body, by=caller.principal, trace=caller.trace)


@router.put(
    "/covenants/{covenantId}/parties/{party}/departure",
    status_code=_NO_CONTENT,
    response_class=Response,
    summary="Have a party leave",
)
def leave(
    holder: Holder, caller: OperatorCaller, covenant_id: CovenantId, party: PartyId, body: OperatorReason
) -> None:
    """Destroys the party's keys. There is no way back; repeating it is harmless."""
    leave_covenant(holder, covenant_id, party, body.reason, caller)


@router.put("/covenants/{covenantId}/parties/{party}/keys/{matchKey}", summary="Replace a party's key")
def rotate(
    holder: Holder,
    caller: OperatorCaller,
    covenant_id: CovenantId,
    party: KeyOwnerId,
    match_key: MatchKey,
    body: KeyRotation,
) -> PartyCommitment:
    """Draws the party's key of the next version and destroys the one before it.

    Tokens of the old key are worth nothing once the broker has repeated its set-up, and until then none of the new key
    are taken. What was submitted before stays and still matches. Repeating it is harmless.
    """
    key = rotate_key(holder, covenant_id, party, match_key, body, caller)
    return PartyCommitment(party=key.party, key_version=key.key_version, point=key.point)


@router.put(
    "/covenants/{covenantId}/ending", status_code=_NO_CONTENT, response_class=Response, summary="End a covenant"
)
def end(holder: Holder, caller: OperatorCaller, covenant_id: CovenantId, body: OperatorReason) -> None:
    """Destroys every key of the covenant. There is no way back; repeating it is harmless."""
    end_covenant(holder, covenant_id, body.reason, caller)
