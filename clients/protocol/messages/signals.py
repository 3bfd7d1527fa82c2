"""Messages about a party's own signals: submitted, read back, withdrawn."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from clients.protocol.messages.base import (
    Binary,
    Bytes16,
    Bytes32,
    Bytes64,
    Identifier,
    IsoDate,
    Message,
    Moment,
    Month,
    VersionHash,
    Whole,
)

MAXIMUM_BATCH = 1000
"""Signals in one submission, and signal ids in one withdrawal."""


class Token(Message):
    """A partner's own pseudonym for one match key value: t_A = k_A·P, a ristretto255 element of 32 bytes."""

    match_key: Identifier
    key_version: Annotated[Whole, Field(ge=1)]
    token: Bytes32


class SealedVariant(Message):
    """One variant of a sealed field, as the source sealed it."""

    field: Identifier
    variant: Identifier
    salt: Bytes16
    ciphertext: Binary
    commitment: Bytes32
    wrapped_key: Binary
    retention_month: Month


class ItemSalts(Message):
    """Salts of the digests of a signal's plain items, 16 bytes each."""

    category: Bytes16
    day: Bytes16
    purposes: Bytes16
    origins: Bytes16
    handling_codes: Bytes16


class SignalSubmission(Message):
    """One signal. `leaf` is what the party's batch signature covers; the broker recomputes it from the rest.

    `origins` names the parties whose disclosures this signal was derived from; empty for an observation of one's own.
    `absent` holds a random 32-byte digest for each item slot of the covenant version that this signal does not fill,
    in the order of the slots, so that nobody can tell from the digests how many fields there are.
    """

    signal_id: UUID
    subject_kind: Literal["address", "person"]
    category: Identifier
    day: IsoDate
    purposes: Annotated[tuple[Identifier, ...], Field(min_length=1, max_length=32)]
    origins: Annotated[tuple[Identifier, ...], Field(max_length=32)] = ()
    handling_codes: Annotated[tuple[Identifier, ...], Field(max_length=16)] = ()
    normalisation_version: Annotated[str, Field(pattern=r"^[0-9]{1,3}$")]
    tokens: Annotated[tuple[Token, ...], Field(min_length=1, max_length=8)]
    fields: Annotated[tuple[SealedVariant, ...], Field(max_length=32)] = ()
    salts: ItemSalts
    absent: Annotated[tuple[Bytes32, ...], Field(max_length=64)] = ()
    replaces: UUID | None = None
    """The own live signal that this one corrects; it is withdrawn in the same transaction."""


class SignalBatch(Message):
    """Up to 1,000 signals under one signature: Ed25519 over the RFC 6962 root of `leaves`.

    `signals` is validated signal by signal, so that one bad signal does not stop its batch.
    """

    covenant_version: VersionHash
    leaves: Annotated[tuple[Bytes32, ...], Field(min_length=1, max_length=MAXIMUM_BATCH)]
    signature: Bytes64
    signals: Annotated[list[Any], Field(min_length=1, max_length=MAXIMUM_BATCH)]


class Fault(Message):
    """One fault of one item: a JSON pointer into the request, a stable code, and words. Never a value."""

    pointer: str
    code: str
    detail: str


class SignalStatus(StrEnum):
    ACCEPTED = "accepted"
    REPEATED = "repeated"
    REJECTED = "rejected"


class SignalResult(Message):
    """What became of one signal of a batch. `signal_id` is absent where it could not be read."""

    index: Whole
    signal_id: UUID | None = None
    status: SignalStatus
    faults: tuple[Fault, ...] = ()


class SignalBatchResult(Message):
    accepted: Whole
    repeated: Whole
    rejected: Whole
    results: tuple[SignalResult, ...]


class OwnSignal(Message):
    """A signal as its own party sees it back."""

    signal_id: UUID
    subject_kind: str
    category: str
    day: IsoDate
    purposes: tuple[str, ...]
    origins: tuple[str, ...]
    handling_codes: tuple[str, ...]
    covenant_version: str
    submitted_at: Moment
    state: Literal["live", "withdrawn", "expired"]
    fields: tuple[str, ...]


class OwnSignalPage(Message):
    signals: tuple[OwnSignal, ...]
    next_cursor: str | None = None


class Withdrawal(Message):
    signal_ids: Annotated[tuple[UUID, ...], Field(min_length=1, max_length=MAXIMUM_BATCH)]
    reason: Literal["mistaken", "resolved", "objection", "no-longer-needed"]


class WithdrawalResult(Message):
    """Signals withdrawn now, those that were withdrawn before, and those that are not this party's."""

    withdrawn: tuple[UUID, ...]
    repeated: tuple[UUID, ...]
    unknown: tuple[UUID, ...]
