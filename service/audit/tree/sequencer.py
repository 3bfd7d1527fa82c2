"""The sequencer: gives committed entries their places in the tree, and signs what is committed of it.

One round over one tree is two transactions:

1. *Place.* Every committed entry without a place gets the next one; the nodes that this completes are stored; the head
   moves from where it was read to behind the last. All of it, or none.
2. *Sign.* The head that is committed now is signed, if it goes on from the last one that was, and kept.

A place is never "an id greater than the last": entries commit in another order than they begin, and what commits late
has its place late. Nothing is signed that is not committed, so a transaction that is lost takes no signed head with it,
and one that was only reported lost is found done by the next round. Whoever leads a tree holds an advisory lock until
its transaction ends, for speed; that two leaders would not fork the tree is the compare-and-swap's doing, and that no
place is given twice the unique index's.

Before signing, the new head is proved to go on from the one signed before, from the stored nodes: a database that was
changed underneath does not get a signature.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import structlog
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from clients.protocol.checkpoint import Checkpoint, LogKey, sign_checkpoint, verify_checkpoint
from clients.protocol.errors import ProtocolError
from clients.protocol.leaf_promise import sign_promise
from clients.protocol.logs import log_origin
from clients.protocol.merkle import Frontier, consistency_proof, verify_consistency
from clients.protocol.signatures import public_key
from clients.protocol.tiles import TILE_WIDTH, Nodes, Tile
from service.audit.events import SERVICE_LOG
from service.audit.tree import repository
from service.audit.tree.repository import Head
from service.heartbeat import Heartbeat
from service.storage.database import Database

__all__ = ["LogSigner", "Sequencer", "TreeDamaged", "sequenced"]

MOST_AT_ONCE = 4096
"""Entries placed in one transaction; what is left waits for the next round, which follows at once."""
_HASH, _TILE_HEIGHT = 32, 8
_BUSY, _IDLE = 0.05, 0.1
"""Seconds between rounds, after one that placed entries and after one that found none."""

_log = structlog.get_logger("service.audit")


class TreeDamaged(Exception):
    """What is stored of a tree is not what was signed of it. Says what is wrong, and of which tree."""


class _Overtaken(Exception):
    """Somebody else moved the head; this transaction must not commit."""


@dataclass(frozen=True, slots=True)
class LogSigner:
    """The name of one service, and the Ed25519 key (32 bytes) with which it signs the heads of its logs."""

    issuer: str
    private_key: bytes = field(repr=False)

    def key(self, covenant_id: str) -> LogKey:
        """The public half, under the name of one covenant's log."""
        return LogKey(self._origin(covenant_id), public_key(self.private_key))

    def promise(self, covenant_id: str, entry_id: UUID, leaf: bytes, at: datetime) -> bytes:
        """The signature by which the covenant's log is bound to an entry that has no place yet."""
        return sign_promise(self.private_key, self._origin(covenant_id), entry_id, leaf, at)

    def sign(self, covenant_id: str, size: int, root: bytes) -> str:
        """The signed note."""
        return sign_checkpoint(Checkpoint(self._origin(covenant_id), size, root), self.private_key)

    def _origin(self, covenant_id: str) -> str:
        return log_origin(self.issuer, None if covenant_id == SERVICE_LOG else covenant_id)


