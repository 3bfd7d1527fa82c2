"""Random bytes are given out once."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

from service.randomness import random_bytes


def test_nothing_is_given_out_twice_across_threads() -> None:
    with ThreadPoolExecutor(8) as threads:
        drawn = [
            part for parts in threads.map(lambda _: [random_bytes(16) for _ in range(2000)], range(8)) for part in parts
        ]
    assert len(set(drawn)) == len(drawn) == 16_000


def test_as_many_bytes_come_as_were_asked_for() -> None:
    assert [len(random_bytes(count)) for count in (0, 1, 32, 8191, 8192, 8193, 100_000)] == [0, 1, 32, 8191, 8192, 8193, 100_000]  # fmt: skip # noqa: E501


def test_a_fork_draws_its_own() -> None:
    random_bytes(16)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, random_bytes(16))
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reader, 16) != random_bytes(16)
