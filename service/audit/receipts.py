"""Which fields of an entry a receipt shows to whom."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from covenant_rules.model import AUDIT_FIELDS
from service.audit.events import CATALOGUE, Sight
from service.principals import Principal, Role

__all__ = ["receipt_fields"]

_FIELDS = {name: name for name in AUDIT_FIELDS if name != "items"} | {"rule": "rules"}
"""By the covenant's word for it; `items` are the fields `shown/…`."""


def receipt_fields(event: str, form: Mapping[str, Any], fields: Collection[str], reader: Principal) -> frozenset[str]:
    """The names among `fields` of the entry's leaf that `reader` may see; none at all if it may not see the entry.

    An officer sees all. A party sees its own acts: a disclosure as far as the covenant's sight of the recipient goes,
    any other act but for what is withheld from every party. What the service tells all parties, each of them sees.
    """
    if reader.role is Role.OFFICER:
        return frozenset(fields)
    kind = CATALOGUE[event].sight
    own = reader.role is Role.PARTY and form.get("party") == reader.party
    if kind is Sight.PARTIES or (kind is Sight.ACTOR and own):
        return frozenset(fields) - {"withheld"}
    if kind is Sight.DISCLOSURE and own:
        sight = form.get("sight", {}).get("recipient", ())
        seen = {"entry"} | {_FIELDS[name] for name in sight if name != "items"}
        return frozenset(name for name in fields if name in seen or ("items" in sight and name.startswith("shown/")))
    return frozenset()
