"""`covenant ask-release`, `releases`, `approvals`: what others do before something opens, and what we do for them."""

from __future__ import annotations

import json
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.table import Table

from clients.cli.options import DEFAULT_PROFILE, ActorOption, JsonOption, ProfileOption, console, notes, session
from clients.cli.plain import plain
from clients.protocol.messages.conditions import RefusalReason, RequestedRelease
from clients.sdk import ClientError, Session

releases = typer.Typer(name="releases", help="Answer whoever asks for signals of ours.", no_args_is_help=True)
approvals = typer.Typer(name="approvals", help="Approve of what rules make depend on us.", no_args_is_help=True)

RecordArgument = Annotated[str, typer.Argument(help="Own reference of a record.", metavar="RECORD")]
PurposeOption = Annotated[str, typer.Option(help="For which purpose.")]


def register(app: typer.Typer) -> None:
    app.command("ask-release")(ask_release)
    app.add_typer(releases)
    app.add_typer(approvals)


def ask_release(
    reference: RecordArgument,
    purpose: PurposeOption,
    stage: Annotated[str, typer.Option(help="At which stage.")] = "signal",
    profile: ProfileOption = DEFAULT_PROFILE,
    actor: ActorOption = None,
) -> None:
    """Ask sources to release what waits for them on the subject of a record. Nobody tells us whether there is any."""
    with session(profile, actor) as opened:
        asked = opened.conditions.ask_release(_signal_of(opened, reference), purpose, stage)
    console.print(f"Asked until {asked.expires_at:%Y-%m-%d}. What is released appears in `covenant hits`.")


@releases.command("list")
def list_requests(
    everything: Annotated[bool, typer.Option("--all", help="Also what was answered or has lapsed.")] = False,
    profile: ProfileOption = DEFAULT_PROFILE,
    actor: ActorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what we are asked to release, beside the record of ours that it is about."""
    with session(profile, actor) as opened:
        found = list(opened.conditions.requests(None if everything else "pending"))
        records = {one.signal_id: _record_of(opened, one.signal_id) for one in found}
    if as_json:
        console.print_json(json.dumps([_plain(one, records[one.signal_id]) for one in found]))
        return
    if not found:
        console.print("Nothing: nobody asks for a signal of yours now.")
        return
    table = Table("our record", "asked by", "purpose", "items", "state", "until", "reminded", "request", box=None)
    for one in found:
        table.add_row(
            plain(records[one.signal_id] or "?"),
            plain(one.party or f"a party of kind {one.kind}"),
            plain(one.purpose),
            plain(" ".join(one.items)),
            f"{one.state} ({one.reason})" if one.reason else one.state,
            f"{one.expires_at:%Y-%m-%d}",
            f"{one.reminded_at:%Y-%m-%d}" if one.reminded_at else "—",
            str(one.request_id),
        )
    console.print(table)
    console.print(
        "`covenant releases answer REQUEST --release`, or `--refuse REASON`; a later answer replaces this one."
    )


@releases.command("answer")
def answer_request(
    request: Annotated[UUID, typer.Argument(help="Id of the request, from `covenant releases list`.")],
    release: Annotated[bool, typer.Option("--release", help="Let the party that asks see it.")] = False,
    refuse: Annotated[
        RefusalReason | None,
        typer.Option(help="Do not, or no longer. The reason is on record; the asker never hears it."),
    ] = None,
    profile: ProfileOption = DEFAULT_PROFILE,
    actor: ActorOption = None,
) -> None:
    """Release a signal of ours, or refuse. Refusing what was released takes it back at once."""
    if release == (refuse is not None):
        raise ClientError("say either --release or --refuse REASON")
    with session(profile, actor) as opened:
        told = opened.conditions.release(request) if refuse is None else opened.conditions.refuse(request, refuse)
    console.print(told.state)


@approvals.command("give")
def give(
    reference: RecordArgument,
    purpose: PurposeOption,
    profile: ProfileOption = DEFAULT_PROFILE,
    actor: ActorOption = None,
) -> None:
    """Approve of a purpose on the subject of a record of ours."""
    with session(profile, actor) as opened:
        given = opened.conditions.approve(_signal_of(opened, reference), purpose)
    console.print(str(given.approval_id))
    notes.print("It holds while we have a live signal on the subject; `covenant approvals take-back` ends it at once.")


@approvals.command("list")
def list_approvals(
    profile: ProfileOption = DEFAULT_PROFILE, actor: ActorOption = None, as_json: JsonOption = False
) -> None:
    """Show our approvals."""
    with session(profile, actor) as opened:
        given = opened.conditions.approvals()
        records = {one.anchor_signal_id: _record_of(opened, one.anchor_signal_id) for one in given}
    if as_json:
        console.print_json(json.dumps([one.model_dump(mode="json") for one in given]))
        return
    table = Table("our record", "purpose", "given", "approval", box=None)
    for one in given:
        record = records[one.anchor_signal_id] or "?"
        table.add_row(record, one.purpose, f"{one.given_at:%Y-%m-%d}", str(one.approval_id))
    console.print(table if given else "No approvals.")


@approvals.command("take-back")
def take_back(
    approval: Annotated[UUID, typer.Argument(help="Id of the approval, from `covenant approvals list`.")],
    profile: ProfileOption = DEFAULT_PROFILE,
    actor: ActorOption = None,
) -> None:
    """End an approval of ours at once."""
    with session(profile, actor) as opened:
        opened.conditions.take_back(approval)
    console.print("taken back")


def _signal_of(opened: Session, reference: str) -> UUID:
    signal_id = opened.journal.live_keys().get(opened.journal.record_key(reference))
    if signal_id is None:
        raise ClientError(f"there is no live signal of record '{reference}'")
    return signal_id


def _record_of(opened: Session, signal_id: UUID) -> str | None:
    entry = opened.journal.entry(signal_id)
    return entry.record.get("reference") if entry else None


def _plain(one: RequestedRelease, record: str | None) -> dict[str, Any]:
    return {"record": record, **one.model_dump(mode="json", exclude_none=True)}
