"""One hit with the reasons for what is seen of it, decided anew when it is asked for.

Reasons are made from what the decision shows and from nothing else: rules that did not apply, conditions that nearly
held and signals that are not seen leave no trace in them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal
from uuid import UUID

from sqlmodel import Session

from clients.protocol.messages.broker import HitExplanation, ReasonMessage
from covenant_rules.model import Covenant
from service.audit.record import Shown
from service.disclosure import feed_repository as feeds
from service.disclosure.answers import Decided, decided, hit_message, rules_of
from service.disclosure.asking import Asking
from service.disclosure.desk import Desk
from service.disclosure.facts import own_subjects
from service.errors import NotFound

__all__ = ["Language", "explain"]

Language = Literal["nl", "en"]

_WORDS: Mapping[str, Mapping[Language, str]] = {
    "same-subject": {
        "en": "It concerns the subject of your own signal, by {matchKeys}.",
        "nl": "Het gaat over het onderwerp van uw eigen signaal, volgens {matchKeys}.",
    },
    "permitted": {
        "en": "{clause} of the covenant lets you see {items}. Your legal basis: {viewerBasis}.",
        "nl": "{clause} van het convenant laat u {items} zien. Uw grondslag: {viewerBasis}.",
    },
    "counted": {
        "en": "{clause} asks for at least {parties} independent parties, and there are.",
        "nl": "{clause} vraagt ten minste {parties} onafhankelijke partijen, en die zijn er.",
    },
    "recent": {
        "en": "{clause} is about recent signals, and this is one.",
        "nl": "{clause} gaat over recente signalen, en dit is er een.",
    },
    "viewer-has": {
        "en": "{clause} asks for a signal of your own in one of these categories: {categories}. You have one.",
        "nl": "{clause} vraagt een eigen signaal in een van deze categorieën: {categories}. Dat hebt u.",
    },
}


def explain(session: Session, asking: Asking, desk: Desk, hit_id: UUID, language: Language) -> HitExplanation:
    """The viewer's hit as it is now. Raises NotFound for one that is not visible, as for one that never was."""
    state = feeds.state_of_hit(session, asking.covenant_id, asking.viewer, hit_id)
    subject = None
    if state is not None and state.purpose in asking.purposes:
        subject = own_subjects(session, asking, (state.anchor_id,)).get(state.anchor_id)
    if state is None or subject is None:
        raise _unknown()
    decision = subject.decide(asking, state.purpose)
    seen = next((one for one in decided(decision, subject.matched) if one.signal_id == state.signal_id), None)
    if seen is None:
        raise _unknown()
    signal = subject.signals[str(seen.signal_id)]
    entry = desk.audit.append(
        session,
        asking.record(
            "explanation-given",
            purpose=state.purpose,
            stage=state.stage,
            anchor=state.anchor_id,
            subjects=(subject.handle,),
            outcome="shown",
            sight=decision.audit,
            rules=rules_of((seen,)),
            shown={seen.signal_id: Shown(signal.party, seen.items)},
            signals=(seen.signal_id,),
            parties=(signal.party,),
            obligations=decision.obligations,
        ),
    )
    return HitExplanation(
        hit_id=hit_id,
        purpose=state.purpose,
        stage=state.stage,
        anchor_signal_id=state.anchor_id,
        hit=hit_message(seen, signal),
        covenant_version=decision.version,
        reasons=_reasons(asking.current, seen, language),
        audit_entry_id=entry.entry_id,
    )


def _reasons(covenant: Covenant, seen: Decided, language: Language) -> tuple[ReasonMessage, ...]:
    reasons = [_reason("same-subject", language, matchKeys=", ".join(seen.matched_on))]
    items: dict[str, list[str]] = {}
    bases = {ground.rule: ground.viewer_basis for grounds in seen.grounds.values() for ground in grounds}
    for item in seen.items:
        for ground in seen.grounds[item]:
            items.setdefault(ground.rule, []).append(item)
    rules = {rule.id: rule for rule in covenant.rules}
    for name in sorted(items):
        rule = rules[name]
        named = {"rule": rule.id, "clause": rule.clause}
        reasons.append(_reason("permitted", language, **named, items=", ".join(items[name]), viewerBasis=bases[name]))
        if rule.when.independent_parties is not None:
            reasons.append(_reason("counted", language, **named, parties=str(rule.when.independent_parties)))
        if rule.when.within is not None:
            reasons.append(_reason("recent", language, **named))
        if rule.when.viewer_has:
            reasons.append(_reason("viewer-has", language, **named, categories=", ".join(sorted(rule.when.viewer_has))))
    return tuple(reasons)


def _reason(code: str, language: Language, **parameters: str) -> ReasonMessage:
    return ReasonMessage(code=code, parameters=parameters, text=_WORDS[code][language].format_map(parameters))


def _unknown() -> NotFound:
    return NotFound("hit-unknown", "this party has no such hit")
