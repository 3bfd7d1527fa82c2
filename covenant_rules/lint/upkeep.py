"""Is the covenant complete and of one piece? Terms, retention, quotas, match keys, and parts that nothing uses."""

from __future__ import annotations

from covenant_rules.dates import add
from covenant_rules.diagnostics import listed, quoted
from covenant_rules.lint.examined import Examined
from covenant_rules.model import Duration

LONGEST_TERM = Duration(years=5)
SMALLEST_CELL = 10
"""Below it an area figure may stand for people whom the neighbours can name."""


def the_sun_sets(examined: Examined) -> None:
    """CR531."""
    covenant = examined.covenant
    if covenant.valid_until >= add(covenant.valid_from, LONGEST_TERM):
        message = f"the covenant holds for more than {LONGEST_TERM.years} years"
        place = examined.place("valid", "until")
        examined.report.warning("CR531", place, message, "choose an earlier date and evaluate before renewing")


def the_log_is_forgotten(examined: Examined) -> None:
    """CR532."""
    if examined.covenant.retention.audit is None:
        message = "nothing says how long audit entries are kept"
        examined.report.warning("CR532", examined.place("retention"), message, "add `audit:` with a duration")


def fields_are_shown(examined: Examined) -> None:
    """CR533: what nobody may ever see need not be written down (data minimisation, GDPR art. 5(1)(c))."""
    for field in examined.covenant.fields.values():
        for variant in field.variants:
            if not examined.matrix.sets[f"{field.id}.{variant}"]:
                message = f"no rule shows {quoted(f'{field.id}.{variant}')} to anybody"
                place = examined.place("fields", field.id)
                examined.report.warning("CR533", place, message, "leave the variant out, or permit it somewhere")


def categories_are_used(examined: Examined) -> None:
    """CR534: a category may also serve as what a viewer must have itself."""
    hits = examined.matrix.sets["hit"]
    asked = {category for permit in examined.permits for category in permit.when.viewer_has}
    for category in examined.covenant.categories:
        if category not in asked and not hits & examined.of_category[category]:
            message = f"no rule ever shows a signal of {quoted(category)}"
            place = examined.place("categories", category)
            examined.report.warning("CR534", place, message, "leave the category out, or permit it somewhere")


def purposes_are_used(examined: Examined) -> None:
    """CR535."""
    for purpose, takers in examined.takers.items():
        if not takers:
            message = f"no rule shows anything for {quoted(purpose)}"
            place = examined.place("purposes", purpose)
            examined.report.warning("CR535", place, message, "leave the purpose out, or add its rules")


def kinds_have_parties(examined: Examined) -> None:
    """CR536, and CR537 where it leaves a stage out of reach."""
    covenant = examined.covenant
    for kind in covenant.kinds:
        if kind not in examined.staffed:
            message = f"there is no party of kind {quoted(kind)}"
            examined.report.warning(
                "CR536", examined.place("kinds", kind), message, "add the party, or remove the kind"
            )
    for stage in covenant.stages.values():
        missing = [kind for kind in stage.approvals if kind not in examined.staffed]
        if missing:
            message = f"the stage {quoted(stage.id)} is never reached: there is no party of kind {listed(missing)}"
            place = examined.place("stages", stage.id, "approvals")
            examined.report.error("CR537", place, message, "add the party, or remove the approval")


def takers_can_be_matched(examined: Examined) -> None:
    """CR538: rules for a kind that has nothing to match by. CR539: match keys without the anchor."""
    covenant = examined.covenant
    for purpose in covenant.purposes.values():
        keys = {subject: covenant.match_keys[subject] for subject in sorted(purpose.subjects)}
        for kind in sorted(examined.takers[purpose.id]):
            if not any(kind in subject_keys.kinds for subject_keys in keys.values()):
                message = f"{quoted(kind)} takes part in {quoted(purpose.id)} and has no match key"
                advice = f"name it under {listed(keys)} in `match_keys`"
                examined.report.error("CR538", examined.place("match_keys"), message, advice)
                continue
            for subject, subject_keys in keys.items():
                if subject_keys.anchor not in subject_keys.kinds.get(kind, ()):
                    message = (
                        f"{quoted(kind)} takes part in {quoted(purpose.id)} without the anchor of {quoted(subject)}"
                    )
                    place = examined.place("match_keys", subject, "kinds", kind)
                    advice = f"add {quoted(subject_keys.anchor)}: stages, cases and audit entries hang on it"
                    examined.report.error("CR539", place, message, advice)


def takers_have_a_quota(examined: Examined) -> None:
    """CR540."""
    quota = examined.covenant.quotas.tokens
    for kind in sorted(frozenset[str]().union(*examined.takers.values())):
        if not quota.get(kind):
            message = f"{quoted(kind)} has rules but may make no tokens"
            examined.report.error(
                "CR540", examined.place("quotas", "tokens", kind), message, f"add `{kind}:` and a number"
            )


def lookups_have_a_quota(examined: Examined) -> None:
    """CR541: look-ups without a quota. CR542: a quota without look-ups."""
    covenant = examined.covenant
    allowed: set[tuple[str, str]] = set()
    for permit in examined.permits:
        if not permit.lookup:
            continue
        live = examined.live(permit, "hit")
        for kind in sorted(kind for kind in permit.to if live & examined.of_viewer[kind]):
            allowed.add((permit.purpose, kind))
            if not covenant.quotas.lookups.get(permit.purpose, {}).get(kind):
                message = f"{quoted(permit.id)} answers look-ups of {quoted(kind)}, which has no quota for them"
                place = examined.place("quotas", "lookups", permit.purpose, kind)
                advice = f"add `{permit.purpose}: {{{kind}: 50}}` to the look-ups in `quotas`, or choose another number"
                examined.report.error("CR541", place, message, advice)
    for purpose, limits in covenant.quotas.lookups.items():
        for kind in limits:
            if (purpose, kind) not in allowed:
                message = f"no permit answers look-ups of {quoted(kind)} for {quoted(purpose)}"
                place = examined.place("quotas", "lookups", purpose, kind)
                examined.report.warning("CR542", place, message, "remove the quota, or add `lookup: true` to a permit")


def figures_hide_people(examined: Examined) -> None:
    """CR543."""
    smallest = examined.covenant.statistics.minimum_cell
    if smallest < SMALLEST_CELL:
        message = f"an area figure may stand for {smallest} subjects"
        place = examined.place("statistics", "minimum_cell")
        examined.report.warning("CR543", place, message, f"choose {SMALLEST_CELL} or more")


def handling_codes_hide_something(examined: Examined) -> None:
    """CR544."""
    covenant, matrix = examined.covenant, examined.matrix
    for code in covenant.handling_codes.values():
        hidden = 0
        for block in code.blocks:
            to = matrix.space.box(covenant.purposes, covenant.stages, covenant.kinds, block.to, covenant.categories)
            for item in covenant.items:
                if block.items & ({item} | covenant.implied[item]):
                    hidden |= matrix.sets[item] & to
        if not hidden:
            message = f"{quoted(code.id)} hides nothing that a rule shows"
            place = examined.place("handling_codes", code.id)
            examined.report.warning("CR544", place, message, "remove it, or correct what it blocks")


CHECKS = (
    the_sun_sets,
    the_log_is_forgotten,
    fields_are_shown,
    categories_are_used,
    purposes_are_used,
    kinds_have_parties,
    takers_can_be_matched,
    takers_have_a_quota,
    lookups_have_a_quota,
    figures_hide_people,
    handling_codes_hide_something,
)
