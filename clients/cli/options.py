"""Options that every command of a party shares."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from clients.sdk import Session, http
from clients.sdk.http import Conversation
from clients.sdk.offices import open_office_profile, role_of
from clients.sdk.profile import open_profile
from covenant_rules.explain import Language

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

LanguageOption = Annotated[
    Language | None,
    typer.Option("--lang", envvar="COVENANT_LANG", help="Language of explanations; that of the system without."),
]

DEFAULT_PROFILE = Path("~/.covenant").expanduser()

# What goes into a file or a pipe is not cut to the width of a terminal that is not there.
console = Console(highlight=False, width=None if sys.stdout.isatty() else 240)
notes = Console(stderr=True, highlight=False)
"""Progress and remarks; standard output holds the answer alone."""


def spoken(wanted: Language | None) -> Language:
    """The language asked for, or else that of the system (POSIX: the first of these that is set), or else English."""
    system = next((set_ for name in ("LC_ALL", "LC_MESSAGES", "LANG") if (set_ := os.environ.get(name))), "")
    return wanted or ("nl" if re.split("[_.@]", system)[0] == "nl" else "en")


@contextmanager
def session(profile: Path, actor: str | None, pool: Executor | None = None) -> Iterator[Session]:
    with Session.open(profile, actor=actor, pool=pool) as opened:
        yield opened


def conversations(profile: Path, actor: str | None = None) -> tuple[str, Conversation, Conversation]:
    """The covenant, and conversations with broker and key holder, for whoever the profile is of."""
    if role_of(profile) == "party":
        party = open_profile(profile)
        covenant, name, key = party.covenant, party.party, party.authentication_key
        services = party.broker, party.key_holder
    else:
        office = open_office_profile(profile)
        covenant, name, key = office.covenant, office.name, office.authentication_key
        services = office.broker, office.key_holder
    return covenant, *http.conversations(services, name, key, actor=actor)
