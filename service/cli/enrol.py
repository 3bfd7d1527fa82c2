"""`covenantd enrol-…`, `dismiss-…`, `replace-keys`: who takes part, with which keys.

The two operators do the same at broker and key holder, each for itself; docs/governance.md has the order. Whatever
registers keys prints their fingerprint, to be compared by telephone with whoever holds the private halves.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from service.cli.speaking import CovenantId, Issuer, Key, Name, Reason, Url, operating, read_message

__all__ = ["mount"]

PersonId = Annotated[str, typer.Argument(metavar="NAME", help="What the person is enrolled as.")]
EnrolmentFile = Annotated[
    Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="What `covenant profile enrolment` printed.")
]


def mount(app: typer.Typer) -> None:
    """Adds the commands."""

    @app.command()
    def enrol_service(
        file: Annotated[
            Path, typer.Argument(metavar="FILE", exists=True, help="What `covenantd keys show broker` printed.")
        ],
        broker_issuer: Annotated[str, typer.Option(help="The broker's issuer, from its settings.")],
        url: Url,
        key: Key,
        service: Annotated[str, typer.Option(help="What the broker calls itself, from its settings.")] = "broker",
        issuer: Issuer = None,
        name: Name = "operator",
    ) -> None:
        """At the key holder: enrol the broker. There is one."""
        from clients.sdk.operating import broker_enrolment

        public = _json(file)
        with operating(url, issuer, key, name) as operator:
            operator.enrol_service(broker_enrolment(service, broker_issuer, public))
        _enrolled(service, public)

    @app.command()
    def enrol_administrator(
        covenant: CovenantId, file: EnrolmentFile, url: Url, key: Key, issuer: Issuer = None, name: Name = "operator"
    ) -> None:
        """Enrol an administrator, whose approval key counts at this service."""
        from clients.protocol.messages.keyholder import AdministratorEnrolment

        enrolment = read_message(file, AdministratorEnrolment)
        with operating(url, issuer, key, name) as operator:
            operator.enrol_administrator(covenant, enrolment)
        _enrolled(enrolment.administrator, enrolment.model_dump(mode="json", exclude_none=True))

    @app.command()
    def dismiss_administrator(
        covenant: CovenantId, person: PersonId, url: Url, key: Key, issuer: Issuer = None, name: Name = "operator"
    ) -> None:
        """Take back an administrator's enrolment: who left the job, or lost the key. The name is not used again."""
        with operating(url, issuer, key, name) as operator:
            operator.dismiss_administrator(covenant, person)
        typer.echo(f"{person} is dismissed here")

    @app.command()
    def enrol_officer(
        covenant: CovenantId, file: EnrolmentFile, url: Url, key: Key, issuer: Issuer = None, name: Name = "operator"
    ) -> None:
        """Enrol a privacy officer, who advises on versions and reads the audit log."""
        from clients.protocol.messages.governance import OfficerEnrolment

        enrolment = read_message(file, OfficerEnrolment)
        with operating(url, issuer, key, name) as operator:
            operator.enrol_officer(covenant, enrolment)
        _enrolled(enrolment.officer, enrolment.model_dump(mode="json", exclude_none=True))

    @app.command()
    def dismiss_officer(
        covenant: CovenantId, person: PersonId, url: Url, key: Key, issuer: Issuer = None, name: Name = "operator"
    ) -> None:
        """Take back a privacy officer's enrolment."""
        with operating(url, issuer, key, name) as operator:
            operator.dismiss_officer(covenant, person)
        typer.echo(f"{person} is dismissed here")

    @app.command()
    def enrol_party(
        covenant: CovenantId, file: EnrolmentFile, url: Url, key: Key, issuer: Issuer = None, name: Name = "operator"
    ) -> None:
        """Enrol a party with its keys. At the broker, run `covenantd set-up` after the key holder has it too."""
        from clients.protocol.messages.keyholder import Enrolment

        enrolment = read_message(file, Enrolment)
        with operating(url, issuer, key, name) as operator:
            operator.enrol_party(covenant, enrolment)
        _enrolled(enrolment.party, enrolment.model_dump(mode="json", exclude_none=True))

    @app.command()
    def replace_keys(
        covenant: CovenantId,
        file: Annotated[
            Path,
            typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="What `covenant profile renew` printed."),
        ],
        reason: Reason,
        url: Url,
        key: Key,
        issuer: Issuer = None,
        name: Name = "operator",
    ) -> None:
        """Register a party's new keys in place of its old ones, which verify still what they signed."""
        from clients.protocol.messages.keyholder import Enrolment

        enrolment = read_message(file, Enrolment)
        with operating(url, issuer, key, name) as operator:
            operator.replace_keys(covenant, enrolment, reason)
        _enrolled(enrolment.party, enrolment.model_dump(mode="json", exclude_none=True))


def _json(file: Path) -> dict[str, object]:
    import json

    try:
        public = json.loads(file.read_text("utf-8"))
    except ValueError:
        public = None
    if not isinstance(public, dict) or not public.keys() >= {"authentication", "encryption", "grants", "checkpoint"}:
        raise typer.BadParameter(f"{file} is not what `covenantd keys show broker` prints")
    return public


def _enrolled(who: str, keys: object) -> None:
    from clients.protocol.fingerprints import fingerprint

    typer.echo(f"{who} is enrolled here. Compare by telephone: {fingerprint(keys)}")
