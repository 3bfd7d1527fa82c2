"""Whoever has the database, and even the log's key, changes nothing that a verifier does not see.

Each attack is made on the tables themselves; then the log is copied, as an officer would, and the copy is verified.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from clients.protocol.checkpoint import LogKey, WitnessKey
from clients.protocol.signatures import public_key
from clients.sdk.errors import VerificationError
from clients.sdk.verify_log import verify_log
from service.audit.tree.sequencer import TreeDamaged
from tests.audit.logbook import COVENANT, Logbook, decided

SIZE = 300


@pytest.fixture
def kept(logbook: Logbook) -> Logbook:
    """A log of 300 entries, cosigned."""
    with logbook.database.transaction() as session:
        logbook.writer.append_many(session, [decided() for _ in range(SIZE)])
    logbook.sequencer.round()
    logbook.witness()
    return logbook


def refused(book: Logbook, directory: Path, *earlier: str) -> str:
    """What the verifier says of the log as it is now."""
    with pytest.raises(VerificationError) as caught:
        book.verify(directory, *earlier)
    return str(caught.value)


def test_an_honest_log_is_proved_in_words(kept: Logbook, tmp_path: Path) -> None:
    report = kept.verify(tmp_path, kept.rows("SELECT note FROM audit_checkpoint")[0].note)
    assert (report.head.size, report.entries, report.erased, report.earlier) == (SIZE, SIZE, (), (SIZE,))
    said = " ".join(report.words())
    for words in ("300 entries in one order", "cosigned", "goes on from the heads you kept", "none was changed"):
        assert words in said


def test_hashes_alone_prove_what_they_can(kept: Logbook, tmp_path: Path) -> None:
    copy = kept.copy(tmp_path, entries=False)
    report = verify_log(copy, kept.signer.key(COVENANT), kept.witness_key)
    assert report.entries is None
    assert "what the entries say was not checked" in " ".join(report.words())


# -- rows


ENTRY_OF = "entry_id = (SELECT entry_id FROM audit_leaf WHERE leaf_index = {})"


@pytest.mark.parametrize(
    "change",
    [
        "fields = jsonb_set(fields, '{purpose}', '\"other\"')",
        "fields = jsonb_set(fields, '{party}', '\"housing\"')",
        "fields = jsonb_set(fields, '{counts,hits}', '2')",
        "fields = fields - 'rules'",
        "at = at + interval '1 microsecond'",
        "event = 'look-up-decided'",
        "salt = set_byte(salt, 0, 255 - get_byte(salt, 0))",
    ],
)
def test_a_changed_row_is_found_and_named(kept: Logbook, tmp_path: Path, change: str) -> None:
    assert kept.execute(f"UPDATE audit_entry SET {change} WHERE {ENTRY_OF.format(17)}") == 1
    assert refused(kept, tmp_path).endswith("not what they were when they got their places: 17")


def test_a_deleted_row_is_missed(kept: Logbook, tmp_path: Path) -> None:
    assert kept.execute(f"DELETE FROM audit_entry WHERE {ENTRY_OF.format(256)}") == 1
    assert refused(kept, tmp_path).endswith("1 are there no more, and no entry of this copy accounts for them: 256")


def test_a_row_deleted_with_its_leaf_is_missed(kept: Logbook, tmp_path: Path) -> None:
    for table in ("audit_entry", "audit_leaf"):
        where = ENTRY_OF.format(3) if table == "audit_entry" else "leaf_index = 3"
        assert kept.execute(f"DELETE FROM {table} WHERE {where}") == 1
    assert "not as many as they should" in refused(kept, tmp_path)


def test_a_row_deleted_and_the_gap_closed_is_missed(kept: Logbook, tmp_path: Path) -> None:
    kept.execute("DELETE FROM audit_leaf WHERE leaf_index = 3")
    for place in range(4, SIZE):
        kept.execute("UPDATE audit_leaf SET leaf_index = :to WHERE leaf_index = :place", to=place - 1, place=place)
    kept.write()
    kept.execute(f"UPDATE audit_leaf SET leaf_index = {SIZE - 1} WHERE leaf_index IS NULL")
    assert "not those that the head was signed for" in refused(kept, tmp_path)


def test_an_inserted_row_belongs_to_nothing(kept: Logbook, tmp_path: Path) -> None:
    kept.write()
    kept.execute("DELETE FROM audit_leaf WHERE leaf_index = 100")
    kept.execute("UPDATE audit_leaf SET leaf_index = 100 WHERE leaf_index IS NULL")
    assert "not those that the head was signed for" in refused(kept, tmp_path)


def test_two_rows_in_each_others_places_are_seen(kept: Logbook, tmp_path: Path) -> None:
    kept.execute("UPDATE audit_leaf SET leaf_index = -1 WHERE leaf_index = 10")
    kept.execute("UPDATE audit_leaf SET leaf_index = 10 WHERE leaf_index = 11")
    kept.execute("UPDATE audit_leaf SET leaf_index = 11 WHERE leaf_index = -1")
    assert "not those that the head was signed for" in refused(kept, tmp_path)


def test_two_rows_with_each_others_salts_are_seen(kept: Logbook, tmp_path: Path) -> None:
    kept.execute(
        """
        UPDATE audit_entry AS one SET salt = other.salt FROM audit_entry AS other,
            audit_leaf AS here, audit_leaf AS there
        WHERE here.entry_id = one.entry_id AND there.entry_id = other.entry_id
          AND (here.leaf_index, there.leaf_index) IN ((20, 21), (21, 20))
        """
    )
    assert refused(kept, tmp_path).endswith("20, 21")


def test_two_rows_with_each_others_contents_are_seen(kept: Logbook, tmp_path: Path) -> None:
    """Salt and all: what an entry is about is under its leaf too, and so is its id."""
    kept.execute(
        """
        UPDATE audit_entry AS one SET salt = other.salt, fields = other.fields FROM audit_entry AS other,
            audit_leaf AS here, audit_leaf AS there
        WHERE here.entry_id = one.entry_id AND there.entry_id = other.entry_id
          AND (here.leaf_index, there.leaf_index) IN ((20, 21), (21, 20))
        """
    )
    assert refused(kept, tmp_path).endswith("20, 21")


def test_a_changed_leaf_is_not_what_was_signed(kept: Logbook, tmp_path: Path) -> None:
    kept.execute("UPDATE audit_leaf SET leaf_hash = set_byte(leaf_hash, 31, 1) WHERE leaf_index = 255")
    kept.execute("UPDATE audit_leaf SET leaf_hash = set_byte(leaf_hash, 31, 2) WHERE leaf_index = 255")
    assert "not those that the head was signed for" in refused(kept, tmp_path)


# -- the tree


def taken_back_to(book: Logbook, size: int, head: tuple[bytes, str, str | None]) -> None:
    """The tables as they were when the log had `size` entries."""
    peaks, note, cosigned = head
    book.execute("DELETE FROM audit_leaf WHERE leaf_index >= :size", size=size)
    book.execute("DELETE FROM audit_tile WHERE level > 0 AND tile_index * 65536 >= :size", size=size)
    book.execute("UPDATE audit_head SET size = :size, peaks = :peaks", size=size, peaks=peaks)
    book.execute(
        "UPDATE audit_checkpoint SET size = :size, note = :note, cosigned_size = :size, cosigned_note = :cosigned",
        size=size,
        note=note,
        cosigned=cosigned,
    )


def state(book: Logbook) -> tuple[bytes, str, str | None]:
    (head,) = book.rows("SELECT peaks FROM audit_head")
    (signed,) = book.rows("SELECT note, cosigned_note FROM audit_checkpoint")
    return bytes(head.peaks), signed.note, signed.cosigned_note


def test_a_truncated_log_is_known_by_whoever_kept_a_head(kept: Logbook, tmp_path: Path) -> None:
    before = state(kept)
    kept.write(20)
    kept.sequencer.round()
    later = kept.witness()
    taken_back_to(kept, SIZE, before)
    assert kept.verify(tmp_path / "unaware").head.size == SIZE
    assert "the log had 320 entries, and has 300 in this copy" in refused(kept, tmp_path / "aware", later)


def test_a_log_taken_back_and_written_on_has_two_heads_of_one_size(kept: Logbook, tmp_path: Path) -> None:
    """The sequencer itself goes on, for nothing in this database contradicts it: only who is outside can know."""
    before = state(kept)
    kept.write(20)
    kept.sequencer.round()
    one = kept.witness()
    taken_back_to(kept, SIZE, before)
    kept.write(20)
    kept.sequencer.round()
    other = kept.witness()
    assert one.splitlines()[:2] == other.splitlines()[:2]
    assert one.splitlines()[2] != other.splitlines()[2]
    assert refused(kept, tmp_path, one).endswith("it was forked")


def test_a_head_that_was_only_set_back_gets_no_further_signature(kept: Logbook) -> None:
    before = state(kept)
    kept.write(20)
    kept.sequencer.round()
    kept.execute("UPDATE audit_head SET size = :size, peaks = :peaks", size=SIZE, peaks=before[0])
    kept.write()
    with pytest.raises(TreeDamaged, match="does not go on"):
        kept.sequencer.place(COVENANT)


def test_a_history_that_the_operator_wrote_anew_lacks_the_witness(kept: Logbook, tmp_path: Path) -> None:
    """With the log's key everything can be signed again; with the witness's key nothing can."""
    kept.execute(f"DELETE FROM audit_entry WHERE {ENTRY_OF.format(7)}")
    kept.execute("DELETE FROM audit_leaf WHERE leaf_index = 7")
    kept.execute("UPDATE audit_leaf SET leaf_index = NULL")
    for table in ("audit_head", "audit_tile", "audit_checkpoint"):
        kept.execute(f"DELETE FROM {table}")
    assert kept.sequencer.round() == SIZE - 1
    assert kept.assert_sound() == SIZE - 1
    (row,) = kept.rows("SELECT note FROM audit_checkpoint")
    kept.execute("UPDATE audit_checkpoint SET cosigned_note = note")
    assert refused(kept, tmp_path) == "the head of the log: the witness has not cosigned it"
    assert row.note


# -- keys and files


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (lambda log, witness: (LogKey(log.origin, public_key(bytes(32))), witness), "has not signed"),
        (lambda log, witness: (LogKey("elsewhere.example/log", log.public_key), witness), "of another log"),
        (lambda log, witness: (log, WitnessKey(witness.name, public_key(bytes(32)))), "has not cosigned"),
        (lambda log, witness: (log, WitnessKey("another.example/witness", witness.public_key)), "has not cosigned"),
    ],
)
def test_other_keys_than_those_one_trusts_prove_nothing(
    kept: Logbook, tmp_path: Path, keys: Callable[[LogKey, WitnessKey], tuple[LogKey, WitnessKey]], said: str
) -> None:
    copy = kept.copy(tmp_path)
    with pytest.raises(VerificationError, match=said):
        verify_log(copy, *keys(kept.signer.key(COVENANT), kept.witness_key))


def test_an_earlier_head_of_another_log_proves_nothing(kept: Logbook, tmp_path: Path) -> None:
    kept.write(3, "other")
    kept.sequencer.round()
    foreign = kept.rows("SELECT note FROM audit_checkpoint WHERE covenant_id = 'other'")[0].note
    assert "of another log" in refused(kept, tmp_path, foreign)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda text: text.replace('"index":5,', '"index":6,', 1), "says that it is entry 6"),
        (lambda text: text.replace('"salt":"', '"salt":"!', 1), "not in its form"),
        (lambda text: text.replace('"fields":{', '"fields":[{', 1), "not in its form"),
        (lambda text: "\n".join(text.splitlines()[1:]), "not as many as their hashes"),
        (lambda text: text.replace("}\n", ',"salt":"AAAA"}\n', 1), "not in its form"),
        (lambda text: "null\n" + text.partition("\n")[2], "not in its form"),
    ],
    ids=["a place", "a salt", "fields", "a line less", "a name twice", "nothing"],
)
def test_a_spoilt_copy_is_refused_and_never_half_believed(
    kept: Logbook, tmp_path: Path, spoil: Callable[[str], str], said: str
) -> None:
    copy = kept.copy(tmp_path)
    bundle = tmp_path / "entries" / "000"
    bundle.write_text(spoil(bundle.read_text()))
    with pytest.raises(VerificationError, match=said):
        verify_log(copy, kept.signer.key(COVENANT), kept.witness_key)


def test_an_entry_of_another_covenant_is_no_entry_of_this_log(logbook: Logbook, tmp_path: Path) -> None:
    """A row that was written for one log and put into another, leaf and all, before anything was signed."""
    logbook.write(2)
    logbook.write(1, "other")
    for table in ("audit_entry", "audit_leaf"):
        logbook.execute(f"UPDATE {table} SET covenant_id = :c WHERE covenant_id = 'other'", c=COVENANT)
    logbook.sequencer.round()
    logbook.witness()
    assert "not what they were" in refused(logbook, tmp_path)
