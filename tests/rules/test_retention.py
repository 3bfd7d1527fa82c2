"""How long a signal may be kept: the same last day for client, broker and key holder."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covenant_rules.dates import add
from covenant_rules.load import load
from covenant_rules.model import Covenant, Duration, Retention
from covenant_rules.retention import is_over, last_day, latest_over, month_of, retention_month
from tests.rules.fragments import EXAMPLES
from tests.rules.generate import NOBODY

COMPLEX = load((EXAMPLES / "complex-approach.yaml").read_bytes())
DURATIONS = st.builds(Duration, years=st.integers(0, 3), months=st.integers(0, 14), days=st.integers(0, 40))


@pytest.mark.parametrize(
    ("category", "day", "last"),
    [
        ("noise", date(2026, 11, 22), date(2027, 11, 22)),
        ("rent-arrears", date(2026, 8, 31), date(2027, 2, 28)),
    ],
)
def test_a_signal_is_kept_as_long_as_its_category_says(category: str, day: date, last: date) -> None:
    assert last_day(COMPLEX, category, day) == last
    assert retention_month(COMPLEX, category, day) == last.strftime("%Y-%m")


def test_a_month_is_told_as_year_and_month() -> None:
    assert month_of(date(2027, 2, 28)) == "2027-02"


def test_of_an_unknown_category_nobody_knows_how_long() -> None:
    with pytest.raises(KeyError):
        last_day(COMPLEX, NOBODY, date(2026, 11, 22))


@given(st.dates(date(2020, 1, 1), date(2040, 12, 31)), DURATIONS)
def test_what_is_dated_then_is_over_and_the_day_after_is_not(today: date, retention: Duration) -> None:
    latest = latest_over(today, retention)
    assert add(latest, retention) < today
    assert add(latest + timedelta(days=1), retention) >= today


@pytest.mark.parametrize(
    ("today", "retention", "latest"),
    [
        (date(2026, 11, 22), Duration(), date(2026, 11, 21)),
        (date(2026, 3, 1), Duration(months=1), date(2026, 1, 31)),
        (date(2026, 3, 2), Duration(months=1), date(2026, 2, 1)),
        (date(2026, 2, 28), Duration(months=1), date(2026, 1, 27)),
        (date(2025, 3, 1), Duration(years=1), date(2024, 2, 29)),
    ],
)
def test_the_ends_of_months_are_kept_in_mind(today: date, retention: Duration, latest: date) -> None:
    assert latest_over(today, retention) == latest


def kept(term: Duration) -> Covenant:
    """The covenant with noise kept for so long."""
    return replace(COMPLEX, retention=Retention({**COMPLEX.retention.categories, "noise": term}, None))


def test_a_signal_is_over_on_the_day_after_its_last_by_the_stricter_of_two_versions() -> None:
    day, year, half = date(2026, 1, 15), kept(Duration(years=1)), kept(Duration(months=6))
    for submitted, current in ((year, half), (half, year), (half, half)):
        assert not is_over(submitted, current, "noise", day, date(2026, 7, 15))
        assert is_over(submitted, current, "noise", day, date(2026, 7, 16))
    assert not is_over(year, year, "noise", day, date(2027, 1, 15))


def test_a_category_that_was_dropped_is_kept_as_the_version_that_has_it_says() -> None:
    without = replace(COMPLEX, categories={name: c for name, c in COMPLEX.categories.items() if name != "noise"})
    day, year = date(2026, 1, 15), kept(Duration(years=1))
    assert not is_over(year, without, "noise", day, date(2027, 1, 15))
    assert is_over(year, without, "noise", day, date(2027, 1, 16))


def test_a_signal_under_a_version_that_nobody_knows_is_over() -> None:
    assert is_over(None, COMPLEX, "noise", date(2026, 11, 22), date(2026, 11, 22))
    assert is_over(COMPLEX, COMPLEX, NOBODY, date(2026, 11, 22), date(2026, 11, 22))
