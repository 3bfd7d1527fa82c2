"""The sequencer gives every committed entry one place, in one tree, whatever happens to it on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import exc
from sqlmodel import Session

from clients.protocol.merkle import verify_consistency
from service.audit.tree import repository, sequencer
from service.audit.tree.proofs import LogReader
from service.audit.tree.sequencer import Sequencer, TreeDamaged
from service.storage.database import Database, Isolation
from tests.audit.logbook import COVENANT, Logbook, now, submitted


def test_committed_entries_get_their_places_in_the_order_they_were_written(logbook: Logbook) -> None:
    first = logbook.write(3)
    assert logbook.sequencer.round() == 3
    second = logbook.write(2)
    assert logbook.sequencer.round() == 2
    assert [entry for _, entry, _ in logbook.leaves()] == first + second
    assert logbook.assert_sound() == 5


def test_there_is_nothing_to_do_without_entries(logbook: Logbook) -> None:
    assert logbook.sequencer.round() == 0
    assert logbook.rows("SELECT * FROM audit_head") == []


def test_an_entry_that_commits_late_has_its_place_late(logbook: Logbook) -> None:
    """Its id is smaller than one that has a place: a sequencer that asked for greater ids would never see it."""
    with logbook.database.transaction() as session:
        late = logbook.writer.append(session, submitted()).entry_id
        (early,) = logbook.write()
        logbook.sequencer.round()
    assert logbook.sequencer.round() == 1
    assert late < early
    assert [entry for _, entry, _ in logbook.leaves()] == [early, late]
    assert logbook.assert_sound() == 2


def test_an_entry_that_is_rolled_back_has_no_place(logbook: Logbook) -> None:
    class Failed(Exception):
        pass

    def fail() -> None:
        with logbook.database.transaction() as session:
            logbook.writer.append(session, submitted())
            raise Failed

    with pytest.raises(Failed):
        fail()
    logbook.write()
    assert logbook.sequencer.round() == 1


def test_every_covenant_has_a_tree_of_its_own(logbook: Logbook) -> None:
    for covenant, count in (("one", 2), ("other", 3), ("-", 1)):
        logbook.write(count, covenant)
    assert logbook.sequencer.round() == 6
    assert [logbook.assert_sound(covenant) for covenant in ("one", "other", "-")] == [2, 3, 1]
    assert logbook.checkpoint("one").origin == "broker.example/covenants/one"
    assert logbook.checkpoint("-").origin == "broker.example/log"


def test_proofs_hold_across_tiles(logbook: Logbook) -> None:
    sizes = []
    for count in (255, 1, 1, 300, 4096, 700):
        logbook.write(count)
        while logbook.sequencer.round():
            pass
        sizes.append(logbook.checkpoint())
    assert logbook.assert_sound() == 5353
    with logbook.database.transaction() as session:
        reader = LogReader(session, COVENANT)
        for first, second in pairwise(sizes):
            verify_consistency(
                first.size, second.size, reader.consistency(first.size, second.size), first.root, second.root
            )


def test_no_more_than_so_many_are_placed_at_once(logbook: Logbook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequencer, "MOST_AT_ONCE", 4)
    logbook.write(10)
    assert [logbook.sequencer.round() for _ in range(4)] == [4, 4, 2, 0]
    assert logbook.assert_sound() == 10


# -- crash tables: each write is broken twice, lost and saved but reported lost


class Crash(Exception):
    """The process died here."""


class BrokenDatabase:
    """A database whose transaction number `at` breaks: its commit is lost, or saved but reported lost."""

    def __init__(self, database: Database, at: int, saved: bool) -> None:
        self._database, self._at, self._saved, self._count = database, at, saved, 0

    @contextmanager
    def transaction(self, *, isolation: Isolation = "READ COMMITTED") -> Iterator[Session]:
        self._count += 1
        if self._count != self._at:
            with self._database.transaction(isolation=isolation) as session:
                yield session
        elif self._saved:
            with self._database.transaction(isolation=isolation) as session:
                yield session
            raise Crash
        else:
            with self._database.transaction(isolation=isolation) as session:
                yield session
                raise Crash


TRANSACTIONS_OF_A_ROUND = 4


def test_a_round_has_so_many_transactions(logbook: Logbook) -> None:
    logbook.write()
    counting = BrokenDatabase(logbook.database, 0, saved=True)
    Sequencer(counting, logbook.signer, clock=now).round()  # type: ignore[arg-type]
    assert counting._count == TRANSACTIONS_OF_A_ROUND


@pytest.mark.parametrize("saved", [False, True], ids=["lost", "saved but reported lost"])
@pytest.mark.parametrize("at", range(1, TRANSACTIONS_OF_A_ROUND + 1))
def test_a_round_that_breaks_at_any_commit_is_made_good_by_the_next(logbook: Logbook, at: int, saved: bool) -> None:
    logbook.write(300)
    logbook.sequencer.round()
    before = logbook.checkpoint()
    logbook.write(300)
    broken = Sequencer(BrokenDatabase(logbook.database, at, saved), logbook.signer, clock=now)  # type: ignore[arg-type]
    with pytest.raises(Crash):
        broken.round()
    between = logbook.assert_sound()
    assert between in (300, 600)
    logbook.write(2)
    logbook.another().round()
    after = logbook.checkpoint()
    assert logbook.assert_sound() == 602
    with logbook.database.transaction() as session:
        proof = LogReader(session, COVENANT).consistency(before.size, after.size)
    verify_consistency(before.size, after.size, proof, before.root, after.root)


WRITES = ("place", "move_head", "append_to_tile", "save_checkpoint")


@pytest.mark.parametrize("saved", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("write", WRITES)
def test_a_process_that_dies_at_any_write_leaves_a_sound_tree(
    logbook: Logbook, write: str, saved: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    logbook.write(300)
    logbook.sequencer.round()
    logbook.write(300)
    genuine: Callable[..., Any] = getattr(repository, write)

    def dying(*arguments: Any, **named: Any) -> Any:
        if saved:
            genuine(*arguments, **named)
        raise Crash

    with monkeypatch.context() as patched:
        patched.setattr(repository, write, dying)
        with pytest.raises(Crash):
            logbook.sequencer.round()
    assert logbook.assert_sound() == 300
    logbook.sequencer.round()
    assert logbook.assert_sound() == 600


def test_no_two_heads_of_one_size_are_signed_although_the_first_was_lost(
    logbook: Logbook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A head is signed after it is committed. Signed before, the one lost here would be told apart by its root."""
    signed: dict[int, str] = {}

    def remember(signer: object, covenant_id: str, size: int, root: bytes) -> str:
        note = genuine(signer, covenant_id, size, root)  # type: ignore[arg-type]
        assert signed.setdefault(size, note) == note
        return note

    genuine = sequencer.LogSigner.sign
    monkeypatch.setattr(sequencer.LogSigner, "sign", remember)
    for at in (2, 3, 4, 2, 3, 4):
        logbook.write(3)
        broken = BrokenDatabase(logbook.database, at, saved=False)
        with pytest.raises(Crash):
            Sequencer(broken, logbook.signer, clock=now).round()  # type: ignore[arg-type]
        logbook.write(1)
        if at == 4:
            logbook.sequencer.round()
    assert logbook.assert_sound() == 24


