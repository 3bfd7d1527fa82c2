"""The append-only hash tree of RFC 6962 §2.1: roots, inclusion and consistency proofs, and a frontier that only grows.

A leaf hash is SHA-256(0x00 ‖ data), a node SHA-256(0x01 ‖ left ‖ right); both are 32 bytes. A *complete node*
(level, i) is the hash over the leaves from i·2^level up to (i+1)·2^level. It never changes once those leaves are there,
so proofs of any size are made from complete nodes alone, read one by one from wherever they are stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from clients.protocol.errors import MerkleError

__all__ = [
    "EMPTY_ROOT",
    "CompleteNode",
    "Frontier",
    "Tree",
    "consistency_proof",
    "inclusion_proof",
    "leaf_hash",
    "root_from_inclusion",
    "root_of_leaves",
    "tree_root",
    "verify_consistency",
    "verify_inclusion",
]

EMPTY_ROOT = sha256(b"").digest()

ReadNode = Callable[[int, int], bytes]
"""Gives the complete node (level, index)."""


@dataclass(frozen=True, slots=True)
class CompleteNode:
    """A node that will never change; `level` 0 is a leaf hash."""

    level: int
    index: int
    hash: bytes


def leaf_hash(data: bytes) -> bytes:
    return sha256(b"\x00" + data).digest()


def _node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


class Frontier:
    """A tree's size and the complete nodes along its right edge: all that is needed to append and to tell the root.

    `peaks` holds one hash for each bit set in `size`, the largest subtree first.
    """

    __slots__ = ("_peaks", "size")

    def __init__(self, size: int = 0, peaks: Iterable[bytes] = ()) -> None:
        self.size = size
        self._peaks = list(peaks)
        if size < 0 or len(self._peaks) != size.bit_count() or any(len(peak) != 32 for peak in self._peaks):
            raise MerkleError("the frontier does not fit its size")

    @property
    def peaks(self) -> tuple[bytes, ...]:
        return tuple(self._peaks)

    def append(self, leaf: bytes) -> list[CompleteNode]:
        """Add one leaf hash. Returns the nodes that this completes, the leaf first."""
        node, index, level = leaf, self.size, 0
        completed = [CompleteNode(0, index, node)]
        while index & 1:
            node = _node_hash(self._peaks.pop(), node)
            index >>= 1
            level += 1
            completed.append(CompleteNode(level, index, node))
        self._peaks.append(node)
        self.size += 1
        return completed

    def root(self) -> bytes:
        if not self._peaks:
            return EMPTY_ROOT
        root = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            root = _node_hash(peak, root)
        return root


class Tree:
    """A whole tree in memory, for batches and for readers that fetched every leaf."""

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        self._frontier = Frontier()
        self._levels: list[list[bytes]] = []
        for leaf in leaves:
            self.append(leaf)

    @property
    def size(self) -> int:
        return self._frontier.size

    def append(self, leaf: bytes) -> None:
        for node in self._frontier.append(leaf):
            if node.level == len(self._levels):
                self._levels.append([])
            self._levels[node.level].append(node.hash)

    def node(self, level: int, index: int) -> bytes:
        """A complete node. Raises MerkleError where there is none."""
        try:
            return self._levels[level][index]
        except IndexError:
            raise MerkleError("no such complete node") from None

    def root(self) -> bytes:
        return self._frontier.root()

    def inclusion_proof(self, index: int) -> list[bytes]:
        return inclusion_proof(index, self.size, self.node)

    def consistency_proof(self, first: int) -> list[bytes]:
        return consistency_proof(first, self.size, self.node)


def root_of_leaves(leaves: Iterable[bytes]) -> bytes:
    """The tree head over leaf hashes (RFC 6962 §2.1, MTH).

    Also over the heads of consecutive ranges, of 2^n leaves each and the last of at most so many.
    """
    level = list(leaves)
    if not level:
        return EMPTY_ROOT
    while len(level) > 1:
        # Two by two from the left; who is left over stands in the next row as it is. It comes to what MTH says.
        pairs = iter(level)
        level = [sha256(b"\x01" + left + right).digest() for left, right in zip(pairs, pairs, strict=False)] + (
            level[-1:] if len(level) % 2 else []
        )
    return level[0]


def tree_root(size: int, read: ReadNode) -> bytes:
    """The head of the first `size` leaves, from complete nodes."""
    return _range_root(0, size, read) if size else EMPTY_ROOT


def inclusion_proof(index: int, size: int, read: ReadNode) -> list[bytes]:
    """PATH(index, D[size]) of RFC 6962 §2.1.1, lowest node first. Raises MerkleError unless index < size."""
    if not 0 <= index < size:
        raise MerkleError("no such leaf in a tree of this size")
    path: list[bytes] = []
    begin, end = 0, size
    while end - begin > 1:
        middle = begin + _left_size(end - begin)
        if index < middle:
            path.append(_range_root(middle, end, read))
            end = middle
        else:
            path.append(_range_root(begin, middle, read))
            begin = middle
    path.reverse()
    return path


def consistency_proof(first: int, second: int, read: ReadNode) -> list[bytes]:
    """PROOF(first, D[second]) of RFC 6962 §2.1.2. Raises MerkleError unless 0 < first ≤ second."""
    if not 0 < first <= second:
        raise MerkleError("no proof between trees of these sizes")
    path: list[bytes] = []
    begin, end = 0, second
    while first != end:
        middle = begin + _left_size(end - begin)
        if first <= middle:
            path.append(_range_root(middle, end, read))
            end = middle
        else:
            path.append(_range_root(begin, middle, read))
            begin = middle
    if begin:  # the verifier knows the first tree's root itself, and needs a subtree of it only where that is smaller
        path.append(_range_root(begin, end, read))
    path.reverse()
    return path


def root_from_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes:
    """The root to which `proof` leads from the leaf hash at `index` (RFC 9162 §2.1.3.2). Raises MerkleError."""
    if not 0 <= index < size:
        raise MerkleError("no such leaf in a tree of this size")
    _check_hashes(leaf, *proof)
    position, last, node = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise MerkleError("the proof is too long")
        if position & 1 or position == last:
            node = _node_hash(sibling, node)
            while not position & 1 and position:
                position >>= 1
                last >>= 1
        else:
            node = _node_hash(node, sibling)
        position >>= 1
        last >>= 1
    if last:
        raise MerkleError("the proof is too short")
    return node


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Raises MerkleError unless the leaf hash stands at `index` in the tree of `size` leaves with this root."""
    if root_from_inclusion(leaf, index, size, proof) != root:
        raise MerkleError("the inclusion proof does not lead to the root")


