"""A covenant made ready for many questions: per cell a few integers, a bit for each item.

`tables(current, submitted)` gives what the evaluator reads for signals that were submitted under one version while
another is current. Both speak of items in the numbering of the current version, so that evaluating is `&` and `|`.
Conditions are integers too: a *situation* has a bit for each fact a condition may ask for. As the same few situations
come back all the time, what they open is remembered.

Everything here is derived from two immutable covenants and is kept with the current one: nothing is ever invalidated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from itertools import count
from typing import NamedTuple, TypeVar

from covenant_rules.dates import add, subtract
from covenant_rules.matrix import Cell, Matrix, legal_basis, names
from covenant_rules.model import Covenant, Duration, Effect, Ground, Rule

HIT = 1
"""The bit of `hit`, the first item of every version. Every item implies it, so a mask without it shows nothing."""

ANCHORED, CASE_MEMBER, SOURCE_RELEASED, DATED = 1, 2, 4, 8
"""Bits of a situation: the viewer stands on more than a look-up; is a member of the case; was released this signal by
its source; the signal has a date (every one has: this is the window of a permit without `within`)."""

Counts = tuple[int, ...]
"""count(X) in each window that a version counts in."""

K = TypeVar("K")
V = TypeVar("V")


class Memory(dict[K, V]):
    """Answers of a pure function, each computed when first asked for. When full, it forgets all and starts anew."""

    def __init__(self, function: Callable[[K], V], most: int = 4096) -> None:
        super().__init__()
        self._function, self._most = function, most

    def __missing__(self, key: K) -> V:
        if len(self) >= self._most:
            self.clear()
        value = self[key] = self._function(key)
        return value


class Permit(NamedTuple):
    """A permit as it bears on one cell, open in a situation that has all of `all_of` and, if any, some of `any_of`."""

    rule: Rule
    bit: int
    items: int
    all_of: int
    any_of: int
    parties: int
    """0 where the permit does not count."""
    window: int
    """Its place in `Counts`."""

    def holds(self, situation: int) -> bool:
        return self.all_of & situation == self.all_of and (not self.any_of or bool(self.any_of & situation))


class Opening:
    """What a lane opens in one situation: `reached[counts]` are the items and the permits, as bits, with these counts.

    For the counts `None` that is as much as any number of parties could open.
    """

    __slots__ = ("_permits", "counts", "items", "permits", "reached")

    def __init__(self, permits: Iterable[Permit]) -> None:
        self._permits = tuple(permits)
        self.counts = any(permit.parties for permit in self._permits)
        self.reached: Memory[Counts | None, tuple[int, int]] = Memory(self._reach)
        self.items, self.permits = (0, 0) if self.counts else self._reach(None)

    def _reach(self, counts: Counts | None) -> tuple[int, int]:
        items = bits = 0
        for permit in self._permits:
            if counts is None or not permit.parties or permit.parties <= counts[permit.window]:
                items, bits = items | permit.items, bits | permit.bit
        return items, bits


class Sight:
    """What some opened permits of the current version let a viewer see, with the grounds and terms that come along."""

    __slots__ = ("confidential", "grounds", "items", "obligations", "recipient", "source")

    def __init__(self, permits: Iterable[Permit], named: dict[str, int], bases: tuple[str, str]) -> None:
        used = [permit for permit in permits if any(permit.items & bit for bit in named.values())]
        used.sort(key=lambda permit: (permit.rule.id, permit.rule.clause))
        self.items = tuple(named)
        self.grounds = {
            item: tuple(Ground(p.rule.id, p.rule.clause, *bases) for p in used if p.items & bit)
            for item, bit in named.items()
        }
        self.obligations = frozenset[str]().union(*(permit.rule.obligations for permit in used))
        self.source = frozenset.intersection(*(permit.rule.audit.source for permit in used))
        self.recipient = frozenset.intersection(*(permit.rule.audit.recipient for permit in used))
        self.confidential = frozenset(p.rule.audit.confidential for p in used if p.rule.audit.confidential)


class Lane:
    """One cell for evaluation: the way from one kind to another, for one purpose, stage and category."""

    __slots__ = ("_bases", "_items", "openings", "permits", "sights")

    def __init__(self, permits: tuple[Permit, ...], items: tuple[str, ...], bases: tuple[str, str]) -> None:
        self.permits = permits
        self._items, self._bases = items, bases
        self.openings: Memory[int, Opening] = Memory(self._open)
        self.sights: Memory[tuple[int, int], Sight] = Memory(self._see)
        """By the permits that are open and the items that are visible, both as bits."""

    def _open(self, situation: int) -> Opening:
        return Opening(permit for permit in self.permits if permit.holds(situation))

    def _see(self, key: tuple[int, int]) -> Sight:
        opened, shown = key
        named = {item: 1 << place for place, item in enumerate(self._items) if shown >> place & 1}
        return Sight((permit for permit in self.permits if opened & permit.bit), named, self._bases)


CLOSED = Lane((), (), ("", ""))
"""Where nothing can be seen, for whatever reason."""

Lanes = Memory[tuple[str, str], Lane]
"""The lanes towards one viewer for one purpose and stage, by (party, category)."""


class Tables:
    """What one version has to say about items of the current one."""

    def __init__(self, current: Covenant, submitted: Covenant) -> None:
        self.submitted = submitted
        self._items = current.items
        self._matrix = Matrix(submitted)
        places = {item: 1 << place for place, item in enumerate(current.items)}
        # An item that either version does not know, or that implies such an item, is never visible.
        self._bits = {
            item: places[item]
            for item in submitted.items
            if item in places and all(implied in places for implied in submitted.implied[item])
        }
        self._needs = [
            (bit, sum(places[i] for i in current.implied[item] | submitted.implied[item]))
            for item, bit in self._bits.items()
        ]
        conditions = [rule.when for rule in submitted.rules]
        bits = (1 << place for place in count(DATED.bit_length()))
        self._approved = _numbered((kind for when in conditions for kind in when.approved_by), bits)
        self._has = _numbered((category for when in conditions for category in when.viewer_has), bits)
        self._within = _numbered((when.within for when in conditions if when.within is not None), bits)
        counted = dict.fromkeys(when.within for when in conditions if when.independent_parties is not None)
        self.windows = [DATED if duration is None else self._within[duration] for duration in counted]
        """The bit of each window in which some permit counts parties: the places of `Counts`."""
        self._blocks = {
            code.id: {
                kind: self._mask(item for block in code.blocks if kind in block.to for item in block.items)
                for kind in submitted.kinds
            }
            for code in submitted.handling_codes.values()
        }
        self.closed: Memory[int, int] = Memory(self._close)
        self.days: Memory[date, Memory[date, int]] = Memory(self._days, most=16)
        """By the day of the question, then by that of a signal: the part of its situation that windows ask for."""
        self.longest: Memory[date, Memory[frozenset[Duration], Duration | None]] = Memory(_longest, most=16)
        """Of some terms that begin on a day, the one that ends last."""
        self._lanes: Memory[tuple[str, str, str], Lanes] = Memory(self._towards)
        self._cells: Memory[Cell, Lane] = Memory(self._lane, most=1 << 20)

    def lanes(self, purpose: str, stage: str, viewer: str) -> Lanes | None:
        """The lanes towards a viewer; None where purpose, stage or viewer is unknown to the version."""
        submitted = self.submitted
        if purpose not in submitted.purposes or stage not in submitted.stages or viewer not in submitted.parties:
            return None
        return self._lanes[purpose, stage, submitted.parties[viewer].kind]

    def _towards(self, question: tuple[str, str, str]) -> Lanes:
        purpose, stage, to_kind = question
        submitted = self.submitted

        def lane(key: tuple[str, str]) -> Lane:
            party, category = key
            if party not in submitted.parties or category not in submitted.categories:
                return CLOSED
            return self._cells[Cell(purpose, stage, submitted.parties[party].kind, to_kind, category)]

        return Memory(lane)

    def _lane(self, cell: Cell) -> Lane:
        submitted, held = self.submitted, self._matrix.mask(*cell)
        may = self._mask(item for place, item in enumerate(submitted.items) if held >> place & 1)
        kinds = (cell.from_kind, cell.to_kind)
        source, viewer = (legal_basis(submitted, cell.purpose, kind, cell.category) for kind in kinds)
        if source is None or viewer is None:
            return CLOSED
        permits: list[Permit] = []
        for rule in submitted.rules:
            items = self._mask(rule.items) & may
            if items and rule.effect is Effect.PERMIT and names(rule, cell):
                permits.append(self._permit(rule, 1 << len(permits), items))
        return Lane(tuple(permits), self._items, (source, viewer))

    def _permit(self, rule: Rule, bit: int, items: int) -> Permit:
        when = rule.when
        window = DATED if when.within is None else self._within[when.within]
        all_of = (
            (0 if rule.lookup else ANCHORED)
            | (CASE_MEMBER if when.case_member else 0)
            | (SOURCE_RELEASED if when.source_released else 0)
            | sum(self._approved[kind] for kind in when.approved_by)
            | window
        )
        any_of = sum(self._has[category] for category in when.viewer_has)
        parties = when.independent_parties or 0
        return Permit(rule, bit, items, all_of, any_of, parties, self.windows.index(window) if parties else 0)

    def situation(self, anchored: bool, case_member: bool, approvals: Iterable[str], has: Iterable[str]) -> int:
        """The facts that are the same for all signals of a question. `has`: categories the viewer observed itself."""
        situation = (ANCHORED if anchored else 0) | (CASE_MEMBER if case_member else 0)
        for kind in approvals:
            situation |= self._approved.get(kind, 0)
        for category in has:
            situation |= self._has.get(category, 0)
        return situation

    def _days(self, today: date) -> Memory[date, int]:
        starts = [(subtract(today, duration), bit) for duration, bit in self._within.items()]
        return Memory(lambda day: DATED + sum(bit for start, bit in starts if start < day <= today))

    def blocked(self, code: str, viewer: str) -> int | None:
        """The items a handling code hides from a known viewer; None where the version does not know the code."""
        blocks = self._blocks.get(code)
        return None if blocks is None else blocks.get(self.submitted.parties[viewer].kind, 0)

    def _close(self, items: int) -> int:
        """The largest part of `items` that holds whatever it implies, in both versions."""
        while True:
            kept = sum(bit for bit, needed in self._needs if items & bit and items & needed == needed)
            if kept == items:
                return items
            items = kept

    def _mask(self, items: Iterable[str]) -> int:
        mask = 0
        for item in items:
            mask |= self._bits.get(item, 0)
        return mask


def _longest(today: date) -> Memory[frozenset[Duration], Duration | None]:
    def end(term: Duration) -> tuple[date, int, int, int]:
        return add(today, term), term.years, term.months, term.days  # P1M and P30D may end together: still one answer

    return Memory(lambda terms: max(terms, key=end, default=None))


def _numbered(words: Iterable[K], bits: Iterator[int]) -> dict[K, int]:
    """A bit of its own for each word."""
    return {word: next(bits) for word in dict.fromkeys(words)}


def tables(current: Covenant, submitted: Covenant) -> Tables:
    """The tables for signals submitted under `submitted`, which may be `current` itself."""
    kept: dict[str, Tables] = vars(current).setdefault("_tables", {})
    found = kept.get(submitted.version)
    if found is None or found.submitted is not submitted:
        found = kept[submitted.version] = Tables(current, submitted)
    return found
