"""How fast two parties' identifiers become one joined set, beside openmined-psi on the same machine in the same run.

    python -m tests.bench.bench_matching [--size 100000] [--batch 1000] [--rounds 1]

Both start from two lists of identifiers, half of each shared, and end with the joined set, which is checked. Elements
per second count the elements of both sides. Ours does the work of all four programs: each party hashes, blinds and
unblinds, the key holder evaluates (and proves, which the party verifies), the broker re-keys and joins on the index it
would store. openmined-psi does its ECDH-PSI between a client and a server, which is two parties and no third. It runs
on one core as it is shipped; a further row cuts its sets by hash into as many independent instances as there are cores.

Whatever else the machine does weighs more on a row that wants all cores than on one that wants one. So the load is
printed, and with several rounds the rows take turns and each shows its median.
"""

from __future__ import annotations

import argparse
import os
import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from multiprocessing import get_context
from statistics import median
from typing import TypeVar

import private_set_intersection.python as psi

from clients.protocol.ceremony import accept_share, draw_party_key, draw_secret
from clients.protocol.errors import GroupError
from clients.protocol.group import Element, Scalar, random_scalar
from clients.protocol.tokens import (
    TokenContext,
    blind_values,
    evaluate,
    prove_evaluation,
    pseudonym_index,
    rekey_many,
    unblind,
    verify_evaluation,
)

Made = TypeVar("Made")

CORES = len(os.sched_getaffinity(0))
PEPPER = os.urandom(32)


@dataclass(frozen=True)
class Side:
    """One party with every key that is used on its elements."""

    context: TokenContext
    key: Scalar = field(repr=False)
    public: Element
    conversion: Scalar = field(repr=False)
    pepper: bytes = field(repr=False)


def two_sides() -> tuple[Side, Side]:
    holder, b = draw_secret(os.urandom), random_scalar(os.urandom)
    context = TokenContext("complex-approach", "address-bag", "1")

    def side() -> Side:
        key = draw_party_key(holder.secret, os.urandom)
        conversion = accept_share(b, key.share, key.public, holder.public)
        return Side(context, key.secret, key.public, conversion, PEPPER)

    return side(), side()


