"""What may be told of a replay: a table whose rows say nothing, and whose numbers are rounded down.

There are no sums in it, so nothing that is left out can be calculated from one. Sums beside some larger cells that are
left out as well would not do: who knows the rule by which those were chosen solves for the small ones in some tables
(for a minimum of 3, the sum 7 with the one cell 3 shown can only be 3 + 2 + 2), and a second draft that makes the rule
choose another cell gives away the first one's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import permutations

from covenant_rules.matrix import Matrix
from covenant_rules.model import Covenant
from covenant_rules.replay import Group, Outcome, Tally, counted_as
from covenant_rules.rounding import rounded


@dataclass(frozen=True, slots=True)
class Numbers:
    """What is told of one group: per outcome a number that is rounded down, or None for less than the minimum."""

    gained: int | None
    lost: int | None
    kept: int | None


def publish(tally: Tally, groups: Iterable[Group], minimum: int) -> dict[Group, Numbers]:
    """The table, with a row for each of `groups`: those that are conceivable, whatever was counted."""
    return {
        group: Numbers(*(rounded(tally[group, outcome], minimum) for outcome in Outcome)) for group in sorted(groups)
    }


def conceivable(current: Covenant, draft: Covenant, stage: str) -> frozenset[Group]:
    """The groups in which either version could ever show anything at this stage, going by the two texts alone.

    Which rows a table has must not depend on the signals: a row that is there would tell that there is one.
    """
    kinds = [
        (counted_as(party, current, draft), _kind(party, current), _kind(party, draft))
        for party in {**current.parties, **draft.parties}
    ]
    return frozenset(
        Group(purpose, source[0], viewer[0], category)
        for source, viewer in set(permutations(kinds, 2))  # two parties, perhaps of one kind
        for place, covenant in enumerate((current, draft), 1)
        for purpose in covenant.purposes
        for category in covenant.categories
        if Matrix(covenant).mask(purpose, stage, source[place], viewer[place], category)
    )


def _kind(party: str, covenant: Covenant) -> str:
    """None that exists, where it is no party."""
    return covenant.parties[party].kind if party in covenant.parties else ""
