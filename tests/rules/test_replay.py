"""Replay: what a draft would have shown, and tables nobody can subtract a subject out of."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covenant_rules.evaluate import decide
from covenant_rules.load import load
from covenant_rules.model import Facts, LookUp, OwnSignal, Question, Signal
from covenant_rules.replay import Group, Outcome, Replay, Tally, publish
from tests.rules import generate
from tests.rules.effort import examples
from tests.rules.fragments import EXAMPLES
from tests.rules.generate import NOBODY

COMPLEX = load((EXAMPLES / "complex-approach.yaml").read_bytes())
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
NOISE = Group("nuisance", "police", "housing", "noise")

groups = st.builds(Group, st.sampled_from(("p", "q")), *[st.sampled_from("abc")] * 3)
tallies = st.dictionaries(st.tuples(groups, st.sampled_from(Outcome)), st.integers(0, 40), max_size=20).map(Counter)


def subject(*signals: Signal) -> list[tuple[Question, Facts]]:
    """Every signal on the subject asks."""
    facts = Facts(COMPLEX, {}, frozenset(signals), frozenset(COMPLEX.parties))
    return [(Question(s.party, "nuisance", "signal", NOW, OwnSignal(s.id)), facts) for s in signals]


def signal(name: str, party: str, about: str = "noise", version: str = COMPLEX.version) -> Signal:
    return Signal(name, party, about, date(2026, 11, 1), frozenset({"nuisance"}), version)


PAIR = subject(signal("a", "police"), signal("b", "housing-north"))


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
    assert not Replay(COMPLEX)([(Question("police", "nuisance", "signal", NOW, LookUp()), facts)])


@examples(100)
@given(st.integers(0, 2**32 - 1))
def test_outcomes_are_the_difference_of_two_decisions(seed: int) -> None:
    random = Random(seed)
    current, facts, question = generate.triple(random)
    draft = generate.revised(random, current)
    tally = Replay(draft)([(question, facts)])
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


# -- publication


@given(tallies, st.integers(2, 15))
def test_no_small_number_is_published(tally: Tally, minimum: int) -> None:
    table = publish(tally, minimum)
    for key, number in table.cells.items():
        assert number is None or number == tally[key] >= minimum


@given(tallies, st.integers(2, 15))
def test_subtracting_from_a_total_gives_no_number_away(tally: Tally, minimum: int) -> None:
    table = publish(tally, minimum)
    for (purpose, outcome), total in table.totals.items():
        column = {k: n for k, n in table.cells.items() if k[0].purpose == purpose and k[1] is outcome}
        missing = [key for key, number in column.items() if number is None]
        if total is not None:
            assert total == sum(tally[key] for key in column)
            assert not missing or (len(missing) > 1 and total - sum(n or 0 for n in column.values()) >= minimum)


@given(tallies, st.integers(2, 15))
def test_nothing_is_left_out_without_need(tally: Tally, minimum: int) -> None:
    table = publish(tally, minimum)
    assert {key for key, number in tally.items() if number} == set(table.cells)
    for purpose, outcome in table.totals:
        column = [n for (group, o), n in tally.items() if group.purpose == purpose and o is outcome and n]
        if all(number >= minimum for number in column):
            assert table.totals[purpose, outcome] == sum(column)


@pytest.mark.parametrize(
    ("numbers", "published", "total"),
    [
        ((12, 20), (12, 20), 32),
        ((3, 20, 12), (None, 20, None), 35),
        ((3, 4, 20), (None, None, None), 27),
        ((6, 4, 20), (None, None, 20), 30),
        ((3,), (None,), None),
        ((3, 4), (None, None), None),
    ],
)
def test_what_is_left_out_by_example(numbers: tuple[int, ...], published: tuple[int | None, ...], total: int) -> None:
    keys = [(NOISE._replace(category=f"c{n}"), Outcome.LOST) for n in range(len(numbers))]
    table = publish(Counter(dict(zip(keys, numbers, strict=True))), 10)
    assert tuple(table.cells[key] for key in keys) == published
    assert table.totals == {("nuisance", Outcome.LOST): total}
