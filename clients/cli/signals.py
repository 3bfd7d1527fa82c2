"""`covenant submit`, `affirm`, `signals`, `withdraw`: from a CSV file to submitted signals, and back."""

from __future__ import annotations

import csv
import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from clients.cli.options import DEFAULT_PROFILE, ActorOption, JsonOption, ProfileOption, console, notes, session
from clients.cli.plain import plain
from clients.sdk.processes import arithmetic_pool
from clients.sdk.reasons import in_words
from clients.sdk.records import COLUMNS, Record, RecordFile, Rejected
from clients.sdk.submission import Tally

POOL_FROM = 2000
"""Records from which the group arithmetic is spread over processes: below, starting them costs more than it saves."""


_COLUMNS = (
    f"Columns, of which the first five are needed: {', '.join(COLUMNS)}; and one for each sealed item of the covenant, "
    'such as note.gist. Lists within a cell are separated by spaces. A mapping has a table "columns" with lines like '
    'postcode = "PC6", and a table "constants" with lines like subject_kind = "address".'
)


class Reason(StrEnum):
    MISTAKEN = "mistaken"
    RESOLVED = "resolved"
    OBJECTION = "objection"
    NO_LONGER_NEEDED = "no-longer-needed"


def register(app: typer.Typer) -> None:
    app.command(epilog=_COLUMNS)(submit)
    app.command()(affirm)
    app.command()(signals)
    app.command()(withdraw)


