"""What `make mutation` found: how many mutants of each module the tests noticed, and those that none did.

    python -m tests.rules.mutation        after mutmut has run

prints both, and writes the table into docs/mutation.md, where those that survive are explained.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "mutation.md"
RUN = ROOT / "mutants"

_NOTICED = {1: "noticed", 2: "noticed", 3: "noticed", 0: "survived", 33: "no test", 5: "no test", None: "not tried"}
"""By the exit status of pytest: 2 is a mutant under which the tests could not even be imported."""
_TABLE = re.compile(r"(<!-- table -->\n).*(<!-- end of table -->\n)", re.DOTALL)


def outcomes() -> Iterator[tuple[str, str, str]]:
    """Module, mutant and what became of it; a run that did not end in time was noticed too."""
    for file in sorted(RUN.rglob("*.meta")):
        module = str(file.relative_to(RUN)).removesuffix(".meta")
        for mutant, status in json.loads(file.read_text("utf-8"))["exit_code_by_key"].items():
            yield module, mutant, _NOTICED.get(status, "ran too long")


def table(found: list[tuple[str, str, str]]) -> str:
    """Mutants per module, as Markdown."""
    counts: dict[str, Counter[str]] = {}
    for module, _, outcome in found:
        counts.setdefault(module, Counter())[outcome] += 1
    tried = {module: count for module, count in counts.items() if count.total() > count["not tried"]}
    rows = [_row(f"`{module}`", count) for module, count in tried.items()]
    total = _row("all", sum(tried.values(), Counter()))
    return "\n".join(["| module | mutants | noticed | survived | score |", "|---|---|---|---|---|", *rows, total, ""])


def _row(name: str, count: Counter[str]) -> str:
    mutants = count.total() - count["not tried"]
    noticed = count["noticed"] + count["ran too long"]
    return f"| {name} | {mutants} | {noticed} | {mutants - noticed} | {noticed / mutants:.1%} |"


if __name__ == "__main__":
    everything = list(outcomes())
    print(table(everything))
    print(
        *(f"{outcome}: {mutant}" for _, mutant, outcome in everything if outcome in ("survived", "no test")), sep="\n"
    )
    print("\n`mutmut show MUTANT` shows the change.")
    PAGE.write_text(
        _TABLE.sub(lambda marks: f"{marks[1]}\n{table(everything)}\n{marks[2]}", PAGE.read_text("utf-8")), "utf-8"
    )
