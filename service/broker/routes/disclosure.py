"""Routes of hits, look-ups, disclosures, grants and notices: for parties, and on record before they are answered."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from sqlmodel import Session

from clients.protocol.messages.base import IDENTIFIER_PATTERN
from clients.protocol.messages.disclosure import (
    Disclosure,
    DisclosureRequest,
    GrantAnswer,
    GrantRequest,
    HitExplanation,
    HitPage,
    LookUpRequest,
    NoticePage,
)
from covenant_rules.explain import Language
from service.broker.context import BrokerContext
from service.disclosure import disclosures, explanations, grants, hits, lookups, notices
from service.disclosure.asking import Asking
from service.principals import Principal, Role
from service.web.authentication import require
from service.web.context import context_of
from service.web.parameters import CovenantId, Cursor, IdempotencyKey, Limit

__all__ = ["disclosure_routes", "preferred_language"]

Caller = Annotated[Principal, Depends(require(Role.PARTY))]
PurposeFilter = Annotated[
    str | None, Query(pattern=IDENTIFIER_PATTERN, description="Only this purpose; without, all of the caller's")
]
Since = Annotated[
    str | None, Query(max_length=2048, description="The cursor of the last page; without, the feed from its start")
]
HitId = Annotated[UUID, Path(alias="hitId", description="A hit of the caller's own feed")]
DisclosureId = Annotated[UUID, Path(alias="disclosureId", description="A disclosure to the caller")]
AcceptLanguage = Annotated[str | None, Header(max_length=200, description="`nl`, or `en`, which is the default")]


def disclosure_routes(context: BrokerContext) -> APIRouter:
    """The router. Every handler's transaction has been committed when it returns its answer."""
    router = APIRouter(prefix="/covenants/{covenantId}", tags=["Disclosure"])
    desk, cursors = context.desk, context.cursors

    @contextmanager
    def asked(
        request: Request, covenant_id: str, caller: Principal, refusal: str, **about: Any
    ) -> Iterator[tuple[Session, Asking]]:
        """One transaction for one question; a refusal of it is an entry `refusal`, committed on its own."""
        with context.asked(request, covenant_id, caller, refusal, **about) as session:
            yield session, desk.ask(session, covenant_id, caller, context_of(request).trace_id)

    @router.get("/hits", response_model_exclude_none=True, summary="What changed in what I may see")
    def read_hits(
        request: Request,
        caller: Caller,
        covenant_id: CovenantId,
        purpose: PurposeFilter = None,
        since: Since = None,
        limit: Limit = 100,
    ) -> HitPage:
        """Events of the caller's own feed: hits that appeared, changed or were retracted.

        Poll with the cursor of the page before. It stays the same while nothing has changed. Without a cursor the feed
        begins anew: with what may be seen now, not with what could be seen once.
        """
        scope = ("hits", covenant_id, caller.party or "", purpose or "")
        position = 0 if since is None else int(cursors.read(scope, since, parameter="since")["sequence"])
        with asked(request, covenant_id, caller, "hits-refused", purpose=purpose) as (session, asking):
            page = hits.read(session, asking, desk, purpose=purpose, since=position, limit=limit)
        return HitPage(events=page.events, cursor=cursors.issue(scope, {"sequence": page.position}), more=page.more)

    @router.get("/hits/{hitId}", response_model_exclude_none=True, summary="One hit, and why I see it")
    def explain_hit(
        request: Request,
        caller: Caller,
        covenant_id: CovenantId,
        hit_id: HitId,
        response: Response,
        accept_language: AcceptLanguage = None,
    ) -> HitExplanation:
        """The hit as it may be seen now, with the reasons for it in Dutch or English."""
        language = preferred_language(accept_language)
        response.headers["Content-Language"] = language
        with asked(request, covenant_id, caller, "hits-refused") as (session, asking):
            return explanations.explain(session, asking, desk, hit_id, language)

    @router.post("/look-ups", response_model_exclude_none=True, summary="Ask without a signal of my own")
    def look_up(
        request: Request, caller: Caller, covenant_id: CovenantId, key: IdempotencyKey, body: LookUpRequest
    ) -> Disclosure:
        """What may be seen of one subject, under the covenant's daily allowance. Nothing is registered."""
        about = {"disclosure": key, "purpose": body.purpose, "stage": body.stage}
        with asked(request, covenant_id, caller, "look-up-refused", **about) as (session, asking):
            return lookups.look_up(session, asking, desk, key, body)

    @router.post("/disclosures", response_model_exclude_none=True, summary="Ask what I may see")
    def disclose(
        request: Request, caller: Caller, covenant_id: CovenantId, key: IdempotencyKey, body: DisclosureRequest
    ) -> Disclosure:
        """What may be seen of the subject of a live signal of the caller's own, with sealed items and evidence."""
        about = {"disclosure": key, "purpose": body.purpose, "stage": body.stage, "anchor": body.anchor.signal_id}
        with asked(request, covenant_id, caller, "disclosure-refused", **about) as (session, asking):
            return disclosures.disclose(session, asking, desk, key, body)

    @router.get("/disclosures/{disclosureId}", response_model_exclude_none=True, summary="What was decided for me")
    def read_disclosure(
        request: Request, caller: Caller, covenant_id: CovenantId, disclosure_id: DisclosureId
    ) -> Disclosure:
        """A committed decision, without signals that have ended since."""
        about = {"disclosure": disclosure_id}
        with asked(request, covenant_id, caller, "disclosure-refused", **about) as (session, asking):
            return disclosures.own_disclosure(session, asking, desk, disclosure_id)

    @router.post("/grants", summary="Ask to have a sealed field opened")
    def issue_grant(request: Request, caller: Caller, covenant_id: CovenantId, body: GrantRequest) -> GrantAnswer:
        """A short-lived permission to have one sealed item of a recent disclosure opened by the key holder."""
        about = {
            "disclosure": body.disclosure_id,
            "signals": (body.signal_id,),
            "items": (f"{body.field}.{body.variant}",),
        }
        with asked(request, covenant_id, caller, "grant-refused", **about) as (session, asking):
            return grants.issue(session, asking, desk, body)

    @router.get("/notices", response_model_exclude_none=True, summary="Which signals of mine were disclosed")
    def read_notices(
        request: Request, caller: Caller, covenant_id: CovenantId, cursor: Cursor = None, limit: Limit = 100
    ) -> NoticePage:
        """Notices to the caller as a source, the oldest first, with the fields that the covenant lets it know."""
        scope = ("notices", covenant_id, caller.party or "")
        after = None
        if cursor is not None:
            position = cursors.read(scope, cursor)
            after = (date.fromisoformat(str(position["from"])), UUID(str(position["notice"])))
        with asked(request, covenant_id, caller, "request-refused") as (session, asking):
            told, end = notices.read(session, asking, desk, after=after, limit=limit)
        following = None if end is None else cursors.issue(scope, {"from": end[0].isoformat(), "notice": str(end[1])})
        return NoticePage(notices=told, next_cursor=following)

    return router


_LANGUAGE_RANGE = re.compile(r"\s*([a-zA-Z]{1,8})(?:-[a-zA-Z0-9-]+)?\s*(?:;\s*q=([01](?:\.\d{0,3})?))?\s*", re.ASCII)


def preferred_language(header: str | None) -> Language:
    """Dutch where the header (RFC 9110 §12.5.4) prefers it to English; else English."""
    weights: dict[str, float] = {}
    for part in (header or "").split(","):
        match = _LANGUAGE_RANGE.fullmatch(part)
        if match:
            name = match[1].lower()
            weights[name] = max(weights.get(name, 0.0), float(match[2] or 1))
    return "nl" if weights.get("nl", 0.0) > weights.get("en", 0.0) else "en"
