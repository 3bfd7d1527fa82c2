"""`make bench`: runs every benchmark, one after the other, and writes what they say to docs/performance.md.

`--full` adds what takes long: two parties of 100,000, ten million pseudonyms, ten million entries. `--only NAME` runs
one and prints it, without touching the page.
"""

from __future__ import annotations

import argparse
import os
import platform
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


BENCHES = (
    Bench("bench_rules", "Deciding: the rules engine beside Cedar"),
    Bench("bench_matching", "Private matching beside openmined-psi", ("--size", "10000", "--rounds", "3"), ()),
    Bench("bench_ingest", "Ingest: HTTP request to commit, beside bare re-keying"),
    Bench("bench_matching_scale", "Matching a batch against what is stored, and after one new signal", (), ("--full",)),
    Bench("bench_hits", "The hit feed: how long a party waits", (), ("--anchors", "100000", "--hits", "5000")),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--only", choices=[bench.module.removeprefix("bench_") for bench in BENCHES])
    options = parser.parse_args()
    sections, failed = [], []
    for bench in BENCHES:
        if options.only not in (None, bench.module.removeprefix("bench_")):
            continue
        arguments = bench.full if options.full else bench.short
        command = [sys.executable, "-m", f"tests.bench.{bench.module}", *arguments]
        print(f"\n## {bench.title}\n", flush=True)
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        print(done.stdout, flush=True)
        if done.returncode:
            failed.append(bench.module)
        call = " ".join(["python -m", f"tests.bench.{bench.module}", *arguments])
        sections.append(f"## {bench.title}\n\n`{call}`\n\n{_as_markdown(done.stdout)}\n")
    if failed:
        print(f"failed, page left as it was: {', '.join(failed)}", file=sys.stderr)
        return 1
    if options.only is None:
        PAGE.write_text(_head(options.full) + "\n".join(sections), encoding="utf-8")
        print(f"written: {PAGE.name}")
    return 0


def _as_markdown(output: str) -> str:
    text = output.strip()
    return text if "|---" in text.replace(" ", "") or "|:--" in text else f"```text\n{text}\n```"


def _head(full: bool) -> str:
    today = datetime.now(UTC).date().isoformat()
    return f"""# Performance

Made by `make {"bench-full" if full else "bench"}` on {today}: {len(os.sched_getaffinity(0))} cores
({platform.machine()}), Python {platform.python_version()}. The machine is shared with others: compare what stands side
by side in one table, not figures of two days.

"""


if __name__ == "__main__":
    sys.exit(main())
