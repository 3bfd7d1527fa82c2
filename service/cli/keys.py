"""`covenantd keys`: make the keys that must exist before a service starts, and show their public halves."""

from __future__ import annotations

import json
import os
import re
import secrets
from pathlib import Path
from typing import Annotated

import typer

from clients.protocol.messages.base import IDENTIFIER_PATTERN
from service.cli.options import ServiceArgument, SettingsFile, settings_of

__all__ = ["mount"]


def mount(app: typer.Typer) -> None:
    """Adds the group of commands."""
    group = typer.Typer(help="Make keys, and show their public halves.", no_args_is_help=True)
    app.add_typer(group, name="keys")

    @group.command()
    def create(service: ServiceArgument, settings: SettingsFile = None) -> None:
        """Make the service's own keys in its key directory, as far as they are not there yet.

        For the broker: those that sign its requests, grants and checkpoints and open what is sealed to it. For the key
        holder: those that sign receipts and checkpoints and cosign the broker's. Keys of covenants are made when a
        covenant is founded.
        """
        from service.storage.keystore import KeyDirectory
        from service.storage.service_keys import create_service_keys

        loaded = settings_of(service, settings)
        created = create_service_keys(KeyDirectory(loaded.key_directory), loaded.name, secrets.token_bytes)
        typer.echo("\n".join(created) if created else "all keys are there")

    @group.command()
    def show(service: ServiceArgument, settings: SettingsFile = None) -> None:
        """Print the public halves of the service's own keys as JSON, for the operator of the other service."""
        from clients.protocol.fingerprints import fingerprint
        from service.storage.keystore import KeyDirectory
        from service.storage.service_keys import public_service_keys

        loaded = settings_of(service, settings)
        public = public_service_keys(KeyDirectory(loaded.key_directory), loaded.name)
        typer.echo(f"Fingerprint: {fingerprint(public)}", err=True)
        typer.echo(json.dumps(public, indent=2))

    @group.command()
    def operator(
        name: Annotated[str, typer.Argument(help="What the audit log calls this operator, such as `operator-1`.")],
        file: Annotated[Path, typer.Argument(help="New file for the private key; only you may read it.")],
    ) -> None:
        """Make an operator's key: the private half into FILE, the public half as lines for both settings files."""
        from clients.protocol.jws import generate_key, private_key_to_pem, public_jwk

        if not re.fullmatch(IDENTIFIER_PATTERN, name):
            raise typer.BadParameter("give lower-case letters, digits and dashes, beginning with a letter")
        key = generate_key()
        try:
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            raise typer.BadParameter(f"{file} exists; a key is never overwritten") from None
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(private_key_to_pem(key))
        typer.echo(f"[operators.{name}]")
        for member, value in public_jwk(key).items():
            typer.echo(f'{member} = "{value}"')
