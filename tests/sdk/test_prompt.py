"""The client at a prompt: what cannot be done is a line and an exit status, and help reads as prose."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from typer.testing import CliRunner

from clients.cli import app

SERVICES = ["--broker", "https://broker.example", "--key-holder", "https://keys.example"]


def covenant(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from clients.cli import main; main()", *words],
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_file_that_cannot_be_written_is_a_line_and_not_a_stack_trace(tmp_path: Path) -> None:
    profile = ["--profile", str(tmp_path / "profile")]
    assert covenant("profile", "create", "--covenant", "c", "--party", "p", *SERVICES, *profile).returncode == 0
    done = covenant("profile", "enrolment", "--output", str(tmp_path / "nowhere" / "keys.json"), *profile)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].endswith("nowhere/keys.json: No such file or directory")


def test_a_paragraph_of_help_is_wrapped_by_the_terminal_and_not_by_the_source() -> None:
    said = CliRunner().invoke(app, ["affirm", "--help"], env={"COLUMNS": "200", "TERMINAL_WIDTH": "200"}).output
    assert re.search(r"others see more of our signals once we have affirmed them", said)


def test_submit_says_what_columns_there_are() -> None:
    said = " ".join(CliRunner().invoke(app, ["submit", "--help"]).output.split())
    assert "reference, subject_kind, category, day, purposes" in said
    assert "note.gist" in said
