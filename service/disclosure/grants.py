"""Grants: from a committed decision to the signed permission to have one sealed field opened.

1. The disclosure is the asker's own and was decided a short while ago.
2. The item is in what was decided then.
3. The decision's entry has its place in the log, under a head that the witness has cosigned. Until then, in a moment,
   there is nothing to sign.
4. It would be decided now: under the current version, on the facts as they are. A withdrawn signal, a suspended party
   or a new prohibition ends it here.
5. Signal and source are held, so that neither ends before the grant is committed.
6. The grant's own audit entry is written, and only then is the grant signed.

What was looked up was kept nowhere. Step 4 finds the subject again by the match key values of the very signals that
were shown; what else there is on the subject is not seen by the asker, and so changes nothing for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from sqlalchemy import Row
from sqlmodel import Session

from clients.protocol.audit_leaf import partial_view
from clients.protocol.grants import EntryProof, Grant, sign_grant, wrapped_key_digest
from clients.protocol.messages.disclosure import GrantAnswer, GrantRequest
from clients.protocol.sealing import WrapInfo
from covenant_rules.model import Covenant, Decision, Effect, Ground
from service.audit import repository as log
from service.audit.leaf import leaf_fields
from service.audit.tree.proofs import LogReader
from service.disclosure import repository
from service.disclosure.answers import Decided, restore
from service.disclosure.asking import Asking, new_id
from service.disclosure.desk import Desk
from service.disclosure.disclosures import hold_shown
from service.disclosure.facts import Subject, looked_up, own_subjects
from service.errors import NotFound, Refused
from service.signals import reading
from service.signals import repository as signals

__all__ = ["DISCLOSURE_LASTS", "GRANT_LIFETIME", "issue"]

DISCLOSURE_LASTS = timedelta(minutes=15)
"""How long after a decision grants may be asked on it; afterwards the question is to be put again."""
GRANT_LIFETIME = timedelta(seconds=120)


def issue(session: Session, asking: Asking, desk: Desk, request: GrantRequest) -> GrantAnswer:
    """The grant. Raises NotFound for no disclosure of the asker's, Refused, with the clause, and NotYetWitnessed."""
    row = repository.disclosure(session, asking.covenant_id, asking.viewer, request.disclosure_id)  # 1
    if row is None:
        raise NotFound("disclosure-unknown", "this party has no such disclosure")
    if asking.now - row.decided_at > DISCLOSURE_LASTS:
        raise Refused("disclosure-too-old", "the decision was made too long ago; ask for a disclosure again")
    item = f"{request.field}.{request.variant}"
    shown = restore(row.answer)
    then = next((one for one in shown if one.signal_id == request.signal_id and item in one.items), None)  # 2
    if then is None:
        raise Refused("item-not-decided", "the decision does not name this item of this signal")
    entry = _proved(session, asking, row, then)  # 3
    subject, decision, grounds = _decide_again(session, asking, row, then, shown, item)  # 4
    source = subject.signals[str(then.signal_id)].party
    signal = hold_shown(session, asking, desk, {then.signal_id: source}, subject, row.purpose)[then.signal_id]  # 5
    info, wrapped_key = _wrapped(session, asking, signal, request.field, request.variant)
    grant = Grant(
        jti=str(new_id(desk.random)),
        broker=desk.grants.broker,
        key_holder=desk.grants.key_holder,
        recipient=asking.viewer,
        issued_at=asking.now,
        expires_at=asking.now + GRANT_LIFETIME,
        current_version=asking.current.version,
        purpose=row.purpose,
        stage=row.stage,
        info=info,
        wrapped_key_digest=wrapped_key_digest(wrapped_key),
        rule=grounds[0].rule,
        audit_entry=str(row.audit_entry_id),
        entry=entry,
    )
    desk.audit.append(  # 6
        session,
        asking.record(
            "grant-issued",
            disclosure=row.disclosure_id,
            entry=row.audit_entry_id,
            purpose=row.purpose,
            stage=row.stage,
            subjects=(subject.handle,),
            signals=(then.signal_id,),
            parties=(source,),
            origins=signal.origins,
            items=(item,),
            rules={ground.rule for ground in grounds},
            obligations=decision.obligations,
            sight=decision.audit,
            grant=grant.jti,
        ),
    )
    return GrantAnswer(grant=sign_grant(grant, desk.grants.private_key), expires_at=grant.expires_at)