def identifiers(size: int) -> tuple[list[str], list[str]]:
    """Two sets of so many identifiers of 16 digits, shuffled, half of each in the other."""
    numbers = [f"03442{number:011d}" for number in range(size + size // 2)]
    one, other = numbers[:size], numbers[len(numbers) - size :]
    for side in (one, other):
        random.Random(1).shuffle(side)
    return one, other


# -- ours


def one_batch(side: Side, values: list[bytes], proved: bool) -> list[bytes]:
    """A batch from identifiers to indices, through every program that handles it."""
    batch = blind_values(side.context, values, os.urandom)  # party
    evaluated = evaluate(side.key, batch.blinded)  # key holder
    if proved:
        proof = prove_evaluation(side.key, side.public, batch.blinded, evaluated, os.urandom)  # key holder
        verify_evaluation(side.public, batch.blinded, evaluated, proof)  # party
    tokens = unblind(batch, evaluated)  # party
    index = pseudonym_index(side.pepper, side.context.match_key, 1)  # broker, and what follows
    return [
        index(pseudonym) for pseudonym in rekey_many(side.conversion, tokens) if not isinstance(pseudonym, GroupError)
    ]


def match(lists: tuple[list[str], list[str]], batch: int, proved: float, pool: Executor | None) -> set[str]:
    """The identifiers of the first list that the second has too; `proved` is the part of the batches proved."""
    work: list[tuple[Side, list[bytes]]] = []
    for side, values in zip(two_sides(), lists, strict=True):
        raw = [value.encode() for value in values]
        work += [(side, raw[start : start + batch]) for start in range(0, len(raw), batch)]
    asked = set(random.sample(range(len(work)), round(proved * len(work))))
    flags = [index in asked for index in range(len(work))]
    run = map if pool is None else pool.map
    made = [*run(one_batch, [side for side, _ in work], [values for _, values in work], flags)]
    indices = [index for part in made for index in part]
    one, other = lists
    theirs = set(indices[len(one) :])
    assert len(indices) == len(one) + len(other)
    return {value for value, index in zip(one, indices[: len(one)], strict=True) if index in theirs}


# -- openmined-psi


def intersect(one: list[str], other: list[str]) -> list[str]:
    """ECDH-PSI with the data structure that is exact; keys and messages are made anew, as ours are."""
    server, client = psi.server.CreateWithNewKey(True), psi.client.CreateWithNewKey(True)
    setup = server.CreateSetupMessage(1e-9, len(one), other, psi.DataStructure.RAW)
    response = server.ProcessRequest(client.CreateRequest(one))
    return [one[index] for index in client.GetIntersection(setup, response)]


def intersect_in_parts(lists: tuple[list[str], list[str]], pool: Executor) -> set[str]:
    cut: list[list[list[str]]] = [[[] for _ in range(CORES)] for _ in lists]
    for parts, values in zip(cut, lists, strict=True):
        for value in values:
            parts[sha256(value.encode()).digest()[0] % CORES].append(value)
    return {value for found in pool.map(intersect, *cut) for value in found}


# -- measuring


def ready() -> int:
    """Keeps a worker busy just long enough that every worker starts, with all modules imported."""
    time.sleep(0.2)
    return os.getpid()


@contextmanager
def processes() -> Iterator[Executor]:
    with ProcessPoolExecutor(CORES, mp_context=get_context("spawn")) as pool:
        while len({future.result() for future in [pool.submit(ready) for _ in range(CORES)]}) < CORES:
            pass
        yield pool


def measured(run: Callable[[], set[str]], lists: tuple[list[str], list[str]]) -> float:
    """Elements of both sides per second; the answer must be right."""
    start = time.perf_counter()
    found = run()
    elapsed = time.perf_counter() - start
    if found != set(lists[0]) & set(lists[1]):
        raise SystemExit("the joined set is wrong")
    return sum(map(len, lists)) / elapsed


def steps(batch: int) -> dict[str, float]:
    """Microseconds an element, one core, for each step of a batch."""
    side, _ = two_sides()
    values = [value.encode() for value in identifiers(batch)[0]]
    spent: dict[str, float] = {}

    def timed(name: str, run: Callable[[], Made]) -> Made:
        start = time.perf_counter()
        made = run()
        spent[name] = (time.perf_counter() - start) / batch * 1e6
        return made

    blinded = timed("hash and blind", lambda: blind_values(side.context, values, os.urandom))
    evaluated = timed("evaluate", lambda: evaluate(side.key, blinded.blinded))
    sides = blinded.blinded, evaluated
    proof = timed("prove", lambda: prove_evaluation(side.key, side.public, *sides, os.urandom))
    timed("verify", lambda: verify_evaluation(side.public, *sides, proof))
    tokens = timed("unblind", lambda: unblind(blinded, evaluated))
    made = timed("re-key", lambda: rekey_many(side.conversion, tokens))
    points = [point for point in made if not isinstance(point, GroupError)]
    index = pseudonym_index(side.pepper, side.context.match_key, 1)
    timed("index", lambda: [index(point) for point in points])
    return spent


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--size", type=int, default=100_000, help="identifiers of each party")
    parser.add_argument("--batch", type=int, default=1_000, help="identifiers in one evaluation")
    parser.add_argument("--rounds", type=int, default=1, help="times each row is measured, in turn")
    options = parser.parse_args()
    size, batch = options.size, options.batch
    lists = identifiers(size)
    cores = f"{CORES} cores"
    before = os.getloadavg()[0]
    with processes() as pool:
        rows: list[tuple[str, str, Callable[[], set[str]]]] = [
            ("openmined-psi, as shipped", "1 core", lambda: set(intersect(*lists))),
            ("covenant, a tenth of the batches proved", cores, lambda: match(lists, batch, 0.1, pool)),
            ("covenant, no batch proved", cores, lambda: match(lists, batch, 0, pool)),
            ("covenant, every batch proved", cores, lambda: match(lists, batch, 1, pool)),
            ("covenant, a tenth proved", "1 core", lambda: match(lists, batch, 0.1, None)),
            ("openmined-psi, one instance a core", cores, lambda: intersect_in_parts(lists, pool)),
        ]
        rounds = [[measured(run, lists) for _, _, run in rows] for _ in range(options.rounds)]
    rates = [median(rates) for rates in zip(*rounds, strict=True)]
    print(f"\nPrivate matching, two parties of {size:,} identifiers, half shared, batches of {batch:,};")
    print(f"rounds: {options.rounds}, load average: {before:.1f} before, {os.getloadavg()[0]:.1f} after.\n")
    print("| what | on | elements/s | against openmined-psi as shipped |")
    print("|---|---|---:|---:|")
    for (what, where, _), rate in zip(rows, rates, strict=True):
        print(f"| {what} | {where} | {rate:,.0f} | {rate / rates[0]:.2f} |")
    spent = steps(batch)
    print("\nMicroseconds an element on one core.\n")
    print("| " + " | ".join(spent) + " |")
    print("|" + "---:|" * len(spent))
    print("| " + " | ".join(f"{micros:.1f}" for micros in spent.values()) + " |")


if __name__ == "__main__":
    main()
