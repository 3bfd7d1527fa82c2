"""Evaluation of blinded values: under the party's own key, within its quota, signed for, and proved when asked.

One evaluation is three steps, so that no database connection waits for arithmetic:

    ready      is the party allowed this key and is there room in its quota?     in a transaction
    evaluate   k_A times each element, and the proof                             in none
    record     debit, receipt and audit entry, all or nothing                    in a second transaction

Nothing is answered before `record` has committed. It decides alone: `ready` only spares the work where it can.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlmodel import Session

from clients.protocol.errors import EncodingError, GroupError, ReceiptError, SignatureError
from clients.protocol.group import Element, decode_element
from clients.protocol.messages.keyholder import EvaluationAnswer, EvaluationRequest, ProofRequest, ReceiptMessage
from clients.protocol.oprf import Proof
from clients.protocol.receipts import Receipt, SignedReceipt, issue_receipt, verify_receipt
from clients.protocol.signatures import public_key
from clients.protocol.tokens import evaluate, prove_evaluation
from covenant_rules.model import Covenant
from service.audit.record import AuditRecord
from service.audit.writer import AuditWriter
from service.errors import Conflict, Invalid, LocatedFault, NotFound, Refused
from service.evaluation import repository
from service.evaluation.entitlement import daily_limit, refuse_foreign, require_in_force, spent
from service.evaluation.keys import OprfKeys, PartyKey
from service.evaluation.tables import ReceiptRow
from service.principals import Principal

__all__ = ["PROVABLE_FOR", "Evaluations", "Made"]

PROVABLE_FOR = timedelta(days=7)
"""How long the proof of an evaluation may be asked afterwards: a client does so in the run that had it made."""
USES_KEPT = timedelta(days=2)
"""Days of which uses are counted still; only today's matter, and replicas may differ about which day that is."""


@dataclass(frozen=True, slots=True)
class Made:
    """An evaluation that has been computed and not yet recorded: not to be answered."""

    key: PartyKey
    blinded: Sequence[bytes]
    evaluated: Sequence[Element]
    proof: Proof | None


