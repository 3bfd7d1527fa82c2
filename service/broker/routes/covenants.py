"""Routes of a covenant as such: what is in force, the set-up of its keys, who leaves, and the end."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from sqlmodel import Session

from clients.protocol.messages.covenant import CovenantDescription, SetUpAnswer
from clients.protocol.messages.governance import OperatorReason
from clients.protocol.normalise import NORMALISATION_VERSION
from clients.protocol.officers import OFFICERS
from service.broker.context import BrokerContext
from service.broker.governance import end_covenant, leave_covenant
from service.principals import Principal, Role
from service.signals.publication import published
from service.web.authentication import require
from service.web.context import context_of
from service.web.parameters import CovenantId, PartyId

__all__ = ["covenant_routes"]

Operator = Annotated[Principal, Depends(require(Role.OPERATOR))]
Anyone = Annotated[Principal, Depends(require(*Role))]


def covenant_routes(context: BrokerContext) -> APIRouter:
    """The router. Every handler's transaction has been committed when it returns its answer."""
    router = APIRouter(prefix="/covenants/{covenantId}", tags=["Covenant"])

    @router.get("", summary="The covenant in force")
    def describe_covenant(_: Anyone, covenant_id: CovenantId) -> CovenantDescription:
        """The current version's document, who takes part, and what the broker published of the set-up."""
        with context.database.transaction(isolation="REPEATABLE READ") as session:
            covenant = context.covenants.current(session, covenant_id)
            document = context.covenants.document(session, covenant_id, covenant.version)
            active = context.parties.active_parties(session, covenant_id)
            keys = published(session, covenant_id)
        return CovenantDescription(
            covenant_id=covenant_id,
            version=covenant.version,
            document=document.decode("utf-8"),
            active_parties=tuple(sorted(active)),
            normalisation_version=NORMALISATION_VERSION,
            keys=keys,
        )

    @router.post("/set-up", summary="Take in conversion shares from the key holder")
    def run_set_up(request: Request, operator: Operator, covenant_id: CovenantId) -> SetUpAnswer:
        """Fetches the shares, checks them and publishes the points.

        Repeat it after enrolments and rotations, and when a version was scheduled that gives new match keys.
        """
        with context.database.transaction() as session:
            context.covenants.current(session, covenant_id)  # an unknown covenant is no question for the key holder
        commitments = context.key_holder.commitments(covenant_id)
        shares = context.key_holder.conversion_shares(covenant_id)
        with context.database.transaction() as session:
            outcome = context.set_up.run(
                session,
                context.covenants.current(session, covenant_id),
                _enrolled(context, session, covenant_id),
                commitments,
                shares,
                coming=context.covenants.coming(session, covenant_id),
                by=operator,
                trace=context_of(request).trace_id,
            )
            keys = published(session, covenant_id)
        context.set_up.discard(outcome)
        return SetUpAnswer(accepted=outcome.accepted, unchanged=outcome.unchanged, keys=keys)

    @router.put("/parties/{party}/departure", status_code=204, summary="Have a party leave")
    def leave(
        request: Request, operator: Operator, covenant_id: CovenantId, party: PartyId, body: OperatorReason
    ) -> Response:
        """Destroys the party's keys, withdraws its signals and forgets what it was told. There is no way back."""
        leave_covenant(context, covenant_id, party, body.reason, operator, context_of(request).trace_id)
        return Response(status_code=204)

    @router.put("/ending", status_code=204, summary="End a covenant")
    def end(request: Request, operator: Operator, covenant_id: CovenantId, body: OperatorReason) -> Response:
        """Destroys what the covenant held: keys, signals, pseudonyms, wrapped keys, answers. There is no way back."""
        end_covenant(context, covenant_id, body.reason, operator, context_of(request).trace_id)
        return Response(status_code=204)

    return router


def _enrolled(context: BrokerContext, session: Session, covenant_id: str) -> frozenset[str]:
    """Whose keys are taken in: those of parties that have not left, and the officers' once there is one."""
    parties = {party.party for party in context.parties.list(session, covenant_id) if party.state != "left"}
    return frozenset(parties | ({OFFICERS} if context.people.has_officer(session, covenant_id) else set()))
