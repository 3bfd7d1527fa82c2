"""The journal: nothing readable without the key, nothing lost between writing down and being answered."""

from __future__ import annotations

import os
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from clients.sdk.errors import JournalError
from clients.sdk.journal import Entry, EntryState, Journal, Pending

KEY = bytes(range(32))
SECRET = "Vogelplein 12 a"


def journal(path: Path, key: bytes = KEY, party: str = "police") -> Journal:
    return Journal(path, key, covenant="complex-approach", party=party, random=os.urandom)


def pending(into: Journal, reference: str, record: dict[str, str] | None = None) -> Pending:
    columns = {"reference": reference, "street": SECRET, **(record or {})}
    return Pending(
        entry=Entry(uuid4(), EntryState.PENDING, "ab" * 32, columns, {"address-bag": b"0363200000000001"}),
        record_key=into.record_key(reference),
        digest=into.digest(columns),
        submission=b'{"signalId":"x"}',
        leaf=bytes(32),
    )


def test_a_signal_id_leads_back_to_its_record(tmp_path: Path) -> None:
    with journal(tmp_path / "j.db") as opened:
        signal = pending(opened, "R-1")
        opened.add([signal])
    with journal(tmp_path / "j.db") as reopened:
        entry = reopened.entry(signal.entry.signal_id)
    assert entry is not None
    assert entry.record["street"] == SECRET
    assert entry.subject == {"address-bag": b"0363200000000001"}


def test_what_is_not_answered_is_repeated_byte_for_byte(tmp_path: Path) -> None:
    with journal(tmp_path / "j.db") as opened:
        signals = [pending(opened, f"R-{n}") for n in range(3)]
        opened.add(signals)
        opened.settle({signals[0].entry.signal_id: EntryState.LIVE})
    with journal(tmp_path / "j.db") as reopened:
        waiting = {signal_id: (leaf, body) for signal_id, _, leaf, body in reopened.pending()}
    assert waiting == {s.entry.signal_id: (s.leaf, s.submission) for s in signals[1:]}


def test_only_live_signals_stand_for_a_record(tmp_path: Path) -> None:
    with journal(tmp_path / "j.db") as opened:
        first, second = pending(opened, "R-1"), pending(opened, "R-1", {"day": "2026-11-01"})
        opened.add([first, second])
        assert opened.latest([opened.record_key("R-1")]) == {}
        opened.settle({first.entry.signal_id: EntryState.LIVE})
        assert opened.latest([opened.record_key("R-1")])[first.record_key][0] == first.entry.signal_id
        opened.settle({first.entry.signal_id: EntryState.WITHDRAWN, second.entry.signal_id: EntryState.LIVE})
        found = opened.latest([opened.record_key("R-1")])[first.record_key]
    assert found == (second.entry.signal_id, second.digest, "ab" * 32)


def test_the_file_shows_nothing_without_the_key(tmp_path: Path) -> None:
    with journal(tmp_path / "j.db") as opened:
        opened.add([pending(opened, "R-SECRET-1")])
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    for secret in (SECRET.encode(), b"R-SECRET-1", b"0363200000000001", b"signalId"):
        assert secret not in content
    assert (tmp_path / "j.db").stat().st_mode & 0o077 == 0


def test_another_key_or_party_is_refused(tmp_path: Path) -> None:
    journal(tmp_path / "j.db").close()
    with pytest.raises(JournalError, match="another party"):
        journal(tmp_path / "j.db", key=bytes(32))
    with pytest.raises(JournalError, match="another party"):
        journal(tmp_path / "j.db", party="care-team")


def test_a_file_that_is_no_journal_is_refused(tmp_path: Path) -> None:
    (tmp_path / "j.db").write_text("not a database at all, but long enough to look at" * 20)
    with pytest.raises(JournalError, match="not a journal"):
        journal(tmp_path / "j.db")


def test_an_entry_moved_to_another_signal_does_not_open(tmp_path: Path) -> None:
    with journal(tmp_path / "j.db") as opened:
        first, second = pending(opened, "R-1"), pending(opened, "R-2")
        opened.add([first, second])
        database = opened._database
        (sealed,) = database.execute(
            "SELECT sealed FROM entry WHERE signal_id = ?", (first.entry.signal_id.bytes,)
        ).fetchone()
        database.execute("UPDATE entry SET sealed = ? WHERE signal_id = ?", (sealed, second.entry.signal_id.bytes))
        with pytest.raises(JournalError, match="changed"):
            opened.entry(second.entry.signal_id)


def test_signals_are_added_all_or_none(tmp_path: Path) -> None:
    with journal(tmp_path / "j.db") as opened:
        one = pending(opened, "R-1")
        with pytest.raises(Exception, match="UNIQUE"):
            opened.add([pending(opened, "R-2"), one, one])
        assert opened.counts() == {}


def test_an_unknown_signal_is_nobodys(tmp_path: Path) -> None:
    with journal(tmp_path / "j.db") as opened:
        assert opened.entry(UUID(int=1)) is None
