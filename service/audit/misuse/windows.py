"""Numbers by the day, summed over windows that slide, each beside its own past. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate
from math import sqrt
from statistics import median
from typing import TypeVar

__all__ = ["FEWEST_WEEKS", "Series", "Usual", "Window", "slide"]

FEWEST_WEEKS = 3
"""Of a past that anything is compared with."""

Found = TypeVar("Found")


class Series:
    """A number for each day, zero where none is given."""

    def __init__(self, numbers: Mapping[date, int]) -> None:
        self._days = sorted(day for day, number in numbers.items() if number)
        self._sums = [0, *accumulate(numbers[day] for day in self._days)]
        self.begins = min(numbers, default=None)
        """The first day on which anything is known, be it a zero."""

    def between(self, first: date, last: date) -> int:
        """The sum, both days included."""
        return self._sums[bisect_right(self._days, last)] - self._sums[bisect_left(self._days, first)]

    def days_between(self, first: date, last: date) -> int:
        """How many days are not zero."""
        return bisect_right(self._days, last) - bisect_left(self._days, first)


@dataclass(frozen=True, slots=True)
class Window:
    """Some days of a series, first and last included."""

    series: Series
    first: date
    last: date

    @property
    def sum(self) -> int:
        return self.series.between(self.first, self.last)

    @property
    def busy_days(self) -> int:
        return self.series.days_between(self.first, self.last)

    def past(self, weeks: int) -> Window | None:
        """The weeks before, as far as anything is known of them; None where that is too short to compare with."""
        begins = max(self.first - timedelta(weeks=weeks), self.series.begins or self.first)
        if self.first - begins < timedelta(weeks=min(weeks, FEWEST_WEEKS)):
            return None
        return Window(self.series, begins, self.first - timedelta(days=1))

    def usual(self, weeks: int) -> Usual | None:
        """What windows of this length had in the weeks before it; None where there was none that is known."""
        past = self.past(weeks)
        if past is None:
            return None
        days = (self.last - self.first).days + 1
        sums = []
        end = past.last
        while (begin := end - timedelta(days=days - 1)) >= past.first:
            sums.append(self.series.between(begin, end))
            end = begin - timedelta(days=1)
        return Usual(median(sums), len(sums)) if sums else None


@dataclass(frozen=True, slots=True)
class Usual:
    """The median of several windows: a holiday among them, or one wild week, does not move it."""

    median: float
    windows: int

    def deviations(self, observed: int) -> float:
        """How many standard deviations `observed` lies above, if both were counts of one steady chance (Poisson)."""
        together = (observed + self.windows * self.median) / (1 + self.windows)
        spread = sqrt(together * (1 + 1 / self.windows))
        return (observed - self.median) / spread if spread else 0.0


def slide(
    series: Series,
    days: int,
    first: date,
    last: date,
    look: Callable[[Window], Found | None],
    distance: Callable[[Found], float],
) -> Iterator[Found]:
    """What `look` finds in windows that end on each day from `first` to `last`.

    Of windows that overlap, what was found at the greatest `distance` from the usual stands for all.
    """
    pending: tuple[Window, Found] | None = None
    for number in range((last - first).days + 1):
        end = first + timedelta(days=number)
        window = Window(series, end - timedelta(days=days - 1), end)
        found = look(window)
        if found is None:
            continue
        if pending is not None and window.first > pending[0].last:
            yield pending[1]
            pending = None
        if pending is None or distance(found) > distance(pending[1]):
            pending = window, found
    if pending is not None:
        yield pending[1]
