"""The independent oracle: what a clerk with all the papers on one table would find, by plain comparison.

It sees what nobody in the real system sees together: the records of every party, with the subject each is truly about.
It shares no code with tokens, matching or `decide`. It reads the covenant's rules one by one, as slowly and as plainly
as it can, for what the demo uses of them: the stage of the signal, own observations, one version.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from covenant_rules.dates import subtract
from covenant_rules.model import Covenant, Rule


@dataclass(frozen=True, slots=True)
class Paper:
    """One record with everything about it. `subject` is the truth: (kind, number in the neighbourhood)."""

    party: str
    reference: str
    subject: tuple[str, int]
    category: str
    day: date
    purposes: frozenset[str]
    handling_codes: frozenset[str]
    fields: frozenset[str]
    """Items of the sealed fields that the source filled in."""


Finding = tuple[str, str, str, str, str]
"""(viewer, purpose, the viewer's own reference, the source's party and reference as `party/reference`, item)."""


def findings(covenant: Covenant, papers: Iterable[Paper], today: date) -> Iterator[Finding]:
    """Every item of every hit that the covenant lets somebody see at the stage of the signal, once each."""
    by_subject: dict[tuple[str, int], list[Paper]] = defaultdict(list)
    for paper in papers:
        by_subject[paper.subject].append(paper)
    for together in by_subject.values():
        if len({paper.party for paper in together}) > 1:
            for own in together:
                for purpose in own.purposes:
                    for other, item in _answer(covenant, own, purpose, together, today):
                        yield own.party, purpose, own.reference, f"{other.party}/{other.reference}", item


def _answer(
    covenant: Covenant, own: Paper, purpose: str, together: list[Paper], today: date
) -> Iterator[tuple[Paper, str]]:
    others = [
        p for p in together if p.party != own.party and purpose in p.purposes and _lawful(covenant, own, p, purpose)
    ]
    has = {p.category for p in together if p.party == own.party}
    seen = [p for p in others if "hit" in _items(covenant, own, p, purpose, has, today, lambda _: True)]
    while True:

        def enough(rule: Rule, seen: list[Paper] = seen) -> bool:
            wanted = rule.when.independent_parties
            counted = [p for p in (*seen, own) if _recent(rule, p, today)]
            return wanted is None or len({covenant.parties[p.party].group for p in counted}) >= wanted

        left = [p for p in seen if "hit" in _items(covenant, own, p, purpose, has, today, enough)]
        if left == seen:
            break
        seen = left
    for paper in seen:
        for item in _items(covenant, own, paper, purpose, has, today, enough):
            if "." not in item or item in paper.fields:
                yield paper, item


def _lawful(covenant: Covenant, own: Paper, other: Paper, purpose: str) -> bool:
    basis = covenant.purposes[purpose].legal_basis
    class_ = covenant.categories[other.category].class_
    kinds = [covenant.parties[party].kind for party in (own.party, other.party)]
    return all(kind in basis and class_ in basis[kind].classes for kind in kinds)


def _recent(rule: Rule, paper: Paper, today: date) -> bool:
    return rule.when.within is None or subtract(today, rule.when.within) < paper.day <= today


def _items(
    covenant: Covenant,
    own: Paper,
    other: Paper,
    purpose: str,
    has: set[str],
    today: date,
    enough: Callable[[Rule], bool],
) -> set[str]:
    """What `own`'s party sees of `other`, if `enough` says for which permits there are enough parties."""
    to, from_ = covenant.parties[own.party].kind, covenant.parties[other.party].kind
    about = [
        rule
        for rule in covenant.rules
        if rule.purpose == purpose
        and "signal" in rule.stages
        and to in rule.to
        and from_ in rule.from_
        and other.category in rule.categories
    ]
    permitted: set[str] = set()
    for rule in about:
        when = rule.when
        impossible = when.source_released or when.case_member or when.approved_by
        met = _recent(rule, other, today) and (not when.viewer_has or when.viewer_has & has) and enough(rule)
        if rule.effect == "permit" and met and not impossible:
            permitted |= rule.items
    for rule in about:
        if rule.effect == "forbid":
            permitted -= rule.items
    for code in other.handling_codes:
        for block in covenant.handling_codes[code].blocks:
            if to in block.to:
                permitted -= block.items
    return {item for item in permitted if all(below in permitted for below in _below(covenant, item))}


def _below(covenant: Covenant, item: str) -> list[str]:
    """The items without which this one may not be seen."""
    if item == "hit":
        return []
    if "." not in item:
        return ["hit"]
    field, variant = item.split(".")
    variants = covenant.fields[field].variants
    return ["hit", "source", *(f"{field}.{coarser}" for coarser in variants[: variants.index(variant)])]
