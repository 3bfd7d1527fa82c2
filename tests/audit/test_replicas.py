"""Several replicas of the sequencer: one leads, another goes on where it stops, and the tree neither forks nor gaps."""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import pairwise
from multiprocessing import get_context
from multiprocessing.sharedctypes import Synchronized
from typing import Any

import pytest

from clients.protocol.checkpoint import Checkpoint
from clients.protocol.merkle import verify_consistency
from service.audit.tree import repository, sequencer
from service.audit.tree.proofs import LogReader
from service.audit.tree.sequencer import LogSigner, Sequencer
from service.errors import Unavailable
from service.storage.database import Database
from tests.audit.logbook import COVENANT, ISSUER, Logbook, now
from tests.audit.waiting import until


def test_a_replica_waits_while_another_leads(logbook: Logbook) -> None:
    logbook.write()
    with logbook.database.transaction() as session:
        assert repository.lead(session, COVENANT)
        assert logbook.another().round() == 0
    assert logbook.another().round() == 1


@pytest.mark.parametrize("leadership", [True, False], ids=["with leadership", "with compare-and-swap alone"])
def test_replicas_that_race_never_fork_or_gap(
    logbook: Logbook, leadership: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not leadership:
        monkeypatch.setattr(repository, "lead", lambda *_: True)
    monkeypatch.setattr(sequencer, "MOST_AT_ONCE", 7)
    stopped = threading.Event()
    failures: list[BaseException] = []

    def run(work: Callable[[], Any]) -> Callable[[], None]:
        def repeat() -> None:
            try:
                while not stopped.is_set():
                    work()
            except BaseException as error:  # noqa: BLE001
                failures.append(error)

        return repeat

    def round_of(replica: Sequencer) -> Callable[[], None]:
        def once() -> None:
            try:
                replica.round()
            except Unavailable as error:
                if error.code != "database-busy":  # two that wait for each other's rows: one gives way
                    raise

        return once

    threads = [threading.Thread(target=run(round_of(logbook.another()))) for _ in range(2)]
    threads += [threading.Thread(target=run(lambda: logbook.write(3))) for _ in range(2)]
    heads = []
    for thread in threads:
        thread.start()
    while len(heads) < 12:
        if logbook.rows("SELECT * FROM audit_checkpoint"):
            heads.append(logbook.checkpoint())
        stopped.wait(0.1)
    stopped.set()
    for thread in threads:
        thread.join()
    assert not failures
    while logbook.sequencer.round():
        pass
    heads.append(logbook.checkpoint())
    assert logbook.assert_sound() == len(logbook.leaves()) > 50
    _one_history(logbook, heads)


# -- as processes


def keep(url: str, private_key: bytes, placed: Synchronized[int]) -> None:
    """What one process does until it is killed."""
    replica = Sequencer(Database(url, pool_size=1), LogSigner(ISSUER, private_key), clock=now)
    while True:
        placed.value += replica.round()


def test_processes_that_are_killed_one_after_the_other_keep_one_tree(logbook: Logbook) -> None:
    context = get_context("spawn")
    url = logbook.database.engine.url.render_as_string(hide_password=False)
    replicas = []

    def start() -> None:
        placed: Synchronized[int] = context.Value("q", 0)
        process = context.Process(target=keep, args=(url, logbook.signer.private_key, placed), daemon=True)
        process.start()
        replicas.append((process, placed))

    def goes_on() -> None:
        """The youngest has its turn, whoever else is there."""
        placed = replicas[-1][1]
        before = placed.value

        def placed_more() -> bool:
            logbook.write(3)
            if logbook.rows("SELECT FROM audit_checkpoint"):
                heads.append(logbook.checkpoint())
            return placed.value > before

        until(placed_more)

    heads: list[Checkpoint] = []
    start()
    for oldest in range(2):
        start()
        goes_on()
        replicas[oldest][0].kill()
        replicas[oldest][0].join()
        goes_on()
    replicas[-1][0].kill()
    replicas[-1][0].join()
    while logbook.sequencer.round():
        pass
    assert logbook.assert_sound() == len(logbook.leaves())
    _one_history(logbook, [*heads, logbook.checkpoint()])


def _one_history(logbook: Logbook, heads: list[Checkpoint]) -> None:
    with logbook.database.transaction() as session:
        reader = LogReader(session, COVENANT)
        for first, second in pairwise(heads):
            assert first.size <= second.size
            proof = reader.consistency(first.size, second.size)
            verify_consistency(first.size, second.size, proof, first.root, second.root)
