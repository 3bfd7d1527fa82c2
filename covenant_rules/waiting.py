"""What waits for a source: the items of each signal that its source's release would open.

Per candidate signal, vis(s, ∞) with the release without vis(s, ∞) as it is (rules 7 and 8). It is ∞ because a source
learns what it is asked: were only those asked whose release would tip the count, each would know by the question that
others have a signal too. So whether a signal waits depends on itself and on what the viewer has, and on no other
signal. A release that comes before the counts are reached is kept until they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

from covenant_rules.evaluate import Candidate, ask, candidate, visible
from covenant_rules.model import AuditSight, Duration, Facts, Question


@dataclass(frozen=True, slots=True)
class Waiting:
    """The items, and what the permits that would show them let the source know of it."""

    items: tuple[str, ...]
    sight: AuditSight


def waiting(question: Question, facts: Facts) -> Mapping[str, Waiting]:
    """By signal. Total and pure, as `decide` is; where `decide` answers nothing for good, nothing waits."""
    everything = frozenset(signal.id for signal in facts.signals)
    now, then = ask(question, facts), ask(question, replace(facts, released=everything))
    found: dict[str, Waiting] = {}
    if now is None or then is None:
        return found
    for signal in then.signals:
        closed, opened = candidate(signal, now), candidate(signal, then)
        if closed is None or opened is None:
            continue
        new = visible(opened, None) & ~visible(closed, None)
        if new:
            items = tuple(item for place, item in enumerate(facts.current.items) if new >> place & 1)
            found[signal.id] = Waiting(items, _sight(opened, new, then.today))
    return found


def _sight(c: Candidate, new: int, today: date) -> AuditSight:
    """What all permits of the current version allow that would show any of the new items (rule 11)."""
    sights = [
        permit.rule.audit
        for lane, opening in c.used
        for permit in lane.permits
        if permit.bit & opening.reached[None][1] and permit.items & new
    ]
    return AuditSight(
        source=frozenset.intersection(*(sight.source for sight in sights)),
        recipient=frozenset.intersection(*(sight.recipient for sight in sights)),
        confidential=c.current.longest[today][frozenset[Duration](s.confidential for s in sights if s.confidential)],
    )
