"""The officer's manual names commands, options and qualifiers that there are, and all of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer.main

from clients.cli import app
from service.audit.query import OUTCOMES, QUALIFIERS

MANUAL = (Path(__file__).parents[2] / "docs" / "audit-officer.md").read_text("utf-8")


def audit_commands() -> Mapping[str, Any]:
    whole: Any = typer.main.get_command(app)
    commands: Mapping[str, Any] = whole.commands["audit"].commands
    return commands


def test_every_command_is_in_the_manual_and_every_one_in_it_is_a_command() -> None:
    assert set(re.findall(r"covenant audit ([a-z]+)", MANUAL)) == audit_commands().keys()


def test_every_option_in_the_manual_is_one() -> None:
    options = {name for command in audit_commands().values() for option in command.params for name in option.opts}
    assert set(re.findall(r"--[a-z][a-z-]+", MANUAL)) <= options | {"--help"}


def test_every_qualifier_and_outcome_is_in_the_manual() -> None:
    table = "\n".join(line for line in MANUAL.splitlines() if line.startswith("| `"))
    assert set(re.findall(r"`([a-z]+):`", table)) == set(QUALIFIERS)
    assert all(f"`{outcome}`" in table for outcome in OUTCOMES)
