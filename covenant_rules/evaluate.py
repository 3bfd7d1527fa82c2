"""The whole rule on one page: who sees what of whose signals, and why.

The numbers are those of the normative rules. `decide` is the order in which to read them.

 1. The answer is empty unless the current version is in force and the viewer is active.
 2. The viewer stands on an anchor: a live signal of its own, a look-up, or its membership of a case.
 3. Candidates are live signals of others, for this purpose, of an active source; source and viewer have a legal basis.
 4. What implies an item that may not be seen may not be seen either.
 5. For the source and for each origin, some permit names the item and no forbid does. In both versions: that under
    which the signal was submitted, and the current one.
 6. Handling codes block items, on their signal alone.
 7. Such a permit is open where its conditions hold, its `independent_parties` being at most n.
 8. vis(s, n) is the largest set of items that passes all of this.
 9. count(X) is the number of groups with an observation of their own in X, the viewer's included.
10. X shrinks from all hits that would be visible if counts did not matter, until the counts bear out what is left.
11. The answer is vis(s, count(X)). Obligations of the permits used unite; sight of the audit entry intersects.

Whatever is unknown is a condition not met or a signal skipped: never an error, never a permission. Nothing in a
`Decision` depends on a signal it does not show. An origin is held to all that a source is held to (legal basis, being
active), so that nothing derived shows what its origin may not. The tables that rules 3 to 5 are read from are made in
`compile`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from covenant_rules.compile import HIT, SOURCE_RELEASED, Counts, Lane, Lanes, Opening, Tables, tables
from covenant_rules.dates import amsterdam_date
from covenant_rules.model import (
    AuditSight,
    CaseMembership,
    Decision,
    Duration,
    Facts,
    LookUp,
    OwnSignal,
    Question,
    Signal,
    Visible,
)

Signals = Collection[Signal]

Count = Mapping[Tables, Counts]
"""count(X), for each version with permits that count."""


class Version(NamedTuple):
    """What one version says of a question: its tables, the lanes to the viewer, and the facts its conditions ask."""

    tables: Tables
    lanes: Lanes
    situation: int
    days: Mapping[date, int]


def decide(question: Question, facts: Facts) -> Decision:
    """The answer to one question. Total and pure, and the same for every order of rules and signals."""
    asked = ask(question, facts)  # 1, 2
    return Decision(facts.current.version) if asked is None else answer(*settle(asked), asked)  # 11


def visible_items(question: Question, facts: Facts) -> dict[str, int]:
    """Per signal, the items of the answer as bits in the numbering of the current version: for who counts answers."""
    asked = ask(question, facts)
    return {} if asked is None else {c.signal.id: items for c, items in settle(asked)[0]}


def settle(asked: Asked) -> tuple[list[tuple[Candidate, int]], Count]:
    """3 to 10: what is visible, and the counts that bear it out."""
    seen = [c for signal in asked.signals if (c := candidate(signal, asked)) is not None]  # 3 to 7
    n: Count | None = None
    while True:  # 10
        shown = [(c, items) for c in seen if (items := visible(c, n)) & HIT]  # 8
        if n is not None and len(shown) == len(seen):
            return shown, n
        seen = [c for c, _ in shown]
        n = count(seen, asked)  # 9


class Asked:
    """A question that has an anchor, on a day that counts, with what its signals have in common."""

    __slots__ = ("_versions", "anchor", "current", "facts", "own", "question", "signals", "today")

    def __init__(self, question: Question, facts: Facts, today: date, anchor: Signal | None, signals: Signals) -> None:
        self.question, self.facts, self.today, self.anchor, self.signals = question, facts, today, anchor, signals
        self.own = {s.category for s in signals if s.party == question.viewer and observed(s)}
        self.current = self._version(facts.current.version)
        self._versions: dict[str, Version | None] = {facts.current.version: self.current}

    def version(self, name: str) -> Version | None:
        """What a version says of this question, in the items of the current one; None where it is unknown or silent."""
        if name not in self._versions:
            self._versions[name] = self._version(name)
        return self._versions[name]

    def _version(self, name: str) -> Version | None:
        question, facts = self.question, self.facts
        covenant = facts.current if name == facts.current.version else facts.versions.get(name)
        if covenant is None:
            return None
        found = tables(facts.current, covenant)
        lanes = found.lanes(question.purpose, question.stage, question.viewer)
        anchored = not isinstance(question.anchor, LookUp)
        situation = found.situation(anchored, facts.case_member, facts.approvals, self.own)
        return None if lanes is None else Version(found, lanes, situation, found.days[self.today])


def ask(question: Question, facts: Facts) -> Asked | None:
    """1 and 2: the question as it may be answered, or None where the answer is empty whatever the signals say."""
    today, signals, own = amsterdam_date(question.time), unambiguous(facts.signals), None
    if today is None or not facts.current.valid_from <= today <= facts.current.valid_until:
        return None
    match question.anchor:
        case OwnSignal(name):
            own = next((s for s in signals if s.id == name and s.party == question.viewer), None)
            anchored = own is not None and question.purpose in own.purposes
        case CaseMembership():
            anchored = facts.case_member
        case anchor:
            anchored = isinstance(anchor, LookUp)
    return Asked(question, facts, today, own, signals) if anchored and question.viewer in facts.active else None


def unambiguous(signals: frozenset[Signal]) -> Signals:
    """The signals are a set by id. Of two that claim the same id neither is known, so both are skipped."""
    ids = [signal.id for signal in signals]
    return signals if len(set(ids)) == len(ids) else [signal for signal in signals if ids.count(signal.id) == 1]


def observed(signal: Signal) -> bool:
    """Whether it is an observation of its party's own: neither derived nor an echo of what the party was shown."""
    return not signal.origins and not signal.tainted


