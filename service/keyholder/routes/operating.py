"""What the key holder's own operator does: enrol, found, suspend, end. The broker's operator has no say here."""

from __future__ import annotations

from fastapi import APIRouter, Response, status

from clients.protocol.messages.governance import OfficerEnrolment, OperatorReason
from clients.protocol.messages.keyholder import (
    AdministratorEnrolment,
    Enrolment,
    Founded,
    Founding,
    KeyReplacement,
    KeyRotation,
    PartyCommitment,
    ServiceEnrolment,
    Suspension,
)
from service.errors import Invalid
from service.evaluation.service import match_keys_of
from service.keyholder.callers import Holder, OperatorCaller
from service.keyholder.governance import draw_for_officers, end_covenant, leave_covenant, rotate_key
from service.web.parameters import CovenantId, KeyOwnerId, MatchKey, PartyId, PersonId

__all__ = ["router"]

router = APIRouter(tags=["Operating"])
_NO_CONTENT = status.HTTP_204_NO_CONTENT


@router.post("/services", status_code=_NO_CONTENT, response_class=Response, summary="Enrol the broker")
def enrol_service(holder: Holder, caller: OperatorCaller, body: ServiceEnrolment) -> None:
    """Registers the broker's keys. There is one broker; repeating its enrolment is harmless."""
    with holder.database.transaction() as session:
        holder.counterpart.enrol(session, body, by=caller.principal, trace=caller.trace)


@router.post(
    "/covenants/{covenantId}/administrators",
    status_code=_NO_CONTENT,
    response_class=Response,
    summary="Enrol an administrator",
)
def enrol_administrator(
    holder: Holder, caller: OperatorCaller, covenant_id: CovenantId, body: AdministratorEnrolment
) -> None:
    """Registers a person who may approve versions of the covenant, which need not be founded yet."""
    with holder.database.transaction() as session:
        holder.parties.enrol_administrator(session, covenant_id, body, by=caller.principal, trace=caller.trace)


@router.delete(
    "/covenants/{covenantId}/administrators/{name}",
    status_code=_NO_CONTENT,
    response_class=Response,
    summary="Dismiss an administrator",
)
def dismiss_administrator(holder: Holder, caller: OperatorCaller, covenant_id: CovenantId, name: PersonId) -> None:
    """From the answer on, the person approves nothing here. What was scheduled stays."""
    with holder.database.transaction() as session:
        holder.people.dismiss_administrator(session, covenant_id, name, by=caller.principal, trace=caller.trace)


@router.post(
    "/covenants/{covenantId}/officers",
    status_code=_NO_CONTENT,
    response_class=Response,
    summary="Enrol a privacy officer",
)
def enrol_officer(holder: Holder, caller: OperatorCaller, covenant_id: CovenantId, body: OfficerEnrolment) -> None:
    """Registers a person who reads this service's log, and draws the key that officers find citizens' entries by.

    Harmless to repeat.
    """
    with holder.database.transaction() as session:
        holder.people.enrol_officer(session, covenant_id, body, by=caller.principal, trace=caller.trace)
        if covenant_id in holder.covenants.list(session):
            draw_for_officers(holder, session, holder.covenants.current(session, covenant_id), caller)


@router.delete(
    "/covenants/{covenantId}/officers/{name}",
    status_code=_NO_CONTENT,
    response_class=Response,
    summary="Dismiss a privacy officer",
)
def dismiss_officer(holder: Holder, caller: OperatorCaller, covenant_id: CovenantId, name: PersonId) -> None:
    """From the answer on, the person reads nothing here."""
    with holder.database.transaction() as session:
        holder.people.dismiss_officer(session, covenant_id, name, by=caller.principal, trace=caller.trace)


@router.post("/covenants", summary="Found a covenant")
def found_covenant(holder: Holder, caller: OperatorCaller, body: Founding) -> Founded:
    """Verifies the first version and its approvals, and draws the secret of each of its match keys."""
    with holder.database.transaction() as session:
        covenant, _ = holder.covenants.found(
            session, body.document.encode(), body.approvals, by=caller.principal, trace=caller.trace
        )
        match_keys = frozenset().union(*(match_keys_of(covenant, party) for party in covenant.parties))
        holder.oprf_keys.draw_match_keys(session, covenant.id, match_keys, by=caller.principal, trace=caller.trace)
        draw_for_officers(holder, session, covenant, caller)
    return Founded(covenant_id=covenant.id, version=covenant.version, match_keys=tuple(sorted(match_keys)))


@router.post(
    "/covenants/{covenantId}/parties", status_code=_NO_CONTENT, response_class=Response, summary="Enrol a party"
)
def enrol_party(holder: Holder, caller: OperatorCaller, covenant_id: CovenantId, body: Enrolment) -> None:
    """Registers a party of the covenant with its keys, and draws its key for each match key its kind may use.

    Those that scheduled versions give it are drawn too. Repeating it is harmless.
    """
    with holder.database.transaction() as session:
        covenant = holder.covenants.naming(session, covenant_id, body.party)
        signatory = covenant.parties.get(body.party)
        if signatory is None:
            raise Invalid("party-not-in-covenant", "the covenant names no such party", pointer="/party")
        versions = (covenant, *holder.covenants.coming(session, covenant_id))
        match_keys = frozenset().union(*(match_keys_of(version, body.party) for version in versions))
        holder.parties.enrol(
            session,
            covenant_id,
            body.party,
            kind=signatory.kind,
            oin=signatory.oin,
            keys=body.keys,
            match_keys=match_keys,
            by=caller.principal,
            trace=caller.trace,
        )
        holder.oprf_keys.draw_match_keys(session, covenant_id, match_keys, by=caller.principal, trace=caller.trace)
        holder.oprf_keys.draw_party_keys(
            session, covenant_id, body.party, match_keys, by=caller.principal, trace=caller.trace
        )


@router.put(
    "/covenants/{covenantId}/parties/{party}/public-keys",
    status_code=_NO_CONTENT,
    response_class=Response,
    summary="Replace a party's own keys",
)
def replace_keys(
    holder: Holder, caller: OperatorCaller, covenant_id: CovenantId, party: PartyId, body: KeyReplacement
) -> None:
    """From the answer on, the old keys sign nothing here, and fields are opened to the new one.

    What the old signing key signed before is verified with it still.
    """
    with holder.database.transaction() as session:
        holder.key_changes.replace(
            session, covenant_id, party, body.keys, reason=body.reason, by=caller.principal, trace=caller.trace
        )


@router.put(
    "/covenants/{covenantId}/parties/{party}/suspension",
    status_code=_NO_CONTENT,
    response_class=Response,
    summary="Suspend a party",
)
def suspend_party(
    holder: Holder, caller: OperatorCaller, covenant_id: CovenantId, party: PartyId, body: Suspension
) -> None:
    """From the answer on, nothing is evaluated or released for the party, and no field of its signals is opened."""
    with holder.database.transaction() as session:
        holder.parties.suspend(session, covenant_id, party, reason=body.reason, by=caller.principal, trace=caller.trace)


@router.delete(
    "/covenants/{covenantId}/parties/{party}/suspension",
    status_code=_NO_CONTENT,
    response_class=Response,
    summary="End a suspension",
)
def reinstate_party(holder: Holder, caller: OperatorCaller, covenant_id: CovenantId, party: PartyId) -> None:
    """The party takes part again."""
    with holder.database.transaction() as session:
        holder.parties.reinstate(session, covenant_id, party, by=caller.principal, trace=caller.trace)


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
