"""`covenant audit list`, `show`, `facets`, `counts`, `export`: what is in a log, for whoever may see it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from itertools import dropwhile, islice
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.table import Table

from clients.cli.options import DEFAULT_PROFILE, ActorOption, JsonOption, ProfileOption, console, conversations, notes
from clients.cli.plain import plain
from clients.protocol.messages.audit import AuditEntryMessage
from clients.sdk.audit_log import AuditLog, PartyList
from clients.sdk.errors import ClientError
from covenant_rules.dates import amsterdam_time

__all__ = ["register", "show_entries"]

QueryArgument = Annotated[
    list[str] | None,
    typer.Argument(
        help="Qualifiers, as action:disclosure created:2026-11-01..2026-11-22 party:police. There are action: event: "
        "created: party: actor: purpose: outcome: rule: source: signal: handle:",
        show_default=False,
    ),
]
KeyHolderOption = Annotated[bool, typer.Option("--key-holder", help="The key holder's log instead of the broker's.")]


class Bucket(StrEnum):
    DAY = "day"
    WEEK = "week"


class Form(StrEnum):
    JSONL = "jsonl"
    CSV = "csv"
    LOGBOEK = "logboek"


class Listed(StrEnum):
    OWN = "own"
    SOURCE = "source"
    COVENANT = "covenant"


def register(app: typer.Typer) -> None:
    app.command("list")(list_entries)
    app.command()(show)
    app.command()(facets)
    app.command()(counts)
    app.command()(export)


@contextmanager
def _log(profile: Path, key_holder: bool, actor: str | None = None) -> Iterator[AuditLog]:
    """One service's log, for the officer or party whose profile it is."""
    covenant, broker, holder = conversations(profile, actor)
    with broker, holder:
        yield AuditLog(holder if key_holder else broker, covenant)


def list_entries(
    query: QueryArgument = None,
    limit: Annotated[int, typer.Option(min=1, help="The most entries to show.")] = 50,
    listed: Annotated[
        Listed | None,
        typer.Option("--list", help="For parties: own acts, where partners saw own signals, or what every party sees."),
    ] = None,
    key_holder: KeyHolderOption = False,
    profile: ProfileOption = DEFAULT_PROFILE,
    actor: ActorOption = None,
    as_json: JsonOption = False,
) -> None:
    """List entries of the log, the newest first, that fit every qualifier. Reading is on record too."""
    with _log(profile, key_holder, actor) as log:
        named: PartyList | None = listed.value if listed else None
        entries = log.entries(" ".join(query or ()), listed=named, page=min(limit + 1, 500))
        found = list(islice(entries, limit + 1))
    show_entries(found[:limit], as_json)
    if len(found) > limit and not as_json:
        notes.print(f"There are more than these {limit:,}: give a larger --limit, or narrower qualifiers.")
    if listed is Listed.SOURCE and not as_json:
        notes.print(
            "Today's are listed from tomorrow on, unless a rule tells their time; confidential ones, once lifted."
        )


def show_entries(entries: list[AuditEntryMessage], as_json: bool) -> None:
    """Entries as a table, or as JSON."""
    if as_json:
        console.print_json(json.dumps([entry.model_dump(mode="json", exclude_none=True) for entry in entries]))
        return
    if not entries:
        console.print("No entries: the log has nothing that fits, or nothing that you may see.")
        return
    table = Table("when (Amsterdam)", "event", "who", "employee", "purpose", "outcome", "entry", box=None)
    for entry in entries:
        local = amsterdam_time(entry.at) if entry.at else None
        when = f"{local:%Y-%m-%d %H:%M:%S}" if local else str(entry.day or "—")
        fields = entry.fields
        outcome = fields.get("reason") if entry.event.endswith("-refused") else fields.get("outcome")
        cells = (fields.get("party") or fields.get("principal"), fields.get("actor"), fields.get("purpose"), outcome)
        shown = (plain(str(cell)) if cell else "—" for cell in cells)
        table.add_row(when, entry.event, *shown, str(entry.reference))
    console.print(table)


