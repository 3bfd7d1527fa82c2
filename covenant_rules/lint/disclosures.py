"""Does a rule tell more than it says? Hits that disclose, look-ups that nobody notices, promises that are broken."""

from __future__ import annotations

from covenant_rules.diagnostics import listed, quoted
from covenant_rules.lint.examined import Examined
from covenant_rules.model import CategoryClass, Rule
from covenant_rules.queries import broken

ENOUGH_PARTIES = 3
"""With two, each knows that what it sees is the other's; from three on a hit no longer points at one of them."""


def sensitive_hits_are_guarded(examined: Examined) -> None:
    """CR521: that the police have something on an address is police data, even when nothing else is told."""
    for permit in examined.permits:
        if "hit" not in permit.items or _is_guarded(permit):
            continue
        categories, live = examined.covenant.categories, examined.live(permit, "hit")
        exposed = sorted(
            category
            for category in permit.categories
            if categories[category].class_ is not CategoryClass.ORDINARY and live & examined.of_category[category]
        )
        if exposed:
            message = f"a hit of {quoted(permit.id)} by itself discloses {listed(exposed)} to one other party"
            advice = "ask for `independent_parties: 3`, `case_member`, `approved_by` or `source_released`"
            examined.report.error("CR521", examined.place_of(permit), message, advice)


def _is_guarded(permit: Rule) -> bool:
    when = permit.when
    counted = when.independent_parties is not None and when.independent_parties >= ENOUGH_PARTIES
    return counted or when.case_member or bool(when.approved_by) or when.source_released


def lookups_are_told(examined: Examined) -> None:
    """CR522."""
    for permit in examined.permits:
        if permit.lookup and "notify_source" not in permit.obligations:
            message = f"{quoted(permit.id)} answers look-ups, and no source hears of them"
            advice = "add `obligations: [notify_source]`"
            examined.report.warning("CR522", examined.place_of(permit), message, advice)


def lookups_want_a_pattern(examined: Examined) -> None:
    """CR523: a look-up puts nothing of the viewer's own at stake."""
    for permit in examined.permits:
        if permit.lookup and permit.when.independent_parties is None:
            message = f"{quoted(permit.id)} answers a look-up on the signal of a single party"
            advice = "ask for `independent_parties: 2`, in which a look-up does not count"
            examined.report.warning("CR523", examined.place_of(permit), message, advice)


def promises_are_kept(examined: Examined) -> None:
    """CR524, with the cell that breaks the promise."""
    for found in broken(examined.covenant):
        cell, never = found.cell, found.never
        message = f"{quoted(never.id)} is broken: {quoted(cell.to_kind)} is shown the item {quoted(found.item)} of "
        message += f"{quoted(cell.from_kind)} about {quoted(cell.category)} for {quoted(cell.purpose)} at the stage "
        message += f"{quoted(cell.stage)}, by {listed(found.permits, 'and')}"
        place = never.place or examined.root.place
        examined.report.error("CR524", place, message, "narrow the permit, or add a forbid")


CHECKS = (sensitive_hits_are_guarded, lookups_are_told, lookups_want_a_pattern, promises_are_kept)
