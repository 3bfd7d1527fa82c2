"""`covenantd found`, `enrol-…`, `suspend`, `leave`, `end`: what an operator does at the service it runs.

Each command speaks to one service, over its API, with the operator's own key. The two operators do the same at broker
and key holder, each for itself; docs/governance.md has the order.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

if TYPE_CHECKING:
    from clients.protocol.messages.base import Message
    from clients.sdk.operating import Operator

__all__ = ["mount"]

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
PersonId = Annotated[str, typer.Argument(metavar="NAME", help="What the person is enrolled as.")]
EnrolmentFile = Annotated[
    Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="What `covenant profile enrolment` printed.")
]


def _reason(given: str) -> str:
    if not 3 <= len(given) <= 500:
        raise typer.BadParameter("give 3 to 500 characters")
    return given


Reason = Annotated[str, typer.Option(help="One line for the audit log; names nobody.", callback=_reason)]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]

M = TypeVar("M", bound="Message")


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
        with _operating(url, issuer, key, name) as operator:
            operator.enrol_service(broker_enrolment(service, broker_issuer, public))
        _enrolled(service, public)

    @app.command()
    def enrol_administrator(
        covenant: CovenantId, file: EnrolmentFile, url: Url, key: Key, issuer: Issuer = None, name: Name = "operator"
    ) -> None:
        """Enrol an administrator, whose approval key counts at this service."""
        from clients.protocol.messages.keyholder import AdministratorEnrolment

        enrolment = _read(file, AdministratorEnrolment)
        with _operating(url, issuer, key, name) as operator:
            operator.enrol_administrator(covenant, enrolment)
        _enrolled(enrolment.administrator, enrolment.model_dump(mode="json", exclude_none=True))

    @app.command()
    def dismiss_administrator(
        covenant: CovenantId, person: PersonId, url: Url, key: Key, issuer: Issuer = None, name: Name = "operator"
    ) -> None:
        """Take back an administrator's enrolment: who left the job, or lost the key. The name is not used again."""
        with _operating(url, issuer, key, name) as operator:
            operator.dismiss_administrator(covenant, person)
        typer.echo(f"{person} is dismissed here")

    @app.command()
    def enrol_officer(
        covenant: CovenantId, file: EnrolmentFile, url: Url, key: Key, issuer: Issuer = None, name: Name = "operator"
    ) -> None:
        """Enrol a privacy officer, who advises on versions and reads the audit log."""
        from clients.protocol.messages.governance import OfficerEnrolment

        enrolment = _read(file, OfficerEnrolment)
        with _operating(url, issuer, key, name) as operator:
            operator.enrol_officer(covenant, enrolment)
        _enrolled(enrolment.officer, enrolment.model_dump(mode="json", exclude_none=True))

    @app.command()
    def dismiss_officer(
        covenant: CovenantId, person: PersonId, url: Url, key: Key, issuer: Issuer = None, name: Name = "operator"
    ) -> None:
        """Take back a privacy officer's enrolment."""
        with _operating(url, issuer, key, name) as operator:
            operator.dismiss_officer(covenant, person)
        typer.echo(f"{person} is dismissed here")

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
        approvals = tuple(_read(one, Approval) for one in approval)
        founding = Founding(document=file.read_bytes().decode("utf-8"), approvals=approvals)
        with _operating(url, issuer, key, name) as operator:
            founded = operator.found(founding)
        typer.echo(f"{founded.covenant_id} is founded with version {founded.version}")

    @app.command()
    def enrol_party(
        covenant: CovenantId, file: EnrolmentFile, url: Url, key: Key, issuer: Issuer = None, name: Name = "operator"
    ) -> None:
        """Enrol a party with its keys. At the broker, run `covenantd set-up` after the key holder has it too."""
        from clients.protocol.messages.keyholder import Enrolment

        enrolment = _read(file, Enrolment)
        with _operating(url, issuer, key, name) as operator:
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

        with _operating(url, issuer, key, name) as operator:
            operator.replace_keys(covenant, _read(file, Enrolment), reason)

    @app.command()
    def set_up(covenant: CovenantId, url: Url, key: Key, issuer: Issuer = None, name: Name = "operator") -> None:
        """At the broker: take in what the key holder has drawn: for new parties, and for scheduled versions."""
        with _operating(url, issuer, key, name) as operator:
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
        with _operating(url, issuer, key, name) as operator:
            operator.suspend(covenant, party, reason)
        typer.echo(f"{party} is suspended here; the other service has an operator of its own")

    @app.command()
    def reinstate(
        covenant: CovenantId, party: PartyId, url: Url, key: Key, issuer: Issuer = None, name: Name = "operator"
    ) -> None:
        """End a party's suspension."""
        with _operating(url, issuer, key, name) as operator:
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
        with _operating(url, issuer, key, name) as operator:
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
        with _operating(url, issuer, key, name) as operator:
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
        with _operating(url, issuer, key, name) as operator:
            operator.end(covenant, reason)
        typer.echo(f"{covenant} has ended: what this service held under it is destroyed; destroy its backups too")


@contextmanager
def _operating(url: str, issuer: str | None, key: Path, name: str) -> Iterator[Operator]:
    from clients.protocol import jws
    from clients.sdk.http import Conversation
    from clients.sdk.operating import Operator
    from clients.sdk.profile import read_key

    private_key = jws.private_key_from_pem(read_key(key))
    with Conversation(url, issuer or url, name, private_key, timeout=_LONGEST_ANSWER) as conversation:
        yield Operator(conversation)


def _read(file: Path, kind: type[M]) -> M:
    from pydantic import ValidationError

    try:
        return kind.model_validate_json(file.read_bytes())
    except ValidationError:
        raise typer.BadParameter(f"{file} is no {kind.__name__}") from None


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


def _confirm(question: str, answer: str, yes: bool) -> None:
    """Has the operator type what is about to be destroyed: a yes is typed too easily."""
    if not yes and typer.prompt(f"{question} Type {answer}") != answer:
        raise typer.Exit(1)
