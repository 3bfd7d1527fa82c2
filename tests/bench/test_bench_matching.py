"""The benchmark measures what it says: both sides find the same set, whatever part of the batches is proved."""

from __future__ import annotations

import pytest

from tests.bench.bench_matching import identifiers, intersect, match, steps


@pytest.mark.parametrize("proved", [0, 0.5, 1])
def test_matching_finds_just_what_both_parties_have(proved: float) -> None:
    lists = identifiers(30)
    shared = set(lists[0]) & set(lists[1])
    assert len(shared) == 15
    assert match(lists, 8, proved, None) == shared
    assert set(intersect(*lists)) == shared


def test_every_step_is_timed() -> None:
    assert list(steps(4)) == ["hash and blind", "evaluate", "prove", "verify", "unblind", "re-key", "index"]