class Sequencer:
    """Of all trees of one service. `clock` gives an aware time."""

    def __init__(self, database: Database, signer: LogSigner, *, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._signer = signer
        self._clock = clock

    def round(self) -> int:
        """Brings every tree as far as its entries are committed; returns how many got their place.

        A tree that is damaged, or that another replica is at, is left alone. Raises Unavailable.
        """
        with self._database.transaction() as session:
            covenants = repository.unfinished(session)
        placed = 0
        for covenant_id in covenants:
            try:
                placed += self.place(covenant_id)
                self.sign(covenant_id)
            except TreeDamaged as damage:
                _log.error("log damaged", covenant=covenant_id, damage=str(damage))
        return placed

    def beat(self) -> float:
        """A round; returns after how many seconds the next is due (see `service.heartbeat`)."""
        placed = self.round()
        return 0 if placed >= MOST_AT_ONCE else _BUSY if placed else _IDLE

    def place(self, covenant_id: str) -> int:
        """Step 1; returns how many entries got their place. Raises TreeDamaged and Unavailable."""
        try:
            with self._database.transaction() as session:
                if not repository.lead(session, covenant_id):
                    return 0
                waiting = repository.waiting(session, covenant_id, MOST_AT_ONCE)
                if waiting:
                    before = repository.head(session, covenant_id)
                    self._check_signed(session, covenant_id, before)
                    self._extend(session, covenant_id, before, waiting)
        except (_Overtaken, IntegrityError):
            return 0  # rolled back; the next round begins where the other one ended
        return len(waiting)

    def sign(self, covenant_id: str) -> bool:
        """Step 2; whether there was a head to be signed. Raises TreeDamaged and Unavailable."""
        with self._database.transaction(isolation="REPEATABLE READ") as session:
            head = repository.head(session, covenant_id)
            signed = self._check_signed(session, covenant_id, head)
        if signed == head.size:
            return False
        note = self._signer.sign(covenant_id, head.size, _frontier(head).root())
        with self._database.transaction() as session:
            repository.save_checkpoint(session, covenant_id, head.size, note, self._clock())
        return True

    def _extend(self, session: Session, covenant_id: str, before: Head, waiting: list[tuple[UUID, bytes]]) -> None:
        frontier = _frontier(before)
        tiles = _append(frontier, [leaf for _, leaf in waiting])
        after = Head(frontier.size, b"".join(frontier.peaks))
        done = repository.place(session, covenant_id, before.size, [entry_id for entry_id, _ in waiting])
        if done != len(waiting) or not repository.move_head(session, covenant_id, before, after):
            raise _Overtaken
        for (level, index), (have, hashes) in tiles.items():
            if not repository.append_to_tile(session, covenant_id, level, index, before=have, hashes=b"".join(hashes)):
                raise TreeDamaged("a tile has not the hashes that it should")

    def _check_signed(self, session: Session, covenant_id: str, head: Head) -> int:
        """The size that was signed last, 0 if none; raises TreeDamaged unless the head goes on from there."""
        last = repository.checkpoint(session, covenant_id)
        if last is None:
            return 0

        def fetch(tile: Tile) -> bytes:
            return repository.tile(session, covenant_id, tile.level, tile.index, tile.width)

        try:
            signed = verify_checkpoint(last.note, self._signer.key(covenant_id)).checkpoint
            proof = consistency_proof(signed.size, head.size, Nodes(head.size, fetch).read)
            verify_consistency(signed.size, head.size, proof, signed.root, _frontier(head).root())
        except ProtocolError as error:
            raise TreeDamaged(f"the tree does not go on from the head that was signed: {error}") from None
        return signed.size


@contextmanager
def sequenced(url: str, signer: LogSigner, *, clock: Callable[[], datetime]) -> Iterator[None]:
    """Sequences the logs in the database at `url` while the block lasts, in a thread and on a connection of its own."""
    database = Database(url, pool_size=1)
    try:
        with Heartbeat("sequencer", Sequencer(database, signer, clock=clock).beat):
            yield
    finally:
        database.dispose()


def _frontier(head: Head) -> Frontier:
    try:
        return Frontier(head.size, [head.peaks[at : at + _HASH] for at in range(0, len(head.peaks), _HASH)])
    except ProtocolError as error:
        raise TreeDamaged(str(error)) from None


def _append(frontier: Frontier, leaves: list[bytes]) -> dict[tuple[int, int], tuple[int, list[bytes]]]:
    """Appends to the frontier. Returns, by (level, tile index), how many bytes the tile had and the hashes to add."""
    appended: dict[tuple[int, int], tuple[int, list[bytes]]] = {}
    for leaf in leaves:
        for node in frontier.append(leaf):
            level, between = divmod(node.level, _TILE_HEIGHT)
            if level and not between:
                index, place = divmod(node.index, TILE_WIDTH)
                appended.setdefault((level, index), (place * _HASH, []))[1].append(node.hash)
    return appended
