"""Days in Amsterdam and calendar arithmetic, against the time zone database and by example."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covenant_rules.dates import add, amsterdam_date, amsterdam_midnight, amsterdam_time, subtract
from covenant_rules.model import Duration

AMSTERDAM = ZoneInfo("Europe/Amsterdam")


@given(st.datetimes(datetime(1996, 1, 1), datetime(2037, 12, 31)))
def test_the_day_is_that_of_the_time_zone_database(moment: datetime) -> None:
    aware = moment.replace(tzinfo=UTC)
    assert amsterdam_date(aware) == aware.astimezone(AMSTERDAM).date()


@given(st.datetimes(datetime(1996, 1, 1), datetime(2037, 12, 31)))
def test_the_time_is_that_of_the_time_zone_database(moment: datetime) -> None:
    aware = moment.replace(tzinfo=UTC)
    assert amsterdam_time(aware) == aware.astimezone(AMSTERDAM).replace(tzinfo=None)


def test_where_the_machine_stands_means_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    moment = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)
    try:
        for zone in ("Asia/Tokyo", "America/Los_Angeles"):
            monkeypatch.setenv("TZ", zone)
            time.tzset()
            assert amsterdam_time(moment) == datetime(2026, 11, 23, 0, 30)
    finally:
        monkeypatch.undo()
        time.tzset()


def test_every_day_begins_at_its_midnight_in_amsterdam() -> None:
    for number in range(1, 366 * 12):
        day = date(2020, 1, 1) + timedelta(days=number)
        assert amsterdam_midnight(day) == datetime(day.year, day.month, day.day, tzinfo=AMSTERDAM).astimezone(UTC)


def test_clocks_change_with_the_time_zone_database_in_every_year() -> None:
    for year in range(1996, 2038):
        for month in (3, 10):
            for hours in range(24 * 31):
                moment = datetime(year, month, 1, tzinfo=UTC) + timedelta(hours=hours)
                local = moment.astimezone(AMSTERDAM)
                assert amsterdam_time(moment) == local.replace(tzinfo=None)
                assert amsterdam_date(moment) == local.date()


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (datetime(2026, 11, 22, 22, 59, tzinfo=UTC), date(2026, 11, 22)),
        (datetime(2026, 11, 22, 23, 0, tzinfo=UTC), date(2026, 11, 23)),
        (datetime(2026, 6, 1, 22, 0, tzinfo=UTC), date(2026, 6, 2)),
        (datetime(2026, 11, 22, 1, 0, tzinfo=timezone(timedelta(hours=14))), date(2026, 11, 21)),
    ],
)
def test_midnight_is_midnight_in_amsterdam(moment: datetime, day: date) -> None:
    assert amsterdam_date(moment) == day


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 11, 22),
        datetime.max.replace(tzinfo=UTC),
        datetime.min.replace(tzinfo=timezone(timedelta(hours=5))),
    ],
)
def test_what_names_no_moment_has_no_day(moment: datetime) -> None:
    assert amsterdam_date(moment) is None


@pytest.mark.parametrize(
    ("day", "duration", "later"),
    [
        (date(2026, 1, 31), Duration(months=1), date(2026, 2, 28)),
        (date(2024, 1, 31), Duration(months=1), date(2024, 2, 29)),
        (date(2024, 2, 29), Duration(years=1), date(2025, 2, 28)),
        (date(2026, 11, 22), Duration(days=90), date(2027, 2, 20)),
        (date(2026, 11, 30), Duration(years=1, months=3, days=1), date(2028, 3, 1)),
        (date(2026, 11, 22), Duration(), date(2026, 11, 22)),
        (date(2026, 11, 22), Duration(years=9999), date.max),
        (date(2026, 11, 22), Duration(days=10**12), date.max),
    ],
)
def test_a_duration_runs_by_the_calendar(day: date, duration: Duration, later: date) -> None:
    assert add(day, duration) == later


@pytest.mark.parametrize(
    ("day", "duration", "earlier"),
    [
        (date(2026, 3, 31), Duration(months=1), date(2026, 2, 28)),
        (date(2026, 1, 15), Duration(months=2), date(2025, 11, 15)),
        (date(2026, 11, 22), Duration(days=30), date(2026, 10, 23)),
        (date(2026, 11, 22), Duration(years=9999), date.min),
    ],
)
def test_a_window_begins_by_the_calendar(day: date, duration: Duration, earlier: date) -> None:
    assert subtract(day, duration) == earlier


def test_an_hour_that_comes_twice_is_told_apart_by_its_fold() -> None:
    """Both have the same name there, and are equal as Python has it; here they fall on different days."""

    class Back(tzinfo):
        def utcoffset(self, when: datetime | None) -> timedelta:
            return timedelta(hours=2 if when is None or when.fold == 0 else -20)

        def dst(self, when: datetime | None) -> timedelta:
            return timedelta(0)

    first = datetime(2026, 5, 5, 12, tzinfo=Back())
    second = first.replace(fold=1)
    assert first == second
    assert (amsterdam_date(first), amsterdam_date(second)) == (date(2026, 5, 5), date(2026, 5, 6))
