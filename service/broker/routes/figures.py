"""Routes of figures: what a draft would change, and how much there is of what in the area. Never about one subject."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from clients.protocol.messages.base import IDENTIFIER_PATTERN
from clients.protocol.messages.figures import AreaFigures, ReplayAnswer, ReplayRequest
from service.broker.context import BrokerContext
from service.disclosure.figures import area, replays
from service.principals import Principal, Role
from service.web.authentication import require
from service.web.context import context_of
from service.web.parameters import CovenantId

__all__ = ["figure_routes"]

Steward = Annotated[Principal, Depends(require(Role.ADMINISTRATOR, Role.OFFICER))]
Reader = Annotated[Principal, Depends(require(Role.PARTY, Role.OFFICER))]
Purpose = Annotated[str, Query(pattern=IDENTIFIER_PATTERN, description="The purpose that signals serve")]


def figure_routes(context: BrokerContext) -> APIRouter:
    """The router. Every handler's transaction has been committed when it returns its answer."""
    router = APIRouter(prefix="/covenants/{covenantId}", tags=["Figures"])

    @router.post("/replays", response_model_exclude_none=True, summary="What a draft would newly show or hide")
    def replay(request: Request, caller: Steward, covenant_id: CovenantId, body: ReplayRequest) -> ReplayAnswer:
        """Decides today's questions under the draft too, on all signals, and counts subjects where answers differ.

        Counts are rounded down to a multiple of the covenant's minimum. Takes up to a minute for a million signals.
        """
        with context.asked(request, covenant_id, caller, "request-refused", isolation="REPEATABLE READ") as session:
            return replays.replay(
                session,
                context.desk,
                covenant_id,
                body.document.encode(),
                by=caller,
                trace=context_of(request).trace_id,
            )

    @router.get("/statistics", summary="Area figures")
    def statistics(request: Request, caller: Reader, covenant_id: CovenantId, purpose: Purpose) -> AreaFigures:
        """Signals and subjects by category and month, for kinds of party that the covenant gives them to.

        Only months that are over, drawn up once and rounded down to a multiple of the covenant's minimum.
        """
        with context.asked(request, covenant_id, caller, "request-refused", purpose=purpose) as session:
            return area.figures(
                session, context.desk, covenant_id, purpose, by=caller, trace=context_of(request).trace_id
            )

    return router
