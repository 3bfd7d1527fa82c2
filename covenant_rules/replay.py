"""What a draft would have shown: the questions of today, decided under a draft, told in numbers too large to point.

The draft decides as if it were in force and as if every source had affirmed its signals under it, since that is what
the parties decide on. Subjects are counted, not hits: one address with a dozen signals is one. Whoever reads the table
learns of no single subject: small cells are left out, and with them enough others that subtracting brings none back.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from covenant_rules.evaluate import decide
from covenant_rules.model import Covenant, Facts, Question, Signal


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


Tally = Counter[tuple[Group, Outcome]]
"""Subjects per group and outcome. Tallies of different subjects add up; one subject may have several outcomes."""


@dataclass(frozen=True)
class Table:
    """What may be published: None stands for a number that is left out."""

    cells: Mapping[tuple[Group, Outcome], int | None]
    totals: Mapping[tuple[str, Outcome], int | None]
    """Sums over the cells of one purpose and outcome. A subject in several cells is in the sum as often."""


class Replay:
    """A draft, ready to be asked about many subjects."""

    def __init__(self, draft: Covenant) -> None:
        self._draft = replace(draft, valid_from=date.min, valid_until=date.max)

    def __call__(self, asked: Iterable[tuple[Question, Facts]]) -> Tally:
        """The outcomes of one subject, over all the questions that its parties would ask about it."""
        found: set[tuple[Group, Outcome]] = set()
        for question, facts in asked:
            found |= self._outcomes(question, facts)
        return Counter(found)

    def _outcomes(self, question: Question, facts: Facts) -> set[tuple[Group, Outcome]]:
        draft = self._draft
        affirmed = frozenset(replace(signal, version=draft.version) for signal in facts.signals)
        today, then = (
            {visible.signal: frozenset(visible.items) for visible in decide(question, known).visible}
            for known in (facts, replace(facts, current=draft, signals=affirmed))
        )
        found = set()
        for signal in facts.signals:
            before, after = (seen.get(signal.id, frozenset()) for seen in (today, then))
            outcomes = {Outcome.GAINED: after - before, Outcome.LOST: before - after, Outcome.KEPT: before & after}
            group = self._group(question, facts.current, signal)
            found |= {(group, outcome) for outcome, items in outcomes.items() if items}
        return found

    def _group(self, question: Question, current: Covenant, signal: Signal) -> Group:
        """Kinds are those of today; the draft's for a party that it would let in."""
        parties = {**self._draft.parties, **current.parties}
        source, viewer = (parties[party].kind if party in parties else "" for party in (signal.party, question.viewer))
        return Group(question.purpose, source, viewer, signal.category)


def publish(tally: Tally, minimum: int) -> Table:
    """The table with every number from 1 to `minimum` − 1 left out, and as many others as it takes.

    A total tells the sum of what is missing under it. So at least two cells are missing or none, and together they hold
    at least `minimum`; where no cells are left to take, the total is missing too.
    """
    columns: defaultdict[tuple[str, Outcome], list[tuple[Group, int]]] = defaultdict(list)
    for (group, outcome), number in sorted(tally.items()):
        if number:
            columns[group.purpose, outcome].append((group, number))
    cells: dict[tuple[Group, Outcome], int | None] = {}
    totals: dict[tuple[str, Outcome], int | None] = {}
    for (purpose, outcome), column in columns.items():
        missing = _missing([number for _, number in column], minimum)
        for place, (group, number) in enumerate(column):
            cells[group, outcome] = None if place in missing else number
        protected = not missing or _hidden([column[place][1] for place in missing], minimum)
        totals[purpose, outcome] = sum(number for _, number in column) if protected else None
    return Table(cells, totals)


def _missing(numbers: Sequence[int], minimum: int) -> set[int]:
    """Places of the numbers to leave out: the small ones, and then the next smallest until the sum gives none away."""
    smallest = sorted(range(len(numbers)), key=lambda place: (numbers[place], place))
    missing = {place for place in smallest if numbers[place] < minimum}
    for place in smallest:
        if not missing or _hidden([numbers[n] for n in missing], minimum):
            break
        missing.add(place)
    return missing


def _hidden(numbers: Sequence[int], minimum: int) -> bool:
    """Whether the sum of these numbers gives none of them away."""
    return len(numbers) > 1 and sum(numbers) >= minimum
