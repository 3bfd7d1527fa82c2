"""Replay: what a draft would have shown, and tables nobody can subtract a subject out of."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import product
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covenant_rules.evaluate import decide, unambiguous
from covenant_rules.load import load
from covenant_rules.model import Covenant, Duration, Facts, OwnSignal, Question, Signal
from covenant_rules.replay import Group, Outcome, Outcomes, Posed, Replay, Shapes, Standing, Stated, Tally
from covenant_rules.replay_table import conceivable, publish
from tests.rules import generate
from tests.rules.effort import examples
from tests.rules.fragments import EXAMPLES
from tests.rules.generate import NOBODY

COMPLEX = load((EXAMPLES / "complex-approach.yaml").read_bytes())
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
NOISE = Group("nuisance", "police", "housing", "noise")

groups = st.builds(Group, st.sampled_from(("p", "q")), *[st.sampled_from("abc")] * 3)
tallies = st.dictionaries(st.tuples(groups, st.sampled_from(Outcome)), st.integers(0, 40), max_size=20).map(Counter)


def asked_of(replay: Replay, questions: Iterable[tuple[Question, Facts]]) -> list[Posed]:
    """The same facts today and under the draft, all signals affirmed."""
    return [
        Posed(
            question,
            facts,
            replace(facts, current=replay.draft, signals=frozenset(map(replay.affirmed, facts.signals))),
        )
        for question, facts in questions
    ]


def outcomes(
    draft: Covenant, *signals: Signal, current: Covenant = COMPLEX, sealed: Mapping[str, Sequence[str]] | None = None
) -> Outcomes:
    """Of a subject with these signals, each of which asks. `sealed` says with what they come; without, with all."""
    replay = Replay(current, draft)
    facts = Facts(current, {}, frozenset(signals), frozenset({**current.parties, **draft.parties}))
    questions = [(Question(s.party, "nuisance", "signal", NOW, OwnSignal(s.id)), facts) for s in signals]
    there = {s.id: replay.sealed((*current.items, *draft.items) if sealed is None else sealed[s.id]) for s in signals}
    return replay(asked_of(replay, questions), there)


def signal(name: str, party: str, about: str = "noise", version: str = COMPLEX.version) -> Signal:
    return Signal(name, party, about, date(2026, 11, 1), frozenset({"nuisance"}), version)


PAIR = signal("a", "police"), signal("b", "housing-north")


def with_items(*items: str) -> Covenant:
    """A draft in which landlords see so much of recent nuisance."""
    rules = tuple(
        replace(rule, items=frozenset(items)) if rule.id == "landlord-sees-recent-nuisance" else rule
        for rule in COMPLEX.rules
    )
    return replace(COMPLEX, version="draft", rules=rules)


def test_nothing_is_gained_or_lost_without_a_change() -> None:
    assert outcomes(replace(COMPLEX, version="draft"), *PAIR) == {
        (NOISE, Outcome.KEPT),
        (Group("nuisance", "housing", "police", "noise"), Outcome.KEPT),
    }


def test_what_a_draft_takes_away_is_lost_and_what_it_adds_is_gained() -> None:
    changed = outcomes(with_items("hit", "source", "note.gist"), *PAIR)
    assert {outcome for group, outcome in changed if group == NOISE} == set(Outcome)
    gone = tuple(rule for rule in COMPLEX.rules if rule.id != "landlord-sees-recent-nuisance")
    changed = outcomes(replace(COMPLEX, version="draft", rules=gone), *PAIR)
    assert {outcome for group, outcome in changed if group == NOISE} == {Outcome.LOST}


@pytest.mark.parametrize("year", [2020, 2030])
def test_a_draft_decides_as_if_it_were_in_force_and_all_signals_affirmed(year: int) -> None:
    draft = replace(COMPLEX, version="draft", valid_from=date(year, 1, 1), valid_until=date(year + 3, 1, 1))
    old = signal("a", "police", version="forgotten"), signal("b", "housing-north")
    assert (NOISE, Outcome.GAINED) in outcomes(draft, *old)


def test_a_party_nobody_knows_is_seen_by_nobody() -> None:
    assert not outcomes(COMPLEX, signal("a", NOBODY), signal("b", NOBODY))


def test_an_item_that_nobody_sealed_is_not_gained() -> None:
    draft = with_items("hit", "source", "category", "period", "note.gist")
    gained = [
        {outcome for group, outcome in outcomes(draft, *PAIR, sealed={"a": sealed, "b": ()}) if group == NOISE}
        for sealed in ((), ("note.gist",))
    ]
    assert gained == [{Outcome.KEPT}, {Outcome.KEPT, Outcome.GAINED}]


def test_an_item_that_neither_version_knows_is_not_there_to_be_seen() -> None:
    replay = Replay(COMPLEX, COMPLEX)
    assert replay.sealed(("poetry.full",)) == replay.sealed(())


def test_a_party_sees_what_it_sees_by_any_of_its_questions() -> None:
    """At the stage of a case the municipality sees the note of a criminal signal, and before that nothing of it."""
    rules = tuple(rule for rule in COMPLEX.rules if rule.id != "authorities-share-criminal-data")
    replay = Replay(COMPLEX, replace(COMPLEX, version="draft", rules=rules))
    both = frozenset({signal("a", "police", "violence"), signal("b", "municipality")})
    facts = Facts(COMPLEX, {}, both, frozenset(COMPLEX.parties), case_member=True)
    agreed = replace(facts, approvals=frozenset({"police", "municipality"}))
    questions = [
        (Question("municipality", "nuisance", "case", NOW, OwnSignal("b")), known) for known in (agreed, facts)
    ]
    there = {name: replay.sealed(("note.gist",)) for name in "ab"}
    for order in (questions, questions[::-1]):
        told = {outcome for group, outcome in replay(asked_of(replay, order), there) if group.category == "violence"}
        assert told == {Outcome.LOST, Outcome.KEPT}


def test_who_is_near_under_the_draft_may_be_others_than_today() -> None:
    replay = Replay(COMPLEX, COMPLEX)
    both = Facts(COMPLEX, {}, frozenset(PAIR), frozenset(COMPLEX.parties))
    alone = replace(both, signals=frozenset({PAIR[1]}))
    question = Question("housing-north", "nuisance", "signal", NOW, OwnSignal("b"))
    there = {name: replay.sealed(()) for name in "ab"}
    assert replay([Posed(question, both, alone)], there) == {(NOISE, Outcome.LOST)}
    assert replay([Posed(question, alone, both)], there) == {(NOISE, Outcome.GAINED)}


@examples(100)
@given(st.integers(0, 2**32 - 1))
def test_outcomes_are_the_difference_of_two_decisions(seed: int) -> None:
    random = Random(seed)
    current, facts, question = generate.triple(random)
    replay = Replay(current, generate.revised(random, current))
    (posed,) = asked_of(replay, [(question, facts)])
    everything = replay.sealed((*current.items, *replay.draft.items))
    before, after = (
        {(v.signal, item) for v in decide(question, known).visible for item in v.items}
        for known in (posed.today, posed.then)
    )
    found = {outcome for _, outcome in replay([posed], {s.id: everything for s in facts.signals})}
    assert (Outcome.GAINED in found) == bool(after - before)
    assert (Outcome.LOST in found) == bool(before - after)
    assert (Outcome.KEPT in found) == bool(before & after)


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


def one_by_one(replay: Replay, facts: Facts, moment: datetime) -> Outcomes:
    """Asked one by one, with the days as they are, each signal standing for itself."""
    signals = sorted(facts.signals, key=lambda s: s.id)
    questions = [
        (Question(s.party, purpose, "signal", moment, OwnSignal(s.id)), facts)
        for s in signals
        for purpose in sorted(s.purposes)
    ]
    sealed = {s.id: replay.sealed(("note.gist",) if s.id == "a" else ()) for s in signals}
    return replay(asked_of(replay, questions), sealed)


def test_what_is_stated_of_a_signal_is_what_it_says() -> None:
    plain = signal("a", "police")
    codes = frozenset({"not-to-landlords", "source-withheld"})
    for changes in ({}, {"tainted": True}, {"origins": frozenset({"police", "care-team"})}, {"handling_codes": codes}):
        said = replace(plain, purposes=frozenset({"nuisance", "support"}), **changes)  # type: ignore[arg-type]
        (stated,) = shape(said)
        assert stated.signal("a") == said


@examples(150)
@given(st.integers(0, 2**32 - 1))
def test_a_shape_has_the_outcomes_of_its_subject(seed: int) -> None:
    random = Random(seed)
    current, facts, question = generate.triple(random)
    facts = replace(facts, released=frozenset(), approvals=frozenset(), case_member=False)
    signals = sorted(unambiguous(facts.signals), key=lambda s: s.id)
    facts = replace(facts, signals=frozenset(signals))
    replay = Replay(current, generate.revised(random, current))
    shapes = Shapes(replay, standing(current, facts, question.time))
    assert shapes(shape(*signals)) == one_by_one(replay, facts, question.time)
    assert shapes(reversed(shape(*signals))) == shapes(shape(*signals))


def known_shapes() -> Shapes:
    return Shapes(Replay(COMPLEX, COMPLEX), Standing(COMPLEX, {}, frozenset(COMPLEX.parties), NOW))


def test_days_are_alike_where_no_window_tells_them_apart() -> None:
    shapes, today = known_shapes(), NOW.date()
    for age in (1, 20, 89):
        shapes(shape(replace(PAIR[0], day=today - timedelta(age)), PAIR[1]))
    assert len(shapes._known) == 1
    for age in (-1, 90, 180):
        shapes(shape(replace(PAIR[0], day=today - timedelta(age)), PAIR[1]))
    assert len(shapes._known) == 4


def test_a_day_is_boxed_with_none_that_a_window_tells_from_it() -> None:
    """The draft's window ends a day after today's, so that one box holds a single day."""
    rules = tuple(
        replace(rule, when=replace(rule.when, within=Duration(days=179))) if rule.when.within else rule
        for rule in COMPLEX.rules
    )
    replay = Replay(COMPLEX, replace(COMPLEX, version="draft", rules=rules))
    shapes = Shapes(replay, Standing(COMPLEX, {}, frozenset(COMPLEX.parties), NOW))
    seen = set()
    for age in (-2, -1, 0, 1, 89, 90, 178, 179, 180, 181, 4000):
        pair = replace(PAIR[0], day=NOW.date() - timedelta(age)), replace(PAIR[1], day=NOW.date())
        facts = Facts(COMPLEX, {}, frozenset(pair), frozenset(COMPLEX.parties))
        found = shapes(shape(*pair))
        assert found == one_by_one(replay, facts, NOW)
        seen.add(frozenset(outcome for group, outcome in found if group == NOISE))
    assert seen == {frozenset(), frozenset({Outcome.KEPT}), frozenset({Outcome.LOST})}


def test_no_more_shapes_are_remembered_than_wanted() -> None:
    shapes = Shapes(Replay(COMPLEX, COMPLEX), Standing(COMPLEX, {}, frozenset(COMPLEX.parties), NOW), most=2)
    for party in COMPLEX.parties:
        shapes(shape(replace(PAIR[0], party=party)))
        assert 1 <= len(shapes._known) <= 2


def test_what_would_be_over_under_the_draft_is_lost() -> None:
    shapes = known_shapes()
    police, housing = shape(*PAIR)
    assert (NOISE, Outcome.LOST) in shapes([police._replace(lapses=True), housing])
    anchor_gone = shapes([police, housing._replace(lapses=True)])
    assert (NOISE, Outcome.LOST) in anchor_gone
    assert {outcome for _, outcome in anchor_gone} == {Outcome.LOST}
    assert (NOISE, Outcome.KEPT) in shapes([police, housing, housing._replace(lapses=True)])


# -- what is told


@given(tallies, st.sets(groups), st.integers(1, 15))
def test_a_number_is_told_as_a_multiple_of_the_minimum_and_no_small_one_at_all(
    tally: Tally, rows: set[Group], minimum: int
) -> None:
    least = max(minimum, 3)
    table = publish(tally, rows, minimum)
    assert list(table) == sorted(rows)
    for group, numbers in table.items():
        for outcome in Outcome:
            told = getattr(numbers, outcome)
            assert told is None or (told >= least and told % least == 0)
            assert 0 <= tally[group, outcome] - (told or 0) < least


@pytest.mark.parametrize(("cells", "largest", "minimum"), [(1, 20, 1), (2, 15, 5), (3, 11, 4), (4, 5, 3)])
@pytest.mark.parametrize("drafts", [1, 2])
def test_who_knows_every_rule_cannot_tell_any_number_from_as_many_others_as_the_minimum(
    cells: int, largest: int, minimum: int, drafts: int
) -> None:
    """The attack, by brute force: every table there could be, and what is published of it. The reader calculates what
    it likes, and in the end holds all tables for possible that publish the same.

    With two drafts the reader has a second table too, of which it knows that each number is the same or one less: every
    subject of the second is one of the first.
    """
    keys = [(NOISE._replace(category=f"c{n}"), Outcome.GAINED) for n in range(cells)]

    def published(numbers: Sequence[int]) -> tuple[int | None, ...]:
        table = publish(Counter(dict(zip(keys, numbers, strict=True))), [group for group, _ in keys], minimum)
        return tuple(table[group].gained for group, _ in keys)

    possible: defaultdict[tuple[int | None, ...], list[tuple[int, ...]]] = defaultdict(list)
    for numbers in product(range(largest + 1), repeat=cells):
        second = [numbers] if drafts == 1 else list(product(*((n, max(0, n - 1)) for n in numbers)))
        for other in second:
            possible[published(numbers) + published(other)].append(numbers + other)
    least = max(minimum, 3)
    for seen, tables in possible.items():
        for place in range(cells):
            held = {numbers[place] for numbers in tables}
            if (seen[place] or 0) + least <= largest and seen[place] == seen[cells + place]:
                assert held == set(range(seen[place] or 0, (seen[place] or 0) + least))
                assert {numbers[place] - numbers[cells + place] for numbers in tables} == set(range(drafts))


@examples(50)
@given(st.integers(0, 2**32 - 1))
def test_which_rows_a_table_has_says_nothing_of_the_signals(seed: int) -> None:
    """It goes by the two texts, and has room for whatever may come out."""
    random = Random(seed)
    current, facts, question = generate.triple(random)
    draft = generate.revised(random, current)
    question = replace(question, stage="signal")
    rows = conceivable(current, draft, "signal")
    replay = Replay(current, draft)
    everything = replay.sealed((*current.items, *draft.items))
    found = replay(asked_of(replay, [(question, facts)]), {s.id: everything for s in facts.signals})
    assert {group for group, _ in found} <= rows


def test_there_is_no_row_of_a_kind_with_one_party_about_itself() -> None:
    rows = conceivable(COMPLEX, COMPLEX, "signal")
    assert NOISE in rows
    assert any((row.from_kind, row.to_kind) == ("housing", "housing") for row in rows)
    assert not any(row.from_kind == row.to_kind == "municipality" for row in rows)


def test_what_a_draft_takes_away_altogether_keeps_its_rows() -> None:
    nothing = replace(COMPLEX, version="draft", rules=())
    rows = conceivable(COMPLEX, COMPLEX, "signal")
    assert conceivable(COMPLEX, nothing, "signal") == conceivable(nothing, COMPLEX, "signal") == rows


def test_a_party_that_a_draft_lets_in_has_rows() -> None:
    arson = replace(COMPLEX.parties["police"], id="fire", kind="fire")
    rules = tuple(
        replace(
            rule,
            to=rule.to | {"fire"} if "police" in rule.to else rule.to,
            from_=rule.from_ | {"fire"} if "police" in rule.from_ else rule.from_,
        )
        for rule in COMPLEX.rules
    )
    purposes = {
        name: replace(one, legal_basis={**one.legal_basis, "fire": one.legal_basis["municipality"]})
        for name, one in COMPLEX.purposes.items()
    }
    draft = replace(
        COMPLEX,
        version="draft",
        kinds={**COMPLEX.kinds, "fire": COMPLEX.kinds["police"]},
        parties={**COMPLEX.parties, "fire": arson},
        purposes=purposes,
        rules=rules,
    )
    new = conceivable(COMPLEX, draft, "signal") - conceivable(COMPLEX, COMPLEX, "signal")
    assert all("fire" in (row.from_kind, row.to_kind) for row in new)
    assert {kind for row in new for kind in (row.from_kind, row.to_kind)} == set(draft.kinds)
    assert {NOISE._replace(from_kind="fire"), NOISE._replace(to_kind="fire", from_kind="housing")} <= new
    told = outcomes(draft, signal("a", "fire"), signal("b", "housing-north"))
    assert (NOISE._replace(from_kind="fire"), Outcome.GAINED) in told
