"""Routes by which a service's log is read, the same at broker and key holder.

An officer searches all entries; a party reads its lists. What names somebody is searched for in a body, never in a URL;
every search that a URL can hold can be posted too. Whoever reads stands in the log with it before the answer leaves.
"""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import StreamingResponse

from clients.protocol.messages.audit import (
    AuditCounts,
    AuditFacets,
    AuditPage,
    CountsRequest,
    ExportRequest,
    ProvedEntry,
    SearchRequest,
    SearchTerms,
)
from service.audit.query import LONGEST_QUERY
from service.principals import Principal, Role
from service.web.audit_visit import AuditDesk, Visit
from service.web.authentication import require
from service.web.parameters import IN_DIGITS, CovenantId, Cursor

__all__ = ["audit_routes"]

Anyone = Annotated[Principal, Depends(require(*Role))]
"""Roles are looked at where a refusal is put on record."""
Q = Annotated[
    str,
    Query(
        alias="q",
        max_length=LONGEST_QUERY,
        description="As `action:disclosure created:2026-11-01..`; `actor:` and `handle:` can only be posted",
    ),
]
Listed = Annotated[
    Literal["own", "source", "covenant"],
    Query(
        alias="list",
        description="For parties: what they did, where partners saw their signals, or what every party is told",
    ),
]
Bucket = Annotated[Literal["day", "week"], Query(description="Days, or weeks from Monday")]
FormatName = Annotated[Literal["jsonl", "csv", "logboek"], Query(alias="format", description="Of the export")]
PageLimit = Annotated[int, Query(alias="limit", ge=1, le=500, description="The most entries to return"), IN_DIGITS]
Reference = Annotated[UUID, Path(alias="entry", description="An entry, by the reference that a list gave")]


def audit_routes(desk: AuditDesk) -> APIRouter:
    """The router. Everything that was read is on record by the time it is answered."""
    router = APIRouter(prefix="/covenants/{covenantId}", tags=["Audit"])
    _add_lists(router, desk)
    _add_searches(router, desk)
    return router


def _add_lists(router: APIRouter, desk: AuditDesk) -> None:
    @router.get("/audit-entries", response_model_exclude_none=True, summary="Entries of the log that I may see")
    def list_audit_entries(
        request: Request,
        caller: Anyone,
        covenant_id: CovenantId,
        q: Q = "",
        listed: Listed = "own",
        cursor: Cursor = None,
        limit: PageLimit = 50,
    ) -> AuditPage:
        """The newest first: for an officer every entry, for a party one of its lists.

        A page may be short. Go on while there is a cursor.
        """
        body = SearchRequest(query=q, cursor=cursor, limit=limit)
        return Visit(desk, request, caller, covenant_id, in_url=True).page(body, listed)

    @router.get("/audit-entries/{entry}", response_model_exclude_none=True, summary="One entry, proved")
    def read_audit_entry(request: Request, caller: Anyone, covenant_id: CovenantId, entry: Reference) -> ProvedEntry:
        """The entry as far as the caller may see it, and the proof that it stands in the log like that."""
        return Visit(desk, request, caller, covenant_id, in_url=True).entry(entry)

    @router.get("/audit-facets", summary="What the log consists of")
    def count_facets(request: Request, caller: Anyone, covenant_id: CovenantId, q: Q = "") -> AuditFacets:
        """How often each event, party, actor, purpose, outcome and rule occurs; of the last 92 days, or as asked."""
        return Visit(desk, request, caller, covenant_id, in_url=True).facets(SearchTerms(query=q))

    @router.get("/audit-counts", summary="Entries over time")
    def count_entries(
        request: Request, caller: Anyone, covenant_id: CovenantId, q: Q = "", bucket: Bucket = "day"
    ) -> AuditCounts:
        """Entries and refusals a day or a week; of the last 92 days, or as asked."""
        body = CountsRequest(query=q, bucket=bucket)
        return Visit(desk, request, caller, covenant_id, in_url=True).counts(body)

    @router.get("/audit-export", response_class=StreamingResponse, summary="Export the log")
    def export_log(
        request: Request, caller: Anyone, covenant_id: CovenantId, q: Q = "", format_name: FormatName = "jsonl"
    ) -> StreamingResponse:
        """Everything that fits and was written before, the oldest first, as JSON Lines, CSV or Logboek records."""
        body = ExportRequest(query=q, format=format_name)
        return Visit(desk, request, caller, covenant_id, in_url=True).export(body)


def _add_searches(router: APIRouter, desk: AuditDesk) -> None:
    @router.post("/audit-searches", response_model_exclude_none=True, summary="Search the log")
    def search_audit_entries(
        request: Request, caller: Anyone, covenant_id: CovenantId, body: SearchRequest, listed: Listed = "own"
    ) -> AuditPage:
        """As the list of entries, with the qualifiers that no URL may hold, and by subject handles."""
        return Visit(desk, request, caller, covenant_id, in_url=False).page(body, listed)

    @router.post("/audit-searches/facets", summary="What a search consists of")
    def count_facets_of_search(
        request: Request, caller: Anyone, covenant_id: CovenantId, body: SearchTerms
    ) -> AuditFacets:
        """As the facets of the log, with the qualifiers that no URL may hold."""
        return Visit(desk, request, caller, covenant_id, in_url=False).facets(body)

    @router.post("/audit-searches/counts", summary="A search over time")
    def count_entries_of_search(
        request: Request, caller: Anyone, covenant_id: CovenantId, body: CountsRequest
    ) -> AuditCounts:
        """As the counts of the log, with the qualifiers that no URL may hold."""
        return Visit(desk, request, caller, covenant_id, in_url=False).counts(body)

    @router.post("/audit-searches/export", response_class=StreamingResponse, summary="Export a search")
    def export_search(
        request: Request, caller: Anyone, covenant_id: CovenantId, body: ExportRequest
    ) -> StreamingResponse:
        """As the export of the log, with the qualifiers that no URL may hold."""
        return Visit(desk, request, caller, covenant_id, in_url=False).export(body)
