"""`covenantd found`, `set-up`, `suspend`, `leave`, `end`: what an operator does at the service it runs.

Each command speaks to one service, over its API, with the operator's own key. The two operators do the same at broker
and key holder, each for itself; docs/governance.md has the order.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from service.cli.speaking import CovenantId, Issuer, Key, Name, PartyId, Reason, Url, operating, read_message

__all__ = ["mount"]

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


def mount(app: typer.Typer) -> None:
    """Adds the commands."""

    @app.command()
    def found(
        file: Annotated[
            Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="The covenant, a YAML file.")
        ],
        approval: Annotated[
            list[Path], typer.Option(exists=True, dir_okay=False, help="What `covenant versions sign` wrote; twice.")
        ],
        url: Url,
        key: Key,
        issuer: Issuer = None,
        name: Name = "operator",
    ) -> None:
        """Found a covenant with its first version, which two administrators of different parties have approved."""
        from clients.protocol.messages.keyholder import Approval, Founding

        if len(approval) < 2:
            raise typer.BadParameter("give the approvals of two administrators, each with --approval")
        approvals = tuple(read_message(one, Approval) for one in approval)
        founding = Founding(document=file.read_bytes().decode("utf-8"), approvals=approvals)
        with operating(url, issuer, key, name) as operator:
            founded = operator.found(founding)
        typer.echo(f"{founded.covenant_id} is founded with version {founded.version}")

    @app.command()
    def set_up(covenant: CovenantId, url: Url, key: Key, issuer: Issuer = None, name: Name = "operator") -> None:
        """At the broker: take in what the key holder has drawn: for new parties, and for scheduled versions."""
        with operating(url, issuer, key, name) as operator:
            operator.set_up(covenant)
        typer.echo(f"{covenant} is set up with the keys that the key holder has drawn until now")

    @app.command()
    def suspend(
        covenant: CovenantId,
        party: PartyId,
        reason: Reason,
        url: Url,
        key: Key,
        issuer: Issuer = None,
        name: Name = "operator",
    ) -> None:
        """Suspend a party: from the answer on it asks and is shown nothing, and nothing of its own is shown."""
        with operating(url, issuer, key, name) as operator:
            operator.suspend(covenant, party, reason)
        typer.echo(f"{party} is suspended here; the other service has an operator of its own")

    @app.command()
    def reinstate(
        covenant: CovenantId, party: PartyId, url: Url, key: Key, issuer: Issuer = None, name: Name = "operator"
    ) -> None:
        """End a party's suspension."""
        with operating(url, issuer, key, name) as operator:
            operator.reinstate(covenant, party)
        typer.echo(f"{party} takes part again here; the other service has an operator of its own")

    @app.command()
    def leave(
        covenant: CovenantId,
        party: PartyId,
        reason: Reason,
        url: Url,
        key: Key,
        yes: Yes = False,
        issuer: Issuer = None,
        name: Name = "operator",
    ) -> None:
        """Have a party leave for good: its keys are destroyed, and at the broker its signals withdrawn."""
        _confirm(f"Destroy what this service holds of {party}? There is no way back.", party, yes)
        with operating(url, issuer, key, name) as operator:
            operator.leave(covenant, party, reason)
        typer.echo(f"{party} has left: what this service held of it is destroyed")

    @app.command()
    def rotate_key(
        covenant: CovenantId,
        party: Annotated[
            str, typer.Argument(metavar="PARTY", help="Id of the party; `_officers` for the officers' key.")
        ],
        reason: Reason,
        url: Url,
        key: Key,
        match_key: Annotated[
            list[str] | None, typer.Option(help="Only the key for this match key; may be given again.")
        ] = None,
        issuer: Issuer = None,
        name: Name = "operator",
    ) -> None:
        """At the key holder: replace a party's keys and destroy them. Then have the broker's operator run set-up.

        In between the party cannot submit or look up. Its signals stay and still match, and its client tokenises anew.
        """
        with operating(url, issuer, key, name) as operator:
            held = {
                one.match_key: own.key_version
                for one in operator.commitments(covenant).keys
                for own in one.parties
                if own.party == party
            }
            wanted = match_key or sorted(held)
            if not wanted or not held.keys() >= set(wanted):
                raise typer.BadParameter("the party has no such key")
            for each in wanted:
                rotated = operator.rotate_key(covenant, party, each, held[each] + 1, reason)
                typer.echo(f"{each}: version {rotated.key_version}")
        typer.echo(f"Now have the broker's operator run: covenantd set-up {covenant}")

    @app.command()
    def end(
        covenant: CovenantId,
        reason: Reason,
        url: Url,
        key: Key,
        yes: Yes = False,
        issuer: Issuer = None,
        name: Name = "operator",
    ) -> None:
        """End a covenant for good: everything that this service holds under it is destroyed, except the audit log."""
        _confirm(f"Destroy what this service holds under {covenant}? There is no way back.", covenant, yes)
        with operating(url, issuer, key, name) as operator:
            operator.end(covenant, reason)
        typer.echo(f"{covenant} has ended: what this service held under it is destroyed; destroy its backups too")


def _confirm(question: str, answer: str, yes: bool) -> None:
    """Has the operator type what is about to be destroyed: a yes is typed too easily."""
    if not yes and typer.prompt(f"{question} Type {answer}") != answer:
        raise typer.Exit(1)
