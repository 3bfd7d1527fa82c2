"""Messages about what a party may see of others' signals: hits, look-ups, disclosures, grants, notices."""

from __future__ import annotations

from typing import Annotated, Literal
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
    Truth,
    Whole,
)
from clients.protocol.messages.signals import Token


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
