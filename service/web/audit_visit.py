"""One request for something of a service's log: who may, in one transaction, with the cursors of its pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from fastapi import Request
from fastapi.responses import StreamingResponse
from sqlmodel import Session

from clients.protocol.encoding import b64u_encode
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
from service.audit import search as log
from service.audit.export import FORMATS, Format
from service.audit.party_reading import PartyList, PartyReading, SourcePlace, searchable
from service.audit.query import Search, parse_query
from service.audit.reading import OfficerReading
from service.audit.references import References
from service.audit.tree.proofs import LogReader, NotYetWitnessed
from service.audit.visibility import whole
from service.errors import Invalid, Refused
from service.parties.service import Parties
from service.principals import Principal, Role
from service.web.audit_messages import counts_message, entry_message, facets_message, proved_message
from service.web.context import context_of
from service.web.log import LogDesk
from service.web.pagination import Cursors

__all__ = ["AuditDesk", "Visit"]


@dataclass(frozen=True, slots=True)
class AuditDesk:
    """What the routes work on. `issuer` is the service's own name."""

    log: LogDesk
    parties: Parties
    officer: OfficerReading
    party: PartyReading
    cursors: Cursors
    issuer: str

    @classmethod
    def of(
        cls, log: LogDesk, parties: Parties, *, clock: Callable[[], datetime], secret: bytes, issuer: str
    ) -> AuditDesk:
        """`secret` (32 bytes) is shared by all replicas: cursors and references are made with it."""
        party = PartyReading(log.audit, References(secret), clock=clock)
        return cls(log, parties, OfficerReading(log.audit, clock=clock), party, Cursors(secret), issuer)


