"""`covenant profile`: make a party's keys, and say what the operators have to register."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from clients.cli.options import DEFAULT_PROFILE, ProfileOption, console, notes
from clients.protocol.messages.keyholder import Enrolment
from clients.sdk import ServiceAddress, create_profile, open_profile

app = typer.Typer(help="Make a party's keys, and say what the operators have to register.", no_args_is_help=True)


@app.command()
def create(
    covenant: Annotated[str, typer.Option(help="Id of the covenant.")],
    party: Annotated[str, typer.Option(help="Id of this party in the covenant.")],
    broker: Annotated[str, typer.Option(help="Address of the broker.")],
    key_holder: Annotated[str, typer.Option(help="Address of the key holder.")],
    broker_issuer: Annotated[str | None, typer.Option(help="Issuer of the broker, if not its address.")] = None,
    key_holder_issuer: Annotated[str | None, typer.Option(help="Issuer of the key holder, if not its address.")] = None,
    profile: ProfileOption = DEFAULT_PROFILE,
) -> None:
    """Make a new profile with new keys. Private keys never leave the directory."""
    create_profile(
        profile,
        covenant=covenant,
        party=party,
        broker=ServiceAddress(broker, broker_issuer or broker),
        key_holder=ServiceAddress(key_holder, key_holder_issuer or key_holder),
    )
    notes.print(f"Profile made in {profile}. Send both operators what `covenant profile enrolment` prints.")


@app.command()
def enrolment(profile: ProfileOption = DEFAULT_PROFILE, output: Annotated[Path | None, typer.Option()] = None) -> None:
    """Print this party's public keys, as the operators of both services enrol it with."""
    opened = open_profile(profile)
    text = Enrolment(party=opened.party, keys=opened.public_keys()).model_dump_json(indent=2)
    if output:
        output.write_text(text + "\n", encoding="utf-8")
    else:
        console.print_json(text)
