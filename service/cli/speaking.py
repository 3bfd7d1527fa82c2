"""How an operator's command speaks to the service that the operator runs: over its API, with the operator's own key."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

if TYPE_CHECKING:
    from clients.protocol.messages.base import Message
    from clients.sdk.operating import Operator

__all__ = ["CovenantId", "Issuer", "Key", "Name", "PartyId", "Reason", "Url", "operating", "read_message"]

_LONGEST_ANSWER = 600.0
"""Seconds: whoever leaves with a million signals has them withdrawn a thousand at a time."""

Url = Annotated[str, typer.Option(envvar="COVENANTD_URL", help="Address of the service that you operate.")]
Issuer = Annotated[
    str | None, typer.Option(envvar="COVENANTD_ISSUER", help="Issuer of the service, if not its address.")
]
Key = Annotated[
    Path,
    typer.Option(
        envvar="COVENANTD_KEY", exists=True, dir_okay=False, help="Your private key, from `covenantd keys operator`."
    ),
]
Name = Annotated[str, typer.Option("--name", envvar="COVENANTD_NAME", help="Your name in the service's settings.")]
CovenantId = Annotated[str, typer.Argument(metavar="COVENANT", help="Id of the covenant.")]
PartyId = Annotated[str, typer.Argument(metavar="PARTY", help="Id of the party in the covenant.")]


def _reason(given: str) -> str:
    if not 3 <= len(given) <= 500:
        raise typer.BadParameter("give 3 to 500 characters")
    return given


Reason = Annotated[str, typer.Option(help="One line for the audit log; names nobody.", callback=_reason)]

M = TypeVar("M", bound="Message")


@contextmanager
def operating(url: str, issuer: str | None, key: Path, name: str) -> Iterator[Operator]:
    """The service at `url`, as its operator calls it. Raises ClientError, and BadParameter for a key that is none."""
    from clients.protocol import jws
    from clients.protocol.errors import ProtocolError
    from clients.sdk.http import Conversation
    from clients.sdk.operating import Operator
    from clients.sdk.profile import read_key

    try:
        private_key = jws.private_key_from_pem(read_key(key))
    except ProtocolError as error:
        raise typer.BadParameter(f"{key}: {error}") from None
    with Conversation(url, issuer or url, name, private_key, timeout=_LONGEST_ANSWER) as conversation:
        yield Operator(conversation)


def read_message(file: Path, kind: type[M]) -> M:
    """What a file holds, as a message. Raises BadParameter, naming the file and what it should be."""
    from pydantic import ValidationError

    from clients.protocol.errors import EncodingError

    try:
        return kind.model_validate_json(file.read_bytes())
    except (ValidationError, EncodingError):
        raise typer.BadParameter(f"{file} is no {kind.__name__}") from None
