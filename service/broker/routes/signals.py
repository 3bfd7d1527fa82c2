"""Routes of signals: submit, read one's own, withdraw. All for parties, all on record before they are answered."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from clients.protocol.messages.signals import (
    OwnSignalPage,
    SignalBatch,
    SignalBatchResult,
    Withdrawal,
    WithdrawalResult,
)
from service.broker.context import BrokerContext
from service.principals import Principal, Role
from service.signals.quick_reading import read_batch
from service.web.authentication import require
from service.web.body import Reader, ReadOnce
from service.web.context import context_of
from service.web.parameters import CovenantId, Cursor, Limit

__all__ = ["SIGNAL_READERS", "signal_routes"]

Caller = Annotated[Principal, Depends(require(Role.PARTY))]

_BELOW = "/covenants/{covenantId}"
SIGNAL_READERS: Mapping[str, Reader] = {f"{_BELOW}/signals": read_batch}


def signal_routes(context: BrokerContext) -> APIRouter:
    """The router. Every handler's transaction has been committed when it returns its answer."""
    router = APIRouter(prefix=_BELOW, tags=["Signals"], route_class=ReadOnce)

    @router.post("/signals", response_model=SignalBatchResult, summary="Submit a batch of signals")
    def submit_signals(request: Request, caller: Caller, covenant_id: CovenantId, body: SignalBatch) -> Response:
        """Up to 1,000 signals under one signature. Each is answered for itself, and repeating the batch is harmless.

        A token that was not made with the party's current key, or another version of the covenant than the current one,
        is a 409 for the whole batch: tokenise again, and submit the same signals with the new tokens.
        """
        with context.asked(
            request, covenant_id, caller, "submission-refused", counts={"signals": len(body.signals)}
        ) as session:
            result = context.submissions.submit(
                session, covenant_id, body, by=caller, trace=context_of(request).trace_id
            )
        # Written here, once: FastAPI would check a thousand results again, field by field.
        return Response(result.model_dump_json(exclude_none=True), media_type="application/json")

    @router.get("/signals", response_model_exclude_none=True, summary="My own signals")
    def own_signals(
        request: Request, caller: Caller, covenant_id: CovenantId, cursor: Cursor = None, limit: Limit = 100
    ) -> OwnSignalPage:
        """The caller's signals, the oldest first; those that ended stand among them for 30 days more."""
        party = caller.party or ""
        scope = ("signals", covenant_id, party)
        after = None
        if cursor is not None:
            position = context.cursors.read(scope, cursor)
            after = (_moment(int(position["at"])), UUID(str(position["signal"])))
        with context.asked(request, covenant_id, caller, "request-refused") as session:
            signals, end = context.signals.own(session, covenant_id, party, after=after, limit=limit)
        following = None
        if end is not None:
            following = context.cursors.issue(scope, {"at": _microseconds(end[0]), "signal": str(end[1])})
        return OwnSignalPage(signals=signals, next_cursor=following)

    @router.post("/withdrawals", summary="Withdraw signals of mine")
    def withdraw_signals(
        request: Request, caller: Caller, covenant_id: CovenantId, body: Withdrawal
    ) -> WithdrawalResult:
        """Ends them at once: contents are erased, and who was shown one is told that it is gone."""
        with context.asked(
            request, covenant_id, caller, "withdrawal-refused", counts={"signals": len(body.signal_ids)}
        ) as session:
            return context.signals.withdraw(session, covenant_id, body, by=caller, trace=context_of(request).trace_id)

    return router


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _microseconds(moment: datetime) -> int:
    elapsed = moment - _EPOCH
    return (elapsed.days * 86_400 + elapsed.seconds) * 1_000_000 + elapsed.microseconds


def _moment(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)
