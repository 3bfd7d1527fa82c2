"""Differences between versions: exact, told in few words, and true of every decision."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import product
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covenant_rules.conditions import Alternative, implies, order, shorter
from covenant_rules.dates import subtract
from covenant_rules.diff import Box, Change, ChangedTerms, diff
from covenant_rules.evaluate import decide
from covenant_rules.load import load
from covenant_rules.matrix import Matrix
from covenant_rules.model import AuditSight, Block, Conditions, Covenant, Duration, Effect, Field, Rule
from tests.rules import generate
from tests.rules.effort import examples
from tests.rules.fragments import EXAMPLES

seeds = st.integers(0, 2**32 - 1)
some = examples(60)
COMPLEX = load((EXAMPLES / "complex-approach.yaml").read_bytes())
Held = set[tuple[str, ...]]


def held(covenant: Covenant) -> Held:
    return {
        (*cell, item)
        for cell, mask in Matrix(covenant).cells()
        for place, item in enumerate(covenant.items)
        if mask >> place & 1
    }


def spread(boxes: Iterable[Box]) -> list[tuple[str, ...]]:
    return [
        cell
        for box in boxes
        for cell in product(box.purposes, box.stages, box.from_, box.to, box.categories, box.items)
    ]


def with_rule(covenant: Covenant, name: str, **changes: object) -> Covenant:
    """The covenant with one rule changed."""
    rules = tuple(replace(rule, **changes) if rule.id == name else rule for rule in covenant.rules)
    return replace(covenant, version="new", rules=rules)


# -- exact


def with_other_words(random: Random, covenant: Covenant) -> Covenant:
    """Without some of its words, and in another order."""
    sections: dict[str, object] = {}
    for section in ("purposes", "stages", "kinds", "categories"):
        words = list(getattr(covenant, section).items())
        sections[section] = dict(random.sample(words, random.randint(max(1, len(words) - 1), len(words))))
    return replace(covenant, **sections)  # type: ignore[arg-type]


@some
@given(seeds)
def test_boxes_hold_what_is_gained_or_lost_once_and_no_more(seed: int) -> None:
    random = Random(seed)
    one, other = generate.family(random)[0], generate.revised(random, generate.family(random)[0])
    old, new = (with_other_words(random, version) for version in (one, other))
    difference = diff(old, new)
    gained, lost = spread(difference.gained), spread(difference.lost)
    assert len(set(gained)) == len(gained)
    assert set(gained) == held(new) - held(old)
    assert len(set(lost)) == len(lost)
    assert set(lost) == held(old) - held(new)


@some
@given(seeds)
def test_boxes_and_their_words_come_in_the_order_of_the_new_version_and_then_of_the_old(seed: int) -> None:
    random = Random(seed)
    base = generate.covenant(random)
    old, new = (with_other_words(random, version) for version in (base, generate.revised(random, base)))
    sections = ("purposes", "stages", "kinds", "kinds", "categories", "items")
    axes = [list(dict.fromkeys([*getattr(new, words), *getattr(old, words)])) for words in sections]
    difference = diff(old, new)
    for boxes in (difference.gained, difference.lost):
        told = [[[axis.index(word) for word in words] for axis, words in zip(axes, box, strict=True)] for box in boxes]
        assert told == sorted(told)
        assert all(places == sorted(places) for box in told for places in box)


@some
@given(seeds)
def test_one_version_gains_what_the_other_loses(seed: int) -> None:
    random = Random(seed)
    old = generate.covenant(random)
    new = generate.revised(random, old)
    there, back = diff(old, new), diff(new, old)
    assert set(spread(there.gained)) == set(spread(back.lost))
    turned = {Change.WIDENED: Change.NARROWED, Change.NARROWED: Change.WIDENED, Change.CHANGED: Change.CHANGED}
    assert {(c.change, cell, c.before, c.after) for c in there.conditions for cell in spread([c.box])} == {
        (turned[c.change], cell, c.after, c.before) for c in back.conditions for cell in spread([c.box])
    }


@some
@given(seeds)
def test_how_a_version_is_written_is_no_difference(seed: int) -> None:
    random = Random(seed)
    old = generate.covenant(random)
    halves = [
        replace(rule, id=f"{rule.id}-{stage}", stages=frozenset({stage})) for rule in old.rules for stage in rule.stages
    ]
    random.shuffle(halves)
    difference = diff(old, replace(old, version="new", title="Another title", rules=tuple(halves)))
    assert not difference
    assert (difference.old, difference.new) == (old.version, "new")


# -- true of decisions


@examples(300)
@given(seeds)
def test_a_version_that_only_gains_and_widens_shows_no_less(seed: int) -> None:
    random = Random(seed)
    base = generate.covenant(random)
    rules = [rule for rule in base.rules if generate.chance(random, 0.97)]
    rules = [replace(rule, when=_eased(random, rule.when)) for rule in rules]
    old, new = base, replace(base, version="new", rules=tuple(rules))
    difference = diff(old, new)
    if difference.lost or any(condition.change is not Change.WIDENED for condition in difference.conditions):
        old, new = new, old
        difference = diff(old, new)
        if difference.lost or any(condition.change is not Change.WIDENED for condition in difference.conditions):
            return
    for _ in range(10):
        facts = generate.facts(random, old, ())
        asked = generate.question(random, facts)
        facts = replace(facts, signals=frozenset(s for s in facts.signals if s.version == old.version))
        affirmed = frozenset(replace(signal, version=new.version) for signal in facts.signals)
        before = {v.signal: set(v.items) for v in decide(asked, facts).visible}
        after = {v.signal: set(v.items) for v in decide(asked, replace(facts, current=new, signals=affirmed)).visible}
        assert all(items <= after.get(signal, set()) for signal, items in before.items())
        if not difference.gained and not difference.conditions:
            assert after == before


def _eased(random: Random, when: Conditions) -> Conditions:
    if generate.chance(random, 0.7):
        return when
    return replace(when, **random.choice(({"within": None}, {"source_released": False}, {"independent_parties": None})))


@given(seeds, st.dates(min_value=generate.TODAY.replace(year=2000), max_value=generate.TODAY.replace(year=2100)))
def test_a_shorter_window_lies_inside_a_longer_one(seed: int, day: object) -> None:
    random = Random(seed)
    one, other = (Duration(random.choice((0, 0, 1)), random.randint(0, 14), random.randint(0, 400)) for _ in range(2))
    if shorter(one, other):
        assert subtract(day, one) >= subtract(day, other)  # type: ignore[arg-type]


# -- by example: conditions

PLAIN = Conditions()


@pytest.mark.parametrize(
    ("strict", "wide"),
    [
        (Conditions(source_released=True), PLAIN),
        (Conditions(case_member=True), PLAIN),
        (Conditions(approved_by=frozenset({"a", "b"})), Conditions(approved_by=frozenset({"a"}))),
        (Conditions(viewer_has=frozenset({"a"})), Conditions(viewer_has=frozenset({"a", "b"}))),
        (Conditions(independent_parties=3), Conditions(independent_parties=2)),
        (Conditions(within=Duration(days=30)), Conditions(within=Duration(days=31))),
        (Conditions(within=Duration(months=1)), Conditions(within=Duration(days=31))),
        (Conditions(within=Duration(days=28)), Conditions(within=Duration(months=1))),
        (Conditions(within=Duration(months=12)), Conditions(within=Duration(years=1))),
        (Conditions(2, Duration(days=30)), Conditions(2)),
    ],
)
def test_one_condition_follows_from_another(strict: Conditions, wide: Conditions) -> None:
    assert implies(Alternative(strict, False), Alternative(wide, False))
    assert implies(Alternative(strict, False), Alternative(wide, True))
    assert not implies(Alternative(strict, True), Alternative(wide, False))
    assert implies(Alternative(wide, False), Alternative(strict, False)) is (
        strict.within == Duration(months=12)  # a year is twelve months
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Conditions(within=Duration(days=30)), Conditions(within=Duration(months=1))),
        (Conditions(2, Duration(days=30)), Conditions(3, Duration(days=90))),
        (Conditions(source_released=True), Conditions(case_member=True)),
        (Conditions(viewer_has=frozenset({"a"})), Conditions(viewer_has=frozenset({"b"}))),
    ],
)
def test_nothing_follows_where_nobody_can_tell(one: Conditions, other: Conditions) -> None:
    assert not implies(Alternative(one, False), Alternative(other, False))
    assert not implies(Alternative(other, False), Alternative(one, False))


@pytest.mark.parametrize(
    ("one", "other", "shortest"),
    [
        (Duration(days=28), Duration(months=1), True),
        (Duration(days=29), Duration(months=1), False),  # a February may have 28
        (Duration(months=1), Duration(days=31), True),
        (Duration(months=1), Duration(days=30), False),
        (Duration(months=12), Duration(years=1), True),
        (Duration(years=1), Duration(months=12), True),
        (Duration(months=13), Duration(years=1), False),
        (Duration(years=1), Duration(months=11), False),
        (Duration(months=1, days=2), Duration(months=1, days=1), False),
        (Duration(months=2, days=1), Duration(months=1, days=9), False),
        (Duration(), Duration(), True),
    ],
)
def test_a_duration_is_shorter_only_where_it_is_from_every_day(one: Duration, other: Duration, shortest: bool) -> None:
    assert shorter(one, other) is shortest


@given(seeds)
def test_every_condition_follows_from_itself(seed: int) -> None:
    covenant = generate.covenant(Random(seed))
    for rule in covenant.rules:
        assert implies(Alternative(rule.when, rule.lookup), Alternative(rule.when, rule.lookup))


def test_alternatives_are_told_in_a_fixed_order() -> None:
    ways = [Alternative(Conditions(n), lookup) for lookup in (False, True) for n in (None, 2, 3)]
    assert sorted([ways[n] for n in (5, 2, 0, 4, 1, 3)], key=order) == ways
    spans = [Duration(days=9), Duration(months=1), Duration(1, 0, 1), Duration(0, 12, 2), Duration(1, 1), Duration(2)]
    ways = [Alternative(Conditions(within=span), False) for span in spans]
    ways += [Alternative(Conditions(2, viewer_has=frozenset(some)), False) for some in ("", "a", "ab", "b")]
    ways += [Alternative(Conditions(3, case_member=case), False) for case in (False, True)]
    ways += [Alternative(Conditions(3, approved_by=frozenset("a"), case_member=True), False)]
    ways += [Alternative(Conditions(3, source_released=True, case_member=case), False) for case in (False, True)]
    for turn in range(len(ways)):
        assert sorted(ways[turn:] + ways[:turn], key=order) == ways


# -- by example: a covenant


def test_a_permit_that_goes_is_told_in_one_sentence() -> None:
    rules = tuple(rule for rule in COMPLEX.rules if rule.id != "landlords-tell-each-other")
    assert diff(COMPLEX, replace(COMPLEX, version="new", rules=rules)).lost == (
        Box(
            ("nuisance",),
            ("signal", "weighing"),
            ("housing",),
            ("housing",),
            ("noise", "waste", "illegal-subletting"),
            ("hit", "source", "category", "period", "contact.role"),
        ),
    )


def test_what_a_wider_permit_adds_is_told_in_one_sentence() -> None:
    difference = diff(COMPLEX, with_rule(COMPLEX, "municipality-sees-rent-arrears", to=frozenset({"care"})))
    shown = ("hit", "source", "category", "period", "contact.role")
    assert difference.gained == (
        Box(("support",), ("signal", "weighing"), ("housing",), ("care",), ("rent-arrears",), shown),
    )
    assert difference.lost == (
        Box(("support",), ("signal", "weighing"), ("housing",), ("municipality",), ("rent-arrears",), shown),
    )
    assert not difference.conditions


@pytest.mark.parametrize(
    ("when", "change"),
    [
        (Conditions(), Change.WIDENED),
        (Conditions(within=Duration(years=1)), Change.WIDENED),
        (Conditions(within=Duration(days=60)), Change.NARROWED),
        (Conditions(within=Duration(months=6), source_released=True), Change.NARROWED),
        (Conditions(source_released=True), Change.CHANGED),
    ],
)
def test_another_condition_is_wider_narrower_or_just_other(when: Conditions, change: Change) -> None:
    difference = diff(COMPLEX, with_rule(COMPLEX, "municipality-sees-rent-arrears", when=when))
    assert not difference.gained + difference.lost
    (told,) = difference.conditions
    assert told.change is change
    assert told.before == (Alternative(Conditions(within=Duration(months=6)), False),)
    assert told.after == (Alternative(when, False),)
    assert told.box.categories == ("rent-arrears",)
    assert told.box.items == ("hit", "source", "category", "period", "contact.role")


def test_a_permit_that_also_answers_look_ups_is_wider() -> None:
    (told,) = diff(COMPLEX, with_rule(COMPLEX, "municipality-sees-rent-arrears", lookup=True)).conditions
    assert told.change is Change.WIDENED


def test_an_alternative_that_adds_nothing_is_left_out() -> None:
    permit = next(rule for rule in COMPLEX.rules if rule.id == "municipality-sees-rent-arrears")
    strict = replace(permit, id="stricter", when=Conditions(within=Duration(days=30)))
    assert not diff(COMPLEX, replace(COMPLEX, rules=(*COMPLEX.rules, strict)))
    other = replace(permit, id="other", when=Conditions(case_member=True))
    (told,) = diff(COMPLEX, replace(COMPLEX, rules=(*COMPLEX.rules, strict, other))).conditions
    assert told.change is Change.WIDENED
    assert told.after == (
        Alternative(Conditions(case_member=True), False),
        Alternative(Conditions(within=Duration(months=6)), False),
    )


def test_items_are_told_together_where_all_that_differs_adds_nothing() -> None:
    permit = next(rule for rule in COMPLEX.rules if rule.id == "municipality-sees-rent-arrears")
    strict = replace(permit, id="strict", items=frozenset({"hit", "source"}), when=Conditions(within=Duration(days=30)))
    old = replace(COMPLEX, rules=(*COMPLEX.rules, strict))
    (told,) = diff(old, with_rule(old, permit.id, when=Conditions(within=Duration(years=1)))).conditions
    assert told.box.items == ("hit", "source", "category", "period", "contact.role")
    assert told.before == (Alternative(permit.when, False),)


def test_each_item_is_told_with_the_conditions_of_the_permits_that_name_it() -> None:
    permit = next(rule for rule in COMPLEX.rules if rule.id == "municipality-sees-rent-arrears")
    notes = replace(permit, id="notes", items=frozenset({"note.gist"}), when=Conditions(source_released=True))
    old = replace(COMPLEX, rules=(*COMPLEX.rules, notes))
    new = with_rule(with_rule(old, "notes", when=Conditions(case_member=True)), permit.id, when=Conditions())
    assert {(told.change, told.box.items, told.before, told.after) for told in diff(old, new).conditions} == {
        (
            Change.WIDENED,
            ("hit", "source", "category", "period", "contact.role"),
            (Alternative(permit.when, False),),
            (Alternative(Conditions(), False),),
        ),
        (
            Change.CHANGED,
            ("note.gist",),
            (Alternative(Conditions(source_released=True), False),),
            (Alternative(Conditions(case_member=True), False),),
        ),
    }


def test_a_new_field_is_gained_where_a_rule_names_it() -> None:
    wider = replace(COMPLEX, fields={**COMPLEX.fields, "advice": Field("advice", "Advice", ("short",))})
    assert not diff(COMPLEX, wider)
    permit = Rule("sees-advice", Effect.PERMIT, "art. 9", "support", *_sets("case", "care", "care", "home-visit"))
    (box,) = diff(
        COMPLEX, replace(wider, rules=(*COMPLEX.rules, replace(permit, items=frozenset({"advice.short"}))))
    ).gained
    assert box.items == ("advice.short",)


def _sets(*words: str) -> tuple[frozenset[str], ...]:
    return (*(frozenset({word}) for word in words), frozenset())


def test_other_obligations_and_audit_sight_of_a_permit_are_told() -> None:
    changed = with_rule(COMPLEX, "care-team-releases-concern", obligations=frozenset(), audit=AuditSight())
    difference = diff(COMPLEX, changed)
    assert difference
    (told,) = difference.terms
    assert isinstance(told, ChangedTerms)
    assert told.rule == "care-team-releases-concern"
    assert told.before.obligations == {"notify_source"}
    assert told.after.obligations == frozenset()


def test_another_reach_of_a_handling_code_is_told() -> None:
    code = COMPLEX.handling_codes["not-to-landlords"]
    rest = {name: code for name, code in COMPLEX.handling_codes.items() if name != "not-to-landlords"}
    (gone,) = diff(COMPLEX, replace(COMPLEX, handling_codes=rest)).codes
    assert (gone.code, gone.before, gone.after) == ("not-to-landlords", code, None)
    other = replace(code, blocks=(Block(frozenset({"housing"}), frozenset({"source"})),))
    (told,) = diff(COMPLEX, replace(COMPLEX, handling_codes={**rest, code.id: other})).codes
    assert told.after == other
    twice = replace(code, title="Other title", blocks=code.blocks * 2)
    assert not diff(COMPLEX, replace(COMPLEX, handling_codes={**rest, code.id: twice}))


def test_parties_that_join_leave_or_change_kind_are_told() -> None:
    parties = {name: party for name, party in COMPLEX.parties.items() if name != "police"}
    parties["care-team"] = replace(parties["care-team"], kind="municipality")
    parties["newcomer"] = replace(parties["care-team"], id="newcomer")
    told = {change.party: change for change in diff(COMPLEX, replace(COMPLEX, parties=parties)).parties}
    assert set(told) == {"police", "care-team", "newcomer"}
    assert (told["police"].before, told["police"].after) == (COMPLEX.parties["police"], None)
    assert (told["care-team"].before, told["care-team"].after) == (COMPLEX.parties["care-team"], parties["care-team"])
    assert (told["newcomer"].before, told["newcomer"].after) == (None, parties["newcomer"])