def _proved(session: Session, asking: Asking, row: repository.Committed, then: Decided) -> EntryProof:
    """Of the decision's entry what names the recipient and this signal, and its place under a cosigned head."""
    entry = log.entry(session, asking.covenant_id, row.audit_entry_id)
    if entry is None:
        raise NotFound("disclosure-unknown", "the log has no entry of this disclosure")
    proof = LogReader(session, asking.covenant_id).receipt(row.audit_entry_id)
    fields = leaf_fields(entry.covenant_id, entry.entry_id, entry.event, entry.at, entry.fields)
    names = {"entry", "party", "purpose", "stage", f"shown/{then.signal_id}"}
    return EntryProof(partial_view(entry.salt, fields, names), proof.text())


def _decide_again(
    session: Session, asking: Asking, row: repository.Committed, then: Decided, shown: Iterable[Decided], item: str
) -> tuple[Subject, Decision, tuple[Ground, ...]]:
    """The decision as it would be now, and the grounds on which it shows the item. Raises Refused if it does not."""
    asking.refuse_purpose(row.purpose)
    asking.refuse_stage(row.stage)
    subject = _subject(session, asking, row, shown)
    if subject is not None:
        decision = subject.decide(asking, row.purpose)
        now = next((one for one in decision.visible if one.signal == str(then.signal_id)), None)
        if now is not None and item in now.items:
            return subject, decision, now.grounds[item]
    known = None if subject is None else subject.signals.get(str(then.signal_id))
    clause = None
    if known is not None and "category" in then.items:  # a prohibition of a category would tell the category
        clause = _prohibition(asking, row, known.party, known.category, item)
    raise Refused("item-no-longer-shown", "the item would not be shown now", clause=clause)


def _subject(session: Session, asking: Asking, row: repository.Committed, shown: Iterable[Decided]) -> Subject | None:
    """The subject of the disclosure; None if the anchor, or all that a look-up showed, has ended since."""
    if row.anchor_signal_id is not None:
        return own_subjects(session, asking, (row.anchor_signal_id,)).get(row.anchor_signal_id)
    matched = {(one.signal_id, match_key) for one in shown for match_key in one.matched_on}
    kept = [
        pseudonym
        for pseudonym in signals.pseudonyms_of(session, asking.covenant_id, {signal for signal, _ in matched})
        if pseudonym.live and (pseudonym.signal_id, pseudonym.match_key) in matched
    ]
    if not kept:
        return None
    (signal,) = reading.signals_of(session, asking.covenant_id, (kept[0].signal_id,)).values()
    return looked_up(
        session,
        asking,
        signal.subject_kind,
        sorted({(one.match_key, one.index_) for one in kept}),
        {one.match_key: one.handle for one in kept},
    )


def _wrapped(session: Session, asking: Asking, signal: Row[Any], field: str, variant: str) -> tuple[WrapInfo, bytes]:
    """What the field key was wrapped under, and the wrapped key. Raises Refused where the signal has no such field."""
    fields = reading.fields_of(session, asking.covenant_id, (signal.signal_id,)).get(signal.signal_id, ())
    sealed = next((one for one in fields if (one.field, one.variant) == (field, variant)), None)
    if sealed is None:
        raise Refused("item-not-there", "the signal has nothing sealed under this field and variant")
    match_keys = {one.match_key for one in signals.pseudonyms_of(session, asking.covenant_id, (signal.signal_id,))}
    info = WrapInfo(
        covenant=asking.covenant_id,
        version=signal.version,
        party=signal.party,
        signal_id=signal.signal_id.bytes,
        match_keys=tuple(sorted(match_keys)),
        category=signal.category,
        purposes=tuple(sorted(signal.purposes)),
        handling_codes=tuple(sorted(signal.handling_codes)),
        origins=tuple(sorted(signal.origins)),
        field=field,
        variant=variant,
        retention_month=sealed.retention_month,
    )
    return info, sealed.wrapped_key


def _prohibition(asking: Asking, row: repository.Committed, source: str, category: str, item: str) -> str | None:
    """The clause of the current version that forbids the item, or what it implies, between the two kinds."""
    covenant: Covenant = asking.current
    if source not in covenant.parties or item not in covenant.implied:
        return None
    items = covenant.implied[item] | {item}
    for rule in sorted(covenant.rules, key=lambda rule: rule.id):
        if (
            rule.effect is Effect.FORBID
            and rule.purpose == row.purpose
            and row.stage in rule.stages
            and covenant.parties[source].kind in rule.from_
            and asking.kind in rule.to
            and category in rule.categories
            and not items.isdisjoint(rule.items)
        ):
            return rule.clause
    return None
