"""What a recipient is handed of the signals it may see: hits, sealed variants, and what proves them.

The source's signature names the source, so it goes only with hits whose source may be seen. The digests of all items go
with it, and salts of those alone that may be seen: a digest without its salt tells nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlmodel import Session

from clients.protocol.merkle import Tree
from clients.protocol.messages.disclosure import DisclosedHit, Evidence, SealedItem
from clients.protocol.signed_items import PLAIN_ITEMS
from covenant_rules.model import FIXED_ITEMS
from service.disclosure.answers import Decided, hit_message
from service.disclosure.asking import Asking
from service.signals import reading

__all__ = ["disclosed_hits"]

_DIGEST, _SALT = 32, 16
_SLOTS_OF_ITEM = {"category": ("category",), "period": ("day",), "source": ("origins", "handling-codes")}
"""Fixed items that show plain items of the signal. Purposes are shown by none: a recipient learns of its own alone."""


def disclosed_hits(
    session: Session, asking: Asking, what: Sequence[Decided], signals: Mapping[UUID, Row[Any]]
) -> tuple[DisclosedHit, ...]:
    """The decided signals as they are handed over. `signals` are their rows, all of them live."""
    sealed = {one.signal_id for one in what if set(one.items).difference(FIXED_ITEMS)}
    fields = reading.fields_of(session, asking.covenant_id, sealed)
    named = {signals[one.signal_id].batch_id for one in what if "source" in one.items}
    batches = reading.batches(session, asking.covenant_id, named)
    trees = {batch_id: Tree(_cut(batch.leaves, _DIGEST)) for batch_id, batch in batches.items()}
    return tuple(
        DisclosedHit(
            hit=hit_message(one, signals[one.signal_id]),
            sealed=_sealed(one, fields.get(one.signal_id, ())),
            evidence=_evidence(one, signals[one.signal_id], batches, trees),
        )
        for one in what
    )


def _sealed(what: Decided, fields: Sequence[Row[Any]]) -> tuple[SealedItem, ...]:
    return tuple(
        SealedItem(
            field=row.field,
            variant=row.variant,
            salt=row.salt,
            ciphertext=row.ciphertext,
            commitment=row.commitment,
            wrapped_key=row.wrapped_key,
        )
        for row in fields
        if f"{row.field}.{row.variant}" in what.items
    )


def _evidence(
    what: Decided, row: Row[Any], batches: Mapping[UUID, Row[Any]], trees: Mapping[UUID, Tree]
) -> Evidence | None:
    if "source" not in what.items or row.digests is None or row.salts is None:
        return None
    batch, tree = batches[row.batch_id], trees[row.batch_id]
    salts = dict(zip(PLAIN_ITEMS, _cut(row.salts, _SALT), strict=True))
    return Evidence(
        party=row.party,
        covenant_version=row.version,
        digests=tuple(_cut(row.digests, _DIGEST)),
        salts={slot: salts[slot] for item in what.items for slot in _SLOTS_OF_ITEM.get(item, ())},
        leaf_index=row.leaf_index,
        batch_size=tree.size,
        path=tuple(tree.inclusion_proof(row.leaf_index)),
        signature=batch.signature,
    )


def _cut(whole: bytes, length: int) -> list[bytes]:
    return [whole[start : start + length] for start in range(0, len(whole), length)]
