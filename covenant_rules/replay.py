"""What a draft would have shown: the questions of today, decided under a draft, and subjects counted by what differs.

The draft decides as if it were in force and as if every source had affirmed its signals under it, since that is what
the parties decide on. Subjects are counted, not hits: one address with a dozen signals is one.

What signals say is all that a decision depends on, and most subjects are alike in it: their *shape* is what is stated
of them, days put in the same box where no window tells them apart. A shape is decided once.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from covenant_rules.compile import Memory
from covenant_rules.dates import amsterdam_date, subtract
from covenant_rules.evaluate import observed, visible_items
from covenant_rules.model import FIXED_ITEMS, Covenant, Facts, OwnSignal, Question, Signal


class Group(NamedTuple):
    """What is counted apart: hits of one category, from one kind to another, for one purpose."""

    purpose: str
    from_kind: str
    to_kind: str
    category: str


class Outcome(StrEnum):
    """What a draft does to a subject. One subject may have several, also in one group."""

    GAINED = "gained"
    """Some viewer would see a hit, or an item of one, that it does not see today."""
    LOST = "lost"
    KEPT = "kept"
    """Some viewer sees a hit today and would see it under the draft."""


Outcomes = frozenset[tuple[Group, Outcome]]
"""Of one subject."""

Tally = Counter[tuple[Group, Outcome]]
"""Subjects per group and outcome. Tallies of different subjects add up."""


class Posed(NamedTuple):
    """A question on what is known today, and on what would be known under the draft."""

    question: Question
    today: Facts
    then: Facts


class Replay:
    """Two versions, ready to be asked about many subjects: the current one and a draft."""

    def __init__(self, current: Covenant, draft: Covenant) -> None:
        self.draft = replace(draft, valid_from=date.min, valid_until=date.max)
        items = dict.fromkeys(current.items + draft.items)
        self._places = {item: 1 << place for place, item in enumerate(items)}
        self._today, self._then = (self._bits_of(covenant) for covenant in (current, draft))
        self._kinds = {party: counted_as(party, current, draft) for party in {**current.parties, **draft.parties}}

    def sealed(self, items: Iterable[str]) -> int:
        """The items that are there to be seen, as bits, in a signal with these sealed ones."""
        return sum(self._places.get(item, 0) for item in {*FIXED_ITEMS, *items})

    def affirmed(self, signal: Signal) -> Signal:
        """As it would be had its source submitted it again under the draft."""
        return replace(signal, version=self.draft.version)

    def __call__(self, asked: Iterable[Posed], sealed: Mapping[str, int]) -> Outcomes:
        """The outcomes of one subject, over all the questions that its parties would ask about it.

        `then` has the draft as its current version. `sealed` tells by signal what is there to be seen: what a rule
        lets be seen and nobody sealed is neither gained nor lost. What a party sees is what it sees by any of its
        questions for a purpose.
        """
        had: defaultdict[tuple[str, str, str], int] = defaultdict(int)
        has: defaultdict[tuple[str, str, str], int] = defaultdict(int)
        signals: dict[str, Signal] = {}
        for question, today, then in asked:
            for seen, facts, places in ((had, today, self._today), (has, then, self._then)):
                shown = visible_items(question, facts)
                for name, items in shown.items():
                    seen[question.purpose, question.viewer, name] |= places[items] & sealed[name]
                if shown.keys() - signals.keys():
                    signals.update((signal.id, signal) for signal in facts.signals)
        return frozenset(
            (Group(purpose, self._kinds[signal.party], self._kinds[viewer], signal.category), outcome)
            for purpose, viewer, name in had.keys() | has.keys()
            for signal in (signals[name],)
            for outcome in _compared(had[purpose, viewer, name], has[purpose, viewer, name])
        )

    def _bits_of(self, covenant: Covenant) -> Memory[int, int]:
        """From items in the numbering of a version to items in ours."""
        places = [self._places[item] for item in covenant.items]
        return Memory(lambda items: sum(bit for place, bit in enumerate(places) if items >> place & 1))


def _compared(had: int, has: int) -> Iterator[Outcome]:
    for outcome, items in ((Outcome.GAINED, has & ~had), (Outcome.LOST, had & ~has), (Outcome.KEPT, had & has)):
        if items:
            yield outcome


def counted_as(party: str, current: Covenant, draft: Covenant) -> str:
    """Its kind today, or the draft's for a party that it would let in."""
    return (current.parties.get(party) or draft.parties[party]).kind


class Stated(NamedTuple):
    """One signal as far as decisions can tell it from others. Lists are sorted."""

    party: str
    category: str
    day: date
    purposes: tuple[str, ...]
    version: str
    origins: tuple[str, ...] = ()
    handling_codes: tuple[str, ...] = ()
    tainted: bool = False
    sealed: tuple[str, ...] = ()
    lapses: bool = False
    """Whether it would not be there under the draft: its category is unknown to it, or its retention over."""

    def signal(self, name: str) -> Signal:
        return Signal(
            id=name,
            party=self.party,
            category=self.category,
            day=self.day,
            purposes=frozenset(self.purposes),
            version=self.version,
            origins=frozenset(self.origins),
            handling_codes=frozenset(self.handling_codes),
            tainted=self.tainted,
        )


@dataclass(frozen=True)
class Standing:
    """What all questions of a replay have in common."""

    current: Covenant
    versions: Mapping[str, Covenant]
    active: frozenset[str]
    time: datetime


class Shapes:
    """Replays subjects on which every signal is near every other and nothing was released or approved.

    No more than `most` shapes are remembered; then it begins anew.
    """

    def __init__(self, replay: Replay, standing: Standing, most: int = 1 << 15) -> None:
        self._replay, self._standing = replay, standing
        self._today = amsterdam_date(standing.time) or date.min
        covenants = (replay.draft, standing.current, *standing.versions.values())
        windows = {rule.when.within for covenant in covenants for rule in covenant.rules if rule.when.within}
        self._starts = sorted({subtract(self._today, window) for window in windows})
        self._boxes: Memory[date, date] = Memory(self._box, most=1 << 14)
        self._known: Memory[tuple[Stated, ...], Outcomes] = Memory(self._decide, most)

    def __call__(self, signals: Iterable[Stated]) -> Outcomes:
        """The outcomes of one subject."""
        return self._known[tuple(sorted(s._replace(day=self._boxes[s.day]) for s in signals))]

    def _box(self, day: date) -> date:
        """A day that no window of any version tells from `day`: the first one that is inside the same windows."""
        if day > self._today:
            return self._today + timedelta(days=1)
        place = bisect_left(self._starts, day)
        return self._starts[place - 1] + timedelta(days=1) if place else date.min

    def _decide(self, shape: tuple[Stated, ...]) -> Outcomes:
        standing, replay = self._standing, self._replay
        signals = {stated.signal(str(number)): stated for number, stated in enumerate(shape)}
        left = [replay.affirmed(s) for s, stated in signals.items() if not stated.lapses]
        today = Facts(standing.current, standing.versions, frozenset(signals), standing.active)
        then = replace(today, current=replay.draft, signals=frozenset(left))
        # Two signals of a party on which it stands alike: one will do.
        anchors = {
            (s.party, purpose, s.day, observed(s), stated.lapses): s.id
            for s, stated in signals.items()
            for purpose in s.purposes
        }
        asked = (
            Posed(Question(party, purpose, "signal", standing.time, OwnSignal(name)), today, then)
            for (party, purpose, *_), name in anchors.items()
        )
        return replay(asked, {s.id: replay.sealed(stated.sealed) for s, stated in signals.items()})
