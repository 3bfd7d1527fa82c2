"""Releases: a party asks for them, the sources answer, and what they release is a fact of every later decision.

Who asks is told the same whether there is anybody to ask or nobody, and never what was answered: a release shows in
what it opens, a refusal in nothing. For the same reason asking writes one entry of the log and no more, whatever comes
of it.

A source is told which kind of party asks, for which purpose, about which of its signals, and which party only where the
permits let it know. That somebody asks tells it that this kind has a signal there too: a covenant that makes an item
wait for its source has decided so.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlmodel import Session

from clients.protocol.messages.conditions import AskRelease, ReleaseAsked, RequestedRelease, SourceAnswer
from covenant_rules.dates import add
from covenant_rules.model import AuditSight
from covenant_rules.waiting import Waiting, waiting
from service.disclosure.asking import Asking, new_id
from service.disclosure.conditions import repository
from service.disclosure.conditions.tables import ReleaseAskRow, SourceReleaseRow
from service.disclosure.desk import Desk
from service.disclosure.facts import Subject, own_subjects
from service.disclosure.terms import narrowest
from service.errors import Conflict, NotFound, Refused
from service.signals.touching import touch

__all__ = ["ANSWERABLE", "Place", "answer", "ask", "put", "requests"]

ANSWERABLE = timedelta(days=30)
"""How long a question stands: new signals that wait are asked about too, and who has not answered by then has not."""
ASKER = frozenset({"day", "time", "party", "actor", "purpose", "stage"})
"""What the asker may see of the entry about its own question: nothing of who was asked."""

Place = tuple[datetime, UUID]
"""Where a page ends: when its last question was put, and that question."""


def ask(session: Session, asking: Asking, desk: Desk, request: AskRelease) -> ReleaseAsked:
    """Asks the sources of what waits on the anchor's subject. Raises Refused as a disclosure would be."""
    asking.refuse_purpose(request.purpose)
    asking.refuse_stage(request.stage)
    anchor = request.anchor.signal_id
    subject = own_subjects(session, asking, (anchor,)).get(anchor)
    if subject is None:
        raise Refused("anchor-not-live", "the anchor is no live signal of the asking party")
    if request.purpose not in (subject.purposes or ()):
        raise Refused("purpose-not-of-anchor", "the anchor was not submitted for this purpose")
    row = repository.ask(
        session,
        ReleaseAskRow(
            covenant_id=asking.covenant_id,
            viewer=asking.viewer,
            anchor_id=anchor,
            purpose=request.purpose,
            stage=request.stage,
            asked_at=asking.now,
            expires_at=asking.now + ANSWERABLE,
        ),
    )
    asked, sight = put(session, asking, desk, row, subject)
    record = asking.record(
        "source-asked",
        purpose=row.purpose,
        stage=row.stage,
        anchor=anchor,
        subjects=(subject.handle,),
        signals=asked.keys(),
        parties=frozenset(asked.values()),
        sight=sight,
    )
    desk.audit.append(session, record)
    return ReleaseAsked(
        purpose=row.purpose,
        stage=row.stage,
        anchor_signal_id=anchor,
        asked_at=row.asked_at,
        expires_at=row.expires_at,
    )


def put(
    session: Session, asking: Asking, desk: Desk, row: ReleaseAskRow, subject: Subject
) -> tuple[Mapping[UUID, str], AuditSight]:
    """Puts a standing question to the sources that were not asked yet: their signals, and what they may know of it."""
    waits = _with_origins(subject, asking.viewer, row.purpose, waiting(*subject.question(asking, row.purpose)))
    questions = [
        SourceReleaseRow(
            covenant_id=asking.covenant_id,
            source=subject.signals[name].party,
            signal_id=UUID(name),
            viewer=asking.viewer,
            purpose=row.purpose,
            request_id=new_id(desk.random),
            kind=asking.kind or "",
            named_from=_named_from(wait.sight, asking.today),
            stage=row.stage,
            items=list(wait.items),
            state="pending",
            requested_at=asking.now,
            expires_at=row.expires_at,
            reminded_at=None,
            answered_at=None,
            reason=None,
        )
        for name, wait in waits.items()
    ]
    asked = repository.request(session, questions)
    sight = narrowest((waits[str(signal)].sight for signal in asked), asking.today)
    return {signal: subject.signals[str(signal)].party for signal in asked}, replace(sight, recipient=ASKER)


