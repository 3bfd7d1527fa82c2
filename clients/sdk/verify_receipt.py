"""Offline verification of one receipt: that an entry stands in a log, and what it says as far as its reader may see.

1. The fields that are shown, and digests in place of the others, give the entry's leaf.
2. The leaf stands at its place under the head in the receipt.
3. The log signed the head, and the witness cosigned it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from clients.protocol.audit_leaf import PartialView, ShownField, leaf_of_view
from clients.protocol.checkpoint import LogKey, WitnessKey
from clients.protocol.errors import ProtocolError
from clients.protocol.messages.audit import ProvedEntry
from clients.protocol.strict_json import parse_json
from clients.protocol.tlog_proof import parse_tlog_proof, verify_tlog_proof
from clients.sdk.errors import ClientError, VerificationError

__all__ = ["ReceiptReport", "read_receipt", "verify_receipt"]


@dataclass(frozen=True, slots=True)
class ReceiptReport:
    """What was proved of one entry. `fields` holds what it says, by the names of its leaf's fields."""

    origin: str
    index: int
    size: int
    fields: Mapping[str, Any]
    hidden: bool
    witness: str | None
    cosigned_at: datetime | None

    def words(self) -> list[str]:
        """The sentences of the report."""
        said = [
            f"Entry {self.index:,} of the {self.size:,} of {self.origin} says this, and its operator signed for it."
        ]
        if self.hidden:
            said.append("It has fields that are not shown here; they cannot be guessed from what is.")
        said.append("Whatever else the file says was not proved.")
        if self.cosigned_at is None:
            said.append("No witness has cosigned the head: the operator may have shown others another history.")
        else:
            said.append(f"{self.witness} cosigned the head at {self.cosigned_at:%Y-%m-%d %H:%M:%S} UTC.")
        return said


def read_receipt(raw: bytes) -> ProvedEntry:
    """Raises ClientError for what is no receipt."""
    try:
        return ProvedEntry.model_validate(parse_json(raw))
    except (ProtocolError, ValidationError):
        raise ClientError("this is not the receipt of an entry") from None


def verify_receipt(receipt: ProvedEntry, log: LogKey, witness: WitnessKey | None = None) -> ReceiptReport:
    """Raises VerificationError. What the receipt says besides the fields that are shown was not proved."""
    if receipt.proof is None:
        raise VerificationError("the entry's place was not witnessed yet when this was read: ask for it again")
    shown = {name: ShownField(one.key, one.value.encode()) for name, one in receipt.shown.items()}
    try:
        leaf = leaf_of_view(PartialView(shown, receipt.hidden, receipt.groups))  # 1
        proof = parse_tlog_proof(receipt.proof)
        verified = verify_tlog_proof(proof, leaf, log, () if witness is None else (witness,))  # 2, 3
        fields = {name: parse_json(field.value) for name, field in shown.items()}
    except ProtocolError as error:
        raise VerificationError(f"the receipt: {error}") from None
    at = None if witness is None else verified.cosigned_at.get(witness.name)
    if witness is not None and at is None:
        raise VerificationError("the receipt: the witness has not cosigned its head")
    return ReceiptReport(
        origin=log.origin,
        index=proof.index,
        size=verified.checkpoint.size,
        fields=fields,
        hidden="rest" not in fields or None not in receipt.groups,
        witness=None if witness is None else witness.name,
        cosigned_at=None if at is None else datetime.fromtimestamp(at, UTC),
    )
