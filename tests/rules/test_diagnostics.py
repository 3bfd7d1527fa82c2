"""How findings are told: in order, in one line each, and with the author's own words made safe to print."""

from __future__ import annotations

import pytest

from covenant_rules.diagnostics import (
    MOST_DIAGNOSTICS,
    CovenantError,
    Diagnostic,
    Report,
    Severity,
    did_you_mean,
    listed,
    quoted,
)
from covenant_rules.model import Place


def test_what_is_left_out_is_counted_at_the_place_of_the_last_that_is_told() -> None:
    report = Report("draft.yaml")
    for line in range(MOST_DIAGNOSTICS + 3):
        report.error("CR202", Place(line + 1, 7), "unknown key `x`", "remove it")
    *told, last = report.diagnostics()
    assert [found.place.line for found in told] == list(range(1, MOST_DIAGNOSTICS + 1))
    message, advice = "3 more problems are not listed", "repair these first and check again"
    place = Place(MOST_DIAGNOSTICS, 7)
    assert last == Diagnostic("CR199", Severity.ERROR, place, "draft.yaml", message, advice)


def test_what_to_write_is_sought_only_for_what_is_told() -> None:
    report, sought = Report("draft.yaml"), []
    for line in range(MOST_DIAGNOSTICS + 3):
        report.warning("CR512", Place(line + 1, 1), "adds nothing", lambda: sought.append("sought") or "remove it")
    assert len(sought) == MOST_DIAGNOSTICS
    assert not report.failed


def test_an_error_says_each_finding_in_a_line_of_its_own() -> None:
    report = Report("draft.yaml")
    report.warning("CR512", Place(9, 2), "`a` adds nothing", "remove it")
    report.error("CR202", Place(3, 1), "unknown key `x`", "remove it")
    assert str(CovenantError(report.diagnostics())).splitlines() == [
        "draft.yaml:3:1: error CR202: unknown key `x`; remove it",
        "draft.yaml:9:2: warning CR512: `a` adds nothing; remove it",
    ]


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("noise", "`noise`"),
        ("", "``"),
        ("x" * 60, f"`{'x' * 60}`"),
        ("x" * 61, f"`{'x' * 59}…`"),
        ("a`b", "`a\\x60b`"),
        ("a\nb\u202ec", "`a\\nb\\u202ec`"),
    ],
)
def test_a_word_is_quoted_so_that_it_is_one_line_and_cannot_end_its_quotes(word: str, shown: str) -> None:
    assert quoted(word) == shown


@pytest.mark.parametrize(
    ("words", "told"),
    [([], ""), (["a"], "`a`"), (["a", "b"], "`a` or `b`"), (["a", "b", "c"], "`a`, `b` or `c`")],
)
def test_words_are_listed_as_one_reads_them_aloud(words: list[str], told: str) -> None:
    assert listed(words) == told
    assert listed(words, "and") == told.replace(" or ", " and ")


MANY = [f"kind-{number}" for number in range(12)]


@pytest.mark.parametrize(
    ("word", "options", "advice"),
    [
        ("Noize", ["waste", "noise", "nose"], "did you mean `noise`?"),
        ("xyzzy", [], ""),
        ("xyzzy", ["noise"], "write `noise`"),
        ("xyzzy", MANY, f"write {listed(MANY)}"),
        ("xyzzy", [*MANY, "kind-12"], ""),
    ],
)
def test_advice_is_the_nearest_word_or_all_of_a_few(word: str, options: list[str], advice: str) -> None:
    assert did_you_mean(word, options) == advice
