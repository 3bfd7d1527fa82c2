"""One hit with the reasons for what is seen of it, decided anew when it is asked for.

Reasons are made from what the decision shows and from nothing else: rules that did not apply, conditions that nearly
held and signals that are not seen leave no trace in them.
"""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from sqlmodel import Session

from clients.protocol.messages.disclosure import HitExplanation, ReasonMessage
from covenant_rules.explain import Language, for_asker, render
from covenant_rules.model import Covenant, Decision, Visible
from service.audit.record import Shown
from service.disclosure import feed_repository as feeds
from service.disclosure.answers import Decided, decided, hit_message, rules_of
from service.disclosure.asking import Asking
from service.disclosure.desk import Desk
from service.disclosure.disclosures import hold_shown
from service.disclosure.facts import own_subjects
from service.errors import NotFound

__all__ = ["Language", "explain"]


def explain(session: Session, asking: Asking, desk: Desk, hit_id: UUID, language: Language) -> HitExplanation:
    """The viewer's hit as it is now. Raises NotFound for one that is not visible, as for one that never was."""
    state = feeds.state_of_hit(session, asking.covenant_id, asking.viewer, hit_id)
    subject = None
    if state is not None and state.purpose in asking.purposes:
        subject = own_subjects(session, asking, (state.anchor_id,)).get(state.anchor_id)
    if state is None or subject is None:
        raise _unknown()
    decision = subject.decide(asking, state.purpose)
    shown = decided(decision, subject.matched, subject.sealed)
    seen = next((one for one in shown if one.signal_id == state.signal_id), None)
    if seen is None:
        raise _unknown()
    signal = subject.signals[str(seen.signal_id)]
    hold_shown(session, asking, desk, {seen.signal_id: signal.party}, subject, state.purpose)
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
        reasons=_reasons(asking.current, decision, seen, language),
        audit_entry_id=entry.entry_id,
    )


def _reasons(covenant: Covenant, decision: Decision, seen: Decided, language: Language) -> tuple[ReasonMessage, ...]:
    """Why this one signal is seen, as if the decision had shown nothing else."""
    alone = replace(decision, visible=(Visible(str(seen.signal_id), seen.items, seen.grounds),))
    return tuple(
        ReasonMessage(
            code=reason.code,
            parameters={name: _plain(value) for name, value in reason.parameters.items()},
            text=render(reason, language, covenant),
        )
        for reason in for_asker(alone, covenant)
    )


def _plain(value: str | int | tuple[str, ...]) -> str:
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def _unknown() -> NotFound:
    return NotFound("hit-unknown", "this party has no such hit")
