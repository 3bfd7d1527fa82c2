"""`covenant`: the command of partners, officers and administrators."""

from __future__ import annotations

import sys

import typer
from rich.console import Console

from clients.cli import (
    audit,
    audit_officer,
    audit_search,
    conditions,
    fields,
    figures,
    hits,
    profile,
    renewal,
    rules,
    signals,
    versions,
)
from clients.cli.plain import plain
from clients.cli.prose import flow
from clients.sdk.errors import ClientError

app = typer.Typer(
    name="covenant",
    help="Share under a covenant what the law lets you share: submit signals, see hits, open fields, read the rules.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(profile.app, name="profile")
app.add_typer(audit.app, name="audit")
app.add_typer(rules.app, name="rules")
app.add_typer(versions.app, name="versions")
renewal.register(profile.app)
audit_search.register(audit.app)
audit_officer.register(audit.app)
signals.register(app)
hits.register(app)
fields.register(app)
conditions.register(app)
figures.register(app, rules.app)
flow(app)


def main() -> None:
    """Run the command; a refusal is one line on standard error and exit code 1, never a stack trace."""
    try:
        app()
    except ClientError as error:
        Console(stderr=True, highlight=False).print(f"[red]refused:[/red] {plain(str(error))}", soft_wrap=True)
        sys.exit(1)
    except OSError as error:  # a file that cannot be read or written; requests have errors of their own
        where = f"{error.filename}: " if error.filename else ""
        Console(stderr=True, highlight=False).print(f"[red]{plain(where)}[/red]{error.strerror}", soft_wrap=True)
        sys.exit(1)
    except KeyboardInterrupt:
        Console(stderr=True).print("stopped; run the same command again to go on")
        sys.exit(130)
