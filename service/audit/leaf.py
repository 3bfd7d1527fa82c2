"""Which fields of an entry its leaf commits to, and in which bytes. `clients.protocol.audit_leaf` hashes them.

A field's value is its canonical JSON (RFC 8785). What was shown of each signal is a field by itself, so that a source
can be proved its own part of an entry and nothing about the other sources.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from clients.protocol.encoding import canonical_json

__all__ = ["leaf_fields"]


def leaf_fields(
    covenant_id: str, entry_id: UUID, event: str, at: datetime, form: Mapping[str, Any]
) -> dict[str, bytes]:
    """The entry's fields by name, each as the bytes its digest is made of."""
    fields: dict[str, Any] = {
        "at": at.astimezone(UTC).isoformat(timespec="microseconds"),
        "covenant": covenant_id,
        "entry": str(entry_id),
        "event": event,
    }
    for name, value in form.items():
        if name == "shown":
            fields |= {f"shown/{signal}": part for signal, part in value.items()}
        else:
            fields[name] = value
    return {name: canonical_json(value) for name, value in fields.items()}
