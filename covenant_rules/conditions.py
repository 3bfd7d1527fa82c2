"""When the conditions of one permit hold wherever those of another do: the order from strict to wide.

Sound and not complete: what is said to follow does follow, for all facts; what needs a proof is not said to.
"""

from __future__ import annotations

from dataclasses import dataclass

from covenant_rules.model import Conditions, Duration


@dataclass(frozen=True, slots=True)
class Alternative:
    """One way in which an item opens. A cell that several permits name has several; one of them is enough."""

    when: Conditions
    lookup: bool


def implies(strict: Alternative, wide: Alternative) -> bool:
    """Whether every situation that opens `strict` opens `wide`. Never true wrongly; false where nobody can tell."""
    a, b = strict.when, wide.when
    inside = b.within is None or (a.within is not None and shorter(a.within, b.within))
    enough = b.independent_parties is None or (
        a.independent_parties is not None and a.independent_parties >= b.independent_parties
    )
    return (
        inside
        and enough
        and (wide.lookup or not strict.lookup)
        and (not b.viewer_has or (bool(a.viewer_has) and a.viewer_has <= b.viewer_has))
        and (a.source_released or not b.source_released)
        and (a.case_member or not b.case_member)
        and a.approved_by >= b.approved_by
    )


def shorter(one: Duration, other: Duration) -> bool:
    """Whether `one` is at most as long as `other` from whatever day it runs. A month has 28 to 31 days."""
    months, others = 12 * one.years + one.months, 12 * other.years + other.months
    by_parts = months <= others and one.days <= other.days
    return by_parts or 31 * months + one.days <= 28 * others + other.days


def order(alternative: Alternative) -> tuple[object, ...]:
    """A fixed order in which to tell alternatives; it says nothing of strict or wide."""
    when, within = alternative.when, alternative.when.within or Duration()
    return (
        alternative.lookup,
        when.independent_parties or 0,
        within.years * 12 + within.months,
        within.days,
        sorted(when.viewer_has),
        when.source_released,
        when.case_member,
        sorted(when.approved_by),
    )
