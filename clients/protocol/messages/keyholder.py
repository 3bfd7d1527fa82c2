"""Messages between a party, an operator or the broker, and the key holder."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from clients.protocol.messages.base import (
    Binary,
    Bytes32,
    Bytes64,
    Identifier,
    Message,
    Month,
    Truth,
    VersionHash,
    Whole,
)

MAXIMUM_EVALUATIONS = 1000
"""Blinded elements in one evaluation request."""


class EvaluationRequest(Message):
    """Blinded elements of one match key, to be evaluated with the party's own key k_A."""

    match_key: Identifier
    key_version: Annotated[Whole, Field(ge=1)]
    blinded: Annotated[tuple[Bytes32, ...], Field(min_length=1, max_length=MAXIMUM_EVALUATIONS)]
    prove: Truth = True
    """Without, the proof may be asked afterwards by the receipt."""


class ReceiptMessage(Message):
    """The key holder's signed statement of one evaluation (see `clients.protocol.receipts`)."""

    receipt_id: UUID
    party: str
    covenant_id: str
    match_key: str
    key_version: Whole
    count: Whole
    digest: Bytes32
    """SHA-256 of blinded ‖ evaluated, in order."""
    signature: Bytes64


class EvaluationAnswer(Message):
    evaluated: tuple[Bytes32, ...]
    receipt: ReceiptMessage
    proof: Bytes64 | None = None
    """Batched DLEQ proof, challenge ‖ response."""


class ProofRequest(Message):
    """Asks the proof of an earlier evaluation; refused unless the key holder issued the receipt for these elements."""

    receipt: ReceiptMessage
    blinded: Annotated[tuple[Bytes32, ...], Field(min_length=1, max_length=MAXIMUM_EVALUATIONS)]
    evaluated: Annotated[tuple[Bytes32, ...], Field(min_length=1, max_length=MAXIMUM_EVALUATIONS)]


class ProofAnswer(Message):
    proof: Bytes64


class PartyCommitment(Message):
    """K_A = k_A·G."""

    party: str
    key_version: Whole
    point: Bytes32


class MatchKeyCommitments(Message):
    """H = h·G of one match key, and the parties' K_A."""

    match_key: str
    point: Bytes32
    parties: tuple[PartyCommitment, ...]


class KeyRotation(Message):
    """An operator has a party's key replaced. Repeating it is harmless: a key has a version only once."""

    key_version: Annotated[Whole, Field(ge=2)]
    """The version of the new key: one more than that of the key it replaces."""
    reason: Annotated[str, Field(min_length=3, max_length=500)]
    """One line for the audit log, naming nobody."""


class CommitmentsAnswer(Message):
    covenant_id: str
    keys: tuple[MatchKeyCommitments, ...]
    receipt_key: Bytes32
    """Ed25519 public key under which receipts are signed."""


class ConversionShare(Message):
    """c_A = h/k_A for one party and match key, HPKE-sealed to the broker's registered key."""

    match_key: str
    party: str
    key_version: Whole
    commitment: Bytes32
    """K_A, for reading beside the published one."""
    sealed_share: Binary


class ConversionShares(Message):
    covenant_id: str
    shares: tuple[ConversionShare, ...]


class SealingKey(Message):
    """The hybrid public key under which field keys of one retention month are wrapped (mlkem ‖ x25519, 1,216 bytes)."""

    month: Month
    public_key: Binary


class DirectoryEntry(Message):
    """A party as the key holder knows it; recipients verify sources with the keys from here, never from the broker."""

    party: str
    kind: str
    oin: str
    state: Literal["active", "suspended", "left"]
    signing_key: Bytes32
    former_signing_keys: tuple[Bytes32, ...] = ()
    """Those it had before, the last one first: they verify what it signed then, and nothing that it submits now."""
    encryption_key: Binary
    authentication_key: dict[str, str]
    """Public JWK."""


class Directory(Message):
    covenant_id: str
    parties: tuple[DirectoryEntry, ...]


class ReleaseRequest(Message):
    """A grant and the wrapped key it names."""

    grant: Annotated[str, Field(max_length=16384)]
    wrapped_key: Binary


class ReleaseAnswer(Message):
    """The field key re-sealed to the recipient's registered HPKE key, bound to the grant's `jti`."""

    release_id: UUID
    sealed_key: Binary


class PartyKeys(Message):
    """A party's public keys, as its operator registers them at both services."""

    authentication_key: dict[str, str]
    """ES256 public JWK; requests are signed with it."""
    signing_key: Bytes32
    """Ed25519 public key; batches of signals are signed with it."""
    encryption_key: Binary
    """Hybrid HPKE public key, mlkem ‖ x25519; released field keys are sealed to it."""


class KeyReplacement(Message):
    """An operator registers new keys of a party in place of those it has. Repeating it is harmless."""

    keys: PartyKeys
    """All three; one that does not change stays."""
    reason: Annotated[str, Field(min_length=3, max_length=500)]
    """One line for the audit log, naming nobody."""


class Enrolment(Message):
    """An operator enrols a party of the covenant with its keys. Repeating it with the same keys is harmless."""

    party: Identifier
    keys: PartyKeys


class AdministratorEnrolment(Message):
    """A person who may approve covenant versions for its party."""

    administrator: Identifier
    party: Identifier
    approval_key: Bytes32
    """Ed25519 public key."""
    authentication_key: dict[str, str] | None = None


class ServiceEnrolment(Message):
    """The other service as this one knows it: the broker at the key holder."""

    service: Identifier
    issuer: Annotated[str, Field(pattern=r"^https?://[^\s?#]+[^\s?#/]$", max_length=200)]
    """What the service calls itself; its logs are named after it (see `clients.protocol.logs`)."""
    authentication_key: dict[str, str]
    encryption_key: Binary
    grant_key: dict[str, str]
    """ES256 public JWK that grants are verified with."""
    log_key: Bytes32
    """Ed25519 public key that signs the heads of its logs."""


class Approval(Message):
    """An administrator's signature over lp("covenant-approval/v1", covenant id, version hash)."""

    administrator: Identifier
    signature: Bytes64


class Founding(Message):
    """The first version of a covenant, approved by two administrators of different parties."""

    document: Annotated[str, Field(max_length=1_000_000)]
    approvals: Annotated[tuple[Approval, ...], Field(min_length=2, max_length=16)]


class Founded(Message):
    covenant_id: str
    version: VersionHash
    match_keys: tuple[str, ...]


class Suspension(Message):
    reason: Annotated[str, Field(min_length=3, max_length=500)]