class Candidate:
    """A signal the viewer may perhaps see: what the openings that do not count leave `free`, and those that do.

    `used` are lanes and openings of the current version, the source's first: what a visible signal is seen by.
    """

    __slots__ = ("counted", "current", "free", "signal", "submitted", "used")

    def __init__(self, signal: Signal, current: Tables, submitted: Tables, free: int) -> None:
        self.signal, self.current, self.submitted, self.free = signal, current, submitted, free
        self.counted: list[tuple[Tables, Opening]] = []
        self.used: list[tuple[Lane, Opening]] = []


def candidate(signal: Signal, asked: Asked) -> Candidate | None:
    """3 to 7: a signal of another party with the items that are open in both versions, or None where it is skipped."""
    question, facts = asked.question, asked.facts
    if signal.party == question.viewer or question.purpose not in signal.purposes:
        return None
    current, submitted = asked.current, asked.version(signal.version)
    if current is None or submitted is None:
        return None
    blocked = blocks(signal, question.viewer, current.tables, submitted.tables) if signal.handling_codes else 0
    if blocked is None:
        return None
    result = Candidate(signal, current.tables, submitted.tables, ~blocked)
    for version in (current,) if submitted is current else (current, submitted):
        situation = version.situation | version.days[signal.day]
        if signal.id in facts.released:
            situation |= SOURCE_RELEASED
        for party in (signal.party, *signal.origins):
            if party not in facts.active:
                return None
            lane = version.lanes[party, signal.category]
            opening = lane.openings[situation]
            if opening.counts:
                result.counted.append((version.tables, opening))
            else:
                result.free &= opening.items
            if version is current:
                result.used.append((lane, opening))
    return result


def blocks(signal: Signal, viewer: str, current: Tables, submitted: Tables) -> int | None:
    """6: the items its handling codes hide; None, skip the signal, where a code is unknown to both versions."""
    blocked = 0
    for code in signal.handling_codes:
        in_current, in_submitted = current.blocked(code, viewer), submitted.blocked(code, viewer)
        if in_current is None and in_submitted is None:
            return None
        blocked |= (in_current or 0) | (in_submitted or 0)
    return blocked


def visible(c: Candidate, n: Count | None) -> int:
    """8: vis(s, n); None stands for n = ∞."""
    shown = c.free
    for version, opening in c.counted:
        shown &= opening.reached[None if n is None else n[version]][0]
    return c.submitted.closed[shown]


def count(seen: Sequence[Candidate], asked: Asked) -> Count:
    """9: count(X), in every window in which a version counts."""
    versions = {version for c in seen for version, _ in c.counted}
    signals = [c.signal for c in seen] if asked.anchor is None else [asked.anchor, *(c.signal for c in seen)]
    own = [s for s in signals if observed(s)] if versions else []
    parties, n = asked.facts.current.parties, {}
    for version in versions:
        days = version.days[asked.today]
        dated = [(parties[s.party].group, days[s.day]) for s in own]
        n[version] = tuple(len({group for group, windows in dated if windows & bit}) for bit in version.windows)
    return n


def answer(shown: Sequence[tuple[Candidate, int]], n: Count, asked: Asked) -> Decision:
    """11: what is left, with the permits of the current version it stands on. Those of origins give terms only."""
    if not shown:
        return Decision(asked.facts.current.version)
    visible, used = [], set()
    for c, items in sorted(shown, key=lambda pair: pair[0].signal.id):
        sights = [
            lane.sights[opening.reached[n[c.current]][1] if opening.counts else opening.permits, items]
            for lane, opening in c.used
        ]
        visible.append(Visible(c.signal.id, sights[0].items, dict(sights[0].grounds)))
        used.update(sights)
    confidential = frozenset[Duration]().union(*(sight.confidential for sight in used))
    audit = AuditSight(
        source=frozenset.intersection(*(sight.source for sight in used)),
        recipient=frozenset.intersection(*(sight.recipient for sight in used)),
        confidential=shown[0][0].current.longest[asked.today][confidential],
    )
    obligations = frozenset[str]().union(*(sight.obligations for sight in used))
    return Decision(asked.facts.current.version, tuple(visible), obligations, audit)
