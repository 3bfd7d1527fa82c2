"""`covenant versions`: administrators and officers change the rules. See docs/governance.md for the whole course."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from clients.cli.options import DEFAULT_PROFILE, JsonOption, ProfileOption, console, notes
from clients.cli.plain import plain
from clients.cli.rules_difference import show_difference
from clients.cli.rules_view import show_findings, show_summary
from clients.protocol.messages.governance import VersionDescription, VersionStatus
from clients.sdk.errors import ClientError
from clients.sdk.governing import Governing, KnownVersion
from covenant_rules.diagnostics import Severity
from covenant_rules.diff import diff as compare
from covenant_rules.lint import lint_document
from covenant_rules.load import read_covenant
from covenant_rules.model import Covenant

app = typer.Typer(
    name="versions", help="Change the rules: draft, propose, advise, approve, schedule.", no_args_is_help=True
)

VersionArgument = Annotated[str, typer.Argument(help="The version's hash, or how it begins.", metavar="VERSION")]
FileArgument = Annotated[
    Path, typer.Argument(help="The covenant, a YAML file.", exists=True, dir_okay=False, metavar="FILE")
]


def _words(given: str) -> str:
    if not 3 <= len(given) <= 4000:
        raise typer.BadParameter("give 3 to 4000 characters")
    return given


WordsOption = Annotated[
    str, typer.Option("--words", "-w", help="Why; about rules, never about people.", callback=_words)
]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask. For who has read it elsewhere.")]

_SHOWN = 12
"""Digits of a hash that a table shows."""


class Opinion(StrEnum):
    FAVOURABLE = "favourable"
    CONDITIONAL = "conditional"
    UNFAVOURABLE = "unfavourable"


@contextmanager
def _governing(profile: Path) -> Iterator[Governing]:
    with Governing.open(profile) as opened:
        yield opened


@app.command("list")
def list_versions(profile: ProfileOption = DEFAULT_PROFILE, as_json: JsonOption = False) -> None:
    """List every version: those in force, before and to come, and what is under way."""
    with _governing(profile) as opened:
        page = opened.versions()
    if as_json:
        console.print_json(page.model_dump_json(exclude_none=True))
        return
    table = Table("no.", "version", "status", "in force", "author", "title", box=None)
    for one in page.versions:
        term = f"{one.valid_from} until {one.valid_until}"
        number = "" if one.number is None else str(one.number)
        table.add_row(number, one.version[:_SHOWN], one.status.value, term, one.author or "—", plain(one.title))
    console.print(table)


@app.command()
def show(
    version: VersionArgument,
    text: Annotated[bool, typer.Option("--text", help="Print the version's text alone, byte for byte.")] = False,
    profile: ProfileOption = DEFAULT_PROFILE,
    as_json: JsonOption = False,
) -> None:
    """Show where a version stands, and what was said and signed about it."""
    with _governing(profile) as opened:
        known = opened.version(opened.resolve(version))
    if text:
        typer.echo(known.told.document, nl=False)
    elif as_json:
        console.print_json(known.told.model_dump_json(exclude_none=True))
    else:
        _show(known)


@app.command()
def diff(version: VersionArgument, profile: ProfileOption = DEFAULT_PROFILE) -> None:
    """Say who would gain and who would lose sight by a version, against the one it replaces."""
    with _governing(profile) as opened:
        known = opened.version(opened.resolve(version))
        before = _replaced(opened, known)
    show_difference(compare(before, known.covenant), before, known.covenant)


@app.command()
def draft(file: FileArgument, profile: ProfileOption = DEFAULT_PROFILE) -> None:
    """Check a covenant here, lay it down as a draft, and say what it would change."""
    document = file.read_bytes()
    read = read_covenant(document, file.name)
    findings = lint_document(read, file.name)
    show_findings(findings, document)
    if read.covenant is None or any(finding.severity is Severity.ERROR for finding in findings):
        raise typer.Exit(1)
    with _governing(profile) as opened:
        told = opened.draft(document)
        before = opened.last().covenant
    show_difference(compare(before, read.covenant), before, read.covenant)
    short = told.version[:_SHOWN]
    notes.print(f"Draft {short}. Put it to the others: `covenant versions propose {short}`", soft_wrap=True)


@app.command()
def propose(version: VersionArgument, profile: ProfileOption = DEFAULT_PROFILE) -> None:
    """Put your draft to the others, in the place of the last version. Signed with your approval key."""
    with _governing(profile) as opened:
        _tell(opened.propose(opened.resolve(version)))


@app.command()
def advise(
    version: VersionArgument,
    opinion: Annotated[Opinion, typer.Option(help="Your opinion of the version.")],
    words: WordsOption,
    profile: ProfileOption = DEFAULT_PROFILE,
) -> None:
    """As the privacy officer: give advice on a proposed version. Nobody can approve it before."""
    with _governing(profile) as opened:
        _tell(opened.advise(opened.resolve(version), opinion.value, words))


@app.command()
def approve(version: VersionArgument, yes: YesOption = False, profile: ProfileOption = DEFAULT_PROFILE) -> None:
    """Read what a version changes and what the officer says of it, and approve it. Signed with your approval key."""
    with _governing(profile) as opened:
        known = opened.version(opened.resolve(version))
        before = _replaced(opened, known)
        _show(known)
        console.print("\n[bold]What it changes[/bold]")
        show_difference(compare(before, known.covenant), before, known.covenant)
        question = f"Approve version {known.covenant.version[:_SHOWN]} for {opened.profile.party}?"
        if not yes and not typer.confirm(question):
            raise typer.Exit(1)
        _tell(opened.approve(known.covenant.version))


@app.command()
def reject(version: VersionArgument, words: WordsOption, profile: ProfileOption = DEFAULT_PROFILE) -> None:
    """Reject what was proposed, as long as it is not decided."""
    with _governing(profile) as opened:
        _tell(opened.reject(opened.resolve(version), words))


@app.command()
def withdraw(version: VersionArgument, words: WordsOption, profile: ProfileOption = DEFAULT_PROFILE) -> None:
    """Take back a draft or proposal of yours, as long as it is not decided."""
    with _governing(profile) as opened:
        _tell(opened.withdraw(opened.resolve(version), words))


@app.command()
def schedule(version: VersionArgument, profile: ProfileOption = DEFAULT_PROFILE) -> None:
    """Bring an approved version to the key holder, which verifies the approvals, and then to the broker.

    From the first day of its term both have it in force. Repeat it if either did not answer.
    """
    with _governing(profile) as opened:
        _tell(opened.schedule(opened.resolve(version)))


@app.command()
def sign(
    file: FileArgument,
    output: Annotated[Path | None, typer.Option(help="Where the approval is written; printed without.")] = None,
    yes: YesOption = False,
    profile: ProfileOption = DEFAULT_PROFILE,
) -> None:
    """Approve a covenant that is not founded yet: sign its text and print the approval, for both operators."""
    document = file.read_bytes()
    read = read_covenant(document, file.name)
    show_findings(lint_document(read, file.name), document)
    if read.covenant is None:
        raise typer.Exit(1)
    show_summary(read.covenant)
    with _governing(profile) as opened:
        if not yes and not typer.confirm(f"Approve this covenant for {opened.profile.party}?"):
            raise typer.Exit(1)
        approval = opened.sign(document).model_dump_json(indent=2)
    if output:
        output.write_text(approval + "\n", encoding="utf-8")
    else:
        console.print_json(approval)


def _replaced(opened: Governing, known: KnownVersion) -> Covenant:
    """What to compare a version with: what it was proposed in place of, or the last version."""
    if known.told.predecessor is None:
        if known.told.number == 1:
            raise ClientError("this is the first version: it replaced nothing")
        return opened.last().covenant
    return opened.version(known.told.predecessor).covenant


def _show(known: KnownVersion) -> None:
    told = known.told
    show_summary(known.covenant)
    console.print(f"status: [bold]{told.status.value}[/bold]" + (f", by {told.author}" if told.author else ""))
    if told.predecessor:
        console.print(f"in place of {told.predecessor[:_SHOWN]}")
    for finding in told.findings:
        console.print(f"[yellow]{finding.code}[/yellow] line {finding.line}: {plain(finding.detail)}", soft_wrap=True)
    for advice in told.advice:
        console.print(f"advice of {advice.officer}: [bold]{advice.opinion}[/bold]. {plain(advice.words)}")
    for approval in told.approvals:
        console.print(f"approved by {approval.administrator} for {approval.party}, {approval.approved_at:%Y-%m-%d}")
    if told.closed_by:
        console.print(f"{told.status.value} by {told.closed_by}: {plain(told.closed_because or '')}")


_NEXT = {
    VersionStatus.PROPOSED: "The privacy officer now gives advice: `covenant versions advise`.",
    VersionStatus.ADVISED: "Administrators of two parties approve: `covenant versions approve`.",
    VersionStatus.APPROVED: "Decided. Bring it to both services: `covenant versions schedule`.",
    VersionStatus.ACTIVE: "In force. Parties affirm what they submitted before: `covenant affirm`.",
}


def _tell(told: VersionDescription) -> None:
    console.print(json.dumps({"version": told.version, "status": told.status.value}))
    if told.status is VersionStatus.SCHEDULED:
        notes.print(f"In force from {told.valid_from} on, at both services.")
    elif told.status in _NEXT:
        notes.print(_NEXT[told.status], soft_wrap=True)
