"""Options that every command of a party shares."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from clients.sdk import Session

ProfileOption = Annotated[
    Path,
    typer.Option(
        "--profile",
        "-p",
        envvar="COVENANT_PROFILE",
        help="Directory of the profile.",
        file_okay=False,
    ),
]
ActorOption = Annotated[
    str | None,
    typer.Option("--actor", envvar="COVENANT_ACTOR", help="Pseudonym of the employee, for the audit log."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]

DEFAULT_PROFILE = Path("~/.covenant").expanduser()

# What goes into a file or a pipe is not cut to the width of a terminal that is not there.
console = Console(highlight=False, width=None if sys.stdout.isatty() else 240)
notes = Console(stderr=True, highlight=False)
"""Progress and remarks; standard output holds the answer alone."""


@contextmanager
def session(profile: Path, actor: str | None, pool: Executor | None = None) -> Iterator[Session]:
    with Session.open(profile, actor=actor, pool=pool) as opened:
        yield opened
