"""A tree cut into tiles (c2sp.org/tlog-tiles): files of up to 256 hashes, from which every node can be computed.

Tile (level, n) holds the complete nodes of level 8·level from n·256 on, 32 bytes each. A tile with 256 hashes never
changes; the last of each level grows and is named by how many it has. So a reader needs no service that computes:
whoever has copied a log's tiles can prove what it says.

    0/x001/x234/067         level 0, tile 1,234,067
    0/x001/x234/067.p/8     the same while it has eight hashes
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from clients.protocol.errors import MerkleError
from clients.protocol.merkle import root_of_leaves

__all__ = ["TILE_WIDTH", "Nodes", "Tile", "bundle_path", "parse_bundle_path", "tiles_of"]

TILE_WIDTH = 256
"""Hashes in a full tile, and entries in a full bundle."""
_HEIGHT = 8
_HASH = 32
_INDEX_PATH = re.compile(r"((?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Tile:
    """The first `width` hashes of one tile."""

    level: int
    index: int
    width: int = TILE_WIDTH

    @property
    def path(self) -> str:
        return f"{self.level}/{bundle_path(self.index, self.width)}"


def bundle_path(index: int, width: int = TILE_WIDTH) -> str:
    """How a tile of one level, or a bundle of entries, is named: threes of digits, and the width of a partial one."""
    digits = f"{index % 1000:03}"
    while index := index // 1000:
        digits = f"x{index % 1000:03}/{digits}"
    return digits if width == TILE_WIDTH else f"{digits}.p/{width}"


def parse_bundle_path(path: str) -> tuple[int, int]:
    """(index, width) of a name that `bundle_path` gives. Raises MerkleError for any other."""
    found = _INDEX_PATH.fullmatch(path)
    if found:
        index = int(found[1].replace("x", "").replace("/", ""))
        width = TILE_WIDTH if found[2] is None else int(found[2])
        if bundle_path(index, width) == path:
            return index, width
    raise MerkleError("not the name of a tile or bundle")


def tiles_of(size: int, level: int = 0) -> Iterator[Tile]:
    """The tiles of one level in a tree of `size` leaves, in order."""
    full, rest = divmod(size >> (_HEIGHT * level), TILE_WIDTH)
    for index in range(full):
        yield Tile(level, index)
    if rest:
        yield Tile(level, full, rest)


class Nodes:
    """The complete nodes of a tree of `size` leaves, for the proofs of `merkle`.

    `fetch` gives the bytes of a tile, as wide as it is in a tree of that size; each is asked for once.
    """

    def __init__(self, size: int, fetch: Callable[[Tile], bytes]) -> None:
        self._size = size
        self._fetch = fetch
        self._tiles: dict[tuple[int, int], bytes] = {}

    def read(self, level: int, index: int) -> bytes:
        """The node (level, index). Raises MerkleError where the tree has none, and for a tile that is not one."""
        tile_level, height = divmod(level, _HEIGHT)
        first = index << height
        if level < 0 or index < 0 or (index + 1) << level > self._size:
            raise MerkleError("no such complete node")
        hashes = self._tile(tile_level, first // TILE_WIDTH)
        start = first % TILE_WIDTH * _HASH
        cut = hashes[start : start + (_HASH << height)]
        return cut if height == 0 else root_of_leaves(cut[at : at + _HASH] for at in range(0, len(cut), _HASH))

    def _tile(self, level: int, index: int) -> bytes:
        found = self._tiles.get((level, index))
        if found is None:
            width = min(TILE_WIDTH, (self._size >> (_HEIGHT * level)) - index * TILE_WIDTH)
            found = self._fetch(Tile(level, index, width))
            if len(found) != width * _HASH:
                raise MerkleError("a tile has not the hashes that it should")
            self._tiles[level, index] = found
        return found
