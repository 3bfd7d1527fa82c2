"""The hit feed, told: what a viewer's cursor has not passed yet, and one hit with the reasons for it.

An entry for every subject told about, or one that says there was nothing, is written in the transaction that brought
the feed up to date: if the log takes no entries, the feed has not moved and nobody was told anything. Until it ends,
what is told of cannot: once a withdrawal or a suspension is answered, no page that shows the signal is still under way.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from uuid import UUID

from sqlmodel import Session

from clients.protocol.messages.disclosure import Hit, HitEvent
from service.audit.record import AuditRecord, Shown
from service.disclosure import feed_repository as feeds
from service.disclosure.answers import hit_message, restore
from service.disclosure.asking import Asking
from service.disclosure.desk import Desk
from service.disclosure.feed import bring_up_to_date
from service.disclosure.feed_repository import AFTER_ALL, State
from service.disclosure.terms import Terms, narrowest
from service.errors import Invalid
from service.signals.reading import hold_live

__all__ = ["FeedPage", "read"]


@dataclass(frozen=True, slots=True)
class FeedPage:
    """Events after a position, and the position after them."""

    events: tuple[HitEvent, ...]
    position: int
    more: bool


def read(session: Session, asking: Asking, desk: Desk, *, purpose: str | None, since: int, limit: int) -> FeedPage:
    """The next `limit` events after `since`, for one purpose or for all.

    Raises Refused for a purpose the viewer has no legal basis for, and Invalid for a position the feed has not reached.
    """
    if purpose is not None:
        asking.refuse_purpose(purpose)
    feed = bring_up_to_date(session, asking, desk.random)
    if since > feed.sequence:
        raise Invalid("cursor-unknown", "the feed has not come this far; begin without a cursor", pointer="query/since")
    if 0 < since < feed.forgotten:
        words = "retractions since then have been forgotten; begin without a cursor"
        raise Invalid("cursor-too-old", words, pointer="query/since")
    rows = feeds.page(session, asking.covenant_id, asking.viewer, since, limit + 1, purpose)
    # A row that the walk has not reached again may be out of date, and none may be told before it: they have an order.
    reached = list(takewhile(lambda row: row.anchor_id <= feed.through, rows))
    told = _tellable(session, asking, desk, reached[:limit])
    desk.audit.append_many(session, _entries(asking, told, since) or [_nothing_new(asking, purpose)])
    events = tuple(_event(row, hit, since) for row, hit in told)
    return FeedPage(
        events=events,
        position=events[-1].sequence if events else since,
        more=len(rows) > len(told) or feed.through != AFTER_ALL,
    )


def _tellable(session: Session, asking: Asking, desk: Desk, rows: Sequence[State]) -> list[tuple[State, Hit | None]]:
    """The rows with their hits, None for a retraction, up to a signal that ends, or whose source leaves, just now."""
    shown = {row.signal_id for row in rows if row.hit is not None}
    sources = {Terms.restore(row.terms).source for row in rows if row.terms is not None}
    active = desk.parties.hold_active(session, asking.covenant_id, sources)
    signals = hold_live(session, asking.covenant_id, shown)
    told: list[tuple[State, Hit | None]] = []
    for row in rows:
        if row.hit is None:
            told.append((row, None))
            continue
        signal = signals.get(row.signal_id)
        if signal is None or signal.party not in active:
            break
        told.append((row, hit_message(restore(row.hit)[0], signal)))
    return told


def _event(row: State, hit: Hit | None, since: int) -> HitEvent:
    return HitEvent(
        sequence=row.sequence,
        kind="retracted" if hit is None else "appeared" if row.appeared > since else "changed",
        hit_id=row.hit_id,
        purpose=row.purpose,
        stage=row.stage,
        anchor_signal_id=row.anchor_id,
        hit=hit,
    )


def _entries(asking: Asking, told: Sequence[tuple[State, Hit | None]], since: int) -> list[AuditRecord]:
    """One entry per subject and purpose."""
    subjects: dict[tuple[UUID, str, str], list[tuple[State, Hit | None]]] = defaultdict(list)
    for row, hit in told:
        subjects[row.anchor_id, row.purpose, row.stage].append((row, hit))
    return [_entry(asking, anchor, purpose, stage, rows, since) for (anchor, purpose, stage), rows in subjects.items()]


def _entry(
    asking: Asking, anchor: UUID, purpose: str, stage: str, rows: Sequence[tuple[State, Hit | None]], since: int
) -> AuditRecord:
    shown = [(hit, Terms.restore(row.terms)) for row, hit in rows if hit is not None and row.terms is not None]
    kinds = Counter(_event(row, hit, since).kind for row, hit in rows)
    return asking.record(
        "hits-told",
        purpose=purpose,
        stage=stage,
        anchor=anchor,
        subjects=(rows[0][0].handle,),
        outcome="shown" if shown else "empty",
        counts=dict(kinds),
        sight=narrowest((terms.sight for _, terms in shown), asking.today),
        rules={ground.rule for hit, _ in shown for grounds in hit.grounds.values() for ground in grounds},
        shown={hit.signal_id: Shown(terms.source, hit.items) for hit, terms in shown},
        signals=[hit.signal_id for hit, _ in shown],
        parties={terms.source for _, terms in shown},
        obligations=frozenset[str]().union(*(terms.obligations for _, terms in shown)),
        retracted=[row.signal_id for row, hit in rows if hit is None],
    )


def _nothing_new(asking: Asking, purpose: str | None) -> AuditRecord:
    return asking.record("hits-read-empty", purposes=asking.purposes if purpose is None else (purpose,))