def submit(
    file: Annotated[Path, typer.Argument(help="CSV file with one record a row.", exists=True, dir_okay=False)],
    mapping: Annotated[
        Path | None,
        typer.Option(help="TOML file that says what our columns are called in yours.", exists=True, dir_okay=False),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check every row and send nothing.")] = False,
    rejected: Annotated[
        Path | None, typer.Option(help="Where rows that give no signal are written; if not given, FILE.rejected.csv.")
    ] = None,
    affirm: Annotated[
        bool, typer.Option("--affirm", help="Submit again what was submitted under an earlier covenant version.")
    ] = False,
    profile: ProfileOption = DEFAULT_PROFILE,
    actor: ActorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Submit the records of a file: what is new or has changed since the last run. Safe to stop and to repeat.

    Exit status 2 if a row was rejected or a signal refused; the others are submitted all the same.
    """
    with session(profile, actor) as opened:
        records = opened.records(file, mapping)
        total = records.count()
        if records.ignored:
            notes.print(f"Columns nothing is made of: {', '.join(records.ignored)}")
        pool = arithmetic_pool() if total >= POOL_FROM and not dry_run and (os.cpu_count() or 1) > 1 else None
        faulty: list[Rejected] = []
        progress = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=notes
        )
        with progress, pool or nullcontext():
            opened.use(pool)
            task = progress.add_task("Checking" if dry_run else "Submitting", total=total)

            def good() -> Iterator[Record]:
                for record in records:
                    if isinstance(record, Rejected):
                        faulty.append(record)
                        progress.advance(task)
                    else:
                        yield record

            if dry_run:
                tally = Tally()
                for _ in good():
                    tally.new += 1
                    progress.advance(task)
            else:
                tally = opened.submit(good(), lambda count: progress.advance(task, count), affirm=affirm)
    target = rejected or file.with_name(file.name + ".rejected.csv")
    if faulty:
        _write_rejected(target, records, faulty)
    _report(tally, faulty, target, dry_run, as_json)
    if faulty or tally.refused:
        raise typer.Exit(2)


def affirm(profile: ProfileOption = DEFAULT_PROFILE, actor: ActorOption = None, as_json: JsonOption = False) -> None:
    """Submit again, from our own journal, what came under an earlier covenant version than the one in force.

    An item is shown only where both versions permit it: under a wider version others see more of our signals once we
    have affirmed them. Read first what the version changes. Safe to stop and to repeat.
    """
    with session(profile, actor) as opened:
        total = len(opened.journal.live_under_others(opened.agreement.covenant.version))
        pool = arithmetic_pool() if total >= POOL_FROM and (os.cpu_count() or 1) > 1 else None
        progress = Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), console=notes)
        with progress, pool or nullcontext():
            opened.use(pool)
            task = progress.add_task("Affirming", total=total)
            tally = opened.affirm(lambda count: progress.advance(task, count))
    if as_json:
        console.print_json(json.dumps(asdict(tally)))
    else:
        console.print(f"{tally.changed} affirmed, {tally.resumed} resumed, {len(tally.refused)} left as they were")
        _say_tokenised_again(tally)
        for reference, faults in tally.refused[:20]:
            console.print(plain(f"  {reference}: " + "; ".join(f"{fault.detail} ({fault.code})" for fault in faults)))
    if tally.refused:
        raise typer.Exit(2)


def _say_tokenised_again(tally: Tally) -> None:
    if tally.tokenised_again:
        console.print(f"{tally.tokenised_again} tokenised again: the key holder has rotated a key of ours meanwhile")


def _write_rejected(target: Path, records: RecordFile, faulty: list[Rejected]) -> None:
    with target.open("w", encoding="utf-8", newline="") as stream:
        os.chmod(target, 0o600)  # rows hold identifiers
        writer = csv.DictWriter(stream, [*records.header, "row", "column", "reason"], extrasaction="ignore")
        writer.writeheader()
        for each in faulty:
            place = {"row": each.error.row, "column": each.error.field, "reason": each.error.code}
            writer.writerow({**each.original, **place})


def _report(tally: Tally, faulty: list[Rejected], target: Path, dry_run: bool, as_json: bool) -> None:
    if as_json:
        console.print_json(json.dumps({**asdict(tally), "rejected": len(faulty), "dry_run": dry_run}))
        return
    done = "would be submitted" if dry_run else "new"
    console.print(
        f"{tally.new} {done}, {tally.changed} changed, {tally.unchanged} unchanged, {tally.resumed} resumed, "
        f"{len(faulty)} rejected here, {len(tally.refused)} refused by the broker"
    )
    _say_tokenised_again(tally)
    for (column, code), count in Counter((each.error.field, each.error.code) for each in faulty).most_common():
        console.print(plain(f"  {count} × {in_words(column, code)} [{code}]"))
    if faulty:
        console.print(f"Rejected rows, with the reason, are in {target}")
    for reference, faults in tally.refused[:20]:
        console.print(plain(f"  {reference}: " + "; ".join(f"{fault.detail} ({fault.code})" for fault in faults)))


def signals(profile: ProfileOption = DEFAULT_PROFILE, actor: ActorOption = None, as_json: JsonOption = False) -> None:
    """List this party's own signals as the broker holds them, with the record each stands for."""
    with session(profile, actor) as opened:
        found = list(opened.own_signals())
        references = {
            s.signal_id: e.record.get("reference", "") for s in found if (e := opened.journal.entry(s.signal_id))
        }
    if as_json:
        told = [{"record": references.get(s.signal_id), **s.model_dump(mode="json")} for s in found]
        console.print_json(json.dumps(told))
        return
    if not found:
        console.print("No signals yet. `covenant submit FILE.csv` submits the first.")
        return
    table = Table("record", "signal", "category", "day", "purposes", "state", box=None)
    for s in found:
        reference = references.get(s.signal_id, "?")
        table.add_row(plain(reference), str(s.signal_id), s.category, str(s.day), " ".join(s.purposes), s.state)
    console.print(table)


def withdraw(
    references: Annotated[list[str], typer.Argument(help="Own references of the records to withdraw.")],
    reason: Annotated[Reason, typer.Option(help="Why.")] = Reason.MISTAKEN,
    profile: ProfileOption = DEFAULT_PROFILE,
    actor: ActorOption = None,
) -> None:
    """Withdraw the signals of records. What others saw of them stays in the log; they see it no longer."""
    with session(profile, actor) as opened:
        live = opened.journal.live_keys()
        wanted = {reference: live.get(opened.journal.record_key(reference)) for reference in references}
        count = opened.withdraw([signal_id for signal_id in wanted.values() if signal_id], reason.value)
    console.print(f"{count} withdrawn")
    unknown = [reference for reference, signal_id in wanted.items() if signal_id is None]
    if unknown:
        notes.print(f"No live signal for: {', '.join(unknown)}")
        raise typer.Exit(2)
