"""How fast the rules engine decides, beside Cedar on the same machine, in the same run, on the same questions.

    python -m tests.bench.bench_rules [--questions 100] [--rounds 30]

The covenant has 240 rules and 20 items; every question has 10 signals on its subject. An item question is "may this
viewer see this item of this signal?". We answer all of one subject at once, with counts, closure and grounds. Cedar is
asked one by one in batches of a thousand, with policies, hierarchy and contexts prepared beforehand and outside the
time taken; the counts it needs are given to it. The answers are compared, all of them, before anything is timed.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from random import Random
from typing import Any

import cedarpy

import covenant_rules
from covenant_rules.diff import diff
from covenant_rules.evaluate import decide
from covenant_rules.lint import lint
from covenant_rules.load import load
from covenant_rules.matrix import Matrix
from covenant_rules.model import Covenant, Facts, Question
from tests.rules import generate
from tests.rules.cedar import Asked, Cedar, Version

EXAMPLE = Path(covenant_rules.__file__).parent / "examples" / "complex-approach.yaml"
SIZE = generate.Size(
    kinds=6, parties=8, purposes=5, categories=10, fields=8, variants=2, stages=5, permits=220, forbids=20, wide=0.5
)
SIGNALS = 10
BATCH = 1000
REWRITTEN = 12
"""Rules that a new version writes anew, of 240."""


@dataclass(frozen=True)
class Answers:
    """What the two engines said to the same item questions."""

    questions: int
    allowed: int


@dataclass(frozen=True)
class Figures:
    answers: Answers
    decisions: float
    items: float
    cedar: float
    load: float
    lint: float
    matrix: float
    diff: float


def questions(random: Random, covenant: Covenant, number: int) -> list[tuple[Question, Facts]]:
    asked = []
    for _ in range(number):
        facts = generate.facts(random, covenant, (), SIGNALS, SIGNALS)
        asked.append((generate.question(random, facts), facts))
    return asked


def compare(covenant: Covenant, asked: list[tuple[Question, Facts]]) -> Answers:
    """Asks both. Raises ValueError where they differ."""
    total = allowed = 0
    for (question, facts), shown in zip(asked, Cedar((covenant,)).shown(asked), strict=True):
        decision = decide(question, facts)
        if {visible.signal: set(visible.items) for visible in decision.visible} != shown:
            raise ValueError("the engines differ: there is nothing to compare")
        more, seen = generate.item_questions(question, facts, decision)
        total, allowed = total + more, allowed + seen
    return Answers(total, allowed)


def requests(covenant: Covenant, asked: list[tuple[Question, Facts]]) -> list[dict[str, Any]]:
    """One request for each item question, with the counts that are true of it."""
    written: list[dict[str, Any]] = []
    for question, facts in asked:
        one = Asked.of(question, facts)
        if one is None:
            continue
        seen = {visible.signal for visible in decide(question, facts).visible}
        counts = one.counts(signal for signal in one.signals if signal.id in seen)
        for signal in one.signals:
            if signal.party != question.viewer and not signal.origins:
                written += one.requests(signal, covenant, covenant.items, counts)
    return written


def seconds(work: Callable[[], object], rounds: int) -> float:
    """The best of several: the others are what else the machine did."""
    best = float("inf")
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def rewritten(random: Random, covenant: Covenant) -> Covenant:
    rules = list(covenant.rules)
    for place in random.sample(range(len(rules)), REWRITTEN):
        rules[place] = generate.rule(random, covenant, rules[place].id, rules[place].effect, SIZE.wide)
    return replace(covenant, version="0" * 64, rules=tuple(rules))


def document() -> bytes:
    """An example covenant with one of its rules written 240 times, under other names, in place of all."""
    head, rules = EXAMPLE.read_text(encoding="utf-8").split("\nrules:\n")
    permit = rules[rules.index("  - permit: serious-pattern-is-known") : rules.index("  # --- Chapter 6")]
    written = "".join(permit.replace("is-known", f"is-known-{number}") for number in range(240))
    return f"{head}\nrules:\n{written}".encode()


def measure(number: int, rounds: int) -> Figures:
    random = Random(20261122)
    covenant = generate.covenant(random, SIZE)
    asked = questions(random, covenant, number)
    answers = compare(covenant, asked)
    ours = seconds(lambda: [decide(question, facts) for question, facts in asked], rounds)

    prepared, batch = Version(covenant), requests(covenant, asked)[: 4 * BATCH]
    batches = [batch[start : start + BATCH] for start in range(0, len(batch), BATCH)]
    theirs = seconds(
        lambda: [cedarpy.is_authorized_batch(one, prepared.policies, prepared.entities) for one in batches],
        min(rounds, 2),
    )

    draft = rewritten(random, covenant)
    # Fresh copies each time: a covenant remembers its matrix.
    spanned = seconds(lambda: Matrix(replace(covenant)), min(rounds, 5))
    compared = seconds(lambda: diff(replace(covenant), replace(draft)), min(rounds, 5))
    written = document()
    loaded, checked = seconds(lambda: load(written), min(rounds, 5)), seconds(lambda: lint(written), min(rounds, 5))
    return Figures(
        answers, number / ours, answers.questions / ours, len(batch) / theirs, loaded, checked, spanned, compared
    )


def table(figures: Figures) -> str:
    answers = figures.answers
    share = answers.allowed / answers.questions
    return "\n".join(
        (
            "| work | figure |",
            "|---|---|",
            f"| decisions a second, {SIGNALS} signals, 240 rules, 20 items, one core | {figures.decisions:,.0f} |",
            f"| item questions a second | {figures.items:,.0f} |",
            f"| the same asked of cedarpy {version('cedarpy')}, batches of {BATCH} | {figures.cedar:,.0f} |",
            f"| ratio | {figures.items / figures.cedar:,.0f} × |",
            f"| equal answers ({share:.0%} allowed) | {answers.questions:,} of {answers.questions:,} |",
            f"| loading a document of 240 rules, ms | {figures.load * 1e3:.1f} |",
            f"| loading and checking it with every lint, ms | {figures.lint * 1e3:.1f} |",
            f"| matrix of one version, ms | {figures.matrix * 1e3:.1f} |",
            f"| matrices and difference of two, {REWRITTEN} rules rewritten, ms | {figures.diff * 1e3:.1f} |",
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=30)
    chosen = parser.parse_args()
    print(f"load before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n")
    print(table(measure(chosen.questions, chosen.rounds)))


if __name__ == "__main__":
    main()
