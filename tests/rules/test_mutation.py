"""The hunt for mutants itself: a mutant does something else, wherever its function was imported to."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import date
from itertools import product

import pytest

from covenant_rules.evaluate import observed
from covenant_rules.model import Signal
from tests.rules import mutants, mutation

pytestmark = pytest.mark.source

SIGNALS = [
    Signal(
        "s", "police", "noise", date(2026, 11, 1), frozenset({"nuisance"}), "v1", frozenset(origins), tainted=tainted
    )
    for origins, tainted in product(((), ("care",)), (False, True))
]


def in_a_process(work: Callable[[], bool]) -> bool:
    """The answer of a process of its own, which `work` may change for good."""
    child = os.fork()
    if not child:
        os._exit(0 if work() else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_every_mutant_is_shown_as_a_change() -> None:
    names = mutants.named("covenant_rules.retention")
    assert len(names) > 20
    for mutant in names:
        assert {line[0] for line in mutants.shown(mutant).splitlines()[2:]} >= {"-", "@"}


def test_a_mutant_acts_wherever_its_function_was_imported_to() -> None:
    def right() -> bool:
        return [observed(signal) for signal in SIGNALS] == [True, False, False, False]

    def mutated(mutant: str) -> bool:
        mutants.exchange(mutant)
        return right()

    names = [name for name in mutants.named("covenant_rules.evaluate") if ".x_observed__" in name]
    assert len(names) > 2
    assert not any(in_a_process(lambda mutant=mutant: mutated(mutant)) for mutant in names)  # type: ignore[misc]
    assert right()


def test_mutants_are_counted_by_module() -> None:
    outcomes = {"a": {"m1": "noticed", "m2": "survived", "m3": "ran too long"}, "b": {}, "c": {"m4": "noticed"}}
    assert mutation.table(outcomes, {"a": 3, "b": 5, "c": 2}).splitlines()[2:] == [
        "| `a` | 3 | 3 | 2 | 1 | 66.7% |",
        "| `c` | 2 | 1 | 1 | 0 | 100.0% |",
        "| all | 10 | 4 | 3 | 1 | 75.0% |",
    ]
