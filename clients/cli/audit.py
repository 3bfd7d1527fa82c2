"""`covenant audit`: the log of what was asked and shown, for officers and for whoever wants to check it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from clients.cli.options import DEFAULT_PROFILE, JsonOption, ProfileOption, console, conversations, notes
from clients.cli.plain import plain
from clients.protocol.checkpoint import LogKey, WitnessKey
from clients.protocol.encoding import b64u_encode
from clients.sdk.errors import ClientError, VerificationError
from clients.sdk.log_copy import LogCopy, copy_log
from clients.sdk.log_keys import agreed_keys, read_keys, told_keys
from clients.sdk.services import Broker, KeyHolder
from clients.sdk.verify_log import verify_log
from clients.sdk.verify_receipt import read_receipt, verify_receipt

app = typer.Typer(help="Read the log of what was asked and shown, copy it, and prove it.", no_args_is_help=True)

KeysOption = Annotated[
    Path | None,
    typer.Option(
        "--keys",
        help="log.json with the keys you trust; for a copy, without, the keys that came with it.",
        exists=True,
        dir_okay=False,
    ),
]


@app.command()
def copy(
    directory: Annotated[Path, typer.Argument(help="New directory for the copy.", file_okay=False)],
    key_holder: Annotated[bool, typer.Option("--key-holder", help="The key holder's log, not the broker's.")] = False,
    hashes: Annotated[
        bool, typer.Option("--hashes", help="No entries: everyone who takes part may copy these.")
    ] = False,
    profile: ProfileOption = DEFAULT_PROFILE,
) -> None:
    """Copy a whole log, to be verified without asking anybody. Entries are copied for officers only."""
    covenant, broker, holder = conversations(profile)
    with broker, holder, _progress() as bar:
        told = KeyHolder(holder, covenant)
        keys = told_keys(told) if key_holder else agreed_keys(profile, Broker(broker, covenant), told)
        task = bar.add_task("entries", total=None)
        copy_log(
            directory,
            holder if key_holder else broker,
            covenant,
            keys,
            entries=not hashes,
            progress=lambda done, size: bar.update(task, completed=done, total=size),
        )
    notes.print(f"Copied to {directory}. `covenant audit verify {directory}` checks it, now or in ten years.")


@app.command()
def verify(
    path: Annotated[Path, typer.Argument(help="A copy of a log, or the receipt of one entry.", exists=True)],
    keys: KeysOption = None,
    earlier: Annotated[
        list[Path] | None,
        typer.Option(
            help="A head you kept from before (a file `checkpoint`); may be given more than once.", exists=True
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check a copy of a log, or one receipt, offline, and say in words what that proves.

    Ends with status 0 if all of it holds, 2 if something does not, and 1 if there was nothing that could be checked.
    """
    if earlier and not path.is_dir():
        raise ClientError("earlier heads are compared with a copy, not with a receipt")
    try:
        if path.is_dir():
            _verify_copy(path, keys, earlier or [], as_json)
        else:
            _verify_receipt(path, keys, as_json)
    except VerificationError as error:
        if as_json:
            console.print_json(json.dumps({"proved": False, "reason": str(error)}))
        else:
            notes.print(f"[red]not proved:[/red] {plain(str(error))}", soft_wrap=True)
        raise typer.Exit(2) from None


def _verify_copy(directory: Path, keys: Path | None, earlier: list[Path], as_json: bool) -> None:
    log, witness = read_keys(keys or directory / "log.json")
    kept = [note.read_text("utf-8") for note in earlier]
    with _progress() as bar:
        task = bar.add_task("entries", total=None)
        report = verify_log(
            LogCopy(directory), log, witness, kept, lambda done, size: bar.update(task, completed=done, total=size)
        )
    if as_json:
        said = {"proved": True, "origin": report.head.origin, "size": report.head.size, "entries": report.entries}
        erased = [{"version": e.version, "until": e.until.isoformat(), "entries": e.entries} for e in report.erased]
        console.print_json(json.dumps(said | {"erased": erased, "words": report.words()}))
        return
    _say(report.words(), log, witness, trusted=keys is not None)


def _verify_receipt(path: Path, keys: Path | None, as_json: bool) -> None:
    if keys is None:
        raise ClientError("give the keys of the log and its witness with --keys (the log.json of any copy)")
    log, witness = read_keys(keys)
    report = verify_receipt(read_receipt(path.read_bytes()), log, witness)
    if as_json:
        said = {"proved": True, "index": report.index, "fields": report.fields, "words": report.words()}
        console.print_json(json.dumps(said))
        return
    for name, value in sorted(report.fields.items()):
        console.print(f"  {plain(name)}: {plain(json.dumps(value, ensure_ascii=False))}")
    _say(report.words(), log, witness, trusted=True)


def _say(words: list[str], log: LogKey, witness: WitnessKey | None, *, trusted: bool) -> None:
    for sentence in words:
        console.print(f"· {plain(sentence)}")
    if not trusted:
        named = [(log.origin, log.public_key)] + ([] if witness is None else [(witness.name, witness.public_key)])
        notes.print("The keys came with the copy. Compare them with what their operators published:")
        for name, key in named:
            notes.print(f"  {b64u_encode(key)}  {plain(name)}", soft_wrap=True)


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=notes, transient=True)
