"""`covenant profile`: make the keys of a party or person, and say what the operators have to register."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from clients.cli.options import DEFAULT_PROFILE, ProfileOption, console, notes
from clients.protocol.fingerprints import fingerprint
from clients.protocol.messages.base import Message
from clients.protocol.messages.keyholder import Enrolment
from clients.sdk import ClientError, ServiceAddress, create_profile, open_profile
from clients.sdk.offices import Office, create_office_profile, open_office_profile, role_of

app = typer.Typer(
    help="Make the keys of a party, administrator or officer, and say what the operators register.",
    no_args_is_help=True,
)


class Role(StrEnum):
    PARTY = "party"
    ADMINISTRATOR = "administrator"
    OFFICER = "officer"


@app.command()
def create(
    covenant: Annotated[str, typer.Option(help="Id of the covenant.")],
    broker: Annotated[str, typer.Option(help="Address of the broker.")],
    key_holder: Annotated[str, typer.Option(help="Address of the key holder.")],
    party: Annotated[
        str | None, typer.Option(help="Id of the party in the covenant; an officer may work for none.")
    ] = None,
    role: Annotated[Role, typer.Option(help="Whose profile it is.")] = Role.PARTY,
    name: Annotated[str | None, typer.Option(help="What an administrator or officer is called in the log.")] = None,
    broker_issuer: Annotated[str | None, typer.Option(help="Issuer of the broker, if not its address.")] = None,
    key_holder_issuer: Annotated[str | None, typer.Option(help="Issuer of the key holder, if not its address.")] = None,
    profile: ProfileOption = DEFAULT_PROFILE,
) -> None:
    """Make a new profile with new keys. Private keys never leave the directory."""
    at_broker = ServiceAddress(broker, broker_issuer or broker)
    at_key_holder = ServiceAddress(key_holder, key_holder_issuer or key_holder)
    if role is Role.PARTY:
        if party is None:
            raise ClientError("name the party with --party")
        create_profile(profile, covenant=covenant, party=party, broker=at_broker, key_holder=at_key_holder)
    else:
        if name is None:
            raise ClientError(f"name the {role.value} with --name")
        create_office_profile(
            profile,
            covenant=covenant,
            office=Office(role.value),
            name=name,
            party=party,
            broker=at_broker,
            key_holder=at_key_holder,
        )
    notes.print(f"Profile made in {profile}. Send both operators what `covenant profile enrolment` prints.")


@app.command()
def enrolment(
    profile: ProfileOption = DEFAULT_PROFILE,
    output: Annotated[Path | None, typer.Option(help="File to write it to.")] = None,
) -> None:
    """Print the public keys of this party or person, as the operators of both services enrol it with.

    The fingerprint is for the telephone: whoever enrols these keys is shown it too, and it must be the same.
    """
    message: Message
    if role_of(profile) == Role.PARTY:
        opened = open_profile(profile)
        message = Enrolment(party=opened.party, keys=opened.public_keys())
    else:
        message = open_office_profile(profile).enrolment()
    text = message.model_dump_json(indent=2, exclude_none=True)
    notes.print(f"Fingerprint: {fingerprint(message.model_dump(mode='json', exclude_none=True))}")
    if output:
        output.write_text(text + "\n", encoding="utf-8")
    else:
        console.print_json(text)
