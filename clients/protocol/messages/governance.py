"""Messages by which a covenant is governed: versions from draft to in force, officers, parties that leave, the end."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from clients.protocol.messages.base import (
    Bytes64,
    Identifier,
    IsoDate,
    Message,
    Moment,
    VersionHash,
    Whole,
)
from clients.protocol.messages.keyholder import Approval

LONGEST_DOCUMENT = 1_000_000

Words = Annotated[str, Field(min_length=3, max_length=4000)]
"""What a person says of a version. It is about rules; nothing about anybody belongs in it."""


class VersionStatus(StrEnum):
    """Where a version stands. `scheduled` to `expired` follow from the day in Amsterdam; the others are steps."""

    DRAFT = "draft"
    PROPOSED = "proposed"
    ADVISED = "advised"
    APPROVED = "approved"
    SCHEDULED = "scheduled"
    """Decided, and its day has not come."""
    ACTIVE = "active"
    SUPERSEDED = "superseded"
    """A later version has taken its place."""
    EXPIRED = "expired"
    """Its last day is over and nothing has taken its place: nothing is shown any more."""
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    ENDED = "ended"
    """The covenant has ended, and what it held is destroyed."""


class VersionSummary(Message):
    """One version in a list. `number` counts versions that were scheduled, from the founding one, which is 1."""

    version: VersionHash
    status: VersionStatus
    title: str
    valid_from: IsoDate
    valid_until: IsoDate
    number: Whole | None = None
    predecessor: VersionHash | None = None
    """The version it replaces. Absent for the first one, and for a draft."""
    author: str | None = None
    """Absent for the first version: the operators founded the covenant with it."""


class VersionPage(Message):
    """Every version of the covenant that the caller may see; those that were scheduled first, in their order."""

    covenant_id: str
    versions: tuple[VersionSummary, ...]


class GivenApproval(Message):
    """An approval, with the party its administrator is enrolled for."""

    administrator: str
    party: str
    signature: Bytes64
    approved_at: Moment


class GivenAdvice(Message):
    officer: str
    opinion: Literal["favourable", "conditional", "unfavourable"]
    words: str
    given_at: Moment


class Finding(Message):
    """One finding of the check: an error or a warning, with its code in the manual and its place in the document."""

    severity: Literal["error", "warning"]
    code: str
    line: Whole
    column: Whole
    detail: str
    suggestion: str = ""


class VersionDescription(VersionSummary):
    """One version with its text and everything that was said and signed about it."""

    document: str
    proposal: Bytes64 | None = None
    """The author's signature (`clients.protocol.approvals`)."""
    approvals: tuple[GivenApproval, ...] = ()
    advice: tuple[GivenAdvice, ...] = ()
    findings: tuple[Finding, ...] = ()
    """Warnings of the check. A document with errors is not taken."""
    closed_by: str | None = None
    closed_because: str | None = None
    """Who rejected or withdrew it, and why."""


class Draft(Message):
    """The bytes of a version, as UTF-8 text. A changed draft is another draft: its hash is its name."""

    document: Annotated[str, Field(max_length=LONGEST_DOCUMENT)]


class Proposal(Message):
    """The author puts the draft to the others, in place of `predecessor`."""

    predecessor: VersionHash
    signature: Bytes64


class Advice(Message):
    """What the privacy officer thinks of a proposed version. Advice binds nobody; without it nobody can approve."""

    opinion: Literal["favourable", "conditional", "unfavourable"]
    words: Words


class ApprovalSignature(Message):
    """The caller's own approval of the version in the path."""

    signature: Bytes64


class Closing(Message):
    """Why a version is rejected or withdrawn."""

    words: Words


class ApprovedVersion(Message):
    """All that shows that a version was decided on: what the key holder asks for, and verifies with its own keys."""

    document: Annotated[str, Field(max_length=LONGEST_DOCUMENT)]
    predecessor: VersionHash
    author: Identifier
    proposal: Bytes64
    approvals: Annotated[tuple[Approval, ...], Field(min_length=2, max_length=16)]


class OfficerEnrolment(Message):
    """A privacy officer of the covenant: advises on versions and reads the audit log. `party` if it works for one."""

    officer: Identifier
    party: Identifier | None = None
    authentication_key: dict[str, str]
    """ES256 public JWK; requests are signed with it."""


class OperatorReason(Message):
    """Why an operator has a party leave, or ends a covenant: one line for the audit log, naming nobody."""

    reason: Annotated[str, Field(min_length=3, max_length=500)]
