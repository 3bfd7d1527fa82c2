"""What waits for a source to release it, and how little the question tells the source."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from covenant_rules.evaluate import decide
from covenant_rules.load import load
from covenant_rules.model import Conditions, Covenant, Duration, Facts, LookUp, OwnSignal, Question, Signal
from covenant_rules.waiting import waiting
from tests.rules import generate
from tests.rules.fragments import EXAMPLES

COMPLEX = load((EXAMPLES / "complex-approach.yaml").read_bytes())
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
CONCERN = "care-team-releases-concern"

seeds = st.integers(0, 2**32 - 1)


def guarded(random: Random) -> tuple[Facts, Question]:
    """Facts under covenants in which about half of the permits ask for a release, and some releases are given."""
    current, known, question = generate.triple(random)

    def guard(covenant: Covenant) -> Covenant:
        rules = (replace(r, when=replace(r.when, source_released=random.random() < 0.5)) for r in covenant.rules)
        return replace(covenant, rules=tuple(rules))

    versions = {name: guard(covenant) for name, covenant in sorted(known.versions.items())}
    guarded_now = versions.get(current.version) or guard(current)
    released = frozenset(s.id for s in known.signals if random.random() < 0.2)
    return replace(known, current=guarded_now, versions=versions, released=released), question


def signal(name: str, party: str, category: str = "care-concern", **stated: object) -> Signal:
    made = Signal(name, party, category, date(2026, 11, 1), frozenset({"support"}), COMPLEX.version)
    return replace(made, **stated)  # type: ignore[arg-type]


def facts(*signals: Signal, covenant: Covenant = COMPLEX, **known: frozenset[str]) -> Facts:
    return Facts(covenant, {}, frozenset(signals), frozenset(covenant.parties), **known)


def amended(**changes: object) -> Covenant:
    rules = [replace(rule, **changes) if rule.id == CONCERN else rule for rule in COMPLEX.rules]  # type: ignore[arg-type]
    return replace(COMPLEX, rules=tuple(rules))


MINE, CARE = signal("mine", "municipality", "home-visit"), signal("care", "care-team")
QUESTION = Question("municipality", "support", "signal", NOW, OwnSignal("mine"))


def test_what_only_a_release_keeps_from_view_waits_for_its_source() -> None:
    found = waiting(QUESTION, facts(MINE, CARE))
    assert found["care"].items == ("hit", "source", "category", "period", "note.gist", "contact.role")
    assert found["care"].sight.source == {"day", "party", "actor", "purpose", "items"}
    assert found.keys() == {"care"}


def test_what_is_released_waits_no_more() -> None:
    assert not waiting(QUESTION, facts(MINE, CARE, released=frozenset({"care"})))


def test_what_may_be_seen_without_a_release_does_not_wait() -> None:
    assert not waiting(QUESTION, facts(MINE, signal("care", "care-team", "home-visit")))


def test_what_a_handling_code_hides_does_not_wait() -> None:
    hidden = signal("care", "care-team", handling_codes=frozenset({"source-withheld"}))
    assert waiting(QUESTION, facts(MINE, hidden))["care"].items == ("hit", "category", "period")
    unknown = signal("care", "care-team", handling_codes=frozenset({"nobody-knows"}))
    assert not waiting(QUESTION, facts(MINE, unknown))


@pytest.mark.parametrize(
    "question",
    [
        replace(QUESTION, anchor=OwnSignal("care")),
        replace(QUESTION, anchor=LookUp()),
        replace(QUESTION, viewer="police"),
        replace(QUESTION, time=datetime(2031, 1, 1, tzinfo=UTC)),
    ],
)
def test_where_a_question_has_no_answer_nothing_waits(question: Question) -> None:
    assert not waiting(question, facts(MINE, CARE))


def test_the_longest_confidence_and_the_narrowest_sight_go_with_the_question() -> None:
    (rule,) = (rule for rule in COMPLEX.rules if rule.id == CONCERN)
    second = replace(
        rule,
        id="second",
        audit=replace(rule.audit, source=frozenset({"day", "purpose"}), confidential=Duration(days=30)),
    )
    both = replace(COMPLEX, rules=(*COMPLEX.rules, second))
    sight = waiting(QUESTION, facts(MINE, CARE, covenant=both))["care"].sight
    assert (sight.source, sight.confidential) == ({"day", "purpose"}, Duration(days=30))


def test_only_permits_that_would_show_something_new_bear_on_what_the_source_is_told() -> None:
    (rule,) = (rule for rule in COMPLEX.rules if rule.id == CONCERN)
    silent = replace(rule.audit, source=frozenset[str](), recipient=frozenset[str]())
    closed = replace(rule, id="closed", when=Conditions(approved_by=frozenset({"police"})), audit=silent)
    already = replace(rule, id="already", when=Conditions(), items=frozenset({"hit", "source"}), audit=silent)
    told = waiting(QUESTION, facts(MINE, CARE, covenant=replace(COMPLEX, rules=(*COMPLEX.rules, closed, already))))
    assert told["care"].items == ("category", "period", "note.gist", "contact.role")
    assert told["care"].sight == rule.audit
    narrow = replace(rule, id="narrow", audit=replace(rule.audit, recipient=frozenset({"day"})))
    told = waiting(QUESTION, facts(MINE, CARE, covenant=replace(COMPLEX, rules=(*COMPLEX.rules, narrow))))
    assert told["care"].sight.recipient == {"day"}


def test_a_source_is_asked_before_the_counts_are_reached() -> None:
    """Three parties are wanted and there are two: whether there is a third must not show in the question."""
    counted = amended(when=Conditions(independent_parties=3, source_released=True))
    alone = waiting(QUESTION, facts(MINE, CARE, covenant=counted))
    third = signal("third", "police", "home-visit")
    assert alone["care"].items
    assert waiting(QUESTION, facts(MINE, CARE, third, covenant=counted))["care"] == alone["care"]
    everything = frozenset({"care"})
    assert not decide(QUESTION, facts(MINE, CARE, covenant=counted, released=everything)).visible


@settings(max_examples=150, deadline=None)
@given(seeds)
def test_other_signals_change_nothing_of_what_a_signal_waits_for(seed: int) -> None:
    known, question = guarded(Random(seed))
    for name, wait in waiting(question, known).items():
        alone = frozenset(s for s in known.signals if s.id == name or s.party == question.viewer)
        assert waiting(question, replace(known, signals=alone))[name] == wait


def test_the_random_facts_leave_something_to_wait_for() -> None:
    assert sum(bool(waiting(question, known)) for known, question in map(guarded, map(Random, range(200)))) > 40


@settings(max_examples=150, deadline=None)
@given(seeds)
def test_what_waits_is_what_releases_add_where_no_permit_counts(seed: int) -> None:
    known, question = guarded(Random(seed))

    def uncounted(covenant: Covenant) -> Covenant:
        rules = tuple(replace(r, when=replace(r.when, independent_parties=None)) for r in covenant.rules)
        return replace(covenant, rules=rules)

    known = replace(
        known,
        current=uncounted(known.current),
        versions={name: uncounted(covenant) for name, covenant in known.versions.items()},
    )
    everything = frozenset(s.id for s in known.signals)

    def shown(released: frozenset[str]) -> set[tuple[str, str]]:
        visible = decide(question, replace(known, released=released)).visible
        return {(v.signal, item) for v in visible for item in v.items}

    waits = {(name, item) for name, wait in waiting(question, known).items() for item in wait.items}
    assert waits == shown(everything) - shown(known.released)


def test_without_a_permit_that_asks_for_a_release_nothing_waits() -> None:
    without = replace(COMPLEX, rules=tuple(r for r in COMPLEX.rules if not r.when.source_released))
    assert not waiting(QUESTION, facts(MINE, CARE, covenant=without))
