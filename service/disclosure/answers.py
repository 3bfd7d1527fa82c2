"""From a decision to what leaves: wire messages that hold no more than the decision names.

A hit is built from its visible items and from nothing else. Where the source may not be seen, its legal basis is left
out of the grounds too: the basis is given per kind of party and would tell which kind it is.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol
from uuid import UUID

from clients.protocol.messages.disclosure import GroundMessage, Hit
from covenant_rules.model import FIXED_ITEMS, Decision, Ground, Visible

__all__ = ["Decided", "Stated", "decided", "hit_message", "restore", "rules_of", "store"]


@dataclass(frozen=True, slots=True)
class Decided:
    """One visible signal of a committed decision, as a reference: what the signal says is read where it lives."""

    signal_id: UUID
    matched_on: tuple[str, ...]
    items: tuple[str, ...]
    grounds: Mapping[str, tuple[Ground, ...]]


def decided(
    decision: Decision, matched: Mapping[str, Sequence[str]], sealed: Mapping[str, Collection[str]]
) -> tuple[Decided, ...]:
    """What the rules let be seen and is there. Per signal id, `matched` names the match keys it shares with the anchor,
    and `sealed` the items its source sealed."""

    def reference(seen: Visible) -> Decided:
        items = tuple(item for item in seen.items if item in FIXED_ITEMS or item in sealed[seen.signal])
        grounds = {item: seen.grounds[item] for item in items}
        return Decided(UUID(seen.signal), tuple(matched[seen.signal]), items, grounds)

    return tuple(map(reference, decision.visible))


class Stated(Protocol):
    """What a signal says in the open, as its row or the engine's model of it holds it."""

    @property
    def party(self) -> str: ...
    @property
    def category(self) -> str: ...
    @property
    def day(self) -> date: ...
    @property
    def origins(self) -> Collection[str]: ...
    @property
    def handling_codes(self) -> Collection[str]: ...


def hit_message(what: Decided, signal: Stated) -> Hit:
    """The hit as far as its visible items go."""
    seen = frozenset(what.items)
    source_seen = "source" in seen
    return Hit(
        signal_id=what.signal_id,
        matched_on=what.matched_on,
        items=what.items,
        source=signal.party if source_seen else None,
        category=signal.category if "category" in seen else None,
        day=signal.day if "period" in seen else None,
        origins=tuple(sorted(signal.origins)) if source_seen else None,
        handling_codes=tuple(sorted(signal.handling_codes)) if source_seen else None,
        grounds={
            item: tuple(
                GroundMessage(
                    rule=ground.rule,
                    clause=ground.clause,
                    source_basis=ground.source_basis if source_seen else "",
                    viewer_basis=ground.viewer_basis,
                )
                for ground in grounds
            )
            for item, grounds in what.grounds.items()
        },
    )


def rules_of(what: Iterable[Visible | Decided]) -> frozenset[str]:
    """Ids of the permits that something rests on."""
    return frozenset(ground.rule for one in what for grounds in one.grounds.values() for ground in grounds)


def store(what: Iterable[Decided]) -> str:
    """References as compact JSON, in their order: equal references are equal texts."""
    return json.dumps([_form(one) for one in what], separators=(",", ":"), ensure_ascii=False)


def restore(stored: str) -> tuple[Decided, ...]:
    return tuple(_reference(one) for one in json.loads(stored))


def _form(one: Decided) -> dict[str, Any]:
    """Each ground once, for most items rest on the same: items name theirs by place."""
    places: dict[Ground, int] = {}
    items = {
        item: [places.setdefault(ground, len(places)) for ground in one.grounds.get(item, ())] for item in one.items
    }
    return {
        "signal": str(one.signal_id),
        "matchedOn": one.matched_on,
        "items": items,
        "grounds": [(g.rule, g.clause, g.source_basis, g.viewer_basis) for g in places],
    }


def _reference(form: Mapping[str, Any]) -> Decided:
    grounds = [Ground(*ground) for ground in form["grounds"]]
    return Decided(
        signal_id=UUID(form["signal"]),
        matched_on=tuple(form["matchedOn"]),
        items=tuple(form["items"]),
        grounds={item: tuple(grounds[place] for place in places) for item, places in form["items"].items()},
    )