# -- a database that was changed underneath


def _signed(logbook: Logbook, count: int = 600) -> None:
    logbook.write(count)
    logbook.sequencer.round()
    logbook.write()


DAMAGE = {
    "the frontier": "UPDATE audit_head SET peaks = decode(repeat('00', octet_length(peaks)), 'hex')",
    "the frontier's length": "UPDATE audit_head SET peaks = substring(peaks FOR 32)",
    "the head's size": "UPDATE audit_head SET size = 512, peaks = substring(peaks FOR 32)",
    "the signed note": "UPDATE audit_checkpoint SET note = replace(note, '600', '599')",
    "the log's name": "UPDATE audit_checkpoint SET note = replace(note, 'complex-approach', 'other')",
}


@pytest.mark.parametrize("statement", DAMAGE.values(), ids=DAMAGE)
def test_nothing_is_placed_or_signed_on_a_damaged_tree(logbook: Logbook, statement: str) -> None:
    _signed(logbook)
    assert logbook.execute(statement) == 1
    damaged = logbook.rows("SELECT note FROM audit_checkpoint")
    with pytest.raises(TreeDamaged):
        logbook.sequencer.place(COVENANT)
    assert logbook.sequencer.round() == 0
    assert logbook.rows("SELECT count(*) AS n FROM audit_leaf WHERE leaf_index IS NOT NULL")[0].n == 600
    assert logbook.rows("SELECT note FROM audit_checkpoint") == damaged


def test_damage_to_one_tree_leaves_the_others_alone(logbook: Logbook) -> None:
    _signed(logbook)
    logbook.execute(DAMAGE["the frontier"])
    logbook.write(5, "other")
    assert logbook.sequencer.round() == 5
    assert logbook.assert_sound("other") == 5


def test_a_place_that_is_taken_is_given_to_nobody_else(logbook: Logbook) -> None:
    logbook.write(3)
    logbook.sequencer.round()
    logbook.execute("UPDATE audit_head SET size = 2, peaks = substring(peaks FOR 32)")
    logbook.execute("DELETE FROM audit_checkpoint")
    logbook.write()
    assert logbook.sequencer.place(COVENANT) == 0
    with pytest.raises(exc.IntegrityError):
        logbook.execute("UPDATE audit_leaf SET leaf_index = 0 WHERE leaf_index = 1")
