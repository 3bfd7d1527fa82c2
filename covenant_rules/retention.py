"""How long a signal may be kept: from its day, for as long as the covenant says for its category.

Everyone must find the same last day: the client, who seals a field under the key of its month; the broker, who refuses
another month and erases the signal after the day; the key holder, who destroys the month's key once the month is over.
"""

from __future__ import annotations

from datetime import date, timedelta

from covenant_rules.dates import add, subtract
from covenant_rules.model import Covenant, Duration


def last_day(covenant: Covenant, category: str, day: date) -> date:
    """The last day on which a signal of `category` dated `day` may be kept. Raises KeyError for an unknown category."""
    return add(day, covenant.retention.categories[category])


def is_over(submitted: Covenant | None, current: Covenant, category: str, day: date, today: date) -> bool:
    """Whether a signal is gone, erased already or not: under the version it was submitted under or the current one,
    whichever is stricter. Under a version nobody knows, or that knows no such category, it always is."""
    if submitted is None or category not in submitted.categories:
        return True
    return any(
        last_day(covenant, category, day) < today
        for covenant in (submitted, current)
        if category in covenant.categories
    )


def retention_month(covenant: Covenant, category: str, day: date) -> str:
    """The month, as YYYY-MM, in which that last day falls: the one whose key the signal's fields are sealed under."""
    return month_of(last_day(covenant, category, day))


def month_of(day: date) -> str:
    """The month of a day as YYYY-MM."""
    return day.isoformat()[:7]


def latest_over(today: date, retention: Duration) -> date:
    """The latest day of which the retention was over before `today`: what is dated then or earlier must go.

    Adding a duration to two neighbouring days may give the same day (31 January and 28 February plus a month), so this
    is no subtraction.
    """
    day = subtract(today, retention) + timedelta(days=4)
    while add(day, retention) >= today:
        day -= timedelta(days=1)
    return day
