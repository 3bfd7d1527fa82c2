"""What is read from a log: heads, tiles, proofs, receipts, and the entries themselves.

Hashes are shown up to the last signed head and never beyond: whatever a reader is told, it can check.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

from sqlmodel import Session

from clients.protocol.errors import MerkleError
from clients.protocol.merkle import consistency_proof, inclusion_proof
from clients.protocol.tiles import TILE_WIDTH, Nodes, Tile
from clients.protocol.tlog_proof import TlogProof
from service.audit.leaf import leaf_fields
from service.audit.tree import repository
from service.audit.tree.tables import AuditCheckpointRow
from service.errors import Invalid, NotFound, Unavailable

__all__ = ["LogReader", "Logged", "NotYetWitnessed"]


class NotYetWitnessed(Unavailable):
    """The entry is committed, and no cosigned head covers it yet. That takes a moment."""

    def __init__(self) -> None:
        super().__init__("not-yet-witnessed", "the entry's place in the log is not witnessed yet", retry_after=1)


@dataclass(frozen=True, slots=True)
class Logged:
    """One entry as its leaf was made from it; `fields` and `salt` are None where the entry is there no more.

    `erased_by` is then the entry about its erasure; without one, nobody accounts for it.
    """

    index: int
    fields: Mapping[str, bytes] | None
    salt: bytes | None
    erased_by: UUID | None = None


class LogReader:
    """One log as it is in one session: heads are read once, and so is each tile."""

    def __init__(self, session: Session, covenant_id: str) -> None:
        self._session = session
        self._covenant_id = covenant_id

    def checkpoint(self, *, witnessed: bool = False) -> str:
        """The note of the last signed head, or of the last that the witness cosigned. Raises NotFound before any."""
        row = self._heads
        note = None if row is None else row.cosigned_note if witnessed else row.note
        if note is None:
            raise NotFound("log-empty", "no such head of this log is signed yet")
        return note

    @property
    def size(self) -> int:
        """Of the last signed head."""
        return 0 if self._heads is None else self._heads.size

    def tile(self, tile: Tile) -> bytes:
        """Raises NotFound for what the last signed head does not cover."""
        if (tile.index * TILE_WIDTH + tile.width) << (8 * tile.level) > self.size:
            raise NotFound("tile-unknown", "the log has no such tile")
        return self._fetch(tile)

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """The proof that the leaf at `index` stands in the tree of `size` leaves. Raises Invalid."""
        nodes = self._nodes(size, "query/size")
        try:
            return inclusion_proof(index, size, nodes.read)
        except MerkleError as error:
            raise Invalid("proof-impossible", str(error), pointer="query/index") from None

    def consistency(self, first: int, second: int) -> list[bytes]:
        """The proof that the tree of `second` leaves goes on from that of `first`. Raises Invalid."""
        nodes = self._nodes(second, "query/second")
        try:
            return consistency_proof(first, second, nodes.read)
        except MerkleError as error:
            raise Invalid("proof-impossible", str(error), pointer="query/first") from None

    def receipt(self, entry_id: UUID, *, witnessed: bool = True) -> TlogProof:
        """The entry's place under the last cosigned head, or the last signed one of a log that has no witness.

        Raises NotFound, and NotYetWitnessed where no such head covers the entry.
        """
        leaf = repository.leaf(self._session, self._covenant_id, entry_id)
        if leaf is None:
            raise NotFound("entry-unknown", "the log has no such entry")
        index, heads = leaf[1], self._heads
        if index is None or heads is None:
            raise NotYetWitnessed
        size, note = (heads.cosigned_size, heads.cosigned_note) if witnessed else (heads.size, heads.note)
        if note is None or size <= index:
            raise NotYetWitnessed
        return TlogProof(index, tuple(inclusion_proof(index, size, Nodes(size, self._fetch).read)), note)

    def bundle(self, index: int, width: int) -> list[Logged]:
        """The entries of one bundle. Raises NotFound for what the last signed head does not cover."""
        first = index * TILE_WIDTH
        if first + width > self.size:
            raise NotFound("bundle-unknown", "the log has no such entries")
        return [
            Logged(place, None, None, erased_by)
            if row is None
            else Logged(place, leaf_fields(row.covenant_id, row.entry_id, row.event, row.at, row.fields), row.salt)
            for place, erased_by, row in repository.bundle(self._session, self._covenant_id, first, first + width)
        ]

    @cached_property
    def _heads(self) -> AuditCheckpointRow | None:
        return repository.checkpoint(self._session, self._covenant_id)

    def _nodes(self, size: int, pointer: str) -> Nodes:
        if size > self.size:
            raise Invalid("size-unknown", "no head of this size is signed yet", pointer=pointer)
        return Nodes(size, self._fetch)

    def _fetch(self, tile: Tile) -> bytes:
        return repository.tile(self._session, self._covenant_id, tile.level, tile.index, tile.width)
