"""A second evaluator, slow and obvious, written from the normative text with nothing of the engine but its words.

Every definition of the text is a function here, in the order of the text, and nothing is prepared or remembered.
"""

from __future__ import annotations

import calendar
import math
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from covenant_rules.model import (
    AuditSight,
    CaseMembership,
    Covenant,
    Decision,
    Duration,
    Effect,
    Facts,
    Ground,
    LookUp,
    OwnSignal,
    Question,
    Rule,
    Signal,
    Visible,
)

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
Count = Callable[[Duration | None], float]
"""count(X) for one `within`, or for none."""


def infinity(within: Duration | None) -> float:
    return math.inf


class Reference:
    def __init__(self, question: Question, facts: Facts) -> None:
        self.question = question
        self.facts = facts
        self.current = facts.current
        self.by_id = {
            signal.id: signal for signal in facts.signals if [other.id for other in facts.signals].count(signal.id) == 1
        }

    def decide(self) -> Decision:
        if not self.rule_1() or not self.rule_2():
            return Decision(self.current.version)
        limit = self.rule_10()
        count = self.count(limit)
        shown = {signal.id: self.vis(signal, count) for signal in limit}
        visible = tuple(self.visible(self.by_id[name], shown[name], count) for name in sorted(shown))
        used = [
            rule
            for signal in limit
            for party in {signal.party} | signal.origins
            for item in shown[signal.id]
            for rule in self.opening(self.current, party, signal, item, count)
        ]
        if not used:
            return Decision(self.current.version)
        return Decision(self.current.version, visible, *self.rule_11(used))

    # 1. The answer is empty unless the current version is in force (only its dates count) and the viewer is active.

    def rule_1(self) -> bool:
        if self.question.time.tzinfo is None:
            return False
        self.today = self.question.time.astimezone(AMSTERDAM).date()
        in_force = self.current.valid_from <= self.today <= self.current.valid_until
        return in_force and self.question.viewer in self.facts.active

    # 2. Anchor: the viewer's own live signal, its own audited look-up, or its membership of a case.

    def rule_2(self) -> bool:
        anchor = self.question.anchor
        if isinstance(anchor, OwnSignal):
            return self.anchor_signal() is not None
        if isinstance(anchor, CaseMembership):
            return self.facts.case_member
        return isinstance(anchor, LookUp)

    def anchor_signal(self) -> Signal | None:
        anchor = self.question.anchor
        if not isinstance(anchor, OwnSignal) or anchor.signal not in self.by_id:
            return None
        signal = self.by_id[anchor.signal]
        mine = signal.party == self.question.viewer and self.question.purpose in signal.purposes
        return signal if mine else None

    # 3. Candidates. An origin is held to what the source is held to.

    def candidates(self) -> list[Signal]:
        return [signal for signal in self.by_id.values() if self.is_candidate(signal)]

    def is_candidate(self, signal: Signal) -> bool:
        if signal.party == self.question.viewer or self.question.purpose not in signal.purposes:
            return False
        parties = {signal.party} | signal.origins
        if not parties <= self.facts.active:
            return False
        versions = self.versions(signal)
        if not versions:
            return False
        for code in signal.handling_codes:
            if not any(code in version.handling_codes for version in versions):
                return False
        return all(
            self.question.stage in version.stages
            and all(self.has_legal_basis(version, party, signal.category) for party in parties | {self.question.viewer})
            for version in versions
        )

    def versions(self, signal: Signal) -> list[Covenant]:
        """Current and submitted; none where the submitted one is unknown."""
        if signal.version == self.current.version:
            return [self.current]
        submitted = self.facts.versions.get(signal.version)
        return [] if submitted is None else [self.current, submitted]

    def has_legal_basis(self, version: Covenant, party: str, category: str) -> bool:
        if party not in version.parties or category not in version.categories:
            return False
        if self.question.purpose not in version.purposes:
            return False
        basis = version.purposes[self.question.purpose].legal_basis.get(version.parties[party].kind)
        return basis is not None and version.categories[category].class_ in basis.classes

    # 4. Category, period and source imply hit; a sealed field implies source; a finer variant implies the coarser ones.

    def implied(self, version: Covenant, item: str) -> set[str]:
        if item == "hit":
            return set()
        if item in ("category", "period", "source"):
            return {"hit"}
        name, variant = item.split(".")
        variants = version.fields[name].variants
        return {"hit", "source"} | {f"{name}.{coarser}" for coarser in variants[: variants.index(variant)]}

    def items(self, version: Covenant) -> set[str]:
        fields = version.fields.values()
        return {"hit", "source", "category", "period"} | {f"{f.id}.{variant}" for f in fields for variant in f.variants}

    # 5. For the source of s and for each of its origins, some permit of W names i and no forbid of W does.

    def naming(self, version: Covenant, effect: Effect, party: str, signal: Signal, item: str) -> Iterator[Rule]:
        for rule in version.rules:
            if (
                rule.effect == effect
                and rule.purpose == self.question.purpose
                and self.question.stage in rule.stages
                and version.parties[party].kind in rule.from_
                and version.parties[self.question.viewer].kind in rule.to
                and signal.category in rule.categories
                and item in rule.items
            ):
                yield rule

    def may(self, version: Covenant, signal: Signal, item: str) -> bool:
        for party in {signal.party} | signal.origins:
            if not any(self.naming(version, Effect.PERMIT, party, signal, item)):
                return False
            for forbidden in {item} | self.implied(version, item):
                if any(self.naming(version, Effect.FORBID, party, signal, forbidden)):
                    return False
        return True

    # 6. Handling codes block fixed (to, item) sets.

    def blocked(self, signal: Signal, item: str) -> bool:
        for version in self.versions(signal):
            for name in signal.handling_codes:
                if name in version.handling_codes:
                    for block in version.handling_codes[name].blocks:
                        if version.parties[self.question.viewer].kind in block.to and item in block.items:
                            return True
        return False

    # 7. open_W(s, i, n): the conditions of some such permit hold, its `independent_parties` ≤ n.

    def open(self, version: Covenant, signal: Signal, item: str, n: Count) -> bool:
        return all(
            any(True for _ in self.opening(version, party, signal, item, n))
            for party in {signal.party} | signal.origins
        )

    def opening(self, version: Covenant, party: str, signal: Signal, item: str, n: Count) -> Iterator[Rule]:
        for rule in self.naming(version, Effect.PERMIT, party, signal, item):
            when = rule.when
            if isinstance(self.question.anchor, LookUp) and not rule.lookup:
                continue
            if when.within is not None and not self.is_within(signal.day, when.within):
                continue
            if when.viewer_has and not (when.viewer_has & self.viewer_has()):
                continue
            if when.source_released and signal.id not in self.facts.released:
                continue
            if when.case_member and not self.facts.case_member:
                continue
            if not all(kind in self.facts.approvals for kind in when.approved_by):
                continue
            if when.independent_parties is not None and when.independent_parties > n(when.within):
                continue
            yield rule

    def is_within(self, day: date, within: Duration | None) -> bool:
        if within is None:
            return True
        months = self.today.year * 12 + self.today.month - 1 - 12 * within.years - within.months
        year, month = months // 12, months % 12 + 1
        start = date(year, month, min(self.today.day, calendar.monthrange(year, month)[1])) - timedelta(within.days)
        return start < day <= self.today

    def viewer_has(self) -> set[str]:
        return {
            signal.category
            for signal in self.by_id.values()
            if signal.party == self.question.viewer and not signal.origins and not signal.tainted
        }

    # 8. vis(s, n): the largest implication-closed set of unblocked items with may_W and open_W in both W.

    def vis(self, signal: Signal, n: Count) -> set[str]:
        versions = self.versions(signal)
        shown = {
            item
            for item in set.intersection(*(self.items(version) for version in versions))
            if not self.blocked(signal, item)
            and all(self.may(version, signal, item) and self.open(version, signal, item, n) for version in versions)
        }
        while True:
            for item in shown:
                if not all(self.implied(version, item) <= shown for version in versions):
                    shown = shown - {item}
                    break
            else:
                return shown

    # 9. count(X): the independence groups with a signal of their own observation in X, and the viewer's.

    def count(self, signals: list[Signal]) -> Count:
        anchor = self.anchor_signal()
        counted = [*signals, anchor] if anchor is not None else signals

        def of(within: Duration | None) -> float:
            return len(
                {
                    self.current.parties[signal.party].group
                    for signal in counted
                    if not signal.origins and not signal.tainted and self.is_within(signal.day, within)
                }
            )

        return of

    # 10. X₀ = {s : hit ∈ vis(s, ∞)}; X₊ = {s ∈ X : hit ∈ vis(s, count(X))}, to the limit.

    def rule_10(self) -> list[Signal]:
        limit = [signal for signal in self.candidates() if "hit" in self.vis(signal, infinity)]
        while True:
            following = [signal for signal in limit if "hit" in self.vis(signal, self.count(limit))]
            if following == limit:
                return limit
            limit = following

    # 11. Obligations unite; audit sight intersects, the confidential term being the longest.

    def rule_11(self, used: list[Rule]) -> tuple[frozenset[str], AuditSight]:
        obligations: set[str] = set()
        source, recipient = set(used[0].audit.source), set(used[0].audit.recipient)
        longest: Duration | None = None
        for rule in used:
            obligations |= rule.obligations
            source &= rule.audit.source
            recipient &= rule.audit.recipient
            term = rule.audit.confidential
            if term is not None and (longest is None or self.ends(term) > self.ends(longest)):
                longest = term
        return frozenset(obligations), AuditSight(frozenset(source), frozenset(recipient), longest)

    def ends(self, term: Duration) -> tuple[date, int, int, int]:
        months = self.today.year * 12 + self.today.month - 1 + 12 * term.years + term.months
        year, month = months // 12, months % 12 + 1
        end = date(year, month, min(self.today.day, calendar.monthrange(year, month)[1])) + timedelta(term.days)
        return end, term.years, term.months, term.days

    def visible(self, signal: Signal, items: set[str], n: Count) -> Visible:
        bases = self.current.purposes[self.question.purpose].legal_basis
        parties = self.current.parties
        grounds = {
            item: tuple(
                Ground(
                    rule.id,
                    rule.clause,
                    bases[parties[signal.party].kind].article,
                    bases[parties[self.question.viewer].kind].article,
                )
                for rule in sorted(self.opening(self.current, signal.party, signal, item, n), key=lambda rule: rule.id)
            )
            for item in items
        }
        return Visible(signal.id, tuple(item for item in self.current.items if item in items), grounds)


def decide(question: Question, facts: Facts) -> Decision:
    return Reference(question, facts).decide()
