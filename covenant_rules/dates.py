"""Dates of the rules engine: the day in Amsterdam, and calendar arithmetic with durations.

Both are computed here and not asked of the time zone database, because every replica, the key holder and an auditor
years later must find the same day, whatever is installed around them.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from covenant_rules.model import Duration

_MARCH, _OCTOBER = 3, 10


def amsterdam_date(moment: datetime) -> date | None:
    """The day on which `moment` falls in Europe/Amsterdam, or None where it names no moment (naive, or out of range).

    Summer time runs from 01:00 UTC on the last Sunday of March to 01:00 UTC on the last Sunday of October (directive
    2000/84/EC, and in the Netherlands so since 1996; no covenant is older).
    """
    return _date(moment, moment.fold)


@lru_cache(maxsize=256)
def _date(moment: datetime, fold: int) -> date | None:
    """All questions of a request have one moment. Two that differ in `fold` alone are equal, and not the same."""
    local = amsterdam_time(moment)
    return None if local is None else local.date()


def amsterdam_time(moment: datetime) -> datetime | None:
    """What clocks in Amsterdam show at `moment`, as a naive datetime; None as for `amsterdam_date`."""
    try:
        offset = moment.utcoffset()
        if offset is None:
            return None
        universal = moment.astimezone(UTC)
        return universal.replace(tzinfo=None) + timedelta(hours=2 if _is_summer(universal) else 1)
    except OverflowError:
        return None


def amsterdam_midnight(day: date) -> datetime:
    """The moment at which `day` begins in Amsterdam. Raises OverflowError for the first date there is."""
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    # Summer time begins and ends at 01:00 UTC, so midnight is never within the hour that changes.
    return midnight - timedelta(hours=2 if _is_summer(midnight - timedelta(hours=2)) else 1)


def _is_summer(universal: datetime) -> bool:
    if universal.month not in (_MARCH, _OCTOBER):
        return _MARCH < universal.month < _OCTOBER
    days = monthrange(universal.year, universal.month)[1]
    last_sunday = days - date(universal.year, universal.month, days).isoweekday() % 7
    after_change = (universal.day, universal.hour) >= (last_sunday, 1)
    return after_change if universal.month == _MARCH else not after_change


def add(day: date, duration: Duration) -> date:
    """`day` plus `duration`: years and months first, kept inside the month, then days. Never past the last date."""
    return _shift(day, duration, 1)


def subtract(day: date, duration: Duration) -> date:
    """`day` minus `duration`, counted as `add` counts. Never before the first date."""
    return _shift(day, duration, -1)


def _shift(day: date, duration: Duration, sign: int) -> date:
    months = day.year * 12 + day.month - 1 + sign * (duration.years * 12 + duration.months)
    try:
        year, month = divmod(months, 12)
        inside = min(day.day, monthrange(year, month + 1)[1])
        return date(year, month + 1, inside) + timedelta(days=sign * duration.days)
    except (OverflowError, ValueError):
        return date.max if sign > 0 else date.min
