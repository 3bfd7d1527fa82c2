"""The third part of the rules manual, command by command, as it stands there: a change from word to hit."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from typer.testing import CliRunner

import clients.sdk.http
from clients.cli import app
from clients.sdk.http import Conversation
from tests.governance.town import ISSUERS, TODAY, Town, hash_of, record

MANUAL = Path(__file__).parents[2] / "docs" / "rules-manual.md"
PART = re.compile(r"^## Part 3\..*?(?=^## Part 4\.)", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```(yaml|console) services\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PEOPLE = {"anna": "anna", "bob": "bob", "carla": "dora", "olga": "olga"}
"""Who of the manual is who in town."""


@pytest.fixture
def desk(town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory with everybody's profiles in it, as `make serve` leaves one."""

    def conversation(base_url: str, *given: Any, **more: Any) -> Conversation:
        service = next(name for name, issuer in ISSUERS.items() if issuer == base_url)
        return Conversation(base_url, *given, **{**more, "transport": town.transports[service], "now": town.clock})

    monkeypatch.setattr(clients.sdk.http, "Conversation", conversation)
    directory = tmp_path / "desk"
    for group, names in (("people", PEOPLE), ("parties", {"municipality": "municipality", "police": "police"})):
        (directory / group).mkdir(parents=True)
        for here, there in names.items():
            (directory / group / here).symlink_to(town.directory / there)
    monkeypatch.chdir(directory)
    monkeypatch.setenv("COVENANT_LANG", "en")
    with structlog.testing.capture_logs():
        yield directory


class Reader:
    """Does what the manual says, and holds what is printed against it."""

    def __init__(self, desk: Path) -> None:
        self.desk = desk
        self.commands = 0

    def edit(self, fragment: str) -> None:
        """Adds the permit, and writes today as the first day."""
        file = self.desk / "covenant.yaml"
        text = file.read_text("utf-8").replace("\nrules:\n", f"\nrules:\n{fragment}", 1)
        file.write_text(re.sub(r"valid: \{from: [^,]*", f"valid: {{from: {TODAY}", text), "utf-8")

    def run(self, block: str) -> None:
        for said in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, printed = said.partition("\n")
            program, *words = shlex.split(command)
            if program == "cp":
                (self.desk / words[1]).write_bytes((self.desk / words[0]).read_bytes())
                continue
            *words, target = [*words[:-2], words[-1]] if ">" in words else [*words, ""]
            result = CliRunner().invoke(app, [self.meant(word) for word in words])
            assert result.exit_code in (0, 1), (command, result.output, result.exception)
            assert result.exception is None or isinstance(result.exception, SystemExit), command
            if target:
                (self.desk / target).write_bytes(result.stdout_bytes)
            self.compare(printed, result.output, command)
            self.commands += 1

    def meant(self, word: str) -> str:
        match word:
            case "ACTIVE":
                return next(name for name, status in self.versions().items() if status == "active")
            case "VERSION":
                return hash_of((self.desk / "covenant.yaml").read_bytes())[:12]
            case "HIT":
                (hit,) = self.hits()
                return str(hit["hitId"])
            case _:
                return word

    def versions(self) -> dict[str, str]:
        told = CliRunner().invoke(app, ["versions", "list", "--json", "--profile", "people/carla"]).stdout
        return {one["version"]: one["status"] for one in json.loads(told)["versions"]}

    def hits(self) -> list[dict[str, Any]]:
        hits = CliRunner().invoke(app, ["hits", "--json", "--profile", "parties/police"]).stdout
        return [hit for hit in json.loads(hits) if hit.get("category") == "waste"]

    def compare(self, printed: str, output: str, command: str) -> None:
        """Every line that the manual prints stands in the output, in that order; `…` is what it leaves out."""
        place = 0
        for line in printed.splitlines():
            for part in re.split(r"…|SIGNAL", line.strip()):
                found = output.find(part, place)
                assert found >= 0, (command, part, output)
                place = found + len(part)


def test_who_follows_the_manual_sees_the_new_hit(town: Town, desk: Path) -> None:
    town.submit("municipality", record("m1", 1, "waste"))
    town.submit("police", record("p1", 1))
    reader = Reader(desk)
    part = PART.search(MANUAL.read_text("utf-8"))
    assert part is not None
    assert not reader.hits()
    for language, body in BLOCK.findall(part.group()):
        if language == "yaml":
            reader.edit(body)
        else:
            reader.run(body)
    assert reader.commands == part.group().count("\n$ covenant ") > 10
    (hit,) = reader.hits()
    assert (hit["source"], hit["record"]) == ("municipality", "p1")
