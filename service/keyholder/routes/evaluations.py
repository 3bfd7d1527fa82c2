"""Evaluations of blinded values, and proofs of them."""

from __future__ import annotations

from fastapi import APIRouter
from sqlmodel import Session

from clients.protocol.messages.keyholder import EvaluationAnswer, EvaluationRequest, ProofAnswer, ProofRequest
from service.audit.record import AuditRecord
from service.errors import DomainError, QuotaExceeded
from service.keyholder.callers import Caller, Holder, KeyOwner, refusals_on_record
from service.keyholder.holder import KeyHolder
from service.principals import Role
from service.web.parameters import CovenantId

__all__ = ["router"]

router = APIRouter(prefix="/covenants/{covenantId}", tags=["Evaluation"])


@router.post("/evaluations", response_model_exclude_none=True, summary="Evaluate blinded values")
def evaluate(holder: Holder, caller: KeyOwner, covenant_id: CovenantId, body: EvaluationRequest) -> EvaluationAnswer:
    """k_A times each element under the party's own key, with a signed receipt, and a proof unless it is asked later.

    Every element counts towards the party's daily quota for the match key, padding included.
    """

    def refused(error: DomainError) -> AuditRecord:
        return AuditRecord(
            event="quota-refused" if isinstance(error, QuotaExceeded) else "evaluation-refused",
            covenant_id=covenant_id,
            by=caller.principal,
            trace=caller.trace,
            reason=error.code,
            match_keys=(body.match_key,),
            counts={"elements": len(body.blinded)},
        )

    with refusals_on_record(holder, refused):
        with holder.database.transaction() as session:
            _require_active(holder, session, covenant_id, caller)
            covenant = holder.covenants.current(session, covenant_id)
            key = holder.evaluations.ready(session, covenant, caller.key_owner, body)
        made = holder.evaluations.evaluate(key, body)
        with holder.database.transaction() as session:
            _require_active(holder, session, covenant_id, caller)
            covenant = holder.covenants.current(session, covenant_id)
            answer = holder.evaluations.record(session, covenant, made, by=caller.principal, trace=caller.trace)
    return answer


@router.post("/evaluation-proofs", summary="Prove an earlier evaluation")
def prove_evaluation(holder: Holder, caller: KeyOwner, covenant_id: CovenantId, body: ProofRequest) -> ProofAnswer:
    """The batched proof of an evaluation this key holder has signed for, over exactly its elements."""

    def refused(error: DomainError) -> AuditRecord:
        return AuditRecord(
            event="proof-refused",
            covenant_id=covenant_id,
            by=caller.principal,
            trace=caller.trace,
            reason=error.code,
            receipt=body.receipt.receipt_id,
            counts={"elements": len(body.blinded)},
        )

    with refusals_on_record(holder, refused):
        with holder.database.transaction() as session:
            _require_active(holder, session, covenant_id, caller)
            covenant = holder.covenants.current(session, covenant_id)
            key = holder.evaluations.provable(session, covenant, caller.key_owner, body)
        proof = holder.evaluations.prove(key, body)
        with holder.database.transaction() as session:
            _require_active(holder, session, covenant_id, caller)
            holder.evaluations.record_proof(session, covenant, key, body, by=caller.principal, trace=caller.trace)
    return ProofAnswer(proof=proof)


def _require_active(holder: KeyHolder, session: Session, covenant_id: str, caller: Caller) -> None:
    """A party that asks must take part. An officer is one as long as it can sign in."""
    if caller.principal.role is Role.PARTY:
        holder.parties.require_active(session, covenant_id, caller.party)
