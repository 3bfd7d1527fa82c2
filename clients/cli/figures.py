"""`covenant rules replay` and `covenant figures`: numbers about many subjects, and never about one."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from clients.cli.options import DEFAULT_PROFILE, ActorOption, JsonOption, ProfileOption, console, conversations, notes
from clients.cli.plain import plain
from clients.cli.rules import MISTAKEN, CovenantFile
from clients.cli.rules_view import show_findings
from clients.protocol.messages.figures import AreaFigures, ReplayAnswer, ReplayRow
from clients.sdk.governing import Governing
from clients.sdk.services import Broker
from covenant_rules.diagnostics import Severity
from covenant_rules.lint import lint_document
from covenant_rules.load import read_covenant


def register(app: typer.Typer, rules: typer.Typer) -> None:
    app.command()(figures)
    rules.command()(replay)


def replay(file: CovenantFile, profile: ProfileOption = DEFAULT_PROFILE, as_json: JsonOption = False) -> None:
    """Count what a draft would newly show or hide on the signals there are. For administrators and officers.

    Asks the broker, which keeps no copy of the draft but puts on record that you asked. Exit code 2 for a draft with
    mistakes, 1 where the broker refuses.
    """
    document = file.read_bytes()
    read = read_covenant(document, file.name)
    findings = lint_document(read, file.name)
    if read.covenant is None or any(finding.severity is Severity.ERROR for finding in findings):
        show_findings(findings, document)
        raise typer.Exit(MISTAKEN)
    with Governing.open(profile) as opened, notes.status("The broker decides every question anew; it may take minutes"):
        answer = opened.replay(document)
    if as_json:
        console.print_json(answer.model_dump_json(exclude_none=True))
    else:
        _show_replay(answer)


def figures(
    purpose: Annotated[str, typer.Option(help="The purpose that the signals serve.")],
    profile: ProfileOption = DEFAULT_PROFILE,
    actor: ActorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how much there was of what in the area, month by month; for kinds of party that `statistics.to` names."""
    covenant, conversation, _ = conversations(profile, actor)
    answer = Broker(conversation, covenant).figures(purpose)
    if as_json:
        console.print_json(answer.model_dump_json(exclude_none=True))
    else:
        _show_figures(answer)


def _show_replay(answer: ReplayAnswer) -> None:
    told = [row for row in answer.rows if row.gained or row.lost or row.kept]
    if told:
        table = Table(box=SIMPLE_HEAD, pad_edge=False)
        for heading in ("purpose", "who sees", "whose signals", "about"):
            table.add_column(heading, overflow="fold")
        for heading in ("newly", "no longer", "as before"):
            table.add_column(heading, justify="right")
        for row in sorted(told, key=_greatest_change):
            words = map(plain, (row.purpose, row.to_kind, row.from_kind, row.category))
            table.add_row(*words, *(f"{number:,}" if number else "·" for number in (row.gained, row.lost, row.kept)))
        console.print(table)
    less = f"fewer than {answer.minimum} or none"
    console.print(
        f"How many addresses or persons, rounded down to a multiple of {answer.minimum}; · is {less}.", soft_wrap=True
    )
    if silent := len(answer.rows) - len(told):
        console.print(f"Lines left out, in which every number is {less}: {silent}.", soft_wrap=True)
    console.print(
        "Counted as if the draft were in force and every signal affirmed under it; stages after the first are not "
        "counted, nor are look-ups. For everything the draft could ever show: `covenant rules diff`.",
        soft_wrap=True,
    )


def _greatest_change(row: ReplayRow) -> tuple[int, int, str, str, str, str]:
    """What is newly shown first."""
    return -(row.gained or 0), -(row.lost or 0), row.purpose, row.to_kind, row.from_kind, row.category


def _show_figures(answer: AreaFigures) -> None:
    if not answer.figures:
        console.print(f"Nothing yet: no month that is over had {answer.minimum} subjects in any category.")
        return
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for heading in ("month", "category"):
        table.add_column(heading)
    for heading in ("signals", "subjects"):
        table.add_column(heading, justify="right")
    for one in answer.figures:
        table.add_row(one.month, plain(one.category), f"{one.signals:,}", f"{one.subjects:,}")
    console.print(table)
    console.print(
        f"Each is rounded down to a multiple of the minimum; what is not there is fewer than {answer.minimum} subjects "
        "or none. A month is drawn up once, when a week has passed since.",
        soft_wrap=True,
    )
