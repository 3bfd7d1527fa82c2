"""Numbers of subjects as they may be told: down to a multiple of the covenant's minimum, and none below it.

A number that is told stands for as many others as the minimum says, and none that is told is exact. So what one may
calculate from several of them, from two drafts or from two months, is no more certain than they are. Leaving out small
numbers alone would not do: of 12 and 11 both are large, and their difference is somebody. Nought and a few are told
alike, or a draft about what a party has on one address alone would ask what others have there.
"""

from __future__ import annotations

FEWEST = 3
"""No covenant can go below: with a step of one every number would be told as it is."""


def step(minimum: int) -> int:
    """The least number that is told, and what every other is a multiple of."""
    return max(minimum, FEWEST)


def rounded(number: int, minimum: int) -> int | None:
    """What is told of a number; None for anything below the minimum, nought too."""
    return number - number % step(minimum) or None
