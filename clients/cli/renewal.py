"""`covenant profile renew` and `switch`: a party's own keys made anew, and taken into use."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from clients.cli.options import DEFAULT_PROFILE, ProfileOption, console, notes
from clients.sdk import renewal

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Adds the commands to those of a profile."""
    app.command()(renew)
    app.command()(switch)


def renew(profile: ProfileOption = DEFAULT_PROFILE, output: Annotated[Path | None, typer.Option()] = None) -> None:
    """Make new keys of this party, and print what the operators of both services register in place of the old ones.

    The old keys stay in use until `covenant profile switch`.
    """
    text = renewal.prepare(profile).model_dump_json(indent=2)
    if output:
        output.write_text(text + "\n", encoding="utf-8")
    else:
        console.print_json(text)
    notes.print("Send this to both operators. When both have registered it: covenant profile switch")


def switch(profile: ProfileOption = DEFAULT_PROFILE) -> None:
    """Take the new keys into use, once both services know them, and delete the old ones."""
    renewal.switch(profile)
    console.print("The new keys are in use.")
