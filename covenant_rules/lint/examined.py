"""What every check of the linter is given: the covenant, its matrix, and the places of its parts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from covenant_rules.diagnostics import Report
from covenant_rules.matrix import Matrix
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
        """Where the part at the end of `path` stands: a word itself, else its key, or the last key that is there."""
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
        return self._named[rule.id]

    @cached_property
    def _named(self) -> dict[str, int]:
        return {rule.id: self.matrix.space.named(rule) & ~self._alone for rule in self.covenant.rules}

    @cached_property
    def _alone(self) -> int:
        parties = [party.kind for party in self.covenant.parties.values()]
        alone = 0
        for kind in self.covenant.kinds:
            if parties.count(kind) == 1:
                alone |= self.of_source[kind] & self.of_viewer[kind]
        return alone

    # A covenant may have millions of cells. So whether some cell of a set has a property is asked by intersecting with
    # the set of all cells that have it, and cells are never gone through one by one.

    @cached_property
    def of_purpose(self) -> dict[str, int]:
        return {purpose: self._box(purposes=(purpose,)) for purpose in self.covenant.purposes}

    @cached_property
    def of_source(self) -> dict[str, int]:
        return {kind: self._box(from_=(kind,)) for kind in self.covenant.kinds}

    @cached_property
    def of_viewer(self) -> dict[str, int]:
        return {kind: self._box(to=(kind,)) for kind in self.covenant.kinds}

    @cached_property
    def of_category(self) -> dict[str, int]:
        return {category: self._box(categories=(category,)) for category in self.covenant.categories}

    def _box(
        self,
        purposes: Iterable[str] | None = None,
        from_: Iterable[str] | None = None,
        to: Iterable[str] | None = None,
        categories: Iterable[str] | None = None,
    ) -> int:
        covenant = self.covenant
        return self.matrix.space.box(
            purposes or covenant.purposes,
            covenant.stages,
            from_ or covenant.kinds,
            to or covenant.kinds,
            categories or covenant.categories,
        )

    @cached_property
    def takers(self) -> dict[str, frozenset[str]]:
        """Per purpose, the kinds that are source or viewer somewhere in the matrix."""
        hits, covenant = self.matrix.sets["hit"], self.covenant
        return {
            purpose: frozenset(
                kind
                for kind in covenant.kinds
                if hits & self.of_purpose[purpose] & (self.of_source[kind] | self.of_viewer[kind])
            )
            for purpose in covenant.purposes
        }

    @cached_property
    def staffed(self) -> frozenset[str]:
        """Kinds of which there is a party."""
        return frozenset(party.kind for party in self.covenant.parties.values())
