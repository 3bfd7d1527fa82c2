"""What somebody sees of an entry: pure, and asked by every route that shows one.

The officer sees every entry whole. A party sees an entry in one of three standings:

    own         it acted: a disclosure as far as the permit's `audit.recipient` goes, anything else but for what no
                party sees; or the service acted by itself on something of the party's
    source      a partner saw its signal: the fields of `audit.source`, its own signals and nothing of other sources
    covenant    what every party is told of who takes part and under which rules

A source sees an entry once it is no longer confidential, and not before its day is over unless it may see the time: who
asks every minute would otherwise learn the minute. For the same reason it is told the entry's id, which has the time in
it, only with the time. What the two services know of a signal besides what was shown of it is not its recipient's.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

from covenant_rules.dates import add
from covenant_rules.model import AUDIT_FIELDS
from covenant_rules.shapes import parse_span
from service.audit.events import CATALOGUE, WITHHELD, Sight
from service.audit.search import Entry
from service.principals import Role

__all__ = ["DISCLOSURES", "Standing", "View", "party_view", "source_view", "whole"]

Standing = Literal["officer", "own", "source", "covenant"]

DISCLOSURES = frozenset(event.id for event in CATALOGUE.values() if event.sight is Sight.DISCLOSURE)
"""Events of which a source sees something."""

_FIELD_OF: Mapping[str, str] = {
    "party": "party",
    "actor": "actor",
    "purpose": "purpose",
    "stage": "stage",
    "rule": "rules",
}
"""Fields of the entry by what a covenant calls them; day, time and items are dealt with one by one."""
_REQUEST = frozenset({"outcome", "disclosure", "anchor", "grant"})
"""What a recipient knows of its own request whatever the covenant says: it had each of them as an answer."""
_UNTOLD: Mapping[str, frozenset[str]] = dict.fromkeys(
    ("field-released", "release-refused"), frozenset({"origins", "category", "submitted"})
)
"""What the key holder learns of a signal from a grant, and its recipient perhaps does not."""


@dataclass(frozen=True, slots=True)
class View:
    """What is seen. `fields` are as in the entry; `provable` names the fields of its leaf that may be shown with it.

    `day` and `time` say whether the day and the moment are seen, and with the moment the entry's id.
    """

    standing: Standing
    entry: Entry
    fields: Mapping[str, Any]
    provable: frozenset[str]
    day: bool = True
    time: bool = True


def whole(entry: Entry) -> View:
    """The officer's."""
    return View("officer", entry, entry.fields, _leaf_names(entry) | {"withheld", "rest"})


def party_view(entry: Entry, party: str) -> View | None:
    """What `party` sees of an entry as the one that acted or as a party of the covenant; None if nothing."""
    sight = CATALOGUE[entry.event].sight
    own = entry.fields.get("party") == party and entry.fields.get("role") == Role.PARTY
    if sight is Sight.DISCLOSURE and own:
        return _recipient_view(entry)
    if sight is Sight.PARTIES:
        return _without_withheld(entry, "covenant")
    if (sight is Sight.ACTOR and own) or (sight is Sight.CONCERNED and party in entry.fields.get("parties", ())):
        return _without_withheld(entry, "own")
    return None


def source_view(entry: Entry, party: str, today: date) -> View | None:
    """What `party` sees of an entry in which a signal of its own was shown to another; None if nothing, or not yet."""
    if entry.event not in DISCLOSURES or entry.fields.get("party") == party:
        return None
    sight = entry.fields["sight"]
    allowed = frozenset(sight["source"])
    if party not in entry.fields.get("parties", ()) or today < _visible_from(entry, allowed, sight.get("confidential")):
        return None
    fields = {_FIELD_OF[name]: entry.fields.get(_FIELD_OF[name]) for name in allowed & _FIELD_OF.keys()}
    provable = {name for name in ("day", "time") if name in allowed} | ({"entry"} if "time" in allowed else set())
    shown: Mapping[str, Any] = entry.fields.get("shown", {})
    mine = {signal: part for signal, part in shown.items() if part["source"] == party}
    alone = entry.fields["parties"] == [party]
    if not alone:
        fields.pop("rules", None)  # they may be other sources', and tell what those have
    fields["signals"] = entry.fields.get("signals") if alone else sorted(mine)
    if "items" in allowed:
        fields |= {"shown": mine or None, "items": entry.fields.get("items") if alone else None}
        provable |= {f"shown/{signal}" for signal in mine}
    provable |= {name for name in fields if name in _leaf_names(entry)}
    return View(
        "source",
        entry,
        {name: value for name, value in fields.items() if value is not None},
        frozenset(provable),
        day="day" in allowed or "time" in allowed,
        time="time" in allowed,
    )


def _visible_from(entry: Entry, allowed: Collection[str], confidential: str | None) -> date:
    published = entry.day if "time" in allowed else entry.day + timedelta(days=1)
    if confidential is None:
        return published
    span = parse_span(confidential)
    return date.max if span is None else max(published, add(entry.day, span))


def _recipient_view(entry: Entry) -> View:
    allowed = frozenset(entry.fields["sight"]["recipient"]) & frozenset(AUDIT_FIELDS)
    fields = {name: entry.fields.get(name) for name in _REQUEST}
    fields |= {_FIELD_OF[name]: entry.fields.get(_FIELD_OF[name]) for name in allowed & _FIELD_OF.keys()}
    provable = {"entry"} | (allowed & {"day", "time"})
    if "items" in allowed:
        shown: Mapping[str, Any] = entry.fields.get("shown", {})
        named = {signal for signal, part in shown.items() if "source" in part["items"]}
        fields["shown"] = {
            signal: part if signal in named else {"items": part["items"]} for signal, part in shown.items()
        } or None
        fields["items"] = entry.fields.get("items")
        fields["signals"] = entry.fields.get("signals")
        provable |= {f"shown/{signal}" for signal in named}
    provable |= {name for name in fields if name in _leaf_names(entry)}
    return View(
        "own",
        entry,
        {name: value for name, value in fields.items() if value is not None},
        frozenset(provable),
        day="day" in allowed or "time" in allowed,
        time="time" in allowed,
    )


def _without_withheld(entry: Entry, standing: Standing) -> View:
    untold = _UNTOLD.get(entry.event, frozenset())
    fields = {name: value for name, value in entry.fields.items() if name not in WITHHELD | untold}
    return View(standing, entry, fields, _leaf_names(entry) | (frozenset() if untold else {"rest"}))


def _leaf_names(entry: Entry) -> frozenset[str]:
    """Fields of the entry's leaf that stand by themselves (see `service.audit.leaf`)."""
    named = {name for name in ("party", "actor", "purpose", "stage", "rules") if name in entry.fields}
    return frozenset({"entry", "day", "time"} | named | {f"shown/{signal}" for signal in entry.fields.get("shown", ())})
