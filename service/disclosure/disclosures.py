"""Disclosures: a question about one subject, decided and committed with its audit entry before the answer leaves.

The path of every question, by the numbers that stand in `disclose` and `commit`:

1. A repetition under the idempotency key gets what was committed; another request under it is a conflict.
2. Purpose, stage and anchor are such that something can be decided. If not, the question is refused.
3. The facts are gathered and the rules decide.
4. What would be shown is held: its signals cannot end nor its sources be suspended before this is committed.
5. The audit entry is written.
6. The decision is stored as references; sources that must be notified get their notice. That the asker was told is
   remembered where it matters for what it submits next.
7. Only now are sealed items and evidence put beside the hits, and the log's promise to hold the entry.

All of it is one transaction of the caller's. What raises leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlmodel import Session

from clients.protocol.messages.disclosure import DisclosedHit, Disclosure, DisclosureRequest, LeafPromise
from service.audit import repository as log
from service.audit.record import Shown
from service.disclosure import repository
from service.disclosure.answers import decided, restore, rules_of, store
from service.disclosure.asking import Asking
from service.disclosure.conditions.codes import coded, remember
from service.disclosure.conditions.known import NOTHING, known_of, standing_of, taken_back
from service.disclosure.desk import Desk
from service.disclosure.facts import Subject, own_subjects
from service.disclosure.opening import disclosed_hits
from service.disclosure.terms import notices_of
from service.errors import Conflict, NotFound, Refused, Unavailable
from service.signals.reading import hold_live, signals_of

__all__ = ["Posed", "commit", "disclose", "hold_shown", "own_disclosure", "repeated"]


@dataclass(frozen=True, slots=True)
class Posed:
    """A question as it will be on record. `event` is what the log calls its answer; `request` its keyed digest."""

    disclosure_id: UUID
    request: bytes
    event: str
    purpose: str
    stage: str
    anchor: UUID | None


def disclose(
    session: Session, asking: Asking, desk: Desk, disclosure_id: UUID, request: DisclosureRequest
) -> Disclosure:
    """What the asking party may see of the subject of one of its own live signals. Raises Refused and Conflict."""
    anchor = request.anchor.signal_id
    digest = desk.request_digest("disclosure", request.model_dump_json().encode())
    posed = Posed(disclosure_id, digest, "disclosure-decided", request.purpose, request.stage, anchor)
    if (before := repeated(session, asking, desk, posed)) is not None:  # 1
        return before
    asking.refuse_purpose(posed.purpose)  # 2
    asking.refuse_stage(posed.stage)
    subject = own_subjects(session, asking, (anchor,)).get(anchor)  # 3
    if subject is None:
        raise Refused("anchor-not-live", "the anchor is no live signal of the asking party")
    if posed.purpose not in (subject.purposes or ()):
        raise Refused("purpose-not-of-anchor", "the anchor was not submitted for this purpose")
    return commit(session, asking, desk, posed, subject)


def repeated(session: Session, asking: Asking, desk: Desk, posed: Posed) -> Disclosure | None:
    """The disclosure that was committed under this key, or None. Raises Conflict for another request's."""
    repository.hold(session, asking.covenant_id, asking.viewer, posed.disclosure_id)
    row = repository.disclosure(session, asking.covenant_id, asking.viewer, posed.disclosure_id)
    if row is None:
        return None
    if row.request != posed.request:
        raise Conflict("idempotency-key-used", "another request was made under this idempotency key")
    return _again(session, asking, desk, row)


