"""`covenant rules`: read, check, question and compare covenants. Needs no profile, no network and no broker.

All but `replay`, which asks the broker and stands in `figures`.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from textwrap import indent
from typing import Annotated

import typer
from rich.markup import escape

from clients.cli.options import JsonOption, LanguageOption, console, notes, spoken
from clients.cli.rules_difference import lets_see_more, show_difference
from clients.cli.rules_view import items_of, show_answer, show_findings, show_matrix, show_summary
from covenant_rules.catalogue import explain_code
from covenant_rules.diagnostics import Diagnostic, Severity, did_you_mean, quoted
from covenant_rules.diff import diff as compare
from covenant_rules.explain import for_source, render
from covenant_rules.lint import lint_document
from covenant_rules.load import check_document, read_covenant
from covenant_rules.matrix import Matrix
from covenant_rules.model import Covenant, Signal
from covenant_rules.queries import can as ask
from covenant_rules.schema import schema_text

app = typer.Typer(name="rules", help="Check, question and compare covenants.", no_args_is_help=True)

FILE = typer.Argument(help="The covenant, a YAML file.", exists=True, dir_okay=False, readable=True, metavar="FILE")
CovenantFile = Annotated[Path, FILE]
HERE = Path("covenant.yaml")
"""What is read where no file is named."""

NO = 1
"""Exit code of a command whose answer is that something is wrong."""
MISTAKEN = 2
"""Exit code of a command that could not be carried out as it was asked."""


@app.command()
def check(file: CovenantFile = HERE, as_json: JsonOption = False) -> None:
    """Say everything that is wrong with a covenant, and what to write instead. Exit code 1 if there is an error."""
    source = file.read_bytes()
    document = read_covenant(source, file.name)
    findings = lint_document(document, file.name)
    if as_json:
        sys.stdout.write(json.dumps([_as_json(finding) for finding in findings], indent=2) + "\n")
    else:
        show_findings(findings, source)
        if document.covenant is not None:
            show_summary(document.covenant)
    if any(finding.severity is Severity.ERROR for finding in findings):
        raise typer.Exit(NO)


@app.command()
def matrix(
    file: CovenantFile = HERE,
    *,
    purpose: Annotated[str, typer.Option(help="Only this purpose.")] = "",
    from_: Annotated[str, typer.Option("--from", help="Only this kind as the source.")] = "",
    to: Annotated[str, typer.Option("--to", help="Only this kind as the viewer.")] = "",
    as_csv: Annotated[bool, typer.Option("--csv", help="One line for each cell and item.")] = False,
) -> None:
    """Show everything the rules could ever show to anybody. Conditions only narrow it."""
    covenant = _read(file)
    _refuse_unknown((purpose, "purpose", covenant.purposes), *((kind, "kind", covenant.kinds) for kind in (from_, to)))
    wanted = ((purpose, "purpose"), (from_, "from_kind"), (to, "to_kind"))
    cells = [
        (cell, items_of(covenant, mask))
        for cell, mask in Matrix(covenant).cells()
        if all(not word or getattr(cell, axis) == word for word, axis in wanted)
    ]
    if as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(("purpose", "stage", "from", "to", "category", "item"))
        writer.writerows((*cell, item) for cell, items in cells for item in items)
    else:
        show_matrix(covenant, cells)


@app.command()
def can(
    file: CovenantFile = HERE,
    *,
    from_: Annotated[str, typer.Option("--from", help="Kind of the source.")],
    to: Annotated[str, typer.Option("--to", help="Kind of the viewer.")],
    item: Annotated[str, typer.Option(help="`hit`, `source`, `note.gist` and so on; `note` is any of it.")],
    purpose: Annotated[str, typer.Option(help="Only for this purpose.")] = "",
    stage: Annotated[str, typer.Option(help="Only at this stage.")] = "",
    category: Annotated[str, typer.Option(help="Only about this category.")] = "",
) -> None:
    """Ask whether a kind of party can ever see an item of another's signals. Exit code 1 if never."""
    covenant = _read(file)
    if item in covenant.fields:  # whoever sees anything of a field sees its coarsest variant
        item = f"{item}.{covenant.fields[item].variants[0]}"
    _refuse_unknown(
        (from_, "kind", covenant.kinds),
        (to, "kind", covenant.kinds),
        (item, "item", covenant.items),
        (purpose, "purpose", covenant.purposes),
        (stage, "stage", covenant.stages),
        (category, "category", covenant.categories),
    )
    answer = ask(
        covenant,
        from_=from_,
        to=to,
        item=item,
        purpose=purpose or None,
        stage=stage or None,
        category=category or None,
    )
    show_answer(covenant, answer, item)
    if not answer.allowed:
        raise typer.Exit(NO)