@dataclass(frozen=True, slots=True)
class Visit:
    """One request for something of one log; `in_url` if its query came in the URL."""

    desk: AuditDesk
    request: Request
    caller: Principal
    covenant_id: str
    in_url: bool

    @property
    def trace(self) -> str:
        return context_of(self.request).trace_id

    @contextmanager
    def asked(self, *roles: Role) -> Iterator[Session]:
        """One transaction, for a caller in one of `roles` and, if it is a party, one that takes part."""
        with self.desk.log.asked(self.request, self.covenant_id, self.caller) as session:
            if self.caller.role not in roles:
                raise Refused("role-not-allowed", "this part of the log is for other roles than the caller's")
            if self.caller.role is Role.PARTY and self.caller.party is not None:
                self.desk.parties.require_active(session, self.covenant_id, self.caller.party)
            yield session

    def page(self, body: SearchRequest, listed: PartyList) -> AuditPage:
        with self.asked(Role.OFFICER, Role.PARTY) as session:
            search = self._search(body)
            if self.caller.role is Role.OFFICER:
                if listed != "own":  # passed over, it would be answered as another question
                    raise Invalid("list-of-parties", "the lists are of parties; an officer sees all", pointer="query")
                return self._officer_page(session, search, body)
            searchable(search, listed, pointer=self._pointer)
            if body.handles:
                raise Invalid("handles-not-here", "parties do not know handles", pointer="/handles")
            if listed == "source":
                return self._source_page(session, search, body)
            return self._party_page(session, search, body, listed)

    def entry(self, reference: UUID) -> ProvedEntry:
        reading = self.desk.officer if self.caller.role is Role.OFFICER else self.desk.party
        with self.asked(Role.OFFICER, Role.PARTY) as session:
            view = reading.entry(session, self.covenant_id, reference, by=self.caller, trace=self.trace)
            proof: str | None
            try:
                reader = LogReader(session, self.covenant_id)
                proof = reader.receipt(view.entry.entry_id, witnessed=self.desk.log.witnessed).text()
            except NotYetWitnessed:
                proof = None
        return proved_message(view, reference, proof)

    def facets(self, body: SearchTerms) -> AuditFacets:
        with self.asked(Role.OFFICER) as session:
            search = self._search(body)
            days, found = self.desk.officer.facets(session, self.covenant_id, search, by=self.caller, trace=self.trace)
        return facets_message(*days, found)

    def counts(self, body: CountsRequest) -> AuditCounts:
        with self.asked(Role.OFFICER) as session:
            search = self._search(body)
            days, found = self.desk.officer.counts(session, self.covenant_id, search, by=self.caller, trace=self.trace)
        return counts_message(*days, found, body.bucket)

    def export(self, body: ExportRequest) -> StreamingResponse:
        form = FORMATS[body.format]
        with self.asked(Role.OFFICER) as session:
            search = self._search(body)
            before = self.desk.officer.begin_export(
                session, self.covenant_id, search, body.format, by=self.caller, trace=self.trace
            )
        name = f"{self.covenant_id}-audit.{form.extension}"
        return StreamingResponse(
            self._exported(search, form, before),
            media_type=form.media_type,
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    def _exported(self, search: Search, form: Format, before: UUID) -> Iterator[bytes]:
        """A transaction for each portion: whoever reads slowly holds no connection."""
        yield form.head
        after: UUID | None = None
        while True:
            with self.desk.log.database.transaction() as session:
                entries = log.walk(session, self.covenant_id, search, after=after, before=before)
            if not entries:
                return
            yield form.lines(entries, self.desk.issuer)
            after = entries[-1].entry_id

    # -- pages

    def _officer_page(self, session: Session, search: Search, body: SearchRequest) -> AuditPage:
        found = self.desk.officer.page(
            session,
            self.covenant_id,
            search,
            before=self._before(body, "officer"),
            limit=body.limit,
            by=self.caller,
            trace=self.trace,
        )
        entries = tuple(entry_message(whole(entry), entry.entry_id) for entry in found.entries)
        return AuditPage(entries=entries, next_cursor=self._cursor(body, "officer", found.before))

    def _party_page(
        self, session: Session, search: Search, body: SearchRequest, listed: Literal["own", "covenant"]
    ) -> AuditPage:
        found = self.desk.party.page(
            session,
            self.covenant_id,
            search,
            listed,
            before=self._before(body, listed),
            limit=body.limit,
            by=self.caller,
            trace=self.trace,
        )
        entries = tuple(entry_message(view, view.entry.entry_id) for view in found.views)
        return AuditPage(entries=entries, next_cursor=self._cursor(body, listed, found.before))

    def _source_page(self, session: Session, search: Search, body: SearchRequest) -> AuditPage:
        place: SourcePlace | None = None
        if body.cursor is not None:
            position = self.desk.cursors.read(self._scope(body, "source"), body.cursor)
            after = str(position["after"])
            place = date.fromisoformat(str(position["day"])), UUID(after) if after else None
        found = self.desk.party.as_source(
            session, self.covenant_id, search, place=place, limit=body.limit, by=self.caller, trace=self.trace
        )
        following = None
        if found.place is not None:
            position = {"day": found.place[0].isoformat(), "after": str(found.place[1] or "")}
            following = self.desk.cursors.issue(self._scope(body, "source"), position)
        entries = tuple(entry_message(view, reference) for reference, view in found.views)
        return AuditPage(entries=entries, next_cursor=following)

    # -- queries and cursors

    @property
    def _pointer(self) -> str:
        return "query/q" if self.in_url else "/query"

    def _search(self, body: SearchTerms) -> Search:
        search = parse_query(body.query, pointer=self._pointer, in_url=self.in_url)
        if not body.handles:
            return search
        if search.handles is not None:
            raise Invalid("handles-twice", "give handles in the query or beside it", pointer="/handles")
        return replace(search, handles=frozenset(body.handles), named=search.named | {"handle"})

    def _scope(self, body: SearchTerms, listed: str) -> tuple[str, ...]:
        handles = ",".join(sorted(map(b64u_encode, body.handles)))
        return ("audit", self.covenant_id, self.caller.role, self.caller.id, listed, body.query, handles)

    def _before(self, body: SearchRequest, listed: str) -> UUID | None:
        if body.cursor is None:
            return None
        return UUID(str(self.desk.cursors.read(self._scope(body, listed), body.cursor)["before"]))

    def _cursor(self, body: SearchTerms, listed: str, before: UUID | None) -> str | None:
        if before is None:
            return None
        return self.desk.cursors.issue(self._scope(body, listed), {"before": str(before)})