def verify_consistency(first: int, second: int, proof: Sequence[bytes], first_root: bytes, second_root: bytes) -> None:
    """Raises MerkleError unless the tree of `first` leaves begins the tree of `second` leaves (RFC 9162 §2.1.4.2).

    Every tree begins with the empty one; its root must then be that of no leaves, and the proof is empty.
    """
    if not 0 <= first <= second:
        raise MerkleError("no proof between trees of these sizes")
    _check_hashes(first_root, second_root, *proof)
    if first in (0, second):
        if proof:
            raise MerkleError("the proof is too long")
        if first_root != (EMPTY_ROOT if first == 0 else second_root):
            raise MerkleError("the roots differ")
        return
    nodes = list(proof)
    if first.bit_count() == 1:
        nodes.insert(0, first_root)
    if not nodes:
        raise MerkleError("the proof is too short")
    position, last = first - 1, second - 1
    while position & 1:
        position >>= 1
        last >>= 1
    first_node = second_node = nodes[0]
    for sibling in nodes[1:]:
        if last == 0:
            raise MerkleError("the proof is too long")
        if position & 1 or position == last:
            first_node = _node_hash(sibling, first_node)
            second_node = _node_hash(sibling, second_node)
            while not position & 1 and position:
                position >>= 1
                last >>= 1
        else:
            second_node = _node_hash(second_node, sibling)
        position >>= 1
        last >>= 1
    if last:
        raise MerkleError("the proof is too short")
    if (first_node, second_node) != (first_root, second_root):
        raise MerkleError("the consistency proof does not join the roots")


def _left_size(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << ((size - 1).bit_length() - 1)


def _range_root(begin: int, end: int, read: ReadNode) -> bytes:
    """Root over the leaves [begin, end). `begin` is a multiple of every power of two not above end - begin."""
    size = end - begin
    if size & (size - 1) == 0:
        level = size.bit_length() - 1
        return read(level, begin >> level)
    middle = begin + _left_size(size)
    return _node_hash(_range_root(begin, middle, read), _range_root(middle, end, read))


def _check_hashes(*hashes: bytes) -> None:
    if any(len(one) != 32 for one in hashes):
        raise MerkleError("a hash is 32 bytes")
