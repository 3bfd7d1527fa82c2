"""What was read of the log, as wire messages."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Literal
from uuid import UUID

from clients.protocol.audit_leaf import partial_view
from clients.protocol.messages.audit import (
    AuditCounts,
    AuditEntryMessage,
    AuditFacets,
    CountMessage,
    FacetValue,
    ProvedEntry,
)
from clients.protocol.messages.log import ShownFieldMessage
from service.audit.leaf import leaf_fields
from service.audit.numbers import Facets
from service.audit.visibility import View

__all__ = ["counts_message", "entry_message", "facets_message", "proved_message"]


def entry_message(view: View, reference: UUID) -> AuditEntryMessage:
    """An entry as far as it is seen. A source learns id and place only with the time, for both tell it."""
    entry = view.entry
    told = view.standing != "source" or view.time
    return AuditEntryMessage(
        reference=reference,
        standing=view.standing,
        event=entry.event,
        entry_id=entry.entry_id if told else None,
        day=entry.day if view.day else None,
        at=entry.at if view.time else None,
        leaf_index=entry.leaf_index if told else None,
        fields=dict(view.fields),
    )


def proved_message(view: View, reference: UUID, proof: str | None) -> ProvedEntry:
    """The entry with the fields of its leaf that its reader may have, and digests in place of the others.

    Where nothing of it may be proved, nothing is: the leaf alone would tell its place, and nearly the time.
    """
    if not view.provable:
        return ProvedEntry(entry=entry_message(view, reference), shown={}, hidden=(), groups=())
    entry = view.entry
    fields = leaf_fields(entry.covenant_id, entry.entry_id, entry.event, entry.at, entry.fields)
    partial = partial_view(entry.salt, fields, view.provable)
    return ProvedEntry(
        entry=entry_message(view, reference),
        shown={name: ShownFieldMessage(key=one.key, value=one.value.decode()) for name, one in partial.shown.items()},
        hidden=partial.hidden,
        groups=partial.groups,
        proof=proof,
    )


def facets_message(first: date | None, last: date, facets: Facets) -> AuditFacets:
    return AuditFacets(
        first=first,
        last=last,
        total=facets.total,
        facets={
            name: tuple(FacetValue(value=value, count=count) for value, count in values)
            for name, values in facets.values.items()
        },
    )


def counts_message(
    first: date | None, last: date, days: Mapping[date, tuple[int, int]], bucket: Literal["day", "week"]
) -> AuditCounts:
    """Buckets without gaps, from the first that was asked for, or else the first that has entries."""
    width = 1 if bucket == "day" else 7
    sums: dict[date, tuple[int, int]] = {}
    for day, (entries, refused) in days.items():
        bucket_start = _start(day, width)
        before = sums.get(bucket_start, (0, 0))
        sums[bucket_start] = before[0] + entries, before[1] + refused
    start = min(sums, default=None) if first is None else _start(first, width)
    counts = []
    while start is not None and start <= last:
        entries, refused = sums.get(start, (0, 0))
        counts.append(CountMessage(start=start, entries=entries, refused=refused))
        start += timedelta(days=width)
    return AuditCounts(first=first, last=last, bucket=bucket, counts=tuple(counts))


def _start(day: date, width: int) -> date:
    """The day itself, or the Monday before it."""
    return day if width == 1 else day - timedelta(days=day.weekday())
