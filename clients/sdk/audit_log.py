"""The log of one service as whoever may read it reads it: an officer all of it, a party its own lists."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Literal
from uuid import UUID

from clients.protocol.messages.audit import (
    AuditCounts,
    AuditEntryMessage,
    AuditFacets,
    AuditPage,
    CountsRequest,
    ExportRequest,
    MisuseFindings,
    MisuseRules,
    MisuseRulesChange,
    ProvedEntry,
    SearchRequest,
    SearchTerms,
    SubjectHandles,
    SubjectTokens,
)
from clients.sdk.http import Conversation

__all__ = ["AuditLog", "ExportFormat", "PartyList"]

PartyList = Literal["own", "source", "covenant"]
ExportFormat = Literal["jsonl", "csv", "logboek"]


class AuditLog:
    """One service's log of one covenant. Every call raises `Refused` or `Unreachable` (see `clients.sdk.errors`).

    Searches are posted, never put into a URL: they may name an employee or a subject, be it by a pseudonym.
    """

    def __init__(self, conversation: Conversation, covenant: str) -> None:
        self._http = conversation
        self._path = f"/v1/covenants/{covenant}"

    def page(
        self,
        query: str = "",
        *,
        handles: Sequence[bytes] = (),
        cursor: str | None = None,
        limit: int = 50,
        listed: PartyList | None = None,
    ) -> AuditPage:
        """The newest entries that fit, or those after `cursor`. `listed` is for parties."""
        body = SearchRequest(query=query, handles=tuple(handles), cursor=cursor, limit=limit)
        target = f"{self._path}/audit-searches" + (f"?list={listed}" if listed else "")
        return self._http.post(target, body, AuditPage)

    def entries(
        self, query: str = "", *, handles: Sequence[bytes] = (), listed: PartyList | None = None, page: int = 200
    ) -> Iterator[AuditEntryMessage]:
        """Every entry that fits, the newest first, page by page."""
        cursor = None
        while True:
            answer = self.page(query, handles=handles, cursor=cursor, limit=page, listed=listed)
            yield from answer.entries
            if (cursor := answer.next_cursor) is None:
                return

    def entry(self, reference: UUID) -> ProvedEntry:
        """One entry, with what proves it."""
        return self._http.get(f"{self._path}/audit-entries/{reference}", ProvedEntry)

    def facets(self, query: str = "") -> AuditFacets:
        return self._http.post(f"{self._path}/audit-searches/facets", SearchTerms(query=query), AuditFacets)

    def counts(self, query: str = "", bucket: Literal["day", "week"] = "day") -> AuditCounts:
        body = CountsRequest(query=query, bucket=bucket)
        return self._http.post(f"{self._path}/audit-searches/counts", body, AuditCounts)

    def export(self, query: str = "", form: ExportFormat = "jsonl") -> Iterator[bytes]:
        """Everything that fits, the oldest first, as it comes; raises Unreachable if it breaks off."""
        yield from self._http.download(f"{self._path}/audit-searches/export", ExportRequest(query=query, format=form))

    # -- what the broker alone has

    def handles(self, subject: SubjectTokens) -> SubjectHandles:
        """By what the log names a subject, from the officers' own tokens of it."""
        return self._http.post(f"{self._path}/subject-handles", subject, SubjectHandles)

    def findings(self, first: date | None = None, last: date | None = None) -> MisuseFindings:
        """Signs of misuse; of the last four weeks, if no days are given."""
        query: dict[str, str | int] = {"firstDate": first.isoformat()} if first else {}
        query |= {"lastDate": last.isoformat()} if last else {}
        return self._http.get(f"{self._path}/audit-findings", MisuseFindings, query)

    def misuse_rules(self) -> MisuseRules:
        return self._http.get(f"{self._path}/audit-misuse-rules", MisuseRules)

    def change_misuse_rules(self, document: str) -> MisuseRules:
        change = MisuseRulesChange(document=document)
        return self._http.replace(f"{self._path}/audit-misuse-rules", change, MisuseRules)
