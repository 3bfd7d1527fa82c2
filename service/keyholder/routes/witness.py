"""The witness of the broker's logs: what it is shown, what it has seen, and what an operator says of a finding.

And the other way round: what this service's log says of grants, for the broker to compare with its own.
"""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response, status

from clients.protocol.messages.base import IsoDate
from clients.protocol.messages.log import (
    Acknowledgement,
    CosignatureAnswer,
    CosignatureRequest,
    GrantUse,
    GrantUses,
    WitnessedLog,
)
from clients.protocol.reconciliation import LogLine
from service.audit.reading import today_of
from service.audit.reconciliation import grant_uses
from service.errors import Refused
from service.keyholder.callers import AnyCaller, Holder, OperatorCaller, ServiceCaller
from service.keyholder.holder import broker_log
from service.web.parameters import CovenantId

__all__ = ["router"]

router = APIRouter(prefix="/covenants/{covenantId}/witness", tags=["Witness"])

FindingId = Annotated[UUID, Path(alias="findingId", description="A finding about the broker's log")]
UsedDate = Annotated[IsoDate, Query(alias="usedDate", description="In Amsterdam; some minutes around it come with it")]
After = Annotated[UUID | None, Query(alias="after", description="The last entry of the answer before")]


@router.get("", response_model_exclude_none=True, summary="What was seen of the broker's log")
def read_witnessed(holder: Holder, caller: AnyCaller, covenant_id: CovenantId) -> WitnessedLog:
    """The last head that was cosigned, to be compared with what the broker shows; and what does not fit."""
    with holder.database.transaction() as session:
        holder.covenants.current(session, covenant_id)
        return holder.witness.witnessed(session, broker_log(holder.counterpart.known(session), covenant_id))


@router.post("/cosignatures", summary="Have a head cosigned")
def cosign_head(
    holder: Holder, caller: ServiceCaller, covenant_id: CovenantId, body: CosignatureRequest
) -> CosignatureAnswer:
    """For the broker: its head, if everything that was cosigned before is still in it."""
    with holder.database.transaction() as session:
        holder.covenants.current(session, covenant_id)
        log = broker_log(holder.counterpart.known(session), covenant_id)
        verdict = holder.witness.cosign(session, log, body, by=caller.principal, trace=caller.trace)
    if isinstance(verdict, str):
        return CosignatureAnswer(cosignature=verdict)
    # The finding is committed: it stands, whatever the broker makes of the answer.
    raise Refused("log-not-trusted", "the log contradicts what it showed before", parameters={"kind": verdict.kind})


@router.put(
    "/findings/{findingId}/acknowledgement",
    status_code=status.HTTP_204_NO_CONTENT,
    response_class=Response,
    summary="Acknowledge a finding",
)
def acknowledge_finding(
    holder: Holder, caller: OperatorCaller, covenant_id: CovenantId, finding_id: FindingId, body: Acknowledgement
) -> None:
    """The operator has looked into it; releases go on, and the log from the head that was shown. Harmless to repeat."""
    with holder.database.transaction() as session:
        log = broker_log(holder.counterpart.known(session), covenant_id)
        holder.witness.acknowledge(session, log, finding_id, body.reason, by=caller.principal, trace=caller.trace)


@router.get("/grant-uses", response_model_exclude_none=True, summary="Uses of the broker's grants on one day")
def read_grant_uses(
    holder: Holder, caller: ServiceCaller, covenant_id: CovenantId, used: UsedDate, after: After = None
) -> GrantUses:
    """For the broker, which compares it every day with the grants it issued."""
    with holder.database.transaction() as session:
        holder.covenants.current(session, covenant_id)
        found, following = grant_uses(
            session,
            covenant_id,
            used,
            after=after,
            audit=holder.audit,
            today=today_of(holder.clock),
            by=caller.principal,
            trace=caller.trace,
        )
    return GrantUses(uses=tuple(map(_use, found)), next_after=following)


def _use(line: LogLine) -> GrantUse:
    return GrantUse.model_validate(
        {"entry": line.entry, "event": line.event, "at": line.at, "grant": line.grant, "fields": line.fields}
    )
