"""Tiles as c2sp.org/tlog-tiles names and fills them, and the tree that can be read back from them."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.protocol.errors import MerkleError
from clients.protocol.merkle import Tree, consistency_proof, inclusion_proof, root_of_leaves, tree_root
from clients.protocol.tiles import TILE_WIDTH, Nodes, Tile, bundle_path, parse_bundle_path, tiles_of

SIZE = 66_049  # 258 full tiles and one leaf; two tiles on level 1; one hash on level 2
TREE = Tree(sha256(number.to_bytes(4, "big")).digest() for number in range(SIZE))
LEAVES = [TREE.node(0, index) for index in range(SIZE)]


def fetch(tile: Tile) -> bytes:
    first = tile.index * TILE_WIDTH
    return b"".join(TREE.node(8 * tile.level, index) for index in range(first, first + tile.width))


@pytest.mark.parametrize(
    ("index", "width", "path"),
    [
        (0, 256, "000"),
        (67, 8, "067.p/8"),
        (999, 1, "999.p/1"),
        (1000, 256, "x001/000"),
        (1_234_067, 256, "x001/x234/067"),  # the specification's own example
        (1_234_067, 255, "x001/x234/067.p/255"),
    ],
)
def test_names_are_those_of_the_specification(index: int, width: int, path: str) -> None:
    assert bundle_path(index, width) == path
    assert parse_bundle_path(path) == (index, width)


def test_a_tile_is_named_after_its_level() -> None:
    assert Tile(1, 1000, 4).path == "1/x001/000.p/4"


@given(st.integers(0, 2**55), st.integers(1, 256))
def test_every_name_is_read_back(index: int, width: int) -> None:
    assert parse_bundle_path(bundle_path(index, width)) == (index, width)


@pytest.mark.parametrize(
    "path",
    ["", "1", "0001", "x000/001", "x001/x01/000", "000.p/0", "000.p/256", "000.p/01", "000.p", "000/", "٠٠٠", "../000"],
)
def test_other_names_are_refused(path: str) -> None:
    with pytest.raises(MerkleError):
        parse_bundle_path(path)


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 65_535, 65_536, 65_537, SIZE])
@pytest.mark.parametrize("level", [0, 1, 2, 3])
def test_tiles_hold_every_node_of_their_level_once(size: int, level: int) -> None:
    widths = [tile.width for tile in tiles_of(size, level)]
    assert sum(widths) == size // 256**level
    assert all(width == TILE_WIDTH for width in widths[:-1])
    assert [tile.index for tile in tiles_of(size, level)] == list(range(len(widths)))


@given(st.integers(1, SIZE), st.data())
def test_proofs_and_roots_are_made_from_tiles_alone(size: int, data: st.DataObject) -> None:
    nodes = Nodes(size, fetch)
    index = data.draw(st.integers(0, size - 1))
    first = data.draw(st.integers(1, size))
    assert inclusion_proof(index, size, nodes.read) == inclusion_proof(index, size, TREE.node)
    assert consistency_proof(first, size, nodes.read) == consistency_proof(first, size, TREE.node)
    assert tree_root(size, nodes.read) == tree_root(size, TREE.node)


@given(st.integers(0, SIZE))
def test_the_root_over_tiles_is_the_root_over_leaves(size: int) -> None:
    heads = [root_of_leaves(LEAVES[at : at + 256]) for at in range(0, size, 256)]
    heads[-1:] = [root_of_leaves(LEAVES[size - 1 - (size - 1) % 256 : size])] if size else []
    assert root_of_leaves(heads) == tree_root(size, TREE.node)


def test_nodes_that_are_not_there_are_refused() -> None:
    nodes = Nodes(300, fetch)
    nodes.read(8, 0)
    for level, index in ((0, 300), (8, 1), (9, 0), (-1, 0), (0, -1)):
        with pytest.raises(MerkleError):
            nodes.read(level, index)


def test_a_tile_of_another_length_is_refused() -> None:
    with pytest.raises(MerkleError):
        Nodes(300, lambda tile: fetch(tile)[:-1]).read(0, 0)


def test_each_tile_is_fetched_once() -> None:
    fetched: list[Tile] = []

    def count(tile: Tile) -> bytes:
        fetched.append(tile)
        return fetch(tile)

    inclusion_proof(1000, SIZE, Nodes(SIZE, count).read)
    assert len(fetched) == len(set(fetched))
