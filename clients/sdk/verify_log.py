"""Offline verification of a log: from a copy of it, two public keys, and nothing that any service says today.

What is checked, by the numbers in `verify_log`:

1. The head is signed by the log's key, and the witness's cosignature on it holds.
2. The hashes in the copy are those that the head stands for, in their order.
3. Every earlier head that the reader has kept is of the same history: the log only grew.
4. Every entry gives the hash that stands at its place: computed anew from its fields and salt.
5. Each entry that is there no more is accounted for by an entry about its erasure (`verify_erasures`).

Whatever fails raises VerificationError, which says what is wrong and with which entries; a report says in words what
was proved and what nobody can prove.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic_core import from_json, to_json

from clients.protocol.audit_leaf import entry_leaf
from clients.protocol.checkpoint import Checkpoint, LogKey, WitnessKey, verify_checkpoint
from clients.protocol.encoding import b64u_decode
from clients.protocol.errors import CheckpointError, ProtocolError
from clients.protocol.merkle import root_of_leaves
from clients.protocol.strict_json import parse_json
from clients.protocol.tiles import TILE_WIDTH, Tile, tiles_of
from clients.sdk.errors import VerificationError
from clients.sdk.log_copy import LogCopy
from clients.sdk.verify_erasures import Erased, Erasures
from covenant_rules.dates import amsterdam_date

__all__ = ["LogReport", "verify_log"]

_HASH = 32
_NAMED = 20
"""Places that a message names, at most."""


@dataclass(frozen=True, slots=True)
class LogReport:
    """What was proved of a log."""

    head: Checkpoint
    witness: str | None
    cosigned_at: datetime | None
    earlier: tuple[int, ...]
    """Sizes of earlier heads that this one goes on from."""
    entries: int | None
    """How many entries were computed anew; None where the copy has hashes alone."""
    erased: tuple[Erased, ...]
    """What went at the end of its retention, by version and day."""
    span: tuple[str, str] | tuple[None, None]
    """When the first and the last of them happened."""

    def words(self) -> list[str]:
        """The sentences of the report."""
        size = f"{self.head.size:,}"
        said = [f"The log {self.head.origin} has {size} entries in one order, and its operator has signed for them."]
        if self.cosigned_at is None:
            said.append(
                "No witness has cosigned this head: the operator may have shown others another history. Keep it: "
                "whether a later one goes on from it can be checked."
            )
        else:
            at = f"{self.cosigned_at:%Y-%m-%d %H:%M:%S} UTC"
            said.append(
                f"{self.witness} cosigned this head at {at}: everything that it cosigned before is still in it."
            )
        if self.earlier:
            sizes = ", ".join(f"{size:,}" for size in self.earlier)
            said.append(f"It goes on from the heads you kept, of {sizes} entries: nothing before them was changed.")
        if self.entries is None:
            said.append("This copy has hashes alone: what the entries say was not checked.")
        else:
            first, last = (f"{moment or '':.19}".replace("T", " ") for moment in self.span)
            said.append(
                f"{self.entries:,} entries, from {first} to {last} UTC, are to the letter what they were when they "
                "got their places: none was changed, added, moved or taken out."
            )
        said += [
            f"{one.entries:,} entries up to {one.until} were erased when the time that version {one.version[:12]} "
            "gives them was over: the log says so itself for just these places, and their hashes still stand."
            for one in self.erased
        ]
        said.append(
            "What was never put on record shows in no log; that nothing leaves without it is the program's part."
        )
        return said


def verify_log(
    copy: LogCopy,
    log: LogKey,
    witness: WitnessKey | None = None,
    earlier: Iterable[str] = (),
    progress: Callable[[int, int], None] = lambda done, size: None,
) -> LogReport:
    """Verifies a whole copy; `earlier` are notes of heads that the reader kept. Raises VerificationError."""
    head, cosigned_at = _head(copy.checkpoint(), log, witness)  # 1
    leaves = _hashes(copy, head)  # 2
    kept = _earlier(earlier, log, leaves, head)  # 3
    tally = _Tally(head.origin)
    if copy.has_entries:
        for tile in tiles_of(head.size):  # 4
            tally.bundle(tile, copy.entries(tile), leaves)
            progress(tile.index * TILE_WIDTH + tile.width, head.size)
        tally.settle()  # 5, with what was found of 4
    return LogReport(
        head=head,
        witness=None if witness is None else witness.name,
        cosigned_at=cosigned_at,
        earlier=kept,
        entries=tally.verified if copy.has_entries else None,
        erased=tally.erased,
        span=tally.span,
    )


def _head(note: str, log: LogKey, witness: WitnessKey | None) -> tuple[Checkpoint, datetime | None]:
    try:
        verified = verify_checkpoint(note, log, () if witness is None else (witness,))
    except CheckpointError as error:
        raise VerificationError(f"the head of the log: {error}") from None
    if witness is None:
        return verified.checkpoint, None
    at = verified.cosigned_at.get(witness.name)
    if at is None:
        raise VerificationError("the head of the log: the witness has not cosigned it")
    return verified.checkpoint, datetime.fromtimestamp(at, UTC)


def _hashes(copy: LogCopy, head: Checkpoint) -> list[bytes]:
    leaves: list[bytes] = []
    for tile in tiles_of(head.size):
        hashes = copy.hashes(tile)
        if len(hashes) != tile.width * _HASH:
            raise VerificationError(
                f"the hashes from entry {tile.index * TILE_WIDTH:,} on are not as many as they should"
            )
        leaves += (hashes[at : at + _HASH] for at in range(0, len(hashes), _HASH))
    if root_of_leaves(leaves) != head.root:
        raise VerificationError("the hashes in this copy are not those that the head was signed for")
    return leaves


def _earlier(notes: Iterable[str], log: LogKey, leaves: Sequence[bytes], head: Checkpoint) -> tuple[int, ...]:
    sizes = []
    for note in notes:
        try:
            kept = verify_checkpoint(note, log).checkpoint
        except CheckpointError as error:
            raise VerificationError(f"an earlier head: {error}") from None
        if kept.size > head.size:
            raise VerificationError(
                f"the log had {kept.size:,} entries, and has {head.size:,} in this copy: it was taken back, unless the "
                "copy is older than the head you kept"
            )
        if root_of_leaves(leaves[: kept.size]) != kept.root:
            raise VerificationError(
                f"the log's first {kept.size:,} entries are not what its operator signed for before: it was forked"
            )
        sizes.append(kept.size)
    return tuple(sizes)


class _Tally:
    """What was found of the entries so far."""

    def __init__(self, origin: str) -> None:
        covenant = origin.rpartition("/covenants/")[2] if "/covenants/" in origin else "-"
        self._own = f'{{"covenant":"{covenant}",'.encode()
        self.verified = 0
        self.erased: tuple[Erased, ...] = ()
        self._erasures = Erasures()
        self._first, self._last = b"~", b""
        self._changed: list[int] = []
        self._odd: list[int] = []

    @property
    def span(self) -> tuple[str, str] | tuple[None, None]:
        """When the first and the last of the verified entries happened."""
        return (self._first.decode()[1:-1], self._last.decode()[1:-1]) if self.verified else (None, None)

    def bundle(self, tile: Tile, lines: Sequence[bytes], leaves: Sequence[bytes]) -> None:
        start = tile.index * TILE_WIDTH
        if len(lines) != tile.width:
            raise VerificationError(f"the entries from {start:,} on are not as many as their hashes")
        for index, line in enumerate(lines, start):
            try:
                self._entry(index, _read(line), leaves[index])
            except (ProtocolError, AttributeError, KeyError, TypeError, ValueError):
                raise VerificationError(f"entry {index:,} is not in its form") from None

    def _entry(self, index: int, told: Any, leaf: bytes) -> None:
        salt, texts = told.get("salt"), told.get("fields")
        if told["index"] != index:
            raise VerificationError(f"what stands at {index:,} says that it is entry {told['index']}")
        if salt is None and texts is None:
            self._erasures.missing(index, leaf, told.get("erasedBy"))
            return
        fields = {name: text.encode() for name, text in texts.items()}
        if entry_leaf(b64u_decode(salt), fields) != leaf:
            self._changed.append(index)
            return
        self.verified += 1
        about, time = fields["entry"], fields["time"]
        if not about.startswith(self._own) or not _is_day_of(fields["day"], time):
            self._odd.append(index)
        self._erasures.there(index, fields)
        if time < self._first:
            self._first = time
        if time > self._last:
            self._last = time

    def settle(self) -> None:
        """Raises VerificationError for everything that was found."""
        faults = []
        if self._changed:
            faults.append(f"not what they were when they got their places: {_named(self._changed)}")
        if self._odd:
            faults.append(f"of another covenant, or of another day than they say: {_named(self._odd)}")
        self.erased, missing = self._erasures.settle()
        faults += missing
        if faults:
            raise VerificationError("entries of the log: " + "; ".join(faults))


def _read(line: bytes) -> Any:
    """One line, strictly. Raises ProtocolError and ValueError.

    A line that is to the letter what its own content is written as has no name twice, nor anything else that JSON
    leaves to its reader; only for other lines is the strict parser needed, which takes three times as long. Names are
    much the same in all lines, and worth remembering; values, of which each is another, are not.
    """
    told = from_json(line, allow_inf_nan=False, cache_strings="keys")
    return told if to_json(told) == line else parse_json(line)


def _named(places: Sequence[int]) -> str:
    listed = ", ".join(f"{place:,}" for place in places[:_NAMED])
    return listed if len(places) <= _NAMED else f"{listed} and {len(places) - _NAMED:,} more"


def _is_day_of(day: bytes, time: bytes) -> bool:
    """Whether a moment (both as canonical JSON) falls on a day in Amsterdam; the two dates are mostly the same."""
    if day[1:-1] == time[1:11] and time[12:14] < b"22":
        return True
    return day[1:-1].decode() == str(amsterdam_date(datetime.fromisoformat(time[1:-1].decode())))
