"""For the one who asked: why it sees what it sees. Of what it does not see there is nothing to tell."""

from __future__ import annotations

from covenant_rules.explain.reason import Reason, Value, asked_by
from covenant_rules.model import AUDIT_FIELDS, Covenant, Decision, Ground, Visible
from covenant_rules.shapes import format_span

Parameters = dict[str, Value]


def for_asker(decision: Decision, covenant: Covenant) -> tuple[Reason, ...]:
    """Computed from the decision and the version it names, and nothing else: so it tells no more than they do.

    Raises ValueError for another version than the one decided under.
    """
    if covenant.version != decision.version:
        raise ValueError("the decision was made under another version of the covenant")
    if not decision.visible:
        return (Reason("nothing-to-show", {}),)
    rules = {rule.id: rule for rule in covenant.rules}
    reasons, cited = [], set()
    for visible in decision.visible:
        stood_on = {ground for grounds in visible.grounds.values() for ground in grounds}
        for ground in sorted(stood_on, key=lambda ground: (ground.rule, ground.clause)):
            cited.add(ground.rule)
            items = tuple(item for item in visible.items if ground in visible.grounds[item])
            about: Parameters = {"signal": visible.signal, "items": items, "rule": ground.rule, "clause": ground.clause}
            reasons.append(Reason(*_shown(visible, ground, about)))
    for name in sorted(cited):
        reasons.extend(asked_by(rules[name]))
    reasons.extend(Reason(f"must-{obligation.replace('_', '-')}", {}) for obligation in sorted(decision.obligations))
    if decision.audit.source:
        fields = tuple(field for field in AUDIT_FIELDS if field in decision.audit.source)
        confidential = decision.audit.confidential
        code = "source-sees-entry" if confidential is None else "source-sees-entry-later"
        later = {} if confidential is None else {"after": format_span(confidential)}
        reasons.append(Reason(code, {"fields": fields, **later}))
    return tuple(reasons)


def _shown(visible: Visible, ground: Ground, about: Parameters) -> tuple[str, Parameters]:
    """The legal basis of a source is given per kind of party: where the source is withheld, it would tell the kind."""
    if "source" not in visible.items:
        return "shown-without-source", {**about, "viewer_basis": ground.viewer_basis}
    return "shown", {**about, "source_basis": ground.source_basis, "viewer_basis": ground.viewer_basis}
