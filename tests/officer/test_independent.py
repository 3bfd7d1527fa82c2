"""The page about the log is enough to verify one: the program in it, which has nothing of ours, agrees with ours."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from clients.protocol.encoding import b64u_encode
from clients.sdk.errors import VerificationError
from clients.sdk.log_copy import LogCopy
from clients.sdk.verify_log import verify_log
from tests.audit.logbook import Logbook, decided
from tests.docs.pages import ROOT
from tests.officer.test_retention import C, book, erase, long_ago, scribe, sequence

__all__ = ["book"]

PAGE = ROOT / "docs" / "audit-log.md"


@pytest.fixture
def copy(book: Logbook, tmp_path: Path) -> LogCopy:
    """Six hundred entries in three tiles, some of which were erased."""
    long_ago(book, *(scribe(book).refusal("police") for _ in range(300)))
    sequence(book)
    assert erase(book) == 300
    with book.database.transaction() as session:
        book.writer.append_many(session, [decided(C) for _ in range(300)])
    sequence(book)
    log, witness = book.signer.key(C), book.witness_key
    told = {
        "origin": log.origin,
        "key": b64u_encode(log.public_key),
        "witness": {"name": witness.name, "key": b64u_encode(witness.public_key)},
    }
    copied = book.copy(tmp_path / "copy")
    (copied.directory / "log.json").write_text(json.dumps(told))
    return copied


def independently(copy: LogCopy) -> subprocess.CompletedProcess[str]:
    [program] = re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    script = copy.directory.parent / "verify.py"
    script.write_text(program)
    command = [sys.executable, "-I", script, copy.directory]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")


def test_the_program_on_the_page_proves_what_ours_does(book: Logbook, copy: LogCopy) -> None:
    report = verify_log(copy, book.signer.key(C), book.witness_key)
    run = independently(copy)
    assert run.returncode == 0, run.stderr
    assert run.stdout == f"proved: 601 entries of {report.head.origin}, of which 300 were erased\n"
    assert (report.entries, sum(one.entries for one in report.erased)) == (301, 300)


def change(directory: Path) -> None:
    bundle = directory / "entries" / "001"
    bundle.write_text(bundle.read_text().replace("police", "housing", 1))


def move(directory: Path) -> None:
    bundle = directory / "entries" / "001"
    lines = bundle.read_text().splitlines()
    bundle.write_text("\n".join([*lines[:-2], lines[-1], lines[-2]]))


def take_out(directory: Path) -> None:
    """An entry is made to look like one of those that were erased."""
    first = json.loads((directory / "entries" / "000").read_text().splitlines()[0])
    bundle = directory / "entries" / "001"
    lines = bundle.read_text().splitlines()
    gone = {"index": 511, "erasedBy": first["erasedBy"]}
    bundle.write_text("\n".join([*lines[:-1], json.dumps(gone)]))


def swap_hashes(directory: Path) -> None:
    tile = directory / "tile" / "0" / "000"
    hashes = tile.read_bytes()
    tile.write_bytes(hashes[32:64] + hashes[:32] + hashes[64:])


def truncate(directory: Path) -> None:
    head = directory / "checkpoint"
    head.write_text(head.read_text().replace("\n601\n", "\n512\n"))


@pytest.mark.parametrize("tamper", [change, move, take_out, swap_hashes, truncate])
def test_neither_proves_a_copy_that_was_tampered_with(
    book: Logbook, copy: LogCopy, tamper: Callable[[Path], None]
) -> None:
    tamper(copy.directory)
    run = independently(copy)
    assert run.returncode == 1
    assert "not proved" in run.stderr or "InvalidSignature" in run.stderr
    with pytest.raises(VerificationError):
        verify_log(copy, book.signer.key(C), book.witness_key)
