"""What changes for whom between two versions of a covenant.

Versions are compared by what they bring about, not by how they are written: on the matrix, cell by cell, and for cells
in both on the alternatives under which an item opens. A rule that is renamed, split or moved is no difference. What
differs is told in boxes, products of sets, as a person would say it: "care sees the gist of notes of police and
municipality, at every stage".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache, partial, reduce
from operator import itemgetter, or_
from typing import NamedTuple

from covenant_rules.compile import Memory
from covenant_rules.conditions import Alternative, implies, order
from covenant_rules.matrix import Matrix, Space, places
from covenant_rules.model import AuditSight, Covenant, Effect, HandlingCode, Party


class Box(NamedTuple):
    """Every cell with one of these purposes, one of these stages, and so on; words in the order of the covenant."""

    purposes: tuple[str, ...]
    stages: tuple[str, ...]
    from_: tuple[str, ...]
    to: tuple[str, ...]
    categories: tuple[str, ...]
    items: tuple[str, ...]


class Change(StrEnum):
    WIDENED = "widened"
    NARROWED = "narrowed"
    CHANGED = "changed"
    """Neither contains the other, or nobody can tell."""


@dataclass(frozen=True, slots=True)
class ChangedConditions:
    """Cells that both versions hold, with other conditions; alternatives that follow from others are left out."""

    change: Change
    box: Box
    before: tuple[Alternative, ...]
    after: tuple[Alternative, ...]


@dataclass(frozen=True, slots=True)
class Terms:
    obligations: frozenset[str]
    audit: AuditSight


@dataclass(frozen=True, slots=True)
class ChangedTerms:
    """A permit of both versions that now obliges to something else, or lets the audit entry be seen otherwise."""

    rule: str
    before: Terms
    after: Terms


@dataclass(frozen=True, slots=True)
class ChangedCode:
    """A handling code that blocks something else. None where a version does not know it."""

    code: str
    before: HandlingCode | None
    after: HandlingCode | None


@dataclass(frozen=True, slots=True)
class ChangedParty:
    """A party that joins, leaves, or is of another kind or group than before. None where it is no party."""

    party: str
    before: Party | None
    after: Party | None


@dataclass(frozen=True, slots=True)
class Difference:
    """Falsy where nothing that can be seen, and nothing that follows from seeing it, has changed."""

    old: str
    new: str
    gained: tuple[Box, ...]
    lost: tuple[Box, ...]
    conditions: tuple[ChangedConditions, ...]
    terms: tuple[ChangedTerms, ...]
    codes: tuple[ChangedCode, ...]
    parties: tuple[ChangedParty, ...]

    def __bool__(self) -> bool:
        return any((self.gained, self.lost, self.conditions, self.terms, self.codes, self.parties))


def diff(old: Covenant, new: Covenant) -> Difference:
    """The difference from `old` to `new`. Exact: boxes are disjoint, and hold what has changed and no more."""
    shared = Space.of(new, old)
    before, after = (
        Matrix(covenant, None if Space.of(covenant).axes == shared.axes else shared) for covenant in (old, new)
    )
    items = tuple(dict.fromkeys(new.items + old.items))
    sets = [(before.sets.get(item, 0), after.sets.get(item, 0)) for item in items]
    boxes = _Boxes(shared, items)
    return Difference(
        old=old.version,
        new=new.version,
        gained=boxes(_by_cell([now & ~was for was, now in sets])),
        lost=boxes(_by_cell([was & ~now for was, now in sets])),
        conditions=_conditions(before, after, items, [was & now for was, now in sets], boxes),
        terms=_terms(old, new),
        codes=_codes(old, new),
        parties=_parties(old, new),
    )


def _by_cell(sets: Iterable[int]) -> dict[int, int]:
    """A set of cells per item, turned into a set of items per cell."""
    cells: defaultdict[int, int] = defaultdict(int)
    for place, bits in enumerate(sets):
        item = 1 << place
        for cell in places(bits):
            cells[cell] |= item
    return cells


_MERGED = [(axis, itemgetter(*(other for other in range(6) if other != axis))) for axis in (3, 2, 1, 0)]
"""Axes along which boxes are merged one after the other, each with what must be alike: all the others."""


class _Boxes:
    """Few boxes, disjoint, that hold some cells with some items and no more: merged along one axis after another."""

    def __init__(self, space: Space, items: tuple[str, ...]) -> None:
        self._width = len(space.axes[-1])
        self._corner: Memory[int, tuple[int, ...]] = Memory(
            lambda cell: tuple([1 << place for place in space.coordinates(cell)[:-1]]), most=1 << 16
        )
        self._words = [Memory(partial(_chosen, axis), most=1 << 16) for axis in (*space.axes, items)]

    def __call__(self, cells: Mapping[int, int]) -> tuple[Box, ...]:
        """Of the items, as bits, per cell. Sorted."""
        width = self._width
        alike: defaultdict[tuple[int, int], int] = defaultdict(int)
        for cell, held in cells.items():
            rest, category = divmod(cell, width)  # categories run fastest
            alike[rest, held] |= 1 << category
        found: list[tuple[int, ...]] = [
            (*self._corner[rest * width], categories, held) for (rest, held), categories in alike.items()
        ]
        for axis, others in _MERGED:
            if len(found) > 1:
                merged: defaultdict[tuple[int, ...], int] = defaultdict(int)
                for box in found:
                    merged[others(box)] |= box[axis]
                found = [(*rest[:axis], bits, *rest[axis:]) for rest, bits in merged.items()]
        ordered = sorted(found, key=lambda box: [_numbers(bits) for bits in box])
        return tuple(Box(*[words[bits] for words, bits in zip(self._words, box, strict=True)]) for box in ordered)


def _chosen(axis: Sequence[str], bits: int) -> tuple[str, ...]:
    return tuple([axis[place] for place in places(bits)])


@lru_cache(maxsize=4096)
def _numbers(bits: int) -> tuple[int, ...]:
    return tuple(places(bits))


# -- conditions


Opening = tuple[int, int, Alternative]
"""What a permit says: a box of cells and some items, as bits, and one way in which they open."""


def _openings(matrix: Matrix, items: Sequence[str]) -> set[Opening]:
    bits = {item: 1 << place for place, item in enumerate(items)}
    return {
        (box, sum(bits[item] for item in rule.items if item in bits), Alternative(rule.when, rule.lookup))
        for rule, box in matrix.boxes
        if rule.effect is Effect.PERMIT
    }


def _in_cells(openings: Iterable[Opening], cells: int, numbers: Mapping[Alternative, int]) -> _Opened:
    """Per cell and alternative, the items that open so."""
    found: _Opened = defaultdict(dict)
    for box, items, alternative in openings:
        number = numbers[alternative]
        for cell in places(box & cells):
            opened = found[cell]
            opened[number] = opened.get(number, 0) | items
    return found


_Opened = defaultdict[int, dict[int, int]]


def _conditions(
    before: Matrix, after: Matrix, items: tuple[str, ...], kept: Sequence[int], boxes: _Boxes
) -> tuple[ChangedConditions, ...]:
    was, now = _openings(before, items), _openings(after, items)
    # Cells that only such permits name as stand in both versions open as they did.
    touched = reduce(or_, (box for box, _, _ in was ^ now), 0) & reduce(or_, kept)
    alternatives = sorted({alternative for _, _, alternative in was | now}, key=order)
    numbers = {alternative: number for number, alternative in enumerate(alternatives)}
    opened, opens = (_in_cells(openings, touched, numbers) for openings in (was, now))
    differing: defaultdict[tuple[int, int], dict[int, int]] = defaultdict(dict)
    rows = [bits.to_bytes(after.space.size // 8 + 1, "little") for bits in kept]
    for cell in places(touched):
        byte, bit = cell >> 3, 1 << (cell & 7)
        held = sum([1 << place for place, row in enumerate(rows) if row[byte] & bit])
        for part, old, new in _differing(opened[cell], opens[cell], held):
            differing[old, new][cell] = part
    judge = _Judge(alternatives)
    changed: defaultdict[_Verdict, defaultdict[int, int]] = defaultdict(lambda: defaultdict(int))
    for key, cells in differing.items():
        verdict = judge(*key)
        if verdict is not None:
            for cell, shared in cells.items():
                changed[verdict][cell] |= shared
    found: list[ChangedConditions] = []
    for verdict in sorted(changed):
        change, *told = verdict[0], *map(judge.told, verdict[1:])
        found += [ChangedConditions(change, box, *told) for box in boxes(changed[verdict])]
    return tuple(found)


def _differing(before: Mapping[int, int], after: Mapping[int, int], held: int) -> list[_Part]:
    """The items of a cell that open otherwise than before, by how they did and do."""
    differing = 0
    for alternative, _ in before.items() ^ after.items():
        differing |= before.get(alternative, 0) ^ after.get(alternative, 0)
    differing &= held
    # Split by one alternative after the other: few parts come of it, since many items open alike.
    parts = [(differing, 0, 0)] if differing else []
    for alternative, items in before.items():
        if items & differing:
            parts = _split(parts, items, 1 << alternative, 0)
    for alternative, items in after.items():
        if items & differing:
            parts = _split(parts, items, 0, 1 << alternative)
    return parts


def _split(parts: Iterable[_Part], items: int, was: int, now: int) -> list[_Part]:
    """Every part in two: what opens by one more alternative, and what does not."""
    found: list[_Part] = []
    for part, before, after in parts:
        more = part & items
        if more:
            found.append((more, before | was, after | now))
        if more != part:
            found.append((part ^ more, before, after))
    return found


_Part = tuple[int, int, int]
"""Some items, and the sets of alternatives by which they open before and after, all as bits."""

_Verdict = tuple[Change, int, int]
"""With the weakest alternatives before and after, as bits."""


class _Judge:
    """Whether one set of alternatives opens more than another. Any two alternatives are compared once."""

    def __init__(self, alternatives: Sequence[Alternative]) -> None:
        self._alternatives = alternatives
        self._weaker = [
            sum(1 << place for place, wide in enumerate(alternatives) if implies(strict, wide))
            for strict in alternatives
        ]
        """Per alternative, those that hold wherever it holds, itself among them."""
        self._weakest: Memory[int, int] = Memory(self._without_stricter)

    def __call__(self, before: int, after: int) -> _Verdict | None:
        """None where the same situations open both."""
        wider = all(self._weaker[old] & after for old in places(before & ~after))
        narrower = all(self._weaker[new] & before for new in places(after & ~before))
        if wider and narrower:
            return None
        change = Change.WIDENED if wider else Change.NARROWED if narrower else Change.CHANGED
        return change, self._weakest[before], self._weakest[after]

    def _without_stricter(self, chosen: int) -> int:
        """Without those that open nothing which another does not open anyhow."""
        kept = chosen
        for place in places(chosen):
            if self._weaker[place] & kept & ~(1 << place):
                kept ^= 1 << place
        return kept

    def told(self, chosen: int) -> tuple[Alternative, ...]:
        return tuple(self._alternatives[place] for place in places(chosen))


# -- what follows from seeing


def _terms(old: Covenant, new: Covenant) -> tuple[ChangedTerms, ...]:
    was, now = (
        {rule.id: Terms(rule.obligations, rule.audit) for rule in covenant.rules if rule.effect is Effect.PERMIT}
        for covenant in (old, new)
    )
    return tuple(
        ChangedTerms(rule, was[rule], now[rule]) for rule in sorted(was.keys() & now.keys()) if was[rule] != now[rule]
    )


def _codes(old: Covenant, new: Covenant) -> tuple[ChangedCode, ...]:
    was, now = old.handling_codes, new.handling_codes
    return tuple(
        ChangedCode(code, was.get(code), now.get(code))
        for code in {**now, **was}
        if (code in was) != (code in now) or _blocks(was[code]) != _blocks(now[code])
    )


def _blocks(code: HandlingCode) -> frozenset[tuple[str, str]]:
    """The (to, item) pairs a code blocks; it is the same code however they are written."""
    return frozenset((to, item) for block in code.blocks for to in block.to for item in block.items)


def _parties(old: Covenant, new: Covenant) -> tuple[ChangedParty, ...]:
    was, now = old.parties, new.parties
    return tuple(
        ChangedParty(party, was.get(party), now.get(party))
        for party in {**now, **was}
        if (party in was) != (party in now)
        or (was[party].kind, was[party].group) != (now[party].kind, now[party].group)
    )
