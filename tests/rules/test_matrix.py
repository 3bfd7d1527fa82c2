"""The matrix against its definition, written out cell by cell; and the questions it answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covenant_rules.load import load
from covenant_rules.matrix import Cell, Matrix, Space, first, places
from covenant_rules.model import Covenant, Effect, Rule
from covenant_rules.queries import Answer, Refusal, broken, can
from tests.rules import generate
from tests.rules.effort import examples
from tests.rules.fragments import EXAMPLES
from tests.rules.generate import NOBODY

seeds = st.integers(0, 2**32 - 1)
few = examples(40)
COMPLEX = load((EXAMPLES / "complex-approach.yaml").read_bytes())


def every_cell(covenant: Covenant) -> Iterator[Cell]:
    kinds = covenant.kinds
    return map(Cell._make, product(covenant.purposes, covenant.stages, kinds, kinds, covenant.categories))


def by_definition(covenant: Covenant, cell: Cell, item: str) -> bool:
    """MAY, as the design says it, with nothing prepared."""

    def names(rule: Rule, named: str) -> bool:
        return (
            cell.purpose == rule.purpose
            and cell.stage in rule.stages
            and cell.from_kind in rule.from_
            and cell.to_kind in rule.to
            and cell.category in rule.categories
            and named in rule.items
        )

    bases = covenant.purposes[cell.purpose].legal_basis
    class_ = covenant.categories[cell.category].class_
    for kind in (cell.from_kind, cell.to_kind):
        if kind not in bases or class_ not in bases[kind].classes:
            return False
    for needed in {item} | covenant.implied[item]:
        rules = [rule for rule in covenant.rules if names(rule, needed)]
        if not any(rule.effect is Effect.PERMIT for rule in rules):
            return False
        if any(rule.effect is Effect.FORBID for rule in rules):
            return False
    return True


@few
@given(seeds)
def test_the_matrix_is_its_definition(seed: int) -> None:
    covenant = generate.covenant(Random(seed))
    matrix, held = Matrix(covenant), {}
    for cell in every_cell(covenant):
        items = [item for item in covenant.items if by_definition(covenant, cell, item)]
        assert [item for item in covenant.items if matrix.may(*cell, item)] == items
        mask = sum(1 << covenant.items.index(item) for item in items)
        assert matrix.mask(*cell) == mask
        if items:
            held[cell] = mask
    assert dict(matrix.cells()) == held


@few
@given(seeds)
def test_a_wider_space_holds_the_same_matrix(seed: int) -> None:
    covenant, *others = generate.family(Random(seed))
    wide = Matrix(covenant, Space.of(*others, covenant))
    assert dict(wide.cells()) == dict(Matrix(covenant).cells())
    assert wide.may(*[NOBODY] * 6) is False


@given(st.integers(0, 1 << 300))
def test_places_are_the_bits_that_are_set(bits: int) -> None:
    assert sum(1 << place for place in places(bits)) == bits
    assert places(bits) == sorted(places(bits))
    assert not bits or first(bits) == places(bits)[0]


def test_a_matrix_is_spanned_once_for_each_covenant() -> None:
    covenant = generate.covenant(Random(1))
    assert Matrix(covenant).sets is Matrix(covenant).sets
    assert Matrix(replace(covenant)).sets is not Matrix(covenant).sets


@pytest.mark.parametrize("place", range(6))
def test_an_unknown_word_is_nowhere_in_the_matrix(place: int) -> None:
    matrix = Matrix(COMPLEX)
    words = ["nuisance", "signal", "police", "municipality", "noise", "hit"]
    assert matrix.may(*words)
    words[place] = NOBODY
    assert not matrix.may(*words)
    assert place == 5 or matrix.mask(*words[:5]) == 0


def test_an_unknown_item_is_nowhere_not_even_in_the_first_cell() -> None:
    matrix = Matrix(COMPLEX)
    assert not matrix.may(*matrix.space.cell(0), NOBODY)


@few
@given(seeds)
def test_a_promise_is_broken_where_the_matrix_holds_what_it_excludes(seed: int) -> None:
    covenant = generate.covenant(Random(seed))
    (never,) = covenant.never
    counterexamples = [
        (cell, item)
        for cell in every_cell(covenant)
        for item in covenant.items
        if cell.purpose in never.purposes
        and cell.stage in never.stages
        and cell.from_kind in never.from_
        and cell.to_kind in never.to
        and cell.category in never.categories
        and item in never.items
        and by_definition(covenant, cell, item)
    ]
    found = broken(covenant)
    assert bool(found) == bool(counterexamples)
    for witness in found:
        assert witness.never is never
        assert (witness.cell, witness.item) in counterexamples
        assert witness.permits


@few
@given(seeds)
def test_can_answers_what_some_cell_shows(seed: int) -> None:
    random = Random(seed)
    covenant = generate.covenant(random)
    for _ in range(20):
        purpose = random.choice((None, *covenant.purposes))
        stage = random.choice((None, *covenant.stages))
        category = random.choice((None, *covenant.categories))
        source, viewer = random.choice(list(covenant.kinds)), random.choice(list(covenant.kinds))
        item = random.choice(covenant.items)
        cells = [
            cell
            for cell in every_cell(covenant)
            if (cell.from_kind, cell.to_kind) == (source, viewer)
            and purpose in (None, cell.purpose)
            and stage in (None, cell.stage)
            and category in (None, cell.category)
        ]
        answer = can(covenant, from_=source, to=viewer, item=item, purpose=purpose, stage=stage, category=category)
        assert answer.allowed == any(by_definition(covenant, cell, item) for cell in cells)
        if answer.allowed:
            assert answer.cell in cells
            assert answer.rules
            assert answer.refusal is None
        else:
            assert (answer.cell is None) == (answer.refusal is Refusal.NO_PERMIT)


def test_yes_comes_with_a_cell_and_the_permits_that_name_the_item() -> None:
    answer = can(COMPLEX, from_="care", to="municipality", item="note.full")
    assert answer.allowed
    assert answer.cell == Cell("support", "case", "care", "municipality", "home-visit")
    assert answer.rules == ("helpers-read-full-notes",)


def test_no_names_the_forbid() -> None:
    answer = can(COMPLEX, from_="care", to="police", item="note.gist", purpose="nuisance")
    assert (answer.allowed, answer.refusal) == (False, Refusal.FORBIDDEN)
    assert answer.rules == ("no-care-notes-to-police",)


def test_no_names_the_forbid_of_an_implied_item() -> None:
    wide = replace(COMPLEX.rules[0], id="wide", from_=frozenset({"care"}), to=frozenset({"police"}))
    rules = (*COMPLEX.rules, replace(wide, items=frozenset(COMPLEX.items)))
    answer = can(replace(COMPLEX, rules=rules), from_="care", to="police", item="note.full", purpose="nuisance")
    assert answer.refusal is Refusal.FORBIDDEN
    assert answer.rules == ("no-care-notes-to-police",)


def test_no_names_the_kind_without_a_legal_basis() -> None:
    rules = (*COMPLEX.rules, replace(COMPLEX.rules[0], id="wide", categories=frozenset({"care-concern"})))
    answer = can(replace(COMPLEX, rules=rules), from_="housing", to="municipality", item="hit", category="care-concern")
    assert answer.refusal is Refusal.NO_LEGAL_BASIS
    assert answer.missing == ("housing", "municipality")


def test_no_names_the_implied_item_that_no_permit_gives() -> None:
    rules = [replace(COMPLEX.rules[0], items=frozenset({"hit", "note.full"}))]
    answer = can(replace(COMPLEX, rules=tuple(rules)), from_="police", to="municipality", item="note.full")
    assert answer.refusal is Refusal.IMPLIED_ITEM_MISSING
    assert answer.missing == ("source", "note.gist")


def test_only_the_implied_items_that_are_missing_are_named() -> None:
    rules = [replace(COMPLEX.rules[0], items=frozenset({"hit", "source", "note.full"}))]
    answer = can(replace(COMPLEX, rules=tuple(rules)), from_="police", to="municipality", item="note.full")
    assert answer == Answer(False, answer.cell, (), Refusal.IMPLIED_ITEM_MISSING, ("note.gist",))


def test_no_is_told_of_the_cell_that_came_nearest() -> None:
    """Cells run by stage: the earlier ones are worse, and the answer is about the last one."""
    permit = replace(COMPLEX.rules[0], from_=frozenset({"police"}), categories=frozenset({"noise"}))
    alone = replace(permit, stages=frozenset({"signal", "weighing"}), items=frozenset({"hit", "note.gist"}))
    forbid = replace(alone, id="no", effect=Effect.FORBID, stages=frozenset({"signal"}), items=frozenset({"note.gist"}))
    asked = {"from_": "police", "to": "municipality", "item": "note.gist"}
    answer = can(replace(COMPLEX, rules=(alone, forbid)), **asked)
    assert (answer.refusal, answer.rules, answer.missing) == (Refusal.IMPLIED_ITEM_MISSING, (), ("source",))
    assert answer.cell == Cell("nuisance", "weighing", "police", "municipality", "noise")
    unlawful = replace(alone, categories=frozenset({"care-concern", "noise"}))
    everywhere = replace(forbid, stages=frozenset({"signal", "weighing"}), categories=frozenset({"noise"}))
    renamed = {"care-concern": COMPLEX.categories["care-concern"], **COMPLEX.categories}  # which makes it the first
    answer = can(replace(COMPLEX, categories=renamed, rules=(unlawful, everywhere)), **asked)
    assert (answer.refusal, answer.rules) == (Refusal.FORBIDDEN, ("no",))
    assert answer.cell == Cell("nuisance", "signal", "police", "municipality", "noise")


@pytest.mark.parametrize(
    "words",
    [
        {"from_": NOBODY},
        {"to": NOBODY},
        {"item": NOBODY},
        {"purpose": NOBODY},
        {"stage": NOBODY},
        {"category": NOBODY},
    ],
)
def test_one_unknown_word_is_enough(words: dict[str, str]) -> None:
    asked = {"from_": "police", "to": "municipality", "item": "hit"} | words
    assert can(COMPLEX, **asked) == Answer(False, refusal=Refusal.UNKNOWN, missing=(NOBODY,))


def test_no_says_when_no_permit_comes_near() -> None:
    answer = can(COMPLEX, from_="care", to="housing", item="note.full", stage="signal")
    assert (answer.refusal, answer.cell, answer.rules) == (Refusal.NO_PERMIT, None, ())


def test_no_names_the_words_it_does_not_know() -> None:
    answer = can(COMPLEX, from_=NOBODY, to=NOBODY, item="hit", purpose="nuisance", category="poetry")
    assert answer.refusal is Refusal.UNKNOWN
    assert answer.missing == (NOBODY, "poetry")


def test_without_promises_none_is_broken() -> None:
    assert broken(replace(COMPLEX, never=())) == ()
    assert broken(COMPLEX) == ()
