"""What is told of two versions beside their rules, and whether it lets anybody see more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from clients.cli.rules_difference import show_difference
from covenant_rules.diff import diff
from covenant_rules.limits import ChangedLimit, limits
from covenant_rules.load import load
from covenant_rules.model import Duration
from tests.rules.fragments import COMPLEX_APPROACH

BEFORE = load(COMPLEX_APPROACH.encode())

CHANGES = [
    ("area: Vogelplein", "area: Vogelplein-west", "area", (), False, False),
    ("subjects: [address]", "subjects: [address, person]", "purposes", ("nuisance",), True, False),
    ("BW art. 7:213", "BW art. 7:231", "legal_basis", ("nuisance", "housing"), False, False),
    (
        "drug-dealing: {title: Drug dealing, class: criminal}",
        "drug-dealing: {title: Drug dealing, class: other-special}",
        "categories",
        ("drug-dealing",),
        False,
        False,
    ),
    ("anchor: address-bag", "anchor: address-postcode", "anchors", ("address",), True, True),
    (
        "care: [address-bag, address-postcode]",
        "care: [address-bag]",
        "match_keys",
        ("address", "care"),
        False,
        True,
    ),
    ("{title: Weighing, approvals: [municipality]}", "{title: Weighing}", "stages", ("weighing",), True, False),
    ("noise: P1Y", "noise: P2Y", "retention", ("noise",), True, False),
    ("audit: P5Y", "audit: P7Y", "audit", (), False, False),
    ("care: 2000", "care: 2001", "tokens", ("care",), True, False),
    ("nuisance: {police: 50}", "nuisance: {police: 50, care: 1}", "lookups", ("nuisance", "care"), True, False),
    ("nuisance: {police: 50}", "nuisance: {police: 50, care: 0}", "lookups", ("nuisance", "care"), False, False),
    ("minimum_cell: 10", "minimum_cell: 9", "minimum_cell", (), True, False),
    (", to: [municipality, housing]}", ", to: [municipality, care]}", "statistics", (), True, True),
    ("{never: full-notes-before-a-case", "{never: full-notes", "never", ("full-notes",), False, False),
]


@pytest.mark.parametrize(("right", "wrong", "section", "about", "widens", "back"), CHANGES)
def test_a_change_is_told_with_whether_it_widens(
    right: str, wrong: str, section: str, about: tuple[str, ...], widens: bool, back: bool
) -> None:
    assert right in COMPLEX_APPROACH
    after = load(COMPLEX_APPROACH.replace(right, wrong, 1).encode())
    there, again = limits(BEFORE, after), limits(after, BEFORE)
    assert [(one.section, one.widens) for one in there if one.about == about] == [(section, widens)]
    assert {one.section for one in there} == {section}
    assert [(one.section, one.widens) for one in again if one.about == about] == [(section, back)]
    assert {(one.about, one.before, one.after) for one in there} == {(o.about, o.after, o.before) for o in again}


def test_a_version_differs_in_nothing_from_itself() -> None:
    assert limits(BEFORE, BEFORE) == ()


def test_of_what_only_one_version_declares_the_matrix_tells() -> None:
    without = load(COMPLEX_APPROACH.replace("  closed: {title: Closed}\n", "").encode())
    assert limits(without, BEFORE) == limits(BEFORE, without) == ()


def test_terms_are_told_as_the_covenant_states_them() -> None:
    after = load(COMPLEX_APPROACH.replace("  audit: P5Y\n", "").replace("noise: P1Y", "noise: P6M", 1).encode())
    assert limits(BEFORE, after) == (
        ChangedLimit("retention", ("noise",), Duration(years=1), Duration(months=6), widens=False),
        ChangedLimit("audit", (), Duration(years=5), None, widens=False),
    )


def test_a_promise_that_is_given_up_is_told_with_all_it_named() -> None:
    words = (
        "nuisance support",
        "signal weighing",
        "care housing municipality police",
        "care housing municipality police",
        "care-concern drug-dealing home-visit illegal-subletting noise rent-arrears violence waste",
        "note.full",
    )
    promise = ChangedLimit("never", ("full-notes-before-a-case",), words, None, widens=False)
    assert limits(BEFORE, replace(BEFORE, never=BEFORE.never[:-1])) == (promise,)


def test_every_change_has_words(capsys: pytest.CaptureFixture[str]) -> None:
    for right, wrong, _, about, _, _ in CHANGES:
        after = load(COMPLEX_APPROACH.replace(right, wrong, 1).encode())
        show_difference(diff(BEFORE, after), BEFORE, after)
        told = capsys.readouterr().out
        assert all(name in told for name in about)
        assert "nobody sees more or less" not in told
