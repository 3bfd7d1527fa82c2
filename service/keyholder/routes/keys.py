"""What the key holder publishes: points of its own, sealing keys; and shares for the broker."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from clients.protocol.hybrid import HybridPublicKey
from clients.protocol.messages.base import MONTH_PATTERN
from clients.protocol.messages.keyholder import (
    CommitmentsAnswer,
    ConversionShares,
    SealingKey,
)
from service.audit.record import AuditRecord
from service.keyholder.callers import AnyCaller, Holder, PartyCaller, ServiceCaller
from service.web.parameters import CovenantId

__all__ = ["router"]

router = APIRouter(prefix="/covenants/{covenantId}", tags=["Keys"])

RetentionMonth = Annotated[
    str, Path(alias="month", pattern=MONTH_PATTERN, description="The month of a signal's last day, as YYYY-MM")
]


@router.get("/commitments", summary="The public points of the keys")
def read_commitments(holder: Holder, caller: AnyCaller, covenant_id: CovenantId) -> CommitmentsAnswer:
    """H of every match key, K_A of every party, and the key that receipts are signed with."""
    with holder.database.transaction() as session:
        holder.covenants.current(session, covenant_id)
        keys = holder.oprf_keys.commitments(session, covenant_id)
    return CommitmentsAnswer(covenant_id=covenant_id, keys=keys, receipt_key=holder.evaluations.receipt_public_key)


@router.get("/conversion-shares", summary="The broker's shares")
def read_conversion_shares(holder: Holder, caller: ServiceCaller, covenant_id: CovenantId) -> ConversionShares:
    """c_A of every party and match key, each sealed to the key that the broker is enrolled with."""
    with holder.database.transaction() as session:
        covenant = holder.covenants.current(session, covenant_id)
        broker = holder.counterpart.known(session)
        shares = holder.oprf_keys.shares(session, covenant_id, HybridPublicKey(broker.encryption_key))
        holder.audit.append(
            session,
            AuditRecord(
                event="conversion-shares-given",
                covenant_id=covenant_id,
                by=caller.principal,
                trace=caller.trace,
                version=covenant.version,
                service=broker.service,
                counts={"shares": len(shares)},
            ),
        )
    return ConversionShares(covenant_id=covenant_id, shares=tuple(shares))


@router.get("/sealing-keys/{month}", summary="The sealing key of a month")
def read_sealing_key(holder: Holder, caller: PartyCaller, covenant_id: CovenantId, month: RetentionMonth) -> SealingKey:
    """The public key to wrap field keys under, for signals whose retention ends in that month."""
    with holder.database.transaction() as session:
        holder.parties.require_active(session, covenant_id, caller.party)
        covenant = holder.covenants.current(session, covenant_id)
        public_key = holder.sealing_keys.public_key(session, covenant, month, by=caller.principal, trace=caller.trace)
    return SealingKey(month=month, public_key=public_key)
