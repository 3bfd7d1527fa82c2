"""Help texts as they read on a screen: a paragraph is one line that the terminal wraps, not the lines of the source."""

from __future__ import annotations

import inspect
import re

import typer

__all__ = ["flow"]


def flow(app: typer.Typer) -> None:
    """Unwraps the help of every command and group of `app`."""
    for command in app.registered_commands:
        written = command.help or (command.callback and command.callback.__doc__)
        if written:
            command.help = re.sub(r"(?<!\n)\n(?!\n)", " ", inspect.cleandoc(written))
    for group in app.registered_groups:
        if group.typer_instance is not None:
            flow(group.typer_instance)