def show(
    reference: Annotated[UUID, typer.Argument(help="The entry, from `covenant audit list`.")],
    receipt: Annotated[
        Path | None,
        typer.Option(help="Write the entry with its proof here, for `covenant audit verify`.", dir_okay=False),
    ] = None,
    key_holder: KeyHolderOption = False,
    profile: ProfileOption = DEFAULT_PROFILE,
    actor: ActorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one entry as far as you may see it, and keep what proves it."""
    with _log(profile, key_holder, actor) as log:
        proved = log.entry(reference)
    if receipt is not None:
        _write(receipt, iter([proved.model_dump_json(exclude_none=True).encode() + b"\n"]))
    if as_json:
        console.print_json(proved.model_dump_json(exclude_none=True))
        return
    entry = proved.entry
    table = Table("field", "value", box=None)
    local = amsterdam_time(entry.at) if entry.at else None
    at = f"{local:%Y-%m-%d %H:%M:%S} in Amsterdam, {entry.at:%H:%M:%S.%f} UTC" if local else None
    for name, value in (("event", entry.event), ("at", at), ("day", entry.day), ("place", entry.leaf_index)):
        if value is not None:
            table.add_row(name, plain(str(value)))
    for name, value in sorted(entry.fields.items()):
        table.add_row(name, plain(_text(value)))
    console.print(table)
    if proved.proof is None:
        notes.print("Its place is not witnessed yet: ask again in a moment for the proof.")


def facets(
    query: QueryArgument = None,
    key_holder: KeyHolderOption = False,
    profile: ProfileOption = DEFAULT_PROFILE,
    as_json: JsonOption = False,
) -> None:
    """Count what the entries consist of, of the last 92 days or those of created:. For officers."""
    with _log(profile, key_holder) as log:
        answer = log.facets(" ".join(query or ()))
    if as_json:
        console.print_json(answer.model_dump_json(exclude_none=True))
        return
    since = answer.first or "the beginning"
    console.print(f"{answer.total:,} entries from {since} to {answer.last}")
    for name, values in answer.facets.items():
        table = Table(name, "entries", box=None)
        for value in values:
            table.add_row(plain(value.value), f"{value.count:,}")
        if values:
            console.print(table)


def counts(
    query: QueryArgument = None,
    bucket: Annotated[Bucket, typer.Option(help="Days, or weeks from Monday.")] = Bucket.DAY,
    key_holder: KeyHolderOption = False,
    profile: ProfileOption = DEFAULT_PROFILE,
    as_json: JsonOption = False,
) -> None:
    """Count entries over time, of the last 92 days or those of created:. For officers."""
    with _log(profile, key_holder) as log:
        answer = log.counts(" ".join(query or ()), bucket.value)
    if as_json:
        console.print_json(answer.model_dump_json(exclude_none=True))
        return
    most = max((count.entries for count in answer.counts), default=0)
    if not most:
        console.print("No entries on these days.")
        return
    table = Table("from", "entries", "refused", "", box=None)
    for count in dropwhile(lambda count: not count.entries, answer.counts):
        table.add_row(str(count.start), f"{count.entries:,}", f"{count.refused:,}", "█" * (40 * count.entries // most))
    console.print(table)


def export(
    output: Annotated[Path, typer.Argument(help="The file to write; - for standard output.", allow_dash=True)],
    query: QueryArgument = None,
    form: Annotated[Form, typer.Option("--format", help="JSON Lines, CSV, or Logboek Dataverwerkingen.")] = Form.JSONL,
    key_holder: KeyHolderOption = False,
    profile: ProfileOption = DEFAULT_PROFILE,
) -> None:
    """Export every entry that fits, the oldest first. For officers, who erase it when the entries' time is over."""
    with _log(profile, key_holder) as log:
        pieces = log.export(" ".join(query or ()), form.value)
        if str(output) == "-":
            for piece in pieces:
                typer.echo(piece.decode(), nl=False)
            return
        size = _write(output, pieces)
    notes.print(f"{size:,} bytes in {output}, readable by you alone. Erase it when the entries' time is over.")


def _write(path: Path, pieces: Iterator[bytes]) -> int:
    """A new file that only its owner can read; returns its size. What breaks off leaves none."""
    if path.exists():
        raise ClientError(f"{path} is there already")
    first = next(pieces, b"")  # a refusal comes before anything is written
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            size = file.write(first)
            for piece in pieces:
                size += file.write(piece)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return size


def _text(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return " ".join(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