@app.command()
def who(
    file: CovenantFile = HERE,
    *,
    party: Annotated[str, typer.Option(help="The party whose signal it is.")],
    category: Annotated[str, typer.Option(help="What the signal says.")],
    code: Annotated[list[str] | None, typer.Option(help="A handling code that it carries; may be repeated.")] = None,
    lang: LanguageOption = None,
) -> None:
    """Tell a source who may ever see what of such a signal, by which clause, basis and condition."""
    covenant = _read(file)
    codes = frozenset(code or ())
    _refuse_unknown(
        (party, "party", covenant.parties),
        (category, "category", covenant.categories),
        *((one, "handling code", covenant.handling_codes) for one in sorted(codes)),
    )
    first, everything = covenant.valid_from, frozenset(covenant.purposes)
    signal = Signal(category, party, category, first, everything, covenant.version, handling_codes=codes)
    for reason in for_source(signal, covenant, covenant):
        console.print(f"· {escape(render(reason, spoken(lang), covenant))}")


@app.command()
def diff(
    old: CovenantFile,
    new: Annotated[Path, typer.Argument(help="The version to compare it with.", exists=True, dir_okay=False)],
) -> None:
    """Say who gains and who loses sight by a new version. Exit code 1 if anybody may come to see more."""
    before, after = _read(old), _read(new)
    difference = compare(before, after)
    show_difference(difference, before, after)
    if lets_see_more(difference, before, after):
        raise typer.Exit(NO)


@app.command()
def schema() -> None:
    """Print the JSON Schema of a covenant, for an editor."""
    sys.stdout.write(schema_text())


@app.command()
def explain(code: Annotated[str, typer.Argument(help="A code such as CR301.")]) -> None:
    """Tell the story behind a code: what it means, an example, and the example put right."""
    entry = explain_code(code)
    if entry is None:
        notes.print(f"there is no code {escape(quoted(code))}; the manual lists them all")
        raise typer.Exit(MISTAKEN)
    console.print(f"[bold]{entry.code}[/bold] {escape(entry.title)}\n")
    console.print(escape(entry.explanation))
    for heading, text in (("Instead of", entry.example), ("write", entry.fix)):
        if text:
            console.print(f"\n{heading}\n")
            console.print(escape(indent(text.rstrip(), "    ")), soft_wrap=True)


def _read(file: Path) -> Covenant:
    """The covenant, or the end of the command with everything that is wrong with it."""
    source = file.read_bytes()
    covenant, diagnostics = check_document(source, file.name)
    if covenant is None:
        show_findings(diagnostics, source)
        raise typer.Exit(MISTAKEN)
    return covenant


def _refuse_unknown(*asked: tuple[str, str, Iterable[str]]) -> None:
    """Ends the command at a word the covenant does not know: a misspelt question must not be answered with `no`."""
    mistaken = False
    for word, what, known in asked:
        options = list(known)
        if word and word not in options:
            mistaken = True
            notes.print(escape(f"unknown {what} {quoted(word)}; {did_you_mean(word, options)}".rstrip("; ")))
    if mistaken:
        raise typer.Exit(MISTAKEN)


def _as_json(finding: Diagnostic) -> dict[str, str | int]:
    return {
        "code": finding.code,
        "severity": finding.severity.value,
        "file": finding.file,
        "line": finding.place.line,
        "column": finding.place.column,
        "message": finding.message,
        "suggestion": finding.suggestion,
    }
