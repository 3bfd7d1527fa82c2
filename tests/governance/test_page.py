"""docs/governance.md names commands and options that exist, and leaves out none that governs."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import typer

from clients.cli import app as covenant
from service.cli import build, enrol, operate

PAGE = (Path(__file__).parents[2] / "docs" / "governance.md").read_text("utf-8")
PROGRAMS: Mapping[str, Any] = {
    "covenant": typer.main.get_command(covenant),
    "covenantd": typer.main.get_command(build()),
}


def mentioned() -> Iterator[str]:
    """Every command in code blocks, joined over continued lines, and between backticks."""
    blocks = "\n".join(re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)).replace("\\\n", " ")
    yield from (line.removeprefix("$ ") for line in blocks.splitlines() if line.startswith("$ covenant"))
    yield from re.findall(r"`(covenantd? [^`]+)`", re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL))


def found(line: str) -> tuple[str, Any, list[str]]:
    """The command that a line runs, by its path, and what follows."""
    program, *words = shlex.split(line, comments=True)
    command, path = PROGRAMS[program], program
    while hasattr(command, "commands"):
        path, command = f"{path} {words[0]}", command.commands[words.pop(0)]
    return path, command, words


@pytest.mark.parametrize("line", sorted(set(mentioned())))
def test_a_command_on_the_page_exists_with_its_options(line: str) -> None:
    _, command, words = found(line)
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known


def test_the_page_leaves_no_command_out() -> None:
    named = {found(line)[0] for line in mentioned()} | set(re.findall(r"`(\w+)`", PAGE))
    versions = PROGRAMS["covenant"].commands["versions"].commands
    operating = typer.Typer()
    enrol.mount(operating)
    operate.mount(operating)
    operators = typer.main.get_command(operating).commands
    wanted = {f"covenant versions {name}" for name in versions} | {f"covenantd {name}" for name in operators}
    assert {name for name in wanted if name not in named and name.split()[-1] not in named} == set()