def requests(
    session: Session, asking: Asking, desk: Desk, *, state: str | None, after: Place | None, limit: int
) -> tuple[tuple[RequestedRelease, ...], Place | None]:
    """A page of what the asking party is asked as a source, and where the next begins; None after the last."""
    rows = repository.requests_of(session, asking.covenant_id, asking.viewer, state=state, after=after, limit=limit + 1)
    page = rows[:limit]
    desk.audit.append(session, asking.record("source-questions-read", counts={"questions": len(page)}))
    end = (page[-1].requested_at, page[-1].request_id) if len(rows) > limit else None
    return tuple(_message(row, asking.today) for row in page), end


def answer(session: Session, asking: Asking, desk: Desk, request_id: UUID, given: SourceAnswer) -> RequestedRelease:
    """Takes the source's answer. Giving it again is harmless; another one takes its place, at once and for good.

    Raises NotFound for a question that is not the source's, and Conflict for one that has lapsed.
    """
    row = repository.request_of(session, asking.covenant_id, asking.viewer, request_id)
    if row is None:
        raise NotFound("request-unknown", "this party was not asked this")
    state = "released" if given.decision == "release" else "refused"
    if (row.state, row.reason) == (state, given.reason):
        return _message(row, asking.today)
    if row.state == "expired" or (row.state == "pending" and row.expires_at <= asking.now):
        raise Conflict("request-expired", "the question has lapsed; it may be asked again")
    event = {"released": "source-released", "refused": "source-refused"}[state]
    if row.state == "released":
        event = "source-took-back"
    row.state, row.reason, row.answered_at = state, given.reason, asking.now
    session.add(row)
    session.flush()
    touch(session, asking.covenant_id, (row.signal_id,))
    named = (row.viewer,) if _is_named(row, asking.today) else ()
    record = asking.record(
        event, purpose=row.purpose, stage=row.stage, signals=(row.signal_id,), parties=named, reason=given.reason
    )
    desk.audit.append(session, record)
    return _message(row, asking.today)


def _with_origins(subject: Subject, viewer: str, purpose: str, waits: Mapping[str, Waiting]) -> Mapping[str, Waiting]:
    """Besides what waits itself: of what derived signals come from, all that their origins have observed here.

    What the asker could not be shown because nothing is sealed is not asked for.
    """
    found = {name: replace(wait, items=_there(subject, name, wait.items)) for name, wait in waits.items()}
    found = {name: wait for name, wait in found.items() if wait.items}
    for name, wait in list(found.items()):
        for origin in subject.signals[name].origins - {viewer}:
            for signal in subject.signals.values():
                if signal.party == origin and not signal.origins and purpose in signal.purposes:
                    found.setdefault(signal.id, wait)
    return found


def _there(subject: Subject, name: str, items: Collection[str]) -> tuple[str, ...]:
    return tuple(item for item in items if "." not in item or item in subject.sealed[name])


def _named_from(sight: AuditSight, today: date) -> date | None:
    if "party" not in sight.source:
        return None
    return today if sight.confidential is None else add(today, sight.confidential)


def _is_named(row: SourceReleaseRow, today: date) -> bool:
    return row.named_from is not None and row.named_from <= today


def _message(row: SourceReleaseRow, today: date) -> RequestedRelease:
    return RequestedRelease.model_validate(
        {
            "request_id": row.request_id,
            "signal_id": row.signal_id,
            "kind": row.kind,
            "party": row.viewer if _is_named(row, today) else None,
            "purpose": row.purpose,
            "stage": row.stage,
            "items": tuple(row.items),
            "state": row.state,
            "requested_at": row.requested_at,
            "expires_at": row.expires_at,
            "reminded_at": row.reminded_at,
            "answered_at": row.answered_at,
            "reason": row.reason,
        }
    )
