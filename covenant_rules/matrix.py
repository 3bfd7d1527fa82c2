"""The matrix: everything a covenant could ever show, before any condition is asked.

MAY ⊆ purpose × stage × from-kind × to-kind × category × item holds what the permits name, minus what the forbids name,
where both kinds have a legal basis for the purpose and the category's class, closed under implication: an item stays
only if all it implies stay. Conditions only narrow it, so what the matrix excludes can never happen.

A set of cells is one integer, a bit for each cell. A rule names a box of cells, the product of its sets of purposes,
stages, kinds and categories, and the box of one integer per axis is their arithmetical product. So a covenant of
hundreds of rules is spanned in milliseconds with `|`, `&` and `~`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property, reduce
from math import prod
from operator import or_
from typing import NamedTuple

from covenant_rules.model import Covenant, Effect, Rule


class Cell(NamedTuple):
    """One place in the matrix: who may show whom, for what, when, and what about. It holds a set of items."""

    purpose: str
    stage: str
    from_kind: str
    to_kind: str
    category: str


class Space:
    """The coordinates of cells: purpose × stage × from-kind × to-kind × category, the last one running fastest."""

    def __init__(
        self, purposes: Iterable[str], stages: Iterable[str], kinds: Iterable[str], categories: Iterable[str]
    ) -> None:
        kinds = tuple(kinds)
        self.axes = (tuple(purposes), tuple(stages), kinds, kinds, tuple(categories))
        sizes = [len(axis) for axis in self.axes]
        self.size = prod(sizes)
        self._strides = [prod(sizes[n + 1 :]) for n in range(len(sizes))]
        self._weights = [
            {value: stride * place for place, value in enumerate(axis)}
            for axis, stride in zip(self.axes, self._strides, strict=True)
        ]

    @classmethod
    def of(cls, *covenants: Covenant) -> Space:
        """A space wide enough for all the versions given; their words in the order in which they first stand."""

        def words(section: str) -> list[str]:
            return list(dict.fromkeys(word for covenant in covenants for word in getattr(covenant, section)))

        return cls(words("purposes"), words("stages"), words("kinds"), words("categories"))

    def index(self, cell: Cell) -> int | None:
        """The bit of a cell, or None where one of its words is unknown."""
        total = 0
        for weights, word in zip(self._weights, cell, strict=True):
            weight = weights.get(word)
            if weight is None:
                return None
            total += weight
        return total

    def coordinates(self, index: int) -> list[int]:
        """Where a cell stands on each axis."""
        found = []
        for stride in self._strides:
            place, index = divmod(index, stride)
            found.append(place)
        return found

    def cell(self, index: int) -> Cell:
        return Cell(*(axis[place] for axis, place in zip(self.axes, self.coordinates(index), strict=True)))

    def box(
        self,
        purposes: Iterable[str],
        stages: Iterable[str],
        from_: Iterable[str],
        to: Iterable[str],
        categories: Iterable[str],
    ) -> int:
        """All cells with a purpose among `purposes`, a stage among `stages`, and so on; unknown words name none."""
        # 2^(a+b+…) = 2^a · 2^b · …, and no two cells share a bit: the product of the sums is the set of the products.
        return prod(
            sum(1 << weights[word] for word in set(words) if word in weights)
            for weights, words in zip(self._weights, (purposes, stages, from_, to, categories), strict=True)
        )

    def named(self, rule: Rule) -> int:
        return self.box((rule.purpose,), rule.stages, rule.from_, rule.to, rule.categories)

    def cells(self, bits: int) -> Iterator[Cell]:
        return map(self.cell, places(bits))


def first(bits: int) -> int:
    """Position of the lowest bit that is set; there must be one."""
    return (bits & -bits).bit_length() - 1


def places(bits: int) -> list[int]:
    """Positions of the bits that are set, lowest first."""
    found, start = [], -1
    # Word by word: what is done to one word does not copy all the others.
    for word in _words(bits) if bits >> 64 else (bits,):
        while word:
            lowest = word & -word
            found.append(start + lowest.bit_length())
            word ^= lowest
        start += 64
    return found


def _words(bits: int) -> tuple[int, ...]:
    number = -(-bits.bit_length() // 64)
    return struct.unpack(f"<{number}Q", bits.to_bytes(number * 8, "little"))


def legal_basis(covenant: Covenant, purpose: str, kind: str, category: str) -> str | None:
    """The article under which `kind` may process `category` for `purpose`; None without one, or for an unknown word."""
    known_purpose, known_category = covenant.purposes.get(purpose), covenant.categories.get(category)
    if known_purpose is None or known_category is None:
        return None
    basis = known_purpose.legal_basis.get(kind)
    return basis.article if basis is not None and known_category.class_ in basis.classes else None


class _Spanned:
    """The sets of one covenant in one space, an integer per item."""

    def __init__(self, covenant: Covenant, space: Space) -> None:
        self.space = space
        self.lawful = 0
        for purpose in covenant.purposes:
            for category in covenant.categories:
                kinds = [kind for kind in covenant.kinds if legal_basis(covenant, purpose, kind, category) is not None]
                self.lawful |= space.box((purpose,), covenant.stages, kinds, kinds, (category,))
        self.boxes = tuple((rule, space.named(rule)) for rule in covenant.rules)
        self.permitted = self._named(covenant, Effect.PERMIT)
        forbidden = self._named(covenant, Effect.FORBID)
        self.forbidden = {
            item: reduce(or_, (forbidden[other] for other in (item, *covenant.implied[item])))
            for item in covenant.items
        }
        plain = {item: self.permitted[item] & self.lawful & ~self.forbidden[item] for item in covenant.items}
        self.may: dict[str, int] = {}
        for item, cells in plain.items():
            for implied in covenant.implied[item]:
                cells &= plain[implied]
            self.may[item] = cells

    def _named(self, covenant: Covenant, effect: Effect) -> dict[str, int]:
        named = dict.fromkeys(covenant.items, 0)
        for rule, box in self.boxes:
            if rule.effect is effect:
                for item in rule.items & named.keys():
                    named[item] |= box
        return named

    @cached_property
    def bytes(self) -> list[bytes]:
        """The same sets, item by item, where one cell can be read without touching the others."""
        return [cells.to_bytes(self.space.size // 8 + 1, "little") for cells in self.may.values()]


class Matrix:
    """The matrix of one covenant. Spanned once for each covenant object, however often this is called."""

    def __init__(self, covenant: Covenant, space: Space | None = None) -> None:
        """With `space`, the sets stand in the coordinates of a wider space, so that two versions can be compared."""
        if space is None:
            # A covenant is immutable; what is derived from it lives in its own dictionary, as a cached property does.
            spanned = vars(covenant).get("_spanned")
            if spanned is None:
                spanned = vars(covenant)["_spanned"] = _Spanned(covenant, Space.of(covenant))
        else:
            spanned = _Spanned(covenant, space)
        self._spanned: _Spanned = spanned

    @property
    def space(self) -> Space:
        return self._spanned.space

    @property
    def sets(self) -> Mapping[str, int]:
        """Per item, the cells that hold it."""
        return self._spanned.may

    @property
    def permitted(self) -> Mapping[str, int]:
        """Per item, the cells in which some permit names it."""
        return self._spanned.permitted

    @property
    def forbidden(self) -> Mapping[str, int]:
        """Per item, the cells in which some forbid names it or an item it implies."""
        return self._spanned.forbidden

    @property
    def boxes(self) -> Sequence[tuple[Rule, int]]:
        """Per rule, the cells it names."""
        return self._spanned.boxes

    @property
    def lawful(self) -> int:
        """The cells in which both kinds have a legal basis for the purpose and the category's class."""
        return self._spanned.lawful

    def may(self, purpose: str, stage: str, from_kind: str, to_kind: str, category: str, item: str) -> bool:
        """Whether the item can ever be seen there. Unknown words: no."""
        index = self.space.index(Cell(purpose, stage, from_kind, to_kind, category))
        return index is not None and bool(self.sets.get(item, 0) >> index & 1)

    def mask(self, purpose: str, stage: str, from_kind: str, to_kind: str, category: str) -> int:
        """The items of one cell as bits, in the order of `covenant.items`; 0 where a word is unknown."""
        index = self.space.index(Cell(purpose, stage, from_kind, to_kind, category))
        return 0 if index is None else self.at(index)

    def at(self, index: int) -> int:
        """The items of the cell with this index in `space`, as bits."""
        byte, bit = index >> 3, 1 << (index & 7)
        return sum(1 << n for n, cells in enumerate(self._spanned.bytes) if cells[byte] & bit)

    def cells(self) -> Iterator[tuple[Cell, int]]:
        """The cells that hold anything, each with its mask: those of `hit`, since every item implies it."""
        for index in places(self.sets["hit"]):
            yield self.space.cell(index), self.at(index)


def names(rule: Rule, cell: Cell) -> bool:
    """Whether a rule speaks of a cell."""
    return (
        rule.purpose == cell.purpose
        and cell.stage in rule.stages
        and cell.from_kind in rule.from_
        and cell.to_kind in rule.to
        and cell.category in rule.categories
    )


def named_by(covenant: Covenant, effect: Effect, cell: Cell, items: Iterable[str]) -> tuple[str, ...]:
    """Ids of the rules of one effect that name the cell and any of the items, sorted."""
    wanted = frozenset(items)
    rules = (rule for rule in covenant.rules if rule.effect is effect and names(rule, cell))
    return tuple(sorted(rule.id for rule in rules if rule.items & wanted))
