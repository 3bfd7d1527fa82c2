"""How many examples a property of the rules is given: a multiple of what the hypothesis profile in force grants."""

from __future__ import annotations

from hypothesis import settings


def examples(number: int) -> settings:
    """`number` examples under the usual profile, a tenth of them under the brief one; slow machines are forgiven."""
    return settings(max_examples=max(1, number * settings().max_examples // 100), deadline=None)
