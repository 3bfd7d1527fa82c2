"""The hit feed, brought up to date: what changed in what a viewer may see, numbered in the viewer's own sequence.

Decided anew are the viewer's anchors

1. whose subject was touched since the feed last looked;
2. all of them, in the order of their ids, when the day, the version or the active parties are not those of last time.
   A long walk is spread over polls; what was not reached yet is not told meanwhile.

What a decision shows is compared with what was last told, and the differences get the next numbers. A signal that the
viewer does not see causes work and no difference, so it moves no number, no cursor and no byte. What does show is the
length of the walk of step 2: it depends on the viewer's own signals, and on what the covenant publishes. Step 1 is
never cut short, for how much others submitted would show in that.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlmodel import Session

from covenant_rules.model import Decision
from service.disclosure import feed_repository as feeds
from service.disclosure import repository
from service.disclosure.answers import Decided, decided, store
from service.disclosure.asking import FIRST_STAGE, Asking, new_id
from service.disclosure.conditions.codes import coded, remember
from service.disclosure.facts import Subject, own_subjects
from service.disclosure.feed_repository import AFTER_ALL, BEFORE_ALL, Feed, State
from service.disclosure.tables import Notice
from service.disclosure.terms import Terms, notices_of
from service.signals.matching import horizon

__all__ = ["CHUNK", "WALK", "Key", "Telling", "bring_up_to_date", "differences"]

CHUNK = 2_000
"""Anchors decided at once: what bounds the memory of a poll."""
WALK = 10_000
"""Anchors of step 2 that one poll decides: what bounds its time."""

Key = tuple[str, str, UUID]
"""Purpose, stage and signal: together with an anchor, what a hit is."""


@dataclass(frozen=True, slots=True)
class Telling:
    """What is to be told of one signal: the decided reference and its terms, as they are stored."""

    hit: str
    terms: str


def differences(
    anchor: UUID,
    handle: bytes,
    before: Mapping[Key, State],
    now: Mapping[Key, Telling],
    *,
    sequence: int,
    fresh: Callable[[], UUID],
) -> list[State]:
    """The states that must replace `before` for a reader to know `now`, numbered from `sequence` + 1 on.

    A hit that comes back keeps its id and appears again. What did not change is not among them.
    """
    changed: list[State] = []
    for key in sorted(before.keys() | now.keys()):
        known, telling = before.get(key), now.get(key)
        if (known.hit if known else None) == (telling.hit if telling else None):
            continue
        purpose, stage, signal = key
        number = sequence + len(changed) + 1
        changed.append(
            State(
                anchor_id=anchor,
                purpose=purpose,
                stage=stage,
                signal_id=signal,
                hit_id=known.hit_id if known else fresh(),
                sequence=number,
                appeared=known.appeared if known and known.hit is not None else number,
                handle=handle,
                hit=telling.hit if telling else None,
                terms=telling.terms if telling else None,
            )
        )
    return changed


def bring_up_to_date(session: Session, asking: Asking, random: Callable[[int], bytes]) -> Feed:
    """Decides what has to be decided anew, stores the differences, and holds the feed until the transaction ends."""
    held = feeds.lock(session, asking.covenant_id, asking.viewer)
    now = (asking.today, asking.current.version, asking.active_digest)
    through = held.through if (held.day, held.version, held.active) == now else BEFORE_ALL
    looked = horizon(session)  # before anything is read: what commits after this is found next time
    walk = _Walk(session, asking, random, held.sequence)

    if through != BEFORE_ALL:
        touched = feeds.touched(session, asking.covenant_id, asking.viewer, held.seen, through)
        for start in range(0, len(touched), CHUNK):
            walk.decide(touched[start : start + CHUNK])
    left = WALK
    while through != AFTER_ALL and left > 0:
        anchors = feeds.next_anchors(session, asking.covenant_id, asking.viewer, through, CHUNK)
        walk.decide(anchors)
        through = anchors[-1] if len(anchors) == CHUNK else AFTER_ALL
        left -= CHUNK

    feed = Feed(walk.sequence, held.forgotten, looked, through, *now)
    feeds.save(session, asking.covenant_id, asking.viewer, feed)
    return feed


class _Walk:
    """Decides on anchors, chunk by chunk, and stores what differs."""

    def __init__(self, session: Session, asking: Asking, random: Callable[[int], bytes], sequence: int) -> None:
        self.sequence = sequence
        self._session, self._asking, self._random = session, asking, random

    def decide(self, anchors: Sequence[UUID]) -> None:
        session, asking = self._session, self._asking
        subjects = own_subjects(session, asking, anchors)
        before: dict[UUID, dict[Key, State]] = defaultdict(dict)
        for state in feeds.states(session, asking.covenant_id, asking.viewer, anchors):
            before[state.anchor_id][state.purpose, state.stage, state.signal_id] = state
        added: list[State] = []
        changed: list[State] = []
        notices: list[Notice] = []
        unproved: list[tuple[str, bytes]] = []
        with_codes: set[UUID] = set()
        for anchor in anchors:
            told, subject = before.get(anchor, {}), subjects.get(anchor)
            seen = {} if subject is None else _seen(asking, subject)
            if not told and not seen:
                continue
            if subject is not None and seen:
                with_codes |= coded((one.reference for one in seen.values()), subject.signals)
                if not subject.has_evidence(asking.viewer):
                    unproved += subject.named
            new = differences(
                anchor,
                next(iter(told.values())).handle if subject is None else subject.handle,
                told,
                {key: Telling(store((one.reference,)), one.terms.store()) for key, one in seen.items()},
                sequence=self.sequence,
                fresh=lambda: new_id(self._random),
            )
            self.sequence += len(new)
            for state in new:
                known = told.get((state.purpose, state.stage, state.signal_id))
                (added if known is None else changed).append(state)
                if state.hit is not None:
                    one = seen[state.purpose, state.stage, state.signal_id]
                    shown = ((one.reference, one.terms.source),)
                    notices += notices_of(asking, state.purpose, one.decision, shown, self._random)
        feeds.add(session, asking.covenant_id, asking.viewer, added)
        feeds.replace(session, asking.covenant_id, asking.viewer, changed)
        repository.add_notices(session, notices)
        repository.mark_told(session, asking.covenant_id, asking.viewer, unproved, asking.now)
        remember(session, asking, with_codes)


@dataclass(frozen=True, slots=True)
class _Seen:
    """One visible signal, with the decision it is part of."""

    reference: Decided
    terms: Terms
    decision: Decision


def _seen(asking: Asking, subject: Subject) -> dict[Key, _Seen]:
    """What the viewer sees on one subject, for each of the anchor's purposes that it has a legal basis for."""
    seen: dict[Key, _Seen] = {}
    if not subject.has_others(asking.viewer):
        return seen
    for purpose in asking.purposes.intersection(subject.purposes or ()):
        decision = subject.decide(asking, purpose)
        for one in decided(decision, subject.matched, subject.sealed):
            source = subject.signals[str(one.signal_id)].party
            terms = Terms(source, decision.audit, decision.obligations)
            seen[purpose, FIRST_STAGE, one.signal_id] = _Seen(one, terms, decision)
    return seen
