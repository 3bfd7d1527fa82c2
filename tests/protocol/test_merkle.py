"""The tree of RFC 6962: published vectors, the definition itself as oracle, and every tampering refused."""

from __future__ import annotations

import json
from base64 import b64decode
from collections import Counter
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.protocol.errors import MerkleError
from clients.protocol.merkle import (
    EMPTY_ROOT,
    Frontier,
    Tree,
    leaf_hash,
    root_from_inclusion,
    root_of_leaves,
    tree_root,
    verify_consistency,
    verify_inclusion,
)
from tests.protocol.shared_data import shared

VECTORS = json.loads((Path(__file__).parent / "vectors" / "rfc6962.json").read_text())

LEAVES = [leaf_hash(bytes.fromhex(data)) for data in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657")]
"""The inputs that the reference implementations share (certificate-transparency-go, merkletree test)."""


def definition(leaves: list[bytes]) -> bytes:
    """MTH as RFC 6962 §2.1 writes it."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\x01" + definition(leaves[:split]) + definition(leaves[split:])).digest()


def numbered(count: int) -> list[bytes]:
    return [leaf_hash(number.to_bytes(4, "big")) for number in range(count)]


@pytest.mark.parametrize(
    ("name", "leaf", "index", "size", "proof", "root", "refused"),
    VECTORS["inclusion"],
    ids=[vector[0] for vector in VECTORS["inclusion"]],
)
def test_inclusion_vectors(
    name: str, leaf: str, index: int, size: int, proof: list[str], root: str, refused: bool
) -> None:
    _expect(refused, verify_inclusion, b64decode(leaf), index, size, [b64decode(h) for h in proof], b64decode(root))


@pytest.mark.parametrize(
    ("name", "first", "second", "proof", "first_root", "second_root", "refused"),
    VECTORS["consistency"],
    ids=[vector[0] for vector in VECTORS["consistency"]],
)
def test_consistency_vectors(
    name: str, first: int, second: int, proof: list[str], first_root: str, second_root: str, refused: bool
) -> None:
    hashes = [b64decode(h) for h in proof]
    _expect(refused, verify_consistency, first, second, hashes, b64decode(first_root), b64decode(second_root))


def test_all_vectors_of_the_shared_file_that_rfc_6962_defines() -> None:
    """Proofs about subtrees that begin elsewhere than at the first leaf are a later invention, and not ours."""
    seen: Counter[str] = Counter()
    for name, vector in json.loads(shared("crypto/rfc6962_merkle_vectors.json").read_text()).items():
        kind = name.split("/")[0]
        proof = [b64decode(h) for h in vector["proof"] or []]
        if kind.endswith("inclusion"):
            start, size = (0, vector["treeSize"]) if kind == "inclusion" else (vector["start"], vector["end"])
            if start and start % (1 << max(size - start - 1, 0).bit_length()):
                seen["unaligned subtree"] += 1  # refused already for not being a subtree
                assert vector["wantErr"]
                continue
            leaf, root = b64decode(vector["leafHash"]), b64decode(vector["root"])
            _expect(vector["wantErr"], verify_inclusion, leaf, vector["leafIdx"] - start, size - start, proof, root)
        elif vector.get("start", 0):
            seen["subtree elsewhere"] += 1
            continue
        else:
            first = vector["size1"] if kind == "consistency" else vector["end"]
            second = vector["size2"] if kind == "consistency" else vector["size"]
            roots = b64decode(vector["root1"]), b64decode(vector["root2"])
            # One vector holds equal roots of twelve bytes for right: a hash is 32 bytes here.
            refused = vector["wantErr"] or any(len(root) != 32 for root in roots)
            _expect(refused, verify_consistency, first, second, proof, *roots)
        seen[kind] += 1
    assert sum(seen.values()) == 518
    assert seen == {
        "inclusion": 98,
        "consistency": 98,
        "subtreeinclusion": 204 - seen["unaligned subtree"],
        "subtreeconsistency": 102,
        "subtree elsewhere": 16,
        "unaligned subtree": seen["unaligned subtree"],
    }


def test_roots_of_the_first_leaves_are_those_that_other_implementations_publish() -> None:
    published = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    ]
    assert [root_of_leaves(LEAVES[: size + 1]).hex() for size in range(7)] == published
    assert root_of_leaves([]) == EMPTY_ROOT


@given(st.integers(0, 130))
def test_the_frontier_has_the_root_that_the_definition_gives(size: int) -> None:
    leaves = numbered(size)
    frontier, tree = Frontier(), Tree(leaves)
    for leaf in leaves:
        frontier.append(leaf)
    assert frontier.root() == tree.root() == tree_root(size, tree.node) == definition(leaves)
    assert Frontier(frontier.size, frontier.peaks).root() == frontier.root()


@given(st.integers(1, 130), st.data())
def test_every_leaf_is_proved_at_its_place_and_at_no_other(size: int, data: st.DataObject) -> None:
    leaves = numbered(size)
    tree, root = Tree(leaves), definition(leaves)
    index = data.draw(st.integers(0, size - 1), label="index")
    proof = tree.inclusion_proof(index)
    verify_inclusion(leaves[index], index, size, proof, root)
    for wrong_index in {index - 1, index + 1, size, -1} - {index}:
        with pytest.raises(MerkleError):
            verify_inclusion(leaves[index], wrong_index, size, proof, root)
    with pytest.raises(MerkleError):
        verify_inclusion(leaf_hash(b"another"), index, size, proof, root)


@given(st.integers(1, 130), st.data())
def test_a_tree_is_proved_to_begin_every_later_one(second: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, second), label="first")
    leaves = numbered(second)
    roots = definition(leaves[:first]), definition(leaves)
    tree = Tree(leaves)
    proof = tree.consistency_proof(first) if first else []
    verify_consistency(first, second, proof, *roots)
    rewritten = [leaf_hash(b"rewritten"), *leaves[1:]]
    if 0 < first < second:
        with pytest.raises(MerkleError):
            verify_consistency(first, second, Tree(rewritten).consistency_proof(first), roots[0], definition(rewritten))


@given(st.integers(2, 70), st.data())
def test_a_proof_that_is_changed_shortened_or_lengthened_is_refused(size: int, data: st.DataObject) -> None:
    tree = Tree(numbered(size))
    index = data.draw(st.integers(0, size - 1), label="index")
    first = data.draw(st.integers(1, size - 1), label="first")
    inclusion, consistency = tree.inclusion_proof(index), tree.consistency_proof(first)
    first_root = tree_root(first, tree.node)
    checks: list[tuple[list[bytes], Callable[[list[bytes]], None]]] = [
        (inclusion, lambda bad: verify_inclusion(tree.node(0, index), index, size, bad, tree.root())),
        (consistency, lambda bad: verify_consistency(first, size, bad, first_root, tree.root())),
    ]
    for proof, check in checks:
        place = data.draw(st.integers(0, len(proof) - 1), label="place")
        flipped = bytes([proof[place][0] ^ 1]) + proof[place][1:]
        for bad in (
            [*proof[:place], flipped, *proof[place + 1 :]],
            proof[:place] + proof[place + 1 :],
            [*proof, proof[-1]],
            [bytes(32), *proof],
            [*proof[:-1], proof[-1][:31]],
        ):
            with pytest.raises(MerkleError):
                check(bad)


def test_every_tree_begins_with_the_empty_one_and_with_no_other_of_no_leaves() -> None:
    verify_consistency(0, 3, [], EMPTY_ROOT, root_of_leaves(numbered(3)))
    for first_root, proof in ((bytes(32), []), (EMPTY_ROOT, [bytes(32)])):
        with pytest.raises(MerkleError):
            verify_consistency(0, 3, proof, first_root, root_of_leaves(numbered(3)))


def test_an_overlong_path_leads_nowhere() -> None:
    tree = Tree(numbered(3))
    with pytest.raises(MerkleError):
        root_from_inclusion(tree.node(0, 0), 0, 3, [*tree.inclusion_proof(0), bytes(32)])


def test_appending_reports_each_complete_node_once() -> None:
    tree, frontier, stored = Tree(numbered(100)), Frontier(), {}
    for leaf in numbered(100):
        for node in frontier.append(leaf):
            assert (node.level, node.index) not in stored
            stored[node.level, node.index] = node.hash
    assert len(stored) == 100 + 50 + 25 + 12 + 6 + 3 + 1
    assert tree_root(77, lambda level, index: stored[level, index]) == root_of_leaves(numbered(77))
    assert all(tree.node(level, index) == value for (level, index), value in stored.items())


def test_a_frontier_that_does_not_fit_its_size_is_refused() -> None:
    for size, peaks in ((1, []), (3, [bytes(32)]), (0, [bytes(32)]), (1, [bytes(31)]), (-1, [])):
        with pytest.raises(MerkleError):
            Frontier(size, peaks)


def test_what_a_tree_does_not_hold_cannot_be_proved_from_it() -> None:
    tree = Tree(numbered(5))
    for ask in (
        lambda: tree.inclusion_proof(5),
        lambda: tree.inclusion_proof(-1),
        lambda: tree.consistency_proof(0),
        lambda: tree.consistency_proof(6),
        lambda: tree.node(1, 2),
    ):
        with pytest.raises(MerkleError):
            ask()


def _expect(refused: bool, check: Any, *arguments: Any) -> None:
    if refused:
        with pytest.raises(MerkleError):
            check(*arguments)
    else:
        check(*arguments)
