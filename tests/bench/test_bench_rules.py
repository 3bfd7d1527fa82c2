"""The benchmark of the rules engine still runs, and the two engines still agree."""

from __future__ import annotations

from tests.bench.bench_rules import measure, table


def test_a_small_round_compares_equal_answers() -> None:
    figures = measure(number=3, rounds=1)
    assert figures.answers.questions > 300
    assert 0 < figures.answers.allowed < figures.answers.questions
    assert f"{figures.answers.questions:,} of {figures.answers.questions:,}" in table(figures)
