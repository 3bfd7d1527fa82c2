"""For the source: who may ever see what of a signal of its own, and on what conditions.

Told from the covenants alone. Whether anyone has asked, or who else has a signal, is for the audit log to tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from covenant_rules.explain.reason import Reason, asked_by
from covenant_rules.matrix import Cell, Matrix, legal_basis, names
from covenant_rules.model import Covenant, Effect, Rule, Signal

Items = frozenset[str]


def for_source(signal: Signal, current: Covenant, submitted: Covenant) -> tuple[Reason, ...]:
    """What each kind of party may see for each purpose, by the permits of the current version.

    The version it was submitted under narrows that; `affirm-to-share` tells what submitting it again would let be seen.
    Kinds are those of the current version. Words that a version does not know leave nothing to see.
    """
    unknown = signal.handling_codes - current.handling_codes.keys() - submitted.handling_codes.keys()
    purposes = [purpose for purpose in current.purposes if purpose in signal.purposes and not unknown]
    told = [
        reason
        for purpose in purposes
        for kind in current.kinds
        for reason in _towards(signal, purpose, kind, current, submitted)
    ]
    used = {reason.parameters["rule"] for reason in told if reason.code == "may-see"}
    asked = [reason for rule in _sorted(current) if rule.id in used for reason in asked_by(rule)]
    nobody = [] if used else [Reason("nobody-sees", {"signal": signal.id})]
    return (*nobody, *told, *asked, *_codes(signal, current, submitted))


def _towards(signal: Signal, purpose: str, to: str, current: Covenant, submitted: Covenant) -> Iterator[Reason]:
    shown: dict[str, Items] = {}
    affirmed: dict[str, Items] = {}
    for stage in current.stages:
        now = _open_to(signal, purpose, stage, to, current)
        shown[stage] = _closed(now & _open_to(signal, purpose, stage, to, submitted), (current, submitted))
        affirmed[stage] = _closed(now, (current,)) - shown[stage]
    kind = current.parties[signal.party].kind if signal.party in current.parties else ""
    about = {"purpose": purpose, "to": to}
    for rule in _sorted(current):
        named = {
            stage: items & rule.items
            for stage, items in shown.items()
            if rule.effect is Effect.PERMIT and names(rule, Cell(purpose, stage, kind, to, signal.category))
        }
        for items, stages in _grouped(named, current):
            bases = {
                "source_basis": legal_basis(current, purpose, kind, signal.category) or "",
                "viewer_basis": legal_basis(current, purpose, to, signal.category) or "",
            }
            cited = {"rule": rule.id, "clause": rule.clause, **bases}
            yield Reason("may-see", {**about, "stages": stages, "items": items, **cited})
    for items, stages in _grouped(affirmed, current):
        yield Reason("affirm-to-share", {**about, "stages": stages, "items": items})


def _open_to(signal: Signal, purpose: str, stage: str, to: str, version: Covenant) -> Items:
    """What source and origins all may show, without what the handling codes block."""
    matrix, parties = Matrix(version), version.parties
    blocked = {
        item
        for code in signal.handling_codes & version.handling_codes.keys()
        for block in version.handling_codes[code].blocks
        if to in block.to
        for item in block.items
    }
    return frozenset(
        item
        for item in version.items
        if item not in blocked
        and all(
            party in parties and matrix.may(purpose, stage, parties[party].kind, to, signal.category, item)
            for party in (signal.party, *signal.origins)
        )
    )


def _closed(items: Items, versions: Iterable[Covenant]) -> Items:
    """The items that have all they imply with them."""
    implied = [version.implied for version in versions]
    while missing := {item for item in items if any(not table[item] <= items for table in implied)}:
        items -= missing
    return items


def _grouped(shown: Mapping[str, Items], current: Covenant) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Items with the stages at which they are the same."""
    grouped: dict[tuple[str, ...], list[str]] = {}
    for stage, items in shown.items():
        if items:
            grouped.setdefault(tuple(item for item in current.items if item in items), []).append(stage)
    for ordered, stages in grouped.items():
        yield ordered, tuple(stages)


def _codes(signal: Signal, current: Covenant, submitted: Covenant) -> list[Reason]:
    told: list[Reason] = []
    for code in sorted(signal.handling_codes):
        versions = [version for version in (current, submitted) if code in version.handling_codes]
        if not versions:
            told.append(Reason("code-unknown", {"code": code}))
        for version in versions:
            for block in version.handling_codes[code].blocks:
                kinds, items = tuple(sorted(block.to)), tuple(sorted(block.items))
                reason = Reason("code-blocks", {"code": code, "kinds": kinds, "items": items})
                if reason not in told:
                    told.append(reason)
    return told


def _sorted(current: Covenant) -> list[Rule]:
    return sorted(current.rules, key=lambda rule: rule.id)
