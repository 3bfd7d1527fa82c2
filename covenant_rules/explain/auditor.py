"""For the auditor: signal by signal and item by item, what spoke for and against, in both versions and for every party.

What is visible is read from the decision; the reasons are found anew in the covenants, permit by permit, and not in
the tables it was made with. Each code in `AGAINST` is enough to hide an item, and one that is hidden has one of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import date

from covenant_rules.dates import amsterdam_date, subtract
from covenant_rules.evaluate import decide, observed, unambiguous
from covenant_rules.explain.reason import Reason, Value
from covenant_rules.matrix import Cell, legal_basis, names
from covenant_rules.model import (
    CaseMembership,
    Covenant,
    Decision,
    Duration,
    Effect,
    Facts,
    LookUp,
    OwnSignal,
    Question,
    Rule,
    Signal,
)
from covenant_rules.shapes import format_span

AGAINST = frozenset({"no-permit", "no-open-permit", "forbidden", "code-hides", "item-unknown", "implied-hidden"})


@dataclass(frozen=True)
class Finding:
    """One item of one signal. A signal that was skipped has one finding, for no item, with the reasons for that."""

    signal: str
    item: str | None
    visible: bool
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class Examination:
    """`refused` tells why the question as a whole had no answer; then no signal was looked at."""

    decision: Decision
    refused: tuple[Reason, ...]
    findings: tuple[Finding, ...]


def for_auditor(question: Question, facts: Facts) -> Examination:
    """What was decided and why, with everything the viewer was not to know. For eyes that may see the whole log."""
    decision = decide(question, facts)
    refused = tuple(_refusals(question, facts))
    if refused:
        return Examination(decision, refused, ())
    case = _Case(question, facts, decision)
    signals = sorted(facts.signals, key=lambda signal: (signal.id, signal.party))
    return Examination(decision, (), tuple(finding for signal in signals for finding in case.findings(signal)))


def _refusals(question: Question, facts: Facts) -> Iterator[Reason]:
    """Rules 1 and 2, and words that the current version does not know."""
    current, today = facts.current, amsterdam_date(question.time)
    if today is None:
        yield Reason("no-moment", {})
    elif not current.valid_from <= today <= current.valid_until:
        dates = {"from": current.valid_from, "until": current.valid_until, "day": today}
        yield Reason("not-in-force", {name: day.isoformat() for name, day in dates.items()})
    if question.viewer not in facts.active:
        yield Reason("viewer-not-active", {"party": question.viewer})
    yield from _unknown(question, current, "current")
    match question.anchor:
        case OwnSignal():
            anchored = any(_stands_on(question, signal) for signal in unambiguous(facts.signals))
        case CaseMembership():
            anchored = facts.case_member
        case anchor:
            anchored = isinstance(anchor, LookUp)
    if not anchored:
        yield Reason("no-anchor", {"party": question.viewer})


def _stands_on(question: Question, signal: Signal) -> bool:
    mine = signal.party == question.viewer and question.purpose in signal.purposes
    return mine and question.anchor == OwnSignal(signal.id)


def _unknown(question: Question, version: Covenant, role: str) -> Iterator[Reason]:
    asked = (
        ("party", question.viewer, version.parties),
        ("purpose", question.purpose, version.purposes),
        ("stage", question.stage, version.stages),
    )
    for what, word, known in asked:
        if word not in known:
            yield Reason(f"{what}-unknown", {"version": role, what: word})


class _Case:
    """A question that has an answer, with what its findings have in common."""

    def __init__(self, question: Question, facts: Facts, decision: Decision) -> None:
        self.question, self.facts = question, facts
        self.today = amsterdam_date(question.time) or date.min
        self.visible = {visible.signal: frozenset(visible.items) for visible in decision.visible}
        self.known = unambiguous(facts.signals)
        mine = [signal for signal in self.known if signal.party == question.viewer]
        self.own = {signal.category for signal in mine if observed(signal)}
        anchor = [signal for signal in mine if _stands_on(question, signal)]
        seen = [signal for signal in self.known if signal.id in self.visible]
        self.counted = [signal for signal in [*anchor, *seen] if observed(signal)]

    def findings(self, signal: Signal) -> Iterator[Finding]:
        skipped = tuple(self._skipped(signal))
        if skipped:
            yield Finding(signal.id, None, False, skipped)
            return
        for item in self.facts.current.items:
            visible = item in self.visible.get(signal.id, ())
            yield Finding(signal.id, item, visible, tuple(self._reasons(signal, item)))

    def versions(self, signal: Signal) -> list[tuple[str, Covenant | None]]:
        """By the part they play. Where both are one version, it plays the part of the current one."""
        current = self.facts.current
        if signal.version == current.version:
            return [("current", current)]
        return [("current", current), ("submitted", self.facts.versions.get(signal.version))]

    # -- rule 3, and words nobody knows

    def _skipped(self, signal: Signal) -> Iterator[Reason]:
        question, facts = self.question, self.facts
        if signal not in self.known:
            yield Reason("same-id-twice", {"signal": signal.id})
        if signal.party == question.viewer:
            yield Reason("own-signal", {"party": signal.party})
            return
        if question.purpose not in signal.purposes:
            yield Reason("other-purpose", {"purposes": tuple(sorted(signal.purposes))})
        for party in _parties(signal):
            if party not in facts.active:
                yield Reason("party-not-active", {"party": party})
        versions = self.versions(signal)
        for code in sorted(signal.handling_codes):
            if not any(version is not None and code in version.handling_codes for _, version in versions):
                yield Reason("code-unknown", {"code": code})
        for role, version in versions:
            if version is None:
                yield Reason("version-unknown", {"version": signal.version})
            else:
                yield from self._unlawful(signal, role, version)

    def _unlawful(self, signal: Signal, role: str, version: Covenant) -> Iterator[Reason]:
        question = self.question
        yield from _unknown(question, version, role)
        if signal.category not in version.categories:
            yield Reason("category-unknown", {"version": role, "category": signal.category})
            return
        for party in dict.fromkeys((*_parties(signal), question.viewer)):
            about: dict[str, Value] = {"version": role, "party": party}
            if party in version.parties:
                kind = version.parties[party].kind
                if legal_basis(version, question.purpose, kind, signal.category) is None:
                    yield Reason("no-legal-basis", {**about, "purpose": question.purpose, "category": signal.category})
            elif party != question.viewer:  # of whom that was told before
                yield Reason("party-unknown", about)

    # -- rules 4 to 8

    def _reasons(self, signal: Signal, item: str) -> Iterator[Reason]:
        for role, version in self.versions(signal):
            if version is None or item not in version.items:
                yield Reason("item-unknown", {"version": role, "item": item})
                continue
            for party in _parties(signal):
                yield from self._named(signal, item, role, version, party)
            yield from self._blocked(signal, item, role, version)
            for implied in sorted(version.implied[item] - self.visible.get(signal.id, frozenset())):
                yield Reason("implied-hidden", {"version": role, "item": item, "implied": implied})

    def _named(self, signal: Signal, item: str, role: str, version: Covenant, party: str) -> Iterator[Reason]:
        question, kind = self.question, version.parties[party].kind
        viewer = version.parties[question.viewer].kind
        cell = Cell(question.purpose, question.stage, kind, viewer, signal.category)
        rules = sorted((rule for rule in version.rules if names(rule, cell)), key=lambda rule: rule.id)
        permits = [rule for rule in rules if rule.effect is Effect.PERMIT and item in rule.items]
        about: dict[str, Value] = {"version": role, "party": party, "item": item}
        if not permits:
            yield Reason("no-permit", about)
        bases = {
            basis: legal_basis(version, question.purpose, each, signal.category) or ""
            for basis, each in (("source_basis", kind), ("viewer_basis", viewer))
        }
        opened = False
        for rule in permits:
            cited = {**about, "rule": rule.id, "clause": rule.clause}
            conditions = list(self._conditions(signal, rule))
            met = all(reason.code.startswith("met-") for reason in conditions)
            opened = opened or met
            yield Reason("permit-open" if met else "permit-closed", {**cited, **bases})
            yield from (replace(reason, parameters={**cited, **reason.parameters}) for reason in conditions)
        if permits and not opened:
            yield Reason("no-open-permit", about)
        for rule in rules:
            hidden = rule.items & (version.implied[item] | {item})
            if rule.effect is Effect.FORBID and hidden:
                cited = {"rule": rule.id, "clause": rule.clause, "forbidden": tuple(sorted(hidden))}
                yield Reason("forbidden", {**about, **cited})

    def _blocked(self, signal: Signal, item: str, role: str, version: Covenant) -> Iterator[Reason]:
        viewer = version.parties[self.question.viewer].kind
        for code in sorted(signal.handling_codes & version.handling_codes.keys()):
            if any(viewer in block.to and item in block.items for block in version.handling_codes[code].blocks):
                yield Reason("code-hides", {"version": role, "code": code, "item": item})

    def _conditions(self, signal: Signal, rule: Rule) -> Iterator[Reason]:
        """Every condition of a permit, met or missing, with what was wanted and what was found."""
        when, facts = rule.when, self.facts
        if not rule.lookup:
            yield _judged("anchor", not isinstance(self.question.anchor, LookUp))
        if when.within is not None:
            within = {"within": format_span(when.within), "day": signal.day.isoformat()}
            yield _judged("recent", self._inside(signal.day, when.within), **within)
        if when.viewer_has:
            met = not when.viewer_has.isdisjoint(self.own)
            yield _judged("own-signal", met, categories=tuple(sorted(when.viewer_has)))
        if when.source_released:
            yield _judged("release", signal.id in facts.released)
        if when.case_member:
            yield _judged("membership", facts.case_member)
        if when.approved_by:
            missing = tuple(sorted(when.approved_by - facts.approvals))
            yield _judged("approval", not missing, kinds=tuple(sorted(when.approved_by)), missing=missing)
        if when.independent_parties is not None:
            counted = self._count(when.within)
            numbers = {"wanted": when.independent_parties, "counted": counted}
            yield _judged("parties", counted >= when.independent_parties, **numbers)

    def _inside(self, day: date, within: Duration | None) -> bool:
        return within is None or subtract(self.today, within) < day <= self.today

    def _count(self, within: Duration | None) -> int:
        parties = self.facts.current.parties
        return len({parties[s.party].group for s in self.counted if self._inside(s.day, within)})


def _judged(condition: str, met: bool, **parameters: Value) -> Reason:
    return Reason(f"{'met' if met else 'missing'}-{condition}", parameters)


def _parties(signal: Signal) -> Collection[str]:
    return (signal.party, *sorted(signal.origins - {signal.party}))
