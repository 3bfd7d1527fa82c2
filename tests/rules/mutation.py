"""Changes the rules' code in thousands of places, one at a time, and sees whether the tests notice.

    python -m tests.rules.mutation [MODULE …]           tries the mutants of these modules, or of all
    python -m tests.rules.mutation --again [MODULE …]   tries those once more that survived
    python -m tests.rules.mutation --show MUTANT        prints one change

The changes are those that mutmut makes. Test modules are imported once. For each mutant a process is forked in which
the code of one function is exchanged, and of the tests that run that function the quickest go first, until one fails.
What such a function did while test modules were imported its mutants have not done; those that survive are therefore
tried once more in a process that imports the mutant from the start.

What became of each mutant is kept under mutants/, so that a run goes on where it stopped as long as the module is the
same, and counted in the table of docs/mutation.md, where those that survive are explained.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import resource
import sys
import types
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from tests.rules.mutants import (
    PACKAGE,
    ROOT,
    FromTheStart,
    NotExchanged,
    changed,
    exchange,
    file_of,
    modules,
    named,
    original,
    shown,
)

PAGE = ROOT / "docs" / "mutation.md"
KEPT = ROOT / "mutants" / "outcomes.jsonl"
CHILDREN = 2

_ARGUMENTS = [
    "tests/rules",
    "--quiet",
    "--capture=no",
    "--assert=plain",
    "--hypothesis-profile=brief",
    "--override-ini=addopts=--import-mode=importlib",
    *("-m", "not speed and not source", "-p", "no:cacheprovider", "-p", "no:xdist"),
]
_SECONDS = 45  # of processor time; all tests together take half of it
_MEMORY = 4 << 30
_NOT_EXCHANGED = 77  # no status of pytest's
_TABLE = re.compile(r"(<!-- table -->\n).*(<!-- end of table -->\n)", re.DOTALL)


# -- processes


def _fork(work: Callable[[], int], seconds: int = _SECONDS) -> int:
    """A process of its own for `work`, whose answer is its exit status; nothing it prints is seen."""
    process = os.fork()
    if process:
        return process
    status = 1
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        spent = int(sum(os.times()[:2]))
        resource.setrlimit(resource.RLIMIT_CPU, (spent + seconds, spent + seconds + 5))
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
        status = work()
    finally:
        os._exit(status)


def _all(work: Mapping[str, Callable[[], int]], outcome: Callable[[str, str], None]) -> None:
    """Does everything, a few at a time, and tells what became of each."""
    running: dict[int, str] = {}
    waiting = list(work)
    while waiting or running:
        while waiting and len(running) < CHILDREN:
            name = waiting.pop(0)
            running[_fork(work[name])] = name
        process, status = os.wait()
        code = os.waitstatus_to_exitcode(status)
        became = {0: "survived", _NOT_EXCHANGED: "not exchanged"}.get(code, "noticed" if code > 0 else "ran too long")
        outcome(running.pop(process), became)


# -- tests


class Tests:
    """A plugin that, in the place of running the tests, has them hunt mutants."""

    def __init__(self, mutants: Sequence[str], outcome: Callable[[str, str], None]) -> None:
        self.mutants, self.outcome = mutants, outcome
        self.early: set[types.CodeType] = set()
        """What has run by the time that all test modules are imported."""
        sys.setprofile(_noting(self.early))

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        sys.setprofile(None)
        code = {mutant: function.__code__ for mutant in self.mutants if (function := original(mutant)) is not None}
        runs, seconds = self._who_runs_what(session.items)
        quickest = sorted(session.items, key=lambda item: seconds[item.nodeid])
        early: list[str] = []

        def told(mutant: str, outcome: str) -> None:
            if outcome == "not exchanged" or (outcome == "survived" and code[mutant] in self.early):
                early.append(mutant)
            else:
                self.outcome(mutant, outcome)

        work: dict[str, Callable[[], int]] = {}
        for mutant in self.mutants:
            tests = [item for item in quickest if _name(code[mutant]) in runs[item.nodeid]] if mutant in code else []
            changed(mutant.rpartition(".")[0])  # made once, and forked with the process
            if tests:
                work[mutant] = partial(_with, mutant, tests)
            else:
                early.append(mutant)
        _all(work, told)
        _all({mutant: partial(_anew, mutant) for mutant in early}, self.outcome)
        return True

    def _who_runs_what(self, items: Sequence[pytest.Item]) -> tuple[dict[str, set[str]], dict[str, float]]:
        """By test, the functions it runs and how long it takes; found in a process that leaves no trace."""
        with TemporaryDirectory() as directory:
            answer = Path(directory, "runs.json")
            _, status = os.waitpid(_fork(lambda: _watched(items, answer), _SECONDS * 20), 0)
            if status:
                raise pytest.UsageError("the tests fail without any mutant")
            runs, seconds = json.loads(answer.read_text("utf-8"))
        return defaultdict(set, {test: set(functions) for test, functions in runs.items()}), seconds


def _name(code: types.CodeType) -> str:
    return f"{code.co_filename}:{code.co_qualname}:{code.co_firstlineno}"


def _noting(codes: set[types.CodeType]) -> Callable[[types.FrameType, str, Any], None]:
    package = str(PACKAGE)

    def note(frame: types.FrameType, event: str, _: Any) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(package):
            codes.add(frame.f_code)

    return note


def _watched(items: Sequence[pytest.Item], answer: Path) -> int:
    runs: dict[str, list[str]] = {}
    seconds: dict[str, float] = {}
    failed = False
    for item, following in zip(items, [*items[1:], None], strict=True):
        codes: set[types.CodeType] = set()
        sys.setprofile(_noting(codes))
        reports = runtestprotocol(item, nextitem=following, log=False)
        sys.setprofile(None)
        runs[item.nodeid] = sorted({_name(code) for code in codes})
        seconds[item.nodeid] = sum(report.duration for report in reports)
        failed = failed or any(report.failed for report in reports)
    answer.write_text(json.dumps((runs, seconds)), "utf-8")
    return int(failed)


def _with(mutant: str, tests: Sequence[pytest.Item]) -> int:
    """0 where no test fails."""
    try:
        exchange(mutant)
    except NotExchanged:
        return _NOT_EXCHANGED
    for item, following in zip(tests, [*tests[1:], None], strict=True):
        if any(report.failed for report in runtestprotocol(item, nextitem=following, log=False)):
            return 1
    return 0


def _anew(mutant: str) -> int:
    """The same with all tests, in a new interpreter that imports the mutant from the start."""
    os.execve(sys.executable, [sys.executable, "-m", __spec__.name, "--alone", mutant], dict(os.environ))


# -- runs


def hunt(mutants: Sequence[str], outcome: Callable[[str, str], None]) -> None:
    pytest.main([*_ARGUMENTS], plugins=[Tests(mutants, outcome)])


def alone(mutant: str) -> int:
    os.environ["MUTANT_UNDER_TEST"] = mutant
    sys.meta_path.insert(0, FromTheStart(mutant))
    return int(pytest.main([*_ARGUMENTS, "--exitfirst"]))


def table(outcomes: Mapping[str, Mapping[str, str]], mutants: Mapping[str, int]) -> str:
    """Per module how many mutants there are, were tried, were noticed and survived, as Markdown."""
    counts = {module: Counter(outcomes.get(module, {}).values()) for module in sorted(mutants)}
    rows = [_row(f"`{module}`", mutants[module], count) for module, count in counts.items() if count]
    total = _row("all", sum(mutants.values()), sum(counts.values(), Counter()))
    heading = ["| module | mutants | tried | noticed | survived | score |", "|---|---|---|---|---|---|"]
    return "\n".join([*heading, *rows, total, ""])


def _row(name: str, mutants: int, count: Counter[str]) -> str:
    tried, survived = count.total(), count["survived"]
    return f"| {name} | {mutants} | {tried} | {tried - survived} | {survived} | {1 - survived / tried:.1%} |"


def _state(module: str) -> str:
    return hashlib.sha256(file_of(module).read_bytes()).hexdigest()


def kept() -> dict[str, dict[str, str]]:
    """By module, what became of the mutants that were tried while it was as it is now."""
    outcomes: dict[str, dict[str, str]] = {module: {} for module in modules()}
    state = {module: _state(module) for module in outcomes}
    for line in KEPT.read_text("utf-8").splitlines() if KEPT.exists() else ():
        module, of, mutant, outcome = json.loads(line)
        if state.get(module) == of:
            outcomes[module][mutant] = outcome
    return outcomes


def run(wanted: Sequence[str], *, again: bool = False) -> None:
    tried = kept()
    mutants = [
        mutant
        for module in wanted
        for mutant in named(module)
        if (tried[module].get(mutant) == "survived" if again else mutant not in tried[module])
    ]
    state = {module: _state(module) for module in wanted}
    KEPT.parent.mkdir(exist_ok=True)
    with KEPT.open("a", encoding="utf-8") as file:

        def keep(mutant: str, outcome: str) -> None:
            module = mutant.rpartition(".")[0]
            file.write(json.dumps((module, state[module], mutant, outcome)) + "\n")
            file.flush()
            if outcome == "survived":
                print(f"survived: {mutant}", flush=True)

        if mutants:
            hunt(mutants, keep)


def report() -> None:
    """Prints the table and those that survived, and writes the table into the page."""
    outcomes = kept()
    counted = table(outcomes, {module: len(named(module)) for module in outcomes})
    print(counted)
    for found in outcomes.values():
        for mutant, outcome in found.items():
            if outcome == "survived":
                print(f"survived: {mutant}")
    page = _TABLE.sub(lambda marks: f"{marks[1]}\n{counted}\n{marks[2]}", PAGE.read_text("utf-8"))
    PAGE.write_text(page, "utf-8")


def main(arguments: Sequence[str]) -> int:
    match arguments:
        case ["--show", mutant]:
            print(shown(mutant))
        case ["--alone", mutant]:
            return alone(mutant)
        case ["--again", *names]:
            run([f"covenant_rules.{name}" for name in names] or list(modules()), again=True)
            report()
        case names:
            run([f"covenant_rules.{name}" for name in names] or list(modules()))
            report()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
