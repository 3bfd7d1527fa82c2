"""A reason: a code, and what it is about. It has no language, and nothing in it is a sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from covenant_rules.model import Rule
from covenant_rules.shapes import format_span

Value = str | int | tuple[str, ...]
"""An id, a number, an ISO 8601 date or duration, or ids in order: everything that JSON has words for."""


@dataclass(frozen=True)
class Reason:
    code: str
    parameters: Mapping[str, Value]


def asked_by(rule: Rule) -> Iterator[Reason]:
    """The conditions of a permit, as it stands in the covenant: what it asks, not whether that is so."""
    when = rule.when
    within = {} if when.within is None else {"within": format_span(when.within)}
    about = {"rule": rule.id, "clause": rule.clause}
    if when.independent_parties is not None:
        code = "asks-parties-within" if within else "asks-parties"
        yield Reason(code, {**about, "wanted": when.independent_parties, **within})
    if within:
        yield Reason("asks-recent", {**about, **within})
    if when.viewer_has:
        yield Reason("asks-own-signal", {**about, "categories": tuple(sorted(when.viewer_has))})
    if when.source_released:
        yield Reason("asks-release", about)
    if when.case_member:
        yield Reason("asks-membership", about)
    if when.approved_by:
        yield Reason("asks-approval", {**about, "kinds": tuple(sorted(when.approved_by))})
    if rule.lookup:
        yield Reason("answers-look-ups", about)
