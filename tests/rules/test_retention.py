"""How long a signal may be kept: the same last day for client, broker and key holder."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covenant_rules.dates import add
from covenant_rules.load import load
from covenant_rules.model import Duration
from covenant_rules.retention import last_day, latest_over, month_of, retention_month
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
