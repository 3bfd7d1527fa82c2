"""What every check of the linter is given: the covenant, its matrix, and the places of its parts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from covenant_rules.diagnostics import Report
from covenant_rules.matrix import Cell, Matrix
from covenant_rules.model import Covenant, Effect, Place, Rule
from covenant_rules.tree import Mapping, Scalar


@dataclass(frozen=True)
class Examined:
    covenant: Covenant
    root: Mapping
    report: Report

    @cached_property
    def matrix(self) -> Matrix:
        return Matrix(self.covenant)

    @cached_property
    def permits(self) -> tuple[Rule, ...]:
        return tuple(rule for rule in self.covenant.rules if rule.effect is Effect.PERMIT)

    @cached_property
    def forbids(self) -> tuple[Rule, ...]:
        return tuple(rule for rule in self.covenant.rules if rule.effect is Effect.FORBID)

    def place(self, *path: str) -> Place:
        """Where the key at the end of `path` stands, or the last key on the way to it that is there."""
        node, place = self.root, self.root.place
        for key in path:
            entry = node.entries.get(key)
            if entry is None:
                return place
            place = entry[0].place
            if not isinstance(entry[1], Mapping):
                return entry[1].place if isinstance(entry[1], Scalar) else place
            node = entry[1]
        return place

    def place_of(self, rule: Rule) -> Place:
        return rule.place or self.root.place

    def live(self, permit: Rule, item: str) -> int:
        """The cells in which the permit could show the item: lawful ones that no forbid takes away."""
        if item not in permit.items:
            return 0
        return self.cells(permit) & self.matrix.lawful & ~self.matrix.forbidden[item]

    def cells(self, rule: Rule) -> int:
        """The cells a rule names, without those where a kind of one party would have to face itself."""
        return self.matrix.space.named(rule) & ~self._alone

    @cached_property
    def _alone(self) -> int:
        covenant, box = self.covenant, self.matrix.space.box
        parties = [party.kind for party in covenant.parties.values()]
        alone = 0
        for kind in covenant.kinds:
            if parties.count(kind) == 1:
                alone |= box(covenant.purposes, covenant.stages, (kind,), (kind,), covenant.categories)
        return alone

    def live_cells(self, permit: Rule) -> Iterator[Cell]:
        return self.matrix.space.cells(self.live(permit, "hit"))

    @cached_property
    def takers(self) -> dict[str, frozenset[str]]:
        """Per purpose, the kinds that are source or viewer somewhere in the matrix."""
        takers: dict[str, set[str]] = {purpose: set() for purpose in self.covenant.purposes}
        for cell in self.matrix.space.cells(self.matrix.sets["hit"]):
            takers[cell.purpose] |= {cell.from_kind, cell.to_kind}
        return {purpose: frozenset(kinds) for purpose, kinds in takers.items()}

    @cached_property
    def staffed(self) -> frozenset[str]:
        """Kinds of which there is a party."""
        return frozenset(party.kind for party in self.covenant.parties.values())
