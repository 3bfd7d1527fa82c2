"""What a draft would have shown: the questions of today, decided under a draft, told in numbers too large to point.

The draft decides as if it were in force and as if every source had affirmed its signals under it, since that is what
the parties decide on. Subjects are counted, not hits: one address with a dozen signals is one.

What signals say is all that a decision depends on, and most subjects are alike in it: their *shape* is what is stated
of them, days put in the same box where no window tells them apart. A shape is decided once.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from covenant_rules.compile import Memory
from covenant_rules.dates import amsterdam_date, subtract
from covenant_rules.evaluate import decide
from covenant_rules.model import FIXED_ITEMS, Covenant, Facts, OwnSignal, Question, Signal


class Group(NamedTuple):
    """What is counted apart: hits of one category, from one kind to another, for one purpose."""

    purpose: str
    from_kind: str
    to_kind: str
    category: str


class Outcome(StrEnum):
    GAINED = "gained"
    """Some viewer would see a hit, or an item of one, that it does not see today."""
    LOST = "lost"
    KEPT = "kept"
    """Some viewer sees a hit today and would see it under the draft."""


Outcomes = frozenset[tuple[Group, Outcome]]
"""Of one subject."""

Tally = Counter[tuple[Group, Outcome]]
"""Subjects per group and outcome. Tallies of different subjects add up; one subject may have several outcomes."""

Sealed = Mapping[str, Collection[str]]
"""By signal, the items its source sealed. What a rule lets be seen and nobody sealed is neither gained nor lost."""


@dataclass(frozen=True)
class Table:
    """What may be published: None stands for a number that is left out."""

    cells: Mapping[tuple[Group, Outcome], int | None]
    totals: Mapping[tuple[str, Outcome], int | None]
    """Sums over the cells of one purpose and outcome. A subject in several cells is in the sum as often."""


class Posed(NamedTuple):
    """A question on what is known today; and what would be known under the draft, where that is something else."""

    question: Question
    today: Facts
    then: Facts | None = None


class Replay:
    """A draft, ready to be asked about many subjects."""

    def __init__(self, draft: Covenant) -> None:
        self._draft = replace(draft, valid_from=date.min, valid_until=date.max)

    def __call__(self, asked: Iterable[Posed], sealed: Sealed | None = None) -> Tally:
        """The outcomes of one subject, over all the questions that its parties would ask about it.

        Without `sealed`, every item that can be seen is there.
        """
        found: set[tuple[Group, Outcome]] = set()
        affirmed: dict[frozenset[Signal], frozenset[Signal]] = {}
        for question, today, then in asked:
            known = then or today
            if known.signals not in affirmed:
                affirmed[known.signals] = frozenset(replace(s, version=self._draft.version) for s in known.signals)
            under_draft = replace(known, current=self._draft, signals=affirmed[known.signals])
            found.update(self._outcomes(question, today, under_draft, sealed))
        return Counter(found)

    def _outcomes(
        self, question: Question, facts: Facts, then: Facts, sealed: Sealed | None
    ) -> Iterator[tuple[Group, Outcome]]:
        before, after = (
            {visible.signal: visible.items for visible in decide(question, known).visible} for known in (facts, then)
        )
        if not before and not after:
            return
        stated = {signal.id: signal for signal in facts.signals | then.signals}
        for name in before.keys() | after.keys():
            had, has = (_there(seen.get(name, ()), name, sealed) for seen in (before, after))
            group = self._group(question, facts.current, stated[name])
            for outcome, items in ((Outcome.GAINED, has - had), (Outcome.LOST, had - has), (Outcome.KEPT, had & has)):
                if items:
                    yield group, outcome

    def _group(self, question: Question, current: Covenant, signal: Signal) -> Group:
        """Kinds are those of today; the draft's for a party that it would let in."""
        parties = {**self._draft.parties, **current.parties}
        source, viewer = (parties[party].kind for party in (signal.party, question.viewer))
        return Group(question.purpose, source, viewer, signal.category)


def _there(items: Iterable[str], signal: str, sealed: Sealed | None) -> frozenset[str]:
    if sealed is None:
        return frozenset(items)
    return frozenset(item for item in items if item in FIXED_ITEMS or item in sealed[signal])


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

    def __init__(self, draft: Covenant, standing: Standing, most: int = 1 << 17) -> None:
        self._standing = standing
        self._replay = Replay(draft)
        self._today = amsterdam_date(standing.time) or date.min
        covenants = (draft, standing.current, *standing.versions.values())
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
        standing, names = self._standing, [str(number) for number in range(len(shape))]
        signals = frozenset(
            Signal(
                id=name,
                party=stated.party,
                category=stated.category,
                day=stated.day,
                purposes=frozenset(stated.purposes),
                version=stated.version,
                origins=frozenset(stated.origins),
                handling_codes=frozenset(stated.handling_codes),
                tainted=stated.tainted,
            )
            for name, stated in zip(names, shape, strict=True)
        )
        facts = Facts(standing.current, standing.versions, signals, standing.active)
        anchors = {stated: name for name, stated in zip(names, shape, strict=True)}  # of those alike, one will do
        asked = (
            Posed(Question(stated.party, purpose, "signal", standing.time, OwnSignal(name)), facts)
            for stated, name in anchors.items()
            for purpose in stated.purposes
        )
        sealed = {name: stated.sealed for name, stated in zip(names, shape, strict=True)}
        return frozenset(self._replay(asked, sealed))


_FEWEST = 3


def publish(tally: Tally, minimum: int) -> Table:
    """The table with every number from 1 to `minimum` − 1 left out, and every sum in which such a number would be.

    A sum is shown only where all that it sums is shown, so no number that is left out stands in any sum: there is
    nothing to subtract from, neither in this table nor between those of two drafts. Leaving out some larger cells and
    telling the sum would not do. Who knows the rule by which they were chosen solves for the small ones in some tables
    (for a minimum of 3, the sum 7 with the one cell 3 shown can only be 3 + 2 + 2); and a second draft that makes the
    rule choose another cell gives away the first one's.

    Of what is left out one knows that it is there and below the minimum. Below 3 that would be all there is to know, so
    no minimum is less.
    """
    minimum = max(minimum, _FEWEST)
    columns: defaultdict[tuple[str, Outcome], list[int]] = defaultdict(list)
    cells: dict[tuple[Group, Outcome], int | None] = {}
    for (group, outcome), number in sorted(tally.items()):
        if number:
            cells[group, outcome] = number if number >= minimum else None
            columns[group.purpose, outcome].append(number)
    totals = {column: sum(numbers) if min(numbers) >= minimum else None for column, numbers in columns.items()}
    return Table(cells, totals)
