"""What the key holder demands of a grant before it touches a key. Pure: a verified grant, the facts, and a refusal.

The broker has signed the grant and decided the question behind it. The key holder believes neither: it asks its own
copies of the two versions, the approvals of which it has verified itself, and its own registry. Conditions that only
the broker can know (who else has signals, what was approved) it cannot check. So a dishonest broker can have opened
what the matrix of both versions allows, never more, and every such opening stands in this log too.

The numbers are those of the steps in `service`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from clients.protocol.audit_leaf import leaf_of_view
from clients.protocol.errors import ProtocolError
from clients.protocol.grants import Grant
from clients.protocol.strict_json import parse_json
from covenant_rules.matrix import Cell, Matrix, named_by
from covenant_rules.model import Covenant, Effect
from service.errors import Refused

__all__ = ["Facts", "check", "decided_leaf"]

_DECISIONS = frozenset({"disclosure-decided", "look-up-decided"})
"""Events of the broker's log on which grants rest."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What this service knows by itself."""

    today: date
    """In Amsterdam."""
    current: Covenant
    versions: Mapping[str, Covenant]
    """Every version that was adopted here, by hash."""
    active: frozenset[str]
    """The active ones among source, recipient and origins."""


def check(grant: Grant, facts: Facts) -> None:
    """Steps 4 to 10. Raises Refused with a reason code, and the clause where a forbid of the covenant says no."""
    submitted = _versions(grant, facts)
    _parties(grant, facts)
    _purpose(grant)
    items = _items(grant, facts.current, submitted)
    for version in (facts.current, submitted):
        for party in (grant.info.party, *grant.info.origins):
            _matrix(grant, version, party, items)
    _rule(grant, facts.current)
    _handling_codes(grant, facts.current, submitted, items)
    _retention(grant, facts)


def _versions(grant: Grant, facts: Facts) -> Covenant:
    """4: it was decided under the version that is current here and in force; that of the signal was current once."""
    current = facts.current
    if grant.current_version != current.version:
        raise _refused("version-not-current", "the question was not decided under the version that is current here")
    if not current.valid_from <= facts.today <= current.valid_until:
        raise _refused("covenant-not-in-force", "the covenant is not in force today")
    submitted = facts.versions.get(grant.info.version)
    if submitted is None:
        raise _refused("version-unknown", "the version the signal was submitted under was never adopted here")
    return submitted


def _parties(grant: Grant, facts: Facts) -> None:
    """5: the recipient is not the source, and none of source, origins and recipient is suspended or unknown here."""
    if grant.recipient == grant.info.party:
        raise _refused("recipient-is-source", "the recipient is the source itself")
    if not facts.active.issuperset((grant.recipient, grant.info.party, *grant.info.origins)):
        raise _refused("party-not-active", "a party of this grant is suspended or not enrolled")


def _purpose(grant: Grant) -> None:
    """6: the source gave the signal for this purpose."""
    if grant.purpose not in grant.info.purposes:
        raise _refused("purpose-not-of-signal", "the source did not give the signal for this purpose")


def _items(grant: Grant, current: Covenant, submitted: Covenant) -> frozenset[str]:
    """7: both versions know the field variant; with it go all items it implies in either."""
    item = f"{grant.info.field}.{grant.info.variant}"
    if item not in current.implied or item not in submitted.implied:
        raise _refused("item-unknown", "the versions do not both know this field variant")
    return frozenset({item}) | current.implied[item] | submitted.implied[item]


def _matrix(grant: Grant, version: Covenant, party: str, items: frozenset[str]) -> None:
    """8: for the source and each origin, what the version can ever show the recipient's kind holds all these items."""
    source, recipient = version.parties.get(party), version.parties.get(grant.recipient)
    if source is None or recipient is None:
        raise _refused("party-not-in-version", "a party of this grant is none of this version of the covenant")
    cell = Cell(grant.purpose, grant.stage, source.kind, recipient.kind, grant.info.category)
    matrix = Matrix(version)
    if all(matrix.may(*cell, item) for item in items):
        return
    forbids = frozenset(named_by(version, Effect.FORBID, cell, items))
    clause = next((rule.clause for rule in version.rules if rule.id in forbids), None)
    raise _refused("not-in-matrix", "the covenant never lets this recipient see this item there", clause)


def _rule(grant: Grant, current: Covenant) -> None:
    """8: the rule that the grant cites is a permit of the current version that names this very item."""
    source, recipient = current.parties[grant.info.party], current.parties[grant.recipient]
    cell = Cell(grant.purpose, grant.stage, source.kind, recipient.kind, grant.info.category)
    if grant.rule not in named_by(current, Effect.PERMIT, cell, (f"{grant.info.field}.{grant.info.variant}",)):
        raise _refused("rule-not-a-ground", "the rule that the grant cites does not permit this item")


def _handling_codes(grant: Grant, current: Covenant, submitted: Covenant, items: frozenset[str]) -> None:
    """9: no handling code of the signal keeps an item from the recipient; a code that no version knows keeps all."""
    for name in grant.info.handling_codes:
        known = [version for version in (current, submitted) if name in version.handling_codes]
        if not known:
            raise _refused("handling-code-unknown", "neither version knows a handling code of the signal")
        for version in known:
            kind = version.parties[grant.recipient].kind
            for block in version.handling_codes[name].blocks:
                if kind in block.to and block.items & items:
                    raise _refused("handling-code-blocks", "a handling code keeps this item from the recipient")


def _retention(grant: Grant, facts: Facts) -> None:
    """10: the month until which the signal is kept is not over."""
    if grant.info.retention_month < f"{facts.today:%Y-%m}":
        raise _refused("retention-over", "the signal's retention is over")


def decided_leaf(grant: Grant) -> bytes:
    """11: the leaf hash of the entry in the grant, if it is the decision that the grant is about."""
    shown = f"shown/{UUID(bytes=grant.info.signal_id)}"
    view = grant.entry.view
    try:
        leaf = leaf_of_view(view)
        told = {name: parse_json(field.value) for name, field in view.shown.items()}
    except ProtocolError:
        raise _refused("entry-not-proved", "what the grant shows of the decision's entry is of no entry") from None
    about, what = told.pop("entry", None), told.get(shown)
    if not isinstance(about, dict) or about.get("event") not in _DECISIONS:
        raise _refused("entry-not-of-decision", "the entry that the grant rests on is no decision")
    expected = {"covenant": grant.info.covenant, "event": about["event"], "id": grant.audit_entry}
    asked = {"party": grant.recipient, "purpose": grant.purpose, "stage": grant.stage}
    item = f"{grant.info.field}.{grant.info.variant}"
    if (
        about != expected
        or {name: told.get(name) for name in asked} != asked
        or not isinstance(what, dict)
        or what.get("source") != grant.info.party
        or not isinstance(items := what.get("items"), list)
        or item not in items
    ):
        raise _refused(
            "entry-not-of-decision", "the decision that the grant rests on shows this recipient no such item"
        )
    return leaf


def _refused(code: str, detail: str, clause: str | None = None) -> Refused:
    return Refused(code, detail, clause=clause, pointer="/grant")
