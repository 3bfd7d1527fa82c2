"""`make bench`: runs the benchmarks one after the other, and puts each one's words in its part of docs/performance.md.

`--full` runs what takes long: two parties of 100,000, ten million pseudonyms, ten million entries. `--only NAME` runs
one. A section says in which form and when it was measured; sections that did not run stay as they are.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"


@dataclass(frozen=True)
class Bench:
    """A module of this package, its title, and its arguments in the short and in the full form."""

    module: str
    title: str
    short: tuple[str, ...] = ()
    full: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.module.removeprefix("bench_")


BENCHES = (
    Bench("bench_rules", "Deciding: the rules engine beside Cedar"),
    Bench("bench_matching", "Private matching beside openmined-psi", ("--size", "10000", "--rounds", "3"), ()),
    Bench("bench_ingest", "Ingest: HTTP request to commit, beside bare re-keying"),
    Bench("bench_matching_scale", "Matching a batch against what is stored, and after one new signal", (), ("--full",)),
    Bench("bench_hits", "The hit feed: how long a party waits", (), ("--anchors", "100000", "--hits", "5000")),
    Bench("bench_audit", "The audit log: taking entries, keeping the tree, granting, verifying", (), ("--full",)),
    Bench("bench_officer", "The officer's page of a long log", (), ("--full",)),
    Bench("bench_replay", "Replaying a draft over every signal of a covenant", (), ("--full",)),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--full", action="store_true", help="the long form, where there is one")
    parser.add_argument("--only", choices=[bench.name for bench in BENCHES], help="run one alone")
    options = parser.parse_args()
    failed = []
    for bench in BENCHES:
        if options.only not in (None, bench.name):
            continue
        arguments = bench.full if options.full else bench.short
        print(f"\n## {bench.title}\n", flush=True)
        command = [sys.executable, "-m", f"tests.bench.{bench.module}", *arguments]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        print(done.stdout, flush=True)
        if done.returncode:
            failed.append(bench.name)
        else:
            _write(bench, _section(bench, arguments, done.stdout))
    if failed:
        print(f"failed, their sections stay as they were: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _section(bench: Bench, arguments: tuple[str, ...], output: str) -> str:
    call = " ".join([f"python -m tests.bench.{bench.module}", *arguments])
    today = datetime.now(UTC).date().isoformat()
    text = output.strip()
    if "|---" not in text.replace(" ", ""):  # it is no table
        text = f"```text\n{text}\n```"
    return f"`{call}`, {today}\n\n{text}\n"


def _write(bench: Bench, section: str) -> None:
    """Puts a section in place of the one of that title. The order is that of the list above."""
    page = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    sections = dict(re.findall(r"^## (.+)\n\n((?:(?!^## ).*\n?)*)", page, re.MULTILINE))
    sections[bench.title] = section
    listed = [f"## {each.title}\n\n{sections[each.title].strip()}\n" for each in BENCHES if each.title in sections]
    PAGE.write_text("\n".join([_head(), *listed]), encoding="utf-8")


def _head() -> str:
    return f"""# Performance

Written by `make bench` and `make bench-full`, each section on the day it names, on {len(os.sched_getaffinity(0))} cores
({platform.machine()}) with Python {platform.python_version()}. Other work on the machine weighs on every figure:
compare what stands side by side in one table, not figures of two days.
"""


if __name__ == "__main__":
    sys.exit(main())
