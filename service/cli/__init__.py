"""`covenantd`: what an operator of broker or key holder does at a prompt.

Each command lives in a module of its own with a function `mount(app)`; to add one, write the module and name it in
`_COMMANDS`. Modules import what they run only when they run it, so that `covenantd --help` is quick and an operator of
one service loads nothing of the other.
"""

from __future__ import annotations

import importlib
import sys
from typing import NoReturn

import typer

from clients.cli.prose import flow
from clients.sdk.errors import ClientError
from service.errors import DomainError
from service.settings import SettingsError
from service.storage.keystore import KeyStoreError

__all__ = ["build", "main"]

_COMMANDS = ("serving", "worker", "migrate", "keys", "enrol", "operate", "witness", "demo")


def build() -> typer.Typer:
    """The app with every command mounted."""
    app = typer.Typer(
        name="covenantd",
        help="Run and look after the covenant broker and its key holder.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    for name in _COMMANDS:
        importlib.import_module(f"service.cli.{name}").mount(app)
    flow(app)
    return app


def main() -> None:
    """Entry point. What the operator can put right is one line on standard error and exit status 1."""
    try:
        build()()
    except (SettingsError, KeyStoreError, ClientError) as error:
        _stop(str(error))
    except DomainError as error:
        _stop(error.detail)


def _stop(words: str) -> NoReturn:
    print(f"covenantd: {words}", file=sys.stderr)
    sys.exit(1)
