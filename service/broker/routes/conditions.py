"""Routes of what others have to do before something opens: releases by sources, and approvals. All for parties."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request
from sqlmodel import Session

from clients.protocol.messages.conditions import (
    Approving,
    AskRelease,
    OwnApproval,
    OwnApprovals,
    ReleaseAsked,
    RequestedRelease,
    RequestedReleasePage,
    SourceAnswer,
)
from service.broker.context import BrokerContext
from service.disclosure.asking import Asking
from service.disclosure.conditions import approvals, releases
from service.principals import Principal, Role
from service.web.authentication import require
from service.web.context import context_of
from service.web.parameters import CovenantId, Cursor, Limit

__all__ = ["condition_routes"]

Caller = Annotated[Principal, Depends(require(Role.PARTY))]
RequestId = Annotated[UUID, Path(alias="requestId", description="A question to the caller as a source")]
ApprovalId = Annotated[UUID, Path(alias="approvalId", description="An approval of the caller's own")]
State = Annotated[
    Literal["pending", "released", "refused", "expired"] | None,
    Query(description="Only questions in this state; without, all"),
]


def condition_routes(context: BrokerContext) -> APIRouter:
    """The router. Every handler's transaction has been committed when it returns its answer."""
    router = APIRouter(prefix="/covenants/{covenantId}", tags=["Conditions"])
    desk, cursors = context.desk, context.cursors

    @contextmanager
    def asked(request: Request, covenant_id: str, caller: Principal, **about: Any) -> Iterator[tuple[Session, Asking]]:
        with context.asked(request, covenant_id, caller, "request-refused", **about) as session:
            yield session, desk.ask(session, covenant_id, caller, context_of(request).trace_id)

    @router.post("/release-requests", summary="Ask sources to release what waits for them")
    def ask_release(request: Request, caller: Caller, covenant_id: CovenantId, body: AskRelease) -> ReleaseAsked:
        """Asks whoever has a signal on the anchor's subject that only its source's release keeps from view.

        The answer is the same whether there is anybody to ask, and what they say is not told: what is released appears
        among the hits. The question stands for 30 days and is put to the sources of later signals too.
        """
        with asked(request, covenant_id, caller, purpose=body.purpose, stage=body.stage) as (session, asking):
            return releases.ask(session, asking, desk, body)

    @router.get("/release-requests", response_model_exclude_none=True, summary="What I am asked to release")
    def read_requests(
        request: Request,
        caller: Caller,
        covenant_id: CovenantId,
        state: State = None,
        cursor: Cursor = None,
        limit: Limit = 100,
    ) -> RequestedReleasePage:
        """Questions about the caller's own signals, the oldest first."""
        scope = ("release-requests", covenant_id, caller.party or "", state or "")
        after = None
        if cursor is not None:
            position = cursors.read(scope, cursor)
            after = (datetime.fromisoformat(str(position["at"])), UUID(str(position["request"])))
        with asked(request, covenant_id, caller) as (session, asking):
            page, end = releases.requests(session, asking, desk, state=state, after=after, limit=limit)
        following = None if end is None else cursors.issue(scope, {"at": end[0].isoformat(), "request": str(end[1])})
        return RequestedReleasePage(requests=page, next_cursor=following)

    @router.post("/release-requests/{requestId}/answer", response_model_exclude_none=True, summary="Release or refuse")
    def answer_request(
        request: Request, caller: Caller, covenant_id: CovenantId, request_id: RequestId, body: SourceAnswer
    ) -> RequestedRelease:
        """Answers a question about a signal of the caller's own. A later answer takes the place of an earlier one."""
        with asked(request, covenant_id, caller) as (session, asking):
            return releases.answer(session, asking, desk, request_id, body)

    @router.post("/approvals", summary="Approve of a purpose on a subject of mine")
    def approve(request: Request, caller: Caller, covenant_id: CovenantId, body: Approving) -> OwnApproval:
        """Approves, standing on a live signal of the caller's own, what rules make depend on its kind of party."""
        with asked(request, covenant_id, caller, purpose=body.purpose) as (session, asking):
            return approvals.approve(session, asking, desk, body)

    @router.get("/approvals", summary="My approvals")
    def read_approvals(request: Request, caller: Caller, covenant_id: CovenantId) -> OwnApprovals:
        """The caller's approvals, the oldest first."""
        with asked(request, covenant_id, caller) as (session, asking):
            return approvals.given(session, asking)

    @router.delete("/approvals/{approvalId}", status_code=204, summary="Take an approval back")
    def take_back(request: Request, caller: Caller, covenant_id: CovenantId, approval_id: ApprovalId) -> None:
        """Ends an approval at once, for every question that rests on it."""
        with asked(request, covenant_id, caller) as (session, asking):
            approvals.take_back(session, asking, desk, approval_id)

    return router