def commit(session: Session, asking: Asking, desk: Desk, posed: Posed, subject: Subject) -> Disclosure:
    """Decides on the subject and commits the decision, from step 3 on."""
    decision = subject.decide(asking, posed.purpose)
    shown = decided(decision, subject.matched, subject.sealed)
    sources = {one.signal_id: subject.signals[str(one.signal_id)].party for one in shown}
    held = hold_shown(session, asking, desk, sources, subject, posed.purpose)  # 4
    entry = desk.audit.append(  # 5
        session,
        asking.record(
            posed.event,
            request=posed.disclosure_id,
            disclosure=posed.disclosure_id,
            purpose=posed.purpose,
            stage=posed.stage,
            anchor=posed.anchor,
            subjects=(subject.handle,),
            outcome="shown" if shown else "empty",
            counts={"hits": len(shown)},
            sight=decision.audit,
            rules=rules_of(shown),
            shown={one.signal_id: Shown(sources[one.signal_id], one.items) for one in shown},
            signals=tuple(sources),
            parties=frozenset(sources.values()),
            obligations=decision.obligations,
        ),
    )
    made = repository.Committed(  # 6
        covenant_id=asking.covenant_id,
        party=asking.viewer,
        disclosure_id=posed.disclosure_id,
        request=posed.request,
        version=decision.version,
        purpose=posed.purpose,
        stage=posed.stage,
        decided_at=asking.now,
        audit_entry_id=entry.entry_id,
        anchor_signal_id=posed.anchor,
        answer=store(shown),
        obligations=sorted(decision.obligations),
    )
    repository.add_disclosure(session, made)
    notices = notices_of(asking, posed.purpose, decision, ((one, sources[one.signal_id]) for one in shown), desk.random)
    repository.add_notices(session, notices)
    remember(session, asking, coded(shown, subject.signals))
    if shown and not subject.has_evidence(asking.viewer):
        repository.mark_told(session, asking.covenant_id, asking.viewer, subject.named, asking.now)
    return _message(asking, desk, made, entry.leaf_hash, disclosed_hits(session, asking, shown, held))  # 7


def own_disclosure(session: Session, asking: Asking, desk: Desk, disclosure_id: UUID) -> Disclosure:
    """A disclosure that was committed for the asking party, read again. Raises NotFound."""
    row = repository.disclosure(session, asking.covenant_id, asking.viewer, disclosure_id)
    if row is None:
        raise NotFound("disclosure-unknown", "this party has no such disclosure")
    return _again(session, asking, desk, row)


def _again(session: Session, asking: Asking, desk: Desk, made: repository.Committed) -> Disclosure:
    """What was committed, without signals that have ended, were taken back, or whose source is suspended since."""
    record = asking.record("disclosure-read", disclosure=made.disclosure_id, purpose=made.purpose, stage=made.stage)
    desk.audit.append(session, record)
    shown = restore(made.answer)
    leaf = log.leaf(session, asking.covenant_id, made.audit_entry_id)
    if leaf is None:
        raise NotFound("disclosure-unknown", "the log has no entry of this disclosure")
    names = {one.signal_id for one in shown}
    names -= taken_back(session, asking, made.purpose, names, made.decided_at)
    stored = signals_of(session, asking.covenant_id, names)
    live = {name: row for name, row in stored.items() if row.state == "live" and row.party in asking.active}
    left = [one for one in shown if one.signal_id in live]
    return _message(asking, desk, made, leaf.leaf_hash, disclosed_hits(session, asking, left, live))


def hold_shown(
    session: Session, asking: Asking, desk: Desk, sources: Mapping[UUID, str], subject: Subject, purpose: str
) -> Mapping[UUID, Row[Any]]:
    """Holds the signals, their sources, and what was released and approved. Raises Unavailable if any of it ended."""
    # Parties before signals, as whoever ends signals does: no two transactions wait for each other.
    parties = frozenset(sources.values())
    active = desk.parties.hold_active(session, asking.covenant_id, parties)
    live = hold_live(session, asking.covenant_id, sources.keys())
    ended = live.keys() != sources.keys() or active != parties
    if subject.known is not NOTHING:
        kept = standing_of(session, asking, list(map(UUID, subject.signals)), subject.named, hold=True)
        ended = ended or not known_of(asking, kept, subject).has(subject.known, purpose)
    if ended:
        raise Unavailable("facts-changed", "what could be shown has changed this very moment; ask again", retry_after=1)
    return live


def _message(
    asking: Asking, desk: Desk, made: repository.Committed, leaf: bytes, hits: tuple[DisclosedHit, ...]
) -> Disclosure:
    promise = desk.log.promise(asking.covenant_id, made.audit_entry_id, leaf, made.decided_at)
    return Disclosure(
        disclosure_id=made.disclosure_id,
        covenant_version=made.version,
        purpose=made.purpose,
        stage=made.stage,
        decided_at=made.decided_at,
        audit_entry_id=made.audit_entry_id,
        leaf_promise=LeafPromise(leaf_hash=leaf, signature=promise),
        anchor_signal_id=made.anchor_signal_id,
        hits=hits,
        obligations=tuple(made.obligations),
    )
