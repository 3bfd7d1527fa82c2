"""Messages about the audit log: its tree, its entries, and the witness that cosigns its heads."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from clients.protocol.checkpoint import LONGEST_NOTE
from clients.protocol.messages.base import (
    Bytes32,
    Message,
    Moment,
    Whole,
)

LONGEST_PROOF = 64
"""Hashes: one more than a tree of 2^63 leaves needs."""

Proof = Annotated[tuple[Bytes32, ...], Field(max_length=LONGEST_PROOF)]
Note = Annotated[str, Field(max_length=LONGEST_NOTE)]
"""A C2SP signed note (see `clients.protocol.checkpoint`)."""


class LogDescription(Message):
    """How a log is called, and the Ed25519 key that signs its heads. Compare it with what its operator published."""

    origin: str
    public_key: Bytes32


class InclusionProof(Message):
    """That the leaf at `index` stands in the tree of `size` leaves: hashes from the leaf's sibling upwards."""

    index: Whole
    size: Whole
    path: Proof


class ConsistencyProof(Message):
    """That the tree of `second` leaves goes on from that of `first` leaves."""

    first: Whole
    second: Whole
    path: Proof


class LoggedEntry(Message):
    """One line of an entry bundle: what the leaf at `index` was made from.

    `fields` are the bytes under the leaf's digests, as text: each is the canonical JSON of one field. Without `salt`
    and `fields` the entry is there no more, and its leaf alone stands for it; `erased_by` is the entry that says so.
    """

    index: Whole
    salt: Bytes32 | None = None
    fields: dict[str, str] | None = None
    erased_by: UUID | None = None


class ShownFieldMessage(Message):
    """One field of an entry in the clear: its canonical JSON as text, and the key of its digest."""

    key: Bytes32
    value: str


class CosignatureRequest(Message):
    """The head that the log has now, for the witness to cosign; as `add-checkpoint` of c2sp.org/tlog-witness.

    `old_size` is what the witness cosigned last, as far as the log knows. A head that is smaller than that says that
    the log was taken back.
    """

    old_size: Annotated[Whole, Field(ge=0, lt=2**63)]
    consistency: Proof
    """From `old_size` to the checkpoint; empty if that is 0, or not less than the checkpoint's size."""
    checkpoint: Note


class CosignatureAnswer(Message):
    """One signature line, newline included, to stand below the log's own."""

    cosignature: str


class WitnessFinding(Message):
    """Two heads of one log that cannot both be true, each signed by it: `seen` was cosigned here, `shown` came later.

    While a finding is not acknowledged, nothing is released for the covenant.
    """

    finding_id: UUID
    origin: str
    kind: Literal["forked", "taken-back"]
    found_at: Moment
    seen: Note
    shown: Note
    acknowledged_at: Moment | None = None
    acknowledged_by: str | None = None


class WitnessedLog(Message):
    """What this service knows of one log of another service, as its witness, and the key that it cosigns with."""

    origin: str
    log_key: Bytes32
    """Ed25519: signs the heads of the log, as an operator of this service has enrolled it."""
    witness_name: str
    witness_key: Bytes32
    """Ed25519."""
    checkpoint: Note | None = None
    """The last head it cosigned, with its cosignature."""
    findings: tuple[WitnessFinding, ...]
    """The newest first."""


class Acknowledgement(Message):
    """An operator has looked into a finding and says what it was; the log goes on from the head that was shown."""

    reason: Annotated[str, Field(min_length=3, max_length=500)]


class GrantUse(Message):
    """One entry of the key holder's log about the use of a grant. `fields` are those that the broker's log has too."""

    entry: UUID
    event: Literal["field-released", "release-refused"]
    at: Moment
    grant: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._~:/@-]{0,127}$")]
    fields: dict[str, Any]


class GrantUses(Message):
    """Uses in their order; `next_after` is what to ask on with, absent where there are no more."""

    uses: tuple[GrantUse, ...]
    next_after: UUID | None = None