class Evaluations:
    """`receipt_key` is the Ed25519 private key of receipts. `pool` shares out large batches; see `tokens`."""

    def __init__(
        self,
        keys: OprfKeys,
        audit: AuditWriter,
        *,
        receipt_key: bytes,
        clock: Callable[[], datetime],
        random: Callable[[int], bytes],
        pool: Executor | None = None,
    ) -> None:
        self._keys = keys
        self._audit = audit
        self._receipt_key = receipt_key
        self._clock = clock
        self._random = random
        self._pool = pool
        self.receipt_public_key = public_key(receipt_key)

    def ready(self, session: Session, covenant: Covenant, party: str, request: EvaluationRequest) -> PartyKey:
        """The key to evaluate with.

        Raises Refused where the covenant gives the party no such key or is not in force, Conflict for a key version
        that is not the current one, QuotaExceeded where there is no room left today.
        """
        today = require_in_force(covenant, self._clock())
        refuse_foreign(covenant, party, request.match_key)
        key = self._keys.active(session, covenant.id, request.match_key, party)
        if key is None:
            raise Refused("key-not-drawn", "the party has no key for this match key yet", pointer="/matchKey")
        if request.key_version != key.key_version:
            raise Conflict(
                "stale-key-version",
                "the party's key has another version by now",
                pointer="/keyVersion",
                parameters={"keyVersion": str(key.key_version)},
            )
        used = repository.used(session, covenant.id, party, request.match_key, today)
        if used + len(request.blinded) > daily_limit(covenant, party):
            raise spent(today, self._clock())
        return key

    def evaluate(self, key: PartyKey, request: EvaluationRequest) -> Made:
        """Computes. Raises Invalid with the place of every element that is none."""
        secret = self._keys.secret(key)
        try:
            evaluated = evaluate(secret, request.blinded, pool=self._pool)
        except GroupError:
            raise Invalid("elements-invalid", "not every element is one", faults=_faults(request.blinded)) from None
        proof = None
        if request.prove:
            proof = prove_evaluation(secret, key.point, request.blinded, evaluated, self._random)
        return Made(key, request.blinded, evaluated, proof)

    def record(
        self, session: Session, covenant: Covenant, made: Made, *, by: Principal, trace: str | None = None
    ) -> EvaluationAnswer:
        """Debits and signs for an evaluation. Raises as `ready` does, for what has changed meanwhile."""
        key, today = made.key, require_in_force(covenant, self._clock())
        refuse_foreign(covenant, key.party, key.match_key)
        if self._keys.active(session, covenant.id, key.match_key, key.party) != key:
            raise Conflict("stale-key-version", "the party's key has another version by now", pointer="/keyVersion")
        total = repository.debit(
            session,
            covenant.id,
            key.party,
            key.match_key,
            today,
            len(made.blinded),
            limit=daily_limit(covenant, key.party),
        )
        if total is None:
            raise spent(today, self._clock())
        signed = issue_receipt(
            self._receipt_key,
            UUID(bytes=self._random(16), version=4),
            party=key.party,
            covenant=covenant.id,
            match_key=key.match_key,
            key_version=key.key_version,
            blinded=made.blinded,
            evaluated=made.evaluated,
        )
        repository.add(session, _receipt_row(signed.receipt, self._clock()))
        self._audit.append(
            session,
            AuditRecord(
                event="evaluation-made",
                covenant_id=covenant.id,
                by=by,
                trace=trace,
                version=covenant.version,
                match_keys=(key.match_key,),
                key_version=key.key_version,
                counts={"elements": len(made.blinded), "today": total},
                receipt=signed.receipt.receipt_id,
                digest=signed.receipt.digest,
            ),
        )
        return EvaluationAnswer(evaluated=tuple(made.evaluated), receipt=_message(signed), proof=made.proof)

    def provable(self, session: Session, covenant: Covenant, party: str, request: ProofRequest) -> PartyKey:
        """The key of an earlier evaluation of this party, if the receipt is one of ours for just these elements.

        Raises NotFound for a receipt that this key holder did not issue to the party lately, Invalid where it is about
        other elements or was changed, Conflict where its key was replaced since.
        """
        receipt = _receipt(request.receipt)
        row = repository.receipt(session, covenant.id, receipt.receipt_id)
        if row is None or row.party != party or row.issued_at < self._clock() - PROVABLE_FOR:
            raise NotFound("receipt-unknown", "no such receipt was issued to this party", pointer="/receipt/receiptId")
        try:
            verify_receipt(
                self.receipt_public_key,
                SignedReceipt(receipt, request.receipt.signature),
                party=row.party,
                covenant=row.covenant_id,
                match_key=row.match_key,
                key_version=row.key_version,
                blinded=request.blinded,
                evaluated=request.evaluated,
            )
        except SignatureError:
            raise Invalid(
                "receipt-invalid", "the signature is not this key holder's", pointer="/receipt/signature"
            ) from None
        except (ReceiptError, EncodingError) as error:
            raise Invalid("receipt-mismatch", str(error), pointer="/receipt") from None
        key = self._keys.active(session, covenant.id, row.match_key, party)
        if key is None or key.key_version != row.key_version:
            raise Conflict(
                "stale-key-version", "the key of this evaluation was replaced", pointer="/receipt/keyVersion"
            )
        return key

    def prove(self, key: PartyKey, request: ProofRequest) -> Proof:
        """The proof over a batch that `provable` has passed: its elements are those that were evaluated."""
        return prove_evaluation(self._keys.secret(key), key.point, request.blinded, request.evaluated, self._random)

    def record_proof(
        self,
        session: Session,
        covenant: Covenant,
        key: PartyKey,
        request: ProofRequest,
        *,
        by: Principal,
        trace: str | None = None,
    ) -> None:
        """Logs that a proof was given; to be committed before it is."""
        record = AuditRecord(
            event="proof-given",
            covenant_id=covenant.id,
            by=by,
            trace=trace,
            version=covenant.version,
            match_keys=(key.match_key,),
            key_version=key.key_version,
            counts={"elements": len(request.blinded)},
            receipt=request.receipt.receipt_id,
        )
        self._audit.append(session, record)

    def forget(self, session: Session) -> int:
        """Forgets receipts that nobody may ask a proof for any more, and uses of days gone by; returns how many rows.

        What was evaluated stands in the log as long as the covenant says.
        """
        now = self._clock()
        return repository.forget_receipts(session, now - PROVABLE_FOR) + repository.forget_uses(
            session, (now - USES_KEPT).date()
        )


def _faults(elements: Sequence[bytes]) -> list[LocatedFault]:
    faults: list[LocatedFault] = []
    for index, element in enumerate(elements):
        try:
            decode_element(element)
        except GroupError as error:
            faults.append(LocatedFault(f"/blinded/{index}", "element-invalid", error.reason))
    return faults


def _receipt(message: ReceiptMessage) -> Receipt:
    try:
        return Receipt(
            receipt_id=message.receipt_id,
            party=message.party,
            covenant=message.covenant_id,
            match_key=message.match_key,
            key_version=message.key_version,
            count=message.count,
            digest=message.digest,
        )
    except EncodingError as error:
        raise Invalid("receipt-invalid", str(error), pointer="/receipt") from None


def _message(signed: SignedReceipt) -> ReceiptMessage:
    receipt = signed.receipt
    return ReceiptMessage(
        receipt_id=receipt.receipt_id,
        party=receipt.party,
        covenant_id=receipt.covenant,
        match_key=receipt.match_key,
        key_version=receipt.key_version,
        count=receipt.count,
        digest=receipt.digest,
        signature=signed.signature,
    )


def _receipt_row(receipt: Receipt, now: datetime) -> ReceiptRow:
    return ReceiptRow(
        covenant_id=receipt.covenant,
        receipt_id=receipt.receipt_id,
        party=receipt.party,
        match_key=receipt.match_key,
        key_version=receipt.key_version,
        count=receipt.count,
        digest=receipt.digest,
        issued_at=now,
    )
