"""Messages about what others do before something opens: a source releases its signal, kinds of party approve."""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, model_validator

from clients.protocol.messages.base import Identifier, Message, Moment
from clients.protocol.messages.disclosure import SignalAnchor

RefusalReason = Literal[
    "not-necessary",
    "against-the-persons-interest",
    "professional-secrecy",
    "running-investigation",
    "no-consent",
    "other",
]
"""Why a source refuses, in a closed list: it is on record, and there is no room in it for anybody's name."""


class AskRelease(Message):
    """Asks whoever has a signal on the anchor's subject that waits for its source to release it."""

    purpose: Identifier
    stage: Identifier = "signal"
    anchor: SignalAnchor


class ReleaseAsked(Message):
    """The question stands until `expires_at`. It says the same whether there is somebody to ask or nobody."""

    purpose: str
    stage: str
    anchor_signal_id: UUID
    asked_at: Moment
    expires_at: Moment


class RequestedRelease(Message):
    """What a source is asked about one signal of its own: a party of `kind` would see `items` of it for `purpose`.

    `party` is named only where the covenant lets the source know it. A released signal is shown until its source
    refuses; `refused` may follow on `released`, and takes effect at once.
    """

    request_id: UUID
    signal_id: UUID
    kind: str
    party: str | None = None
    purpose: str
    stage: str
    items: tuple[str, ...]
    state: Literal["pending", "released", "refused", "expired"]
    requested_at: Moment
    expires_at: Moment
    """A request that is not answered by then has lapsed."""
    reminded_at: Moment | None = None
    answered_at: Moment | None = None
    reason: str | None = None


class RequestedReleasePage(Message):
    requests: tuple[RequestedRelease, ...]
    next_cursor: str | None = None


class SourceAnswer(Message):
    """The source's own decision. Refusing needs a reason, which the log keeps and the asker is never told."""

    decision: Literal["release", "refuse"]
    reason: RefusalReason | None = None

    @model_validator(mode="after")
    def _reasoned(self) -> SourceAnswer:
        if (self.decision == "refuse") != (self.reason is not None):
            raise ValueError("give a reason with `refuse`, and none with `release`")
        return self


class Approving(Message):
    """Approves, for one purpose, what the covenant makes depend on it: about the subject of an own live signal."""

    purpose: Identifier
    anchor: SignalAnchor


class OwnApproval(Message):
    """An approval as its party sees it back. It holds while the party has a live signal on the subject."""

    approval_id: UUID
    purpose: str
    anchor_signal_id: UUID
    given_at: Moment


class OwnApprovals(Message):
    approvals: Annotated[tuple[OwnApproval, ...], Field(max_length=10_000)]
