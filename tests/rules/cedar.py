"""Covenants as Cedar policies: item questions answered by an engine that shares nothing with ours.

Each version becomes one policy set. Cedar's own semantics carry what the two languages share: default deny, a forbid
beats every permit, and a hierarchy of actions in which a finer item stands below all it implies, so that forbidding an
item forbids what implies it. What Cedar has no words for is left to a few lines here, each a loop around its answers:
an item needs all it implies, all parties and both versions; and the limit of count(X).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import cedarpy

from covenant_rules.model import (
    CaseMembership,
    Covenant,
    Duration,
    Effect,
    Facts,
    LookUp,
    OwnSignal,
    Purpose,
    Question,
    Rule,
    Signal,
)

Counts = Mapping[str, int]
ENOUGH = 1 << 30
"""More parties than anyone asks for: n = ∞."""


def quoted(words: Iterable[str]) -> str:
    return "[" + ", ".join(json.dumps(word) for word in sorted(words)) + "]"


def actions(items: Iterable[str]) -> str:
    return "[" + ", ".join(f"Action::{json.dumps(item)}" for item in sorted(items)) + "]"


def window(within: Duration | None) -> str:
    return "always" if within is None else f"y{within.years}m{within.months}d{within.days}"


# -- a version as policies


def policies(version: Covenant) -> str:
    return "\n".join(_policies(version))


def _policies(version: Covenant) -> Iterator[str]:
    for rule in version.rules:
        effect = "permit" if rule.effect is Effect.PERMIT else "forbid"
        named = f"{actions(rule.items)}.contains(action)" if effect == "permit" else f"action in {actions(rule.items)}"
        tests = [named, *_cell(rule), *(_conditions(rule) if effect == "permit" else ())]
        yield f"@id({json.dumps(rule.id)}) {effect} (principal, action, resource) when {{ {' && '.join(tests)} }};"
    for purpose in version.purposes.values():
        lawful = " && ".join(_lawful(purpose, side) for side in ("source_kind", "viewer_kind"))
        asked = f"context.purpose == {json.dumps(purpose.id)}"
        yield f"forbid (principal, action, resource) when {{ {asked} }} unless {{ {lawful} }};"
    for code in version.handling_codes.values():
        for block in code.blocks:
            yield (
                f"forbid (principal, action in {actions(block.items)}, resource) when {{ "
                f"context.codes.contains({json.dumps(code.id)}) && {quoted(block.to)}.contains(context.viewer_kind) }};"
            )
    yield """
        forbid (principal, action, resource) when { resource == principal };
        forbid (principal, action, resource) unless { context.known_codes.containsAll(context.codes) };
        forbid (principal, action, resource) unless { context.signal_purposes.contains(context.purpose) };
        forbid (principal, action, resource) unless { context.active.contains(principal) };
        forbid (principal, action, resource) unless { context.active.contains(resource) };
        forbid (principal, action, resource) unless { context.active.contains(context.party) };
        forbid (principal, action, resource) unless { context.valid_from <= context.today };
        forbid (principal, action, resource) unless { context.today <= context.valid_until };
        forbid (principal, action, resource) unless { context.anchored };
    """


def _lawful(purpose: Purpose, side: str) -> str:
    bases = (
        f"(context.{side} == {json.dumps(kind)} && {quoted(c.value for c in basis.classes)}.contains(context.class))"
        for kind, basis in purpose.legal_basis.items()
    )
    return f"({' || '.join(bases) or 'false'})"


def _cell(rule: Rule) -> Iterator[str]:
    yield f"context.purpose == {json.dumps(rule.purpose)}"
    yield f"{quoted(rule.stages)}.contains(context.stage)"
    yield f"{quoted(rule.from_)}.contains(context.source_kind)"
    yield f"{quoted(rule.to)}.contains(context.viewer_kind)"
    yield f"{quoted(rule.categories)}.contains(context.category)"


def _conditions(rule: Rule) -> Iterator[str]:
    when = rule.when
    if not rule.lookup:
        yield "!context.lookup"
    if when.within is not None:
        yield f"context.starts.{window(when.within)} < context.day && context.day <= context.today"
    if when.viewer_has:
        yield f"context.observed.containsAny({quoted(when.viewer_has)})"
    if when.source_released:
        yield "context.released"
    if when.case_member:
        yield "context.case_member"
    if when.approved_by:
        yield f"context.approvals.containsAll({quoted(when.approved_by)})"
    if when.independent_parties is not None:
        yield f"context.counts.{window(when.within)} >= {when.independent_parties}"


def hierarchy(version: Covenant) -> list[dict[str, Any]]:
    """The items as actions, below all they imply."""
    return [
        {
            "uid": {"type": "Action", "id": item},
            "attrs": {},
            "parents": [{"type": "Action", "id": implied} for implied in sorted(version.implied[item])],
        }
        for item in version.items
    ]


class Version:
    """A version ready for questions: policies and hierarchy parsed once."""

    def __init__(self, covenant: Covenant) -> None:
        self.covenant = covenant
        self.policies = cedarpy.PolicySet.from_str(policies(covenant))
        self.entities = cedarpy.Entities.from_json_str(json.dumps(hierarchy(covenant)))

    def allowed(self, requests: Sequence[dict[str, Any]]) -> list[bool]:
        results = cedarpy.is_authorized_batch(list(requests), self.policies, self.entities)
        assert not any(result.diagnostics.errors for result in results), "a policy that fails is skipped silently"
        return [result.allowed for result in results]


# -- a question as requests


@dataclass(frozen=True)
class Asked:
    """One question with its facts, and what every request about it has in its context."""

    question: Question
    facts: Facts
    today: date
    signals: tuple[Signal, ...]
    anchor: Signal | None
    shared: dict[str, Any]

    @classmethod
    def of(cls, question: Question, facts: Facts) -> Asked | None:
        if question.time.tzinfo is None:
            return None
        today = question.time.astimezone(ZoneInfo("Europe/Amsterdam")).date()
        names = [signal.id for signal in facts.signals]
        signals = tuple(sorted((s for s in facts.signals if names.count(s.id) == 1), key=lambda s: s.id))
        mine = [signal for signal in signals if signal.party == question.viewer]
        own = [s for s in mine if question.anchor == OwnSignal(s.id) and question.purpose in s.purposes]
        member = question.anchor == CaseMembership() and facts.case_member
        shared = {
            "purpose": question.purpose,
            "stage": question.stage,
            "lookup": question.anchor == LookUp(),
            "anchored": bool(own) or member or question.anchor == LookUp(),
            "today": today.toordinal(),
            "valid_from": facts.current.valid_from.toordinal(),
            "valid_until": facts.current.valid_until.toordinal(),
            "active": [entity("Party", party) for party in sorted(facts.active)],
            "observed": sorted({signal.category for signal in mine if not signal.origins and not signal.tainted}),
            "approvals": sorted(facts.approvals),
            "case_member": facts.case_member,
        }
        return cls(question, facts, today, signals, own[0] if own else None, shared)

    def versions(self, signal: Signal) -> list[Covenant]:
        """Current and submitted, as far as they are known and know the stage."""
        current = self.facts.current
        submitted = current if signal.version == current.version else self.facts.versions.get(signal.version)
        both = [current] if submitted is current else [current, submitted]
        return [v for v in both if v is not None and self.question.stage in v.stages and submitted is not None]

    def starts(self) -> dict[Duration | None, date]:
        """For every window of every version, the last day that is too long ago."""
        versions = (self.facts.current, *self.facts.versions.values())
        windows = {rule.when.within for version in versions for rule in version.rules} | {None}
        return {within: date.min if within is None else earlier(self.today, within) for within in windows}

    def counts(self, seen: Iterable[Signal]) -> Counts:
        """By window. A viewer that is no party of the current version has no group there, and is shown nothing."""
        groups = {party.id: party.group for party in self.facts.current.parties.values()}
        own = [s for s in (*seen, *([self.anchor] if self.anchor else [])) if s.party in groups]
        return {
            window(within): len(
                {
                    groups[s.party]
                    for s in own
                    if not s.origins and not s.tainted and (within is None or start < s.day <= self.today)
                }
            )
            for within, start in self.starts().items()
        }

    def requests(
        self, signal: Signal, version: Covenant, items: Iterable[str], counts: Counts
    ) -> Iterator[dict[str, Any]]:
        parties, viewer = version.parties, self.question.viewer
        category = version.categories.get(signal.category)
        known = {code for each in self.versions(signal) for code in each.handling_codes}
        for party in sorted({signal.party} | signal.origins):
            context = self.shared | {
                "source_kind": parties[party].kind if party in parties else "",
                "viewer_kind": parties[viewer].kind if viewer in parties else "",
                "party": entity("Party", party),
                "category": signal.category,
                "class": category.class_.value if category else "",
                "signal_purposes": sorted(signal.purposes),
                "codes": sorted(signal.handling_codes),
                "known_codes": sorted(known),
                "released": signal.id in self.facts.released,
                "day": signal.day.toordinal(),
                "starts": {window(within): start.toordinal() for within, start in self.starts().items()},
                "counts": dict(counts),
            }
            written = json.dumps(context)
            for item in items:
                yield {
                    "principal": {"type": "Party", "id": viewer},
                    "action": {"type": "Action", "id": item},
                    "resource": {"type": "Party", "id": signal.party},
                    "context": written,
                }


def entity(type_: str, name: str) -> dict[str, Any]:
    return {"__entity": {"type": type_, "id": name}}


def earlier(day: date, within: Duration) -> date:
    months = day.year * 12 + day.month - 1 - 12 * within.years - within.months
    first = datetime(months // 12, months % 12 + 1, 1)
    last = (first.replace(day=28) + timedelta(4)).replace(day=1) - timedelta(1)
    return min(first.replace(day=min(day.day, last.day)), last).date() - timedelta(within.days)


def shared_items(versions: Sequence[Covenant]) -> list[str]:
    return [item for item in versions[0].items if all(item in version.items for version in versions)]


# -- the loops around Cedar's answers


class Cedar:
    """Decides questions under one family of versions, asking Cedar about all of them at once."""

    def __init__(self, versions: Iterable[Covenant]) -> None:
        self.versions = {version.version: Version(version) for version in versions}
        self.asked = 0

    def shown(self, questions: Sequence[tuple[Question, Facts]]) -> list[dict[str, set[str]]]:
        """Per question, the visible items of each visible signal."""
        asked = [Asked.of(question, facts) for question, facts in questions]
        left = {(n, s): ["hit"] for n, a in enumerate(asked) if a for s in a.signals if a.versions(s)}
        counts: list[Counts] = [{} if a is None else dict.fromkeys(a.counts(()), ENOUGH) for a in asked]
        while True:
            hits = self._allowed(asked, left, counts)
            following = {key: ["hit"] for key in left if hits[key]}
            counts = [{} if a is None else a.counts(s for m, s in following if m == n) for n, a in enumerate(asked)]
            if following == left:
                break
            left = following
        items = {(n, s): shared_items(one.versions(s)) for n, s in left if (one := asked[n]) is not None}
        answers: list[dict[str, set[str]]] = [{} for _ in asked]
        for (n, signal), allowed in self._allowed(asked, items, counts).items():
            both = asked[n].versions(signal)  # type: ignore[union-attr]
            while missing := {i for i in allowed if not all(version.implied[i] <= allowed for version in both)}:
                allowed -= missing
            answers[n][signal.id] = allowed
        return answers

    def _allowed(
        self,
        asked: Sequence[Asked | None],
        items: Mapping[tuple[int, Signal], Sequence[str]],
        counts: Sequence[Counts],
    ) -> dict[tuple[int, Signal], set[str]]:
        """The items that Cedar allows under every version and for every party of a signal."""
        allowed = {key: set(named) for key, named in items.items()}
        for name, version in self.versions.items():
            keys, requests = [], []
            for (n, signal), named in items.items():
                one = asked[n]
                if one is not None and any(v.version == name for v in one.versions(signal)):
                    for request in one.requests(signal, version.covenant, named, counts[n]):
                        keys.append((n, signal))
                        requests.append(request)
            self.asked += len(requests)
            for key, request, yes in zip(keys, requests, version.allowed(requests), strict=True):
                if not yes:
                    allowed[key].discard(request["action"]["id"])
        return allowed
