"""`covenantd witnessed`, `covenantd acknowledge`: what the key holder saw of the broker's log, and what it was."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer

from service.cli.speaking import CovenantId, Issuer, Key, Name, Reason, Url, operating

__all__ = ["mount"]


def mount(app: typer.Typer) -> None:
    """Adds the two commands."""

    @app.command()
    def witnessed(covenant: CovenantId, url: Url, key: Key, issuer: Issuer = None, name: Name = "operator") -> None:
        """At the key holder: what it saw of the broker's log. Exit status 2 if that contradicts itself.

        A log that was taken back, as by an old backup, or forked opens no field until an operator has acknowledged it.
        """
        with operating(url, issuer, key, name) as operator:
            log = operator.witnessed(covenant)
        head = log.checkpoint.splitlines()[1] if log.checkpoint else "0"
        typer.echo(f"{log.origin}: {int(head):,} entries cosigned")
        waiting = [one for one in log.findings if one.acknowledged_at is None]
        for one in waiting:
            seen, shown = (int(note.splitlines()[1]) for note in (one.seen, one.shown))
            typer.echo(f"{one.finding_id}  {one.kind}  {one.found_at:%Y-%m-%d %H:%M}  {seen:,} entries, then {shown:,}")
        if waiting:
            typer.echo("Nothing is released meanwhile. Find out why, then: covenantd acknowledge", err=True)
            raise typer.Exit(2)

    @app.command()
    def acknowledge(
        covenant: CovenantId,
        finding: Annotated[UUID, typer.Argument(metavar="FINDING", help="Its id, from `covenantd witnessed`.")],
        reason: Reason,
        url: Url,
        key: Key,
        issuer: Issuer = None,
        name: Name = "operator",
    ) -> None:
        """At the key holder: say on record what a finding was; releases go on, from the head that was shown."""
        with operating(url, issuer, key, name) as operator:
            operator.acknowledge(covenant, finding, reason)
        typer.echo(f"{finding} is acknowledged; releases go on")
