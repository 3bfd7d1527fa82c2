"""Replay: what a draft would have shown, and tables nobody can subtract a subject out of."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import product
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covenant_rules.evaluate import decide, unambiguous
from covenant_rules.load import load
from covenant_rules.model import Covenant, Facts, LookUp, OwnSignal, Question, Signal
from covenant_rules.replay import Group, Outcome, Posed, Replay, Shapes, Standing, Stated, Tally, publish
from tests.rules import generate
from tests.rules.effort import examples
from tests.rules.fragments import EXAMPLES
from tests.rules.generate import NOBODY

COMPLEX = load((EXAMPLES / "complex-approach.yaml").read_bytes())
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
NOISE = Group("nuisance", "police", "housing", "noise")

groups = st.builds(Group, st.sampled_from(("p", "q")), *[st.sampled_from("abc")] * 3)
tallies = st.dictionaries(st.tuples(groups, st.sampled_from(Outcome)), st.integers(0, 40), max_size=20).map(Counter)


def subject(*signals: Signal) -> list[Posed]:
    """Every signal on the subject asks."""
    facts = Facts(COMPLEX, {}, frozenset(signals), frozenset(COMPLEX.parties))
    return [Posed(Question(s.party, "nuisance", "signal", NOW, OwnSignal(s.id)), facts) for s in signals]


def signal(name: str, party: str, about: str = "noise", version: str = COMPLEX.version) -> Signal:
    return Signal(name, party, about, date(2026, 11, 1), frozenset({"nuisance"}), version)


PAIR_SIGNALS = signal("a", "police"), signal("b", "housing-north")
PAIR = subject(*PAIR_SIGNALS)


def test_nothing_is_gained_or_lost_without_a_change() -> None:
    tally = Replay(replace(COMPLEX, version="draft"))(PAIR)
    assert tally == {
        (NOISE, Outcome.KEPT): 1,
        (Group("nuisance", "housing", "police", "noise"), Outcome.KEPT): 1,
    }


def test_what_a_draft_takes_away_is_lost_and_what_it_adds_is_gained() -> None:
    rules = tuple(
        replace(rule, items=frozenset({"hit", "source", "note.gist"}))
        if rule.id == "landlord-sees-recent-nuisance"
        else rule
        for rule in COMPLEX.rules
    )
    tally = Replay(replace(COMPLEX, version="draft", rules=rules))(PAIR)
    assert {outcome for group, outcome in tally if group == NOISE} == set(Outcome)
    gone = tuple(rule for rule in COMPLEX.rules if rule.id != "landlord-sees-recent-nuisance")
    tally = Replay(replace(COMPLEX, version="draft", rules=gone))(PAIR)
    assert {outcome for group, outcome in tally if group == NOISE} == {Outcome.LOST}


def test_a_subject_counts_once_however_many_signals_it_has() -> None:
    many = subject(signal("b", "housing-north"), *(signal(f"a{n}", "police") for n in range(12)))
    assert Replay(COMPLEX)(many)[NOISE, Outcome.KEPT] == 1


def test_a_draft_decides_as_if_it_were_in_force_and_all_signals_affirmed() -> None:
    draft = replace(COMPLEX, version="draft", valid_from=date(2030, 1, 1), valid_until=date(2033, 1, 1))
    old = subject(signal("a", "police", version="forgotten"), signal("b", "housing-north"))
    assert Replay(draft)(old)[NOISE, Outcome.GAINED] == 1


def test_a_party_nobody_knows_is_counted_under_no_kind_and_seen_by_nobody() -> None:
    facts = Facts(COMPLEX, {}, frozenset({signal("a", NOBODY)}), frozenset({NOBODY, "police"}))
    assert not Replay(COMPLEX)([Posed(Question("police", "nuisance", "signal", NOW, LookUp()), facts)])


@examples(100)
@given(st.integers(0, 2**32 - 1))
def test_outcomes_are_the_difference_of_two_decisions(seed: int) -> None:
    random = Random(seed)
    current, facts, question = generate.triple(random)
    draft = generate.revised(random, current)
    tally = Replay(draft)([Posed(question, facts)])
    in_force = replace(draft, valid_from=NOW.date() - timedelta(4000), valid_until=NOW.date() + timedelta(4000))
    affirmed = frozenset(replace(signal, version=draft.version) for signal in facts.signals)
    before = {(v.signal, item) for v in decide(question, facts).visible for item in v.items}
    after = {
        (v.signal, item)
        for v in decide(question, replace(facts, current=in_force, signals=affirmed)).visible
        for item in v.items
    }
    outcomes = {outcome for _, outcome in tally}
    assert (Outcome.GAINED in outcomes) == bool(after - before)
    assert (Outcome.LOST in outcomes) == bool(before - after)
    assert (Outcome.KEPT in outcomes) == bool(before & after)


# -- shapes


def shape(*signals: Signal) -> list[Stated]:
    return [
        Stated(
            party=s.party,
            category=s.category,
            day=s.day,
            purposes=tuple(sorted(s.purposes)),
            version=s.version,
            origins=tuple(sorted(s.origins)),
            handling_codes=tuple(sorted(s.handling_codes)),
            tainted=s.tainted,
            sealed=("note.gist",) if s.id == "a" else (),
        )
        for s in signals
    ]


def standing(current: Covenant, facts: Facts, moment: datetime) -> Standing:
    return Standing(current, facts.versions, facts.active, moment)


@examples(150)
@given(st.integers(0, 2**32 - 1))
def test_a_shape_has_the_outcomes_of_its_subject(seed: int) -> None:
    """Asked one by one, with the days as they are, each signal standing for itself."""
    random = Random(seed)
    current, facts, question = generate.triple(random)
    facts = replace(facts, released=frozenset(), approvals=frozenset(), case_member=False)
    signals = sorted(unambiguous(facts.signals), key=lambda s: s.id)
    facts = replace(facts, signals=frozenset(signals))
    draft = generate.revised(random, current)
    asked = [
        Posed(Question(s.party, purpose, "signal", question.time, OwnSignal(s.id)), facts)
        for s in signals
        for purpose in sorted(s.purposes)
    ]
    sealed = {s.id: ("note.gist",) if s.id == "a" else () for s in signals}
    shapes = Shapes(draft, standing(current, facts, question.time))
    assert shapes(shape(*signals)) == frozenset(Replay(draft)(asked, sealed))
    assert shapes(reversed(shape(*signals))) == shapes(shape(*signals))


def test_days_are_alike_where_no_window_tells_them_apart() -> None:
    shapes = Shapes(COMPLEX, Standing(COMPLEX, {}, frozenset(COMPLEX.parties), NOW))
    today = NOW.date()
    for age in (1, 20, 89):
        shapes(shape(replace(PAIR_SIGNALS[0], day=today - timedelta(age)), PAIR_SIGNALS[1]))
    assert len(shapes._known) == 1
    for age in (-1, 90, 180):
        shapes(shape(replace(PAIR_SIGNALS[0], day=today - timedelta(age)), PAIR_SIGNALS[1]))
    assert len(shapes._known) == 4


def test_an_item_that_nobody_sealed_is_not_gained() -> None:
    rules = tuple(
        replace(rule, items=rule.items | {"note.gist"}) if rule.id == "landlord-sees-recent-nuisance" else rule
        for rule in COMPLEX.rules
    )
    draft = replace(COMPLEX, version="draft", rules=rules)
    gained = [
        {outcome for group, outcome in Replay(draft)(PAIR, {"a": sealed, "b": ()}) if group == NOISE}
        for sealed in ((), ("note.gist",))
    ]
    assert gained == [{Outcome.KEPT}, {Outcome.KEPT, Outcome.GAINED}]


def test_who_is_near_under_the_draft_may_be_others_than_today() -> None:
    alone = replace(PAIR[0].today, signals=frozenset({PAIR_SIGNALS[1]}))
    assert Replay(COMPLEX)([PAIR[1]._replace(then=alone)])[NOISE, Outcome.LOST] == 1


# -- publication


@given(tallies, st.integers(1, 15))
def test_no_small_number_is_published(tally: Tally, minimum: int) -> None:
    table = publish(tally, minimum)
    assert table.cells.keys() == {key for key, number in tally.items() if number}
    for key, number in table.cells.items():
        assert number is None or number == tally[key] >= max(minimum, 3)


@given(tallies, st.integers(1, 15))
def test_nothing_is_left_out_without_need(tally: Tally, minimum: int) -> None:
    table = publish(tally, minimum)
    assert all(number is not None or tally[key] < max(minimum, 3) for key, number in table.cells.items())
    for (purpose, outcome), total in table.totals.items():
        column = [n for (group, o), n in tally.items() if group.purpose == purpose and o is outcome and n]
        assert total == (sum(column) if min(column) >= max(minimum, 3) else None)


@pytest.mark.parametrize("drafts", [1, 2])
@pytest.mark.parametrize(("cells", "largest", "minimum"), [(1, 9, 1), (2, 9, 2), (3, 7, 3), (3, 7, 4), (4, 5, 3)])
def test_who_knows_every_rule_derives_no_number_that_is_left_out(
    cells: int, largest: int, minimum: int, drafts: int
) -> None:
    """By brute force: every table there could be, and what is published of it, sums included.

    With two drafts, those of a second table too, in which the reader knows that all numbers but one are as they were.
    """
    keys = [(NOISE._replace(category=f"c{n}"), Outcome.GAINED) for n in range(cells)]

    def published(numbers: tuple[int, ...]) -> tuple[object, ...]:
        table = publish(Counter(dict(zip(keys, numbers, strict=True))), minimum)
        return tuple(table.cells.get(key, 0) for key in keys) + tuple(table.totals.values())

    consistent: defaultdict[tuple[object, ...], list[tuple[int, ...]]] = defaultdict(list)
    for numbers in product(range(largest + 1), repeat=cells):
        seen = published(numbers)
        if drafts == 2:
            seen += published((largest, *numbers[1:]))
        consistent[seen].append(numbers)
    for seen, tables in consistent.items():
        for place in range(cells):
            if seen[place] is None:
                assert {numbers[place] for numbers in tables} == set(range(1, max(minimum, 3)))


@pytest.mark.parametrize(
    ("numbers", "published", "total"),
    [
        ((12, 20), (12, 20), 32),
        ((3, 20, 12), (None, 20, 12), None),
        ((3, 4, 20), (None, None, 20), None),
        ((6, 4, 20), (None, None, 20), None),
        ((3,), (None,), None),
    ],
)
def test_what_is_left_out_by_example(
    numbers: tuple[int, ...], published: tuple[int | None, ...], total: int | None
) -> None:
    keys = [(NOISE._replace(category=f"c{n}"), Outcome.LOST) for n in range(len(numbers))]
    table = publish(Counter(dict(zip(keys, numbers, strict=True))), 10)
    assert tuple(table.cells[key] for key in keys) == published
    assert table.totals == {("nuisance", Outcome.LOST): total}
