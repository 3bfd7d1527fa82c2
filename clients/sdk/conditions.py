"""What others do before something opens, as a party asks it of them and does it itself: releases and approvals."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal
from uuid import UUID

from clients.protocol.messages.conditions import (
    Approving,
    AskRelease,
    OwnApproval,
    OwnApprovals,
    RefusalReason,
    ReleaseAsked,
    RequestedRelease,
    RequestedReleasePage,
    SourceAnswer,
)
from clients.protocol.messages.disclosure import SignalAnchor
from clients.sdk.http import Conversation

__all__ = ["Conditions", "RequestState"]

RequestState = Literal["pending", "released", "refused", "expired"]


class Conditions:
    """The part of the broker's API for one covenant that is about conditions.

    Every call raises `Refused` or `Unreachable` (see `clients.sdk.errors`).
    """

    def __init__(self, conversation: Conversation, covenant: str) -> None:
        self._http = conversation
        self._path = f"/v1/covenants/{covenant}"

    def ask_release(self, signal_id: UUID, purpose: str, stage: str = "signal") -> ReleaseAsked:
        """Ask whoever has a signal on the subject of an own one that waits for its source.

        The answer is the same whether there is anybody to ask; what is released appears among the hits.
        """
        body = AskRelease(purpose=purpose, stage=stage, anchor=SignalAnchor(signal_id=signal_id))
        return self._http.post(f"{self._path}/release-requests", body, ReleaseAsked)

    def requests(self, state: RequestState | None = None) -> Iterator[RequestedRelease]:
        """What we are asked about our own signals, the oldest first, page by page."""
        cursor = None
        while True:
            query = {name: value for name, value in (("state", state), ("cursor", cursor)) if value}
            page = self._http.get(f"{self._path}/release-requests", RequestedReleasePage, query or None)
            yield from page.requests
            if (cursor := page.next_cursor) is None:
                return

    def release(self, request_id: UUID) -> RequestedRelease:
        """Release the signal that the request is about to the party that asks, for that purpose."""
        return self._answer(request_id, SourceAnswer(decision="release"))

    def refuse(self, request_id: UUID, reason: RefusalReason) -> RequestedRelease:
        """Refuse it, or take back at once that it was released."""
        return self._answer(request_id, SourceAnswer(decision="refuse", reason=reason))

    def approve(self, signal_id: UUID, purpose: str) -> OwnApproval:
        """Approve of a purpose on the subject of an own signal, for the rules that wait for our kind of party."""
        body = Approving(purpose=purpose, anchor=SignalAnchor(signal_id=signal_id))
        return self._http.post(f"{self._path}/approvals", body, OwnApproval)

    def approvals(self) -> tuple[OwnApproval, ...]:
        """Our approvals, the oldest first."""
        return self._http.get(f"{self._path}/approvals", OwnApprovals).approvals

    def take_back(self, approval_id: UUID) -> None:
        """End an approval at once."""
        self._http.delete(f"{self._path}/approvals/{approval_id}")

    def _answer(self, request_id: UUID, answer: SourceAnswer) -> RequestedRelease:
        return self._http.post(f"{self._path}/release-requests/{request_id}/answer", answer, RequestedRelease)
