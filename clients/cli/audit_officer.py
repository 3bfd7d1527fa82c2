"""`covenant audit citizen`, `findings`, `rules`, `reconcile`: what only a privacy officer does."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from clients.cli.audit_search import show_entries
from clients.cli.options import DEFAULT_PROFILE, JsonOption, ProfileOption, console, notes
from clients.cli.plain import plain
from clients.protocol.encoding import b64u_encode
from clients.protocol.messages.audit import AuditEntryMessage, MisuseFindings
from clients.protocol.reconciliation import reconcile
from clients.sdk.errors import ClientError
from clients.sdk.officer import Officer
from clients.sdk.reconciliation import read_lines
from covenant_rules.dates import add, amsterdam_date, amsterdam_midnight, amsterdam_time
from covenant_rules.shapes import parse_span

__all__ = ["register"]

DIFFERENCES = 2
"""Exit status where something was found: for whoever has it run every day."""

ADDRESS, PERSON = "An address", "Or a person"

DayOption = Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First day.")]
UntilOption = Annotated[datetime | None, typer.Option("--until", formats=["%Y-%m-%d"], help="Last day.")]


def register(app: typer.Typer) -> None:
    app.command()(citizen)
    app.command()(findings)
    app.command()(rules)
    app.command("reconcile")(reconcile_logs)


def citizen(
    bag_id: Annotated[str, typer.Option(help="BAG id of a nummeraanduiding.", rich_help_panel=ADDRESS)] = "",
    postcode: Annotated[str, typer.Option(help="As 3561 AB.", rich_help_panel=ADDRESS)] = "",
    house_number: Annotated[str, typer.Option(help="The number alone.", rich_help_panel=ADDRESS)] = "",
    house_letter: Annotated[str, typer.Option(rich_help_panel=ADDRESS)] = "",
    addition: Annotated[str, typer.Option(help="Huisnummertoevoeging.", rich_help_panel=ADDRESS)] = "",
    given_names: Annotated[str, typer.Option(help="All of them, in full.", rich_help_panel=PERSON)] = "",
    prefix: Annotated[str, typer.Option(help="Tussenvoegsel.", rich_help_panel=PERSON)] = "",
    family_name: Annotated[str, typer.Option(help="Without tussenvoegsel.", rich_help_panel=PERSON)] = "",
    birth_date: Annotated[str, typer.Option(help="YYYY-MM-DD.", rich_help_panel=PERSON)] = "",
    ask_bsn: Annotated[
        bool, typer.Option("--ask-bsn", help="Ask for a citizen service number, unseen.", rich_help_panel=PERSON)
    ] = False,
    query: Annotated[str, typer.Option(help="Further qualifiers, as `created:2026-01-01..`.")] = "",
    profile: ProfileOption = DEFAULT_PROFILE,
    as_json: JsonOption = False,
) -> None:
    """Find who looked at one address or person, for the citizen it is about. Under a quota, and on record.

    Neither service learns whom it is about: what you type is blinded before it leaves.
    """
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
    with Officer.open(profile) as officer:
        handles = officer.handles("person" if about_person else "address", person if about_person else address)
        found = list(officer.broker.entries(query, handles=list(handles.values())))
    mine = {"log-read", "log-exported", "subject-traced"}
    found = [entry for entry in found if entry.event not in mine]
    if as_json:
        document = {
            "handles": {match_key: b64u_encode(handle) for match_key, handle in handles.items()},
            "entries": [entry.model_dump(mode="json", exclude_none=True) for entry in found],
        }
        console.print_json(json.dumps(document))
        return
    show_entries(found, as_json=False)
    for entry in found:
        if (until := _confidential_until(entry)) is not None and until > _today():
            notes.print(f"Not to be told before {until}, when it ceases to be confidential: {entry.reference}")
    number = "1 entry" if len(found) == 1 else f"{len(found):,} entries"
    notes.print(f"{number} by {', '.join(handles)}. Officers' own searches are left out.")


def _confidential_until(entry: AuditEntryMessage) -> date | None:
    """The day from which a source is told of a disclosure; None if nothing keeps it from its source."""
    span = parse_span(str(entry.fields.get("sight", {}).get("confidential", "")))
    day = amsterdam_date(entry.at) if entry.at else None
    return None if span is None or day is None else add(day, span)


def findings(
    first: DayOption = None,
    last: UntilOption = None,
    profile: ProfileOption = DEFAULT_PROFILE,
    as_json: JsonOption = False,
) -> None:
    """Show signs of misuse and differences between the two logs; exit status 2 if there are any.

    Of the last four weeks, or the days given. A finding says that something is out of the ordinary, and nothing of
    anybody: look at its entries.
    """
    with Officer.open(profile) as officer:
        answer = officer.broker.findings(first.date() if first else None, last.date() if last else None)
    if as_json:
        console.print_json(answer.model_dump_json(exclude_none=True))
    else:
        _say_findings(answer)
    if answer.findings or answer.differences:
        raise typer.Exit(DIFFERENCES)


def _say_findings(answer: MisuseFindings) -> None:
    if not answer.findings:
        console.print(f"Nothing out of the ordinary from {answer.first} to {answer.last}.")
    for finding in answer.findings:
        console.print(f"[bold]{finding.rule}[/bold], {finding.first} to {finding.last}", soft_wrap=True)
        console.print(f"  {plain(finding.words)}", soft_wrap=True)
        handle = f" handle:{b64u_encode(finding.handle)}" if finding.handle else ""
        actor = f" actor:{finding.actor}" if finding.actor else ""
        days = f"created:{finding.first}..{finding.last}"
        console.print(f"  covenant audit list {days} party:{finding.party}{actor}{handle}", soft_wrap=True)
    for one in answer.differences:
        console.print(f"[bold]{one.kind}[/bold], {one.day}", soft_wrap=True)
        console.print(f"  {plain(one.words)} (grant {plain(one.grant)})", soft_wrap=True)
        if one.issued is not None:
            console.print(f"  covenant audit show {one.issued}", soft_wrap=True)
        for entry in one.used:
            console.print(f"  covenant audit show {entry} --key-holder", soft_wrap=True)
    if answer.compared_until is None:
        notes.print("The broker has not compared its log with the key holder's yet: it does so when a day is over.")
    else:
        notes.print(f"The broker compared its log with the key holder's up to {answer.compared_until}.")


def rules(
    set_: Annotated[
        Path | None,
        typer.Option("--set", help="TOML file with the rules to put in force.", exists=True, dir_okay=False),
    ] = None,
    profile: ProfileOption = DEFAULT_PROFILE,
) -> None:
    """Print the rules by which signs of misuse are found, or put others in force."""
    with Officer.open(profile) as officer:
        if set_ is not None:
            officer.broker.change_misuse_rules(set_.read_text("utf-8"))
            notes.print("In force. `covenant audit findings` uses them from now on.")
            return
        told = officer.broker.misuse_rules()
    typer.echo(told.document, nl=False)
    if told.changed_at is not None:
        notes.print(f"Changed by {told.changed_by} at {told.changed_at:%Y-%m-%d %H:%M}.")
    else:
        notes.print("As shipped.")


def reconcile_logs(
    first: DayOption = None,
    last: UntilOption = None,
    profile: ProfileOption = DEFAULT_PROFILE,
    as_json: JsonOption = False,
) -> None:
    """Compare both services' logs: every grant issued, every grant used; yesterday's, or of the days given.

    Exit status 2 if they differ. Have it run every day, by somebody who is neither operator's.
    """
    yesterday = _today() - timedelta(days=1)
    begin = first.date() if first else last.date() if last else yesterday
    end = last.date() if last else max(begin, yesterday)
    if end < begin:
        raise ClientError("the last day is before the first")
    around = f"created:{begin - timedelta(days=1)}..{end + timedelta(days=1)}"
    with Officer.open(profile) as officer:
        issued = read_lines(officer.broker.export(f"action:grant {around}"))
        used = read_lines(officer.key_holder.export(f"action:release {around}"))
    compared = reconcile(issued, used, amsterdam_midnight(begin), amsterdam_midnight(end + timedelta(days=1)))
    if as_json:
        document = {
            "first": begin.isoformat(),
            "last": end.isoformat(),
            "issued": compared.issued,
            "used": compared.used,
            "unused": compared.unused,
            "differences": [
                {"kind": one.kind, "grant": one.grant, "at": one.at.isoformat(), "words": one.words,
                 "issued": one.issued, "used": one.used}
                for one in compared.differences
            ],
        }  # fmt: skip
        console.print_json(json.dumps(document))
    else:
        days = str(begin) if begin == end else f"{begin} to {end}"
        console.print(
            f"{days}: {compared.issued:,} grants issued, {compared.used:,} used, {compared.unused:,} not used in time."
        )
        if not compared.differences:
            console.print("The two logs agree.")
        else:
            table = Table("when (Amsterdam)", "finding", "grant", "", box=None)
            for one in compared.differences:
                table.add_row(f"{amsterdam_time(one.at):%Y-%m-%d %H:%M:%S}", one.kind, one.grant, plain(one.words))
            console.print(table)
    if compared.differences:
        raise typer.Exit(DIFFERENCES)


def _today() -> date:
    today = amsterdam_date(datetime.now(UTC))
    if today is None:
        raise ClientError("this machine's clock shows no date")
    return today
