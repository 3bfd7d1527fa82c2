"""Does every rule do something? Permits that can never show anything, forbids that forbid nothing."""

from __future__ import annotations

from covenant_rules.conditions import Alternative, implies
from covenant_rules.diagnostics import listed, quoted
from covenant_rules.lint.examined import Examined
from covenant_rules.matrix import legal_basis
from covenant_rules.model import Never, Rule


def permits_are_not_forbidden(examined: Examined) -> None:
    """CR511."""
    matrix = examined.matrix
    for permit in examined.permits:
        box = examined.cells(permit)
        if all(not box & ~matrix.forbidden[item] for item in permit.items):
            forbids = sorted(forbid.id for forbid in examined.forbids if matrix.space.named(forbid) & box)
            message = f"{quoted(permit.id)} shows nothing: all of it is forbidden by {listed(forbids, 'and')}"
            examined.report.error(
                "CR511", examined.place_of(permit), message, "remove the permit, or narrow the forbid"
            )


def permits_add_something(examined: Examined) -> None:
    """CR512. Read from the end, so that of two that say the same the first one stays."""
    shadowed: set[str] = set()
    for permit in reversed(examined.permits):
        others = [
            other
            for other in examined.permits
            if other is not permit
            and other.id not in shadowed
            and other.purpose == permit.purpose
            and implies(Alternative(permit.when, permit.lookup), Alternative(other.when, other.lookup))
        ]
        if _live_anywhere(examined, permit) and not any(_adds(examined, permit, item, others) for item in permit.items):
            shadowed.add(permit.id)
            used = sorted(other.id for other in others if examined.cells(other) & examined.cells(permit))
            message = f"{quoted(permit.id)} adds nothing: all of it is shown as readily by {listed(used, 'and')}"
            examined.report.warning(
                "CR512", examined.place_of(permit), message, "remove it, or narrow the other permit"
            )


def _live_anywhere(examined: Examined, permit: Rule) -> bool:
    return any(examined.live(permit, item) for item in permit.items)


def _adds(examined: Examined, permit: Rule, item: str, others: list[Rule]) -> bool:
    """Whether some cell shows the item through this permit and through none of the others."""
    left = examined.live(permit, item)
    for other in others:
        if item in other.items:
            left &= ~examined.cells(other)
        if not left:
            return False
    return True


def forbids_forbid_something(examined: Examined) -> None:
    """CR513."""
    matrix, implied = examined.matrix, examined.covenant.implied
    for forbid in examined.forbids:
        box = matrix.space.named(forbid)
        hidden = [item for item in implied if forbid.items & ({item} | implied[item])]
        if not any(box & matrix.permitted[item] for item in hidden):
            message = f"{quoted(forbid.id)} forbids nothing that a permit allows"
            advice = "keep it if it is to stop later permits, or write it as a `never`, which is proved"
            examined.report.warning("CR513", examined.place_of(forbid), message, advice)


def counts_can_be_reached(examined: Examined) -> None:
    """CR514: `independent_parties` counts groups that can have a signal on the subject at all."""
    covenant = examined.covenant
    for permit in examined.permits:
        wanted = permit.when.independent_parties
        subjects = covenant.purposes[permit.purpose].subjects
        kinds = {kind for subject in subjects for kind in covenant.match_keys[subject].kinds}
        groups = {party.group for party in covenant.parties.values() if party.kind in kinds}
        if wanted is not None and wanted > len(groups):
            message = f"{quoted(permit.id)} asks for {wanted} independent parties, and there are {len(groups)}"
            examined.report.error("CR514", examined.place_of(permit), message, f"ask for at most {len(groups)}")


def cases_have_begun(examined: Examined) -> None:
    """CR515."""
    for permit in examined.permits:
        if permit.when.case_member and "signal" in permit.stages:
            message = f"{quoted(permit.id)} asks for membership of a case at the stage `signal`, when there is none"
            examined.report.warning("CR515", examined.place_of(permit), message, "leave `signal` out of its stages")


def viewers_can_have_what_is_asked(examined: Examined) -> None:
    """CR516: a kind without a legal basis for a category in any purpose never has a signal of it."""
    covenant = examined.covenant
    for permit in examined.permits:
        asked = permit.when.viewer_has
        for kind in sorted(permit.to) if asked else ():
            held = any(legal_basis(covenant, purpose, kind, c) for purpose in covenant.purposes for c in asked)
            if not held:
                message = f"{quoted(permit.id)} asks {quoted(kind)} for a signal of its own in "
                message += f"{listed(sorted(asked))}, which it may not have"
                advice = f"leave {quoted(kind)} out, or ask for a category it has a legal basis for"
                examined.report.warning("CR516", examined.place_of(permit), message, advice)


def items_come_with_what_they_imply(examined: Examined) -> None:
    """CR517: a note whose source may not be seen is not shown, here or, where others help out, in some cells."""
    covenant, matrix = examined.covenant, examined.matrix
    for permit in examined.permits:
        for item in sorted(permit.items):
            live = examined.live(permit, item)
            hidden = live & ~matrix.sets[item]
            if not hidden:
                continue
            cell = next(matrix.space.cells(hidden))
            missing = [i for i in covenant.items if i in covenant.implied[item] and not matrix.may(*cell, i)]
            never = hidden == live
            message = f"{quoted(permit.id)} {'never shows' if never else 'does not always show'} {quoted(item)}: "
            message += f"{listed(missing, 'and')} cannot be seen from {quoted(cell.from_kind)} to "
            message += f"{quoted(cell.to_kind)} about {quoted(cell.category)} at the stage {quoted(cell.stage)}"
            tell = examined.report.error if never else examined.report.warning
            tell("CR517", examined.place_of(permit), message, f"permit {listed(missing, 'and')} too, or leave it out")


def rules_carry_out_a_clause(examined: Examined) -> None:
    """CR518."""
    rules: tuple[Rule | Never, ...] = (*examined.covenant.rules, *examined.covenant.never)
    for rule in rules:
        if not any(character.isdecimal() for character in rule.clause):
            message = f"{quoted(rule.clause)} names no article of the covenant"
            place = rule.place or examined.root.place
            examined.report.warning("CR518", place, message, "name the article this rule carries out")


CHECKS = (
    permits_are_not_forbidden,
    permits_add_something,
    forbids_forbid_something,
    counts_can_be_reached,
    cases_have_begun,
    viewers_can_have_what_is_asked,
    items_come_with_what_they_imply,
    rules_carry_out_a_clause,
)
