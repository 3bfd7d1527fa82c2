"""`covenant open` and `covenant look-up`: fields in the clear, verified, and questions that leave no signal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated
from uuid import UUID

import typer
from rich.table import Table

from clients.cli.options import DEFAULT_PROFILE, ActorOption, JsonOption, ProfileOption, console, notes, session
from clients.cli.plain import plain
from clients.protocol.messages.disclosure import Disclosure
from clients.sdk import ClientError, Session
from clients.sdk.opening import Opened


def register(app: typer.Typer) -> None:
    app.command("open")(open_fields)
    app.command("look-up")(look_up)


def open_fields(
    reference: Annotated[str, typer.Argument(help="Own reference of a record that has a hit.")],
    purpose: Annotated[str, typer.Option(help="For which purpose.")],
    stage: Annotated[str, typer.Option(help="At which stage.")] = "signal",
    profile: ProfileOption = DEFAULT_PROFILE,
    actor: ActorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Open every field of other parties' signals that the covenant lets us read about one of our records."""
    with session(profile, actor) as opened:
        signal_id = opened.journal.live_keys().get(opened.journal.record_key(reference))
        if signal_id is None:
            raise ClientError(f"there is no live signal of record '{reference}'")
        _show(opened, opened.disclose(signal_id, purpose, stage), None, as_json)


def look_up(
    purpose: Annotated[str, typer.Option(help="For which purpose.")],
    bag_id: Annotated[str, typer.Option(help="BAG id of a nummeraanduiding.")] = "",
    postcode: Annotated[str, typer.Option(help="Of an address, as 3561AB.")] = "",
    house_number: Annotated[str, typer.Option(help="Of an address.")] = "",
    house_letter: Annotated[str, typer.Option(help="Of an address, if it has one.")] = "",
    addition: Annotated[str, typer.Option(help="Of an address, if it has one.")] = "",
    given_names: Annotated[str, typer.Option(help="Of a person.")] = "",
    prefix: Annotated[str, typer.Option(help="Of a person: tussenvoegsel.")] = "",
    family_name: Annotated[str, typer.Option(help="Of a person.")] = "",
    birth_date: Annotated[str, typer.Option(help="Of a person, as YYYY-MM-DD.")] = "",
    ask_bsn: Annotated[bool, typer.Option("--ask-bsn", help="Ask for a citizen service number, unseen.")] = False,
    stage: Annotated[str, typer.Option(help="At which stage.")] = "signal",
    profile: ProfileOption = DEFAULT_PROFILE,
    actor: ActorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask about one address or person without registering a signal. Audited, under quota, where a rule allows it."""
    address = {
        "bag_id": bag_id,
        "postcode": postcode,
        "house_number": house_number,
        "house_letter": house_letter,
        "addition": addition,
    }
    person = {"given_names": given_names, "prefix": prefix, "family_name": family_name, "birth_date": birth_date}
    if ask_bsn:  # not an option's value: it would stay in the shell's history and in the list of processes
        person["bsn"] = typer.prompt("Citizen service number", hide_input=True)
    about_person = any(person.values())
    if about_person == any(address.values()):
        raise ClientError("give the identifiers of either an address or a person")
    kind = "person" if about_person else "address"
    with session(profile, actor) as opened:
        subject = opened.subject(kind, person if about_person else address)
        _show(opened, opened.look_up(kind, subject, purpose, stage), subject, as_json)


def _show(opened: Session, disclosure: Disclosure, subject: Mapping[str, bytes] | None, as_json: bool) -> None:
    fields: dict[UUID, list[Opened]] = {}
    for each in opened.open_fields(disclosure, subject):
        if isinstance(each, Opened):
            fields.setdefault(each.signal_id, []).append(each)
        else:
            notes.print(f"[yellow]not opened[/yellow] {plain(each.item)}: {plain(each.reason)}")
    if as_json:
        document = [
            {
                **hit.hit.model_dump(mode="json", exclude_none=True),
                "opened": {each.item: each.value for each in fields.get(hit.hit.signal_id, [])},
            }
            for hit in disclosure.hits
        ]
        told = disclosure.model_dump(mode="json", include={"decided_at", "leaf_promise"})
        console.print_json(json.dumps({"auditEntry": str(disclosure.audit_entry_id), **told, "hits": document}))
        return
    if not disclosure.hits:
        console.print("Nothing: nobody else has a signal here that the covenant lets you see.")
        return
    table = Table("source", "category", "day", "item", "content", "clause", box=None)
    for disclosed in disclosure.hits:
        hit = disclosed.hit
        shown = tuple(map(plain, (hit.source or "—", hit.category or "—", str(hit.day or "—"))))
        table.add_row(*shown, "hit", "", plain(hit.grounds["hit"][0].clause))
        for each in fields.get(hit.signal_id, []):
            table.add_row(*shown, *map(plain, (each.item, each.value, each.clause)))
    console.print(table)
    notes.print(f"Audit entry {disclosure.audit_entry_id}")
