"""Messages between a partner and the broker: signals, hits, look-ups, disclosures, grants."""

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
    Truth,
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


class GroundMessage(Message):
    """Why an item may be seen: rule and clause of the covenant, and both parties' legal bases."""

    rule: str
    clause: str
    source_basis: str
    viewer_basis: str


class Hit(Message):
    """Another party's signal as far as the viewer may see it. Absent members may not be seen, or are not there.

    Where the source may be seen, so may the parties it was derived from and its handling codes: whoever derives a
    signal from this one names them as origins and passes the codes on.
    """

    signal_id: UUID
    matched_on: tuple[str, ...]
    items: tuple[str, ...]
    source: str | None = None
    category: str | None = None
    day: IsoDate | None = None
    origins: tuple[str, ...] | None = None
    handling_codes: tuple[str, ...] | None = None
    grounds: dict[str, tuple[GroundMessage, ...]]


class HitEvent(Message):
    """One change in what a viewer may see, in the order of the viewer's own sequence."""

    sequence: Whole
    kind: Literal["appeared", "changed", "retracted"]
    hit_id: UUID
    purpose: str
    stage: str
    anchor_signal_id: UUID
    hit: Hit | None = None
    """Absent for a retraction."""


class HitPage(Message):
    events: tuple[HitEvent, ...]
    cursor: str
    """Pass it as `since` to go on; it stays the same while nothing has changed."""
    more: Truth


class ReasonMessage(Message):
    code: str
    parameters: dict[str, str]
    text: str


class HitExplanation(Message):
    """One current hit, with the reasons for what is seen of it and the conditions that were met."""

    hit_id: UUID
    purpose: str
    stage: str
    anchor_signal_id: UUID
    hit: Hit
    covenant_version: str
    reasons: tuple[ReasonMessage, ...]
    audit_entry_id: UUID


class Evidence(Message):
    """What a recipient needs to check the source's signature over the items opened to it (design §4)."""

    party: str
    covenant_version: str
    digests: tuple[Bytes32, ...]
    """One per item slot of the version the signal was submitted under, in slot order."""
    salts: dict[str, Bytes16]
    """Salts of the visible plain items only; those of sealed variants stand with the variants."""
    leaf_index: Whole
    batch_size: Whole
    path: tuple[Bytes32, ...]
    signature: Bytes64


class SealedItem(Message):
    """A sealed variant that may be opened: ask a grant, then have the key holder release its key."""

    field: str
    variant: str
    salt: Bytes16
    ciphertext: Binary
    commitment: Bytes32
    wrapped_key: Binary


class DisclosedHit(Message):
    hit: Hit
    sealed: tuple[SealedItem, ...] = ()
    evidence: Evidence | None = None
    """Only where the source may be seen: the signature names it."""


class SignalAnchor(Message):
    """The question stands on a live signal of the asker's own."""

    kind: Literal["signal"] = "signal"
    signal_id: UUID


class DisclosureRequest(Message):
    purpose: Identifier
    stage: Identifier = "signal"
    anchor: SignalAnchor


class LookUpRequest(Message):
    """A question about one subject without registering it; stored nowhere, audited, under quota."""

    purpose: Identifier
    stage: Identifier = "signal"
    subject_kind: Literal["address", "person"]
    normalisation_version: Annotated[str, Field(pattern=r"^[0-9]{1,3}$")]
    tokens: Annotated[tuple[Token, ...], Field(min_length=1, max_length=8)]


class LeafPromise(Message):
    """The log's word that the entry's leaf will stand in it (see `clients.protocol.leaf_promise`)."""

    leaf_hash: Bytes32
    signature: Bytes64


class Disclosure(Message):
    """A committed decision: what the asker may see of one subject, and the audit entry that stands for it."""

    disclosure_id: UUID
    covenant_version: str
    purpose: str
    stage: str
    decided_at: Moment
    audit_entry_id: UUID
    leaf_promise: LeafPromise
    """For the audit entry, made when it was decided."""
    anchor_signal_id: UUID | None = None
    """Absent after a look-up."""
    hits: tuple[DisclosedHit, ...]
    obligations: tuple[str, ...] = ()


class GrantRequest(Message):
    disclosure_id: UUID
    signal_id: UUID
    field: Identifier
    variant: Identifier


class GrantAnswer(Message):
    grant: str
    """A compact JWS, `typ` `disclosure-grant+jwt`; see `clients.protocol.grants`."""
    expires_at: Moment


class SourceNotice(Message):
    """Told to a source whose signal was disclosed, as far as the covenant lets it know."""

    notice_id: UUID
    signal_id: UUID
    day: IsoDate | None = None
    party: str | None = None
    purpose: str | None = None
    items: tuple[str, ...] | None = None


class NoticePage(Message):
    notices: tuple[SourceNotice, ...]
    next_cursor: str | None = None


class PublishedPartyKey(Message):
    """D_A = d_A·G of one party with its DLEQ proof (G, D_A; K_A, T): challenge ‖ response, 64 bytes."""

    party: str
    key_version: Whole
    point: Bytes32
    proof: Bytes64


class PublishedMatchKey(Message):
    """B = b·G and T = b·H with the DLEQ proof (G, B; H, T), and the parties' D_A."""

    match_key: str
    broker_point: Bytes32
    joint_point: Bytes32
    proof: Bytes64
    parties: tuple[PublishedPartyKey, ...]


class CovenantDescription(Message):
    """The covenant in force: its YAML, and what the broker published of the set-up."""

    covenant_id: str
    version: str
    document: str
    active_parties: tuple[str, ...]
    normalisation_version: str
    keys: tuple[PublishedMatchKey, ...]


class SetUpAnswer(Message):
    """What a run of the set-up came to: party keys taken in now, those known before, and all that is published."""

    accepted: Whole
    unchanged: Whole
    keys: tuple[PublishedMatchKey, ...]
