"""Which fields of an entry its leaf commits to, and in which bytes. `clients.protocol.audit_leaf` hashes them.

    entry                       covenant, event and id: what every view of an entry shows
    day, time                   when it happened: the date in Amsterdam, and the moment
    party, actor, purpose,
    stage, rules                as far as the entry has them
    shown/<signal>              source and items of one signal that was shown
    withheld                    what no party sees of any entry (`events.WITHHELD`)
    rest                        everything else, in one

So whatever a covenant can let a source or recipient see of an entry (`covenant_rules.model.AUDIT_FIELDS`) is a field by
itself, and can be proved without the others; a source can be proved its own part and nothing about the other sources.
A value is canonical JSON (RFC 8785).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from covenant_rules.dates import amsterdam_date
from service.audit.events import WITHHELD

__all__ = ["leaf_fields"]

_BY_THEMSELVES = ("party", "actor", "purpose", "stage", "rules")

# What `clients.protocol.strict_json.canonical_json` gives for the values that entries have, several times as fast:
# their names are ASCII and their numbers are integers below 2^53 (`record.stored_form`), and there the two agree.
_encoded = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode


def leaf_fields(
    covenant_id: str, entry_id: UUID, event: str, at: datetime, form: Mapping[str, Any]
) -> dict[str, bytes]:
    """The entry's fields by name, each as the bytes its digest is made of. `form` is what `stored_form` gave."""
    rest = dict(form)
    fields = {
        "entry": _canonical({"covenant": covenant_id, "event": event, "id": str(entry_id)}),
        "day": _canonical(str(amsterdam_date(at))),
        "time": _canonical(at.astimezone(UTC).isoformat(timespec="microseconds")),
    }
    for name in _BY_THEMSELVES:
        if name in rest:
            fields[name] = _canonical(rest.pop(name))
    for signal, part in rest.pop("shown", {}).items():
        fields[f"shown/{signal}"] = _canonical(part)
    if withheld := {name: rest.pop(name) for name in WITHHELD & rest.keys()}:
        fields["withheld"] = _canonical(withheld)
    fields["rest"] = _canonical(rest)
    return fields


def _canonical(value: Any) -> bytes:
    return _encoded(value).encode()
