"""Findings, answers and the matrix of a covenant on a terminal."""

from __future__ import annotations

from collections.abc import Iterable

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from clients.cli.options import console
from covenant_rules.diagnostics import Diagnostic, Severity, listed, quoted
from covenant_rules.matrix import Cell
from covenant_rules.model import Conditions, Covenant, Effect
from covenant_rules.queries import Answer, Refusal
from covenant_rules.shapes import format_span

_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow"}


def show_findings(findings: Iterable[Diagnostic], source: bytes) -> None:
    lines = source.decode("utf-8", "replace").splitlines()
    for finding in findings:
        colour, place = _COLOURS[finding.severity], finding.place
        where = f"{finding.file}:{place.line}:{place.column}"
        heading = f"{where}: [{colour}]{finding.severity} {finding.code}[/{colour}]: {escape(finding.message)}"
        console.print(heading, soft_wrap=True)
        if place.line <= len(lines) and lines[place.line - 1].isprintable():
            console.print(f"    {escape(lines[place.line - 1])}", soft_wrap=True)
            console.print(f"    {' ' * (place.column - 1)}[{colour}]^[/{colour}]", soft_wrap=True)
        console.print(f"    {escape(finding.suggestion)}", soft_wrap=True)
        console.print()


def show_summary(covenant: Covenant) -> None:
    permits = sum(rule.effect is Effect.PERMIT for rule in covenant.rules)
    counts = ", ".join(
        f"{count} {word if count == 1 else plural}"
        for count, word, plural in (
            (len(covenant.parties), "party", "parties"),
            (len(covenant.purposes), "purpose", "purposes"),
            (permits, "permit", "permits"),
            (len(covenant.rules) - permits, "forbid", "forbids"),
            (len(covenant.never), "never clause", "never clauses"),
        )
    )
    console.print(f"{escape(covenant.title)}: {counts}", soft_wrap=True)
    console.print(f"in force from {covenant.valid_from} until {covenant.valid_until}")
    console.print(f"version {covenant.version}", soft_wrap=True)


def items_of(covenant: Covenant, mask: int) -> tuple[str, ...]:
    return tuple(item for bit, item in enumerate(covenant.items) if mask >> bit & 1)


def show_matrix(covenant: Covenant, cells: list[tuple[Cell, tuple[str, ...]]]) -> None:
    """One table for each purpose; stages that show the same and categories that do share a line."""
    for purpose in dict.fromkeys(cell.purpose for cell, _ in cells):
        by_category: dict[tuple[str, str, str], dict[tuple[str, ...], list[str]]] = {}
        for cell, items in cells:
            if cell.purpose == purpose:
                stages = by_category.setdefault((cell.from_kind, cell.to_kind, cell.category), {})
                stages.setdefault(items, []).append(cell.stage)
        rows: dict[tuple[str, str, tuple[str, ...], tuple[str, ...]], list[str]] = {}
        for (from_kind, to_kind, category), stages in by_category.items():
            for items, alike in stages.items():
                rows.setdefault((from_kind, to_kind, tuple(alike), items), []).append(category)
        console.print(f"[bold]{purpose}[/bold]: {escape(covenant.purposes[purpose].title)}", soft_wrap=True)
        table = Table(box=SIMPLE_HEAD, pad_edge=False)
        for heading in ("from", "to", "categories", "stages", "items"):
            table.add_column(heading, overflow="fold")
        for (from_kind, to_kind, names, items), categories in sorted(rows.items()):
            table.add_row(from_kind, to_kind, ", ".join(categories), ", ".join(names), ", ".join(items))
        console.print(table)
    if not cells:
        console.print("nothing")


def show_answer(covenant: Covenant, answer: Answer, item: str) -> None:
    cell = answer.cell
    where = ""
    if cell is not None:
        where = f"about {quoted(cell.category)} for {quoted(cell.purpose)} at the stage {quoted(cell.stage)}"
    if answer.allowed:
        console.print(f"[green]yes[/green], for example {where}:", soft_wrap=True)
        for rule in covenant.rules:
            if rule.id in answer.rules:
                console.print(f"  {rule.id} ({escape(rule.clause)}), {escape(conditions(rule.when))}", soft_wrap=True)
        return
    missing = listed(answer.missing, "and")
    reason = {
        Refusal.NO_PERMIT: f"no permit names {quoted(item)} there",
        Refusal.FORBIDDEN: f"{listed(answer.rules, 'and')} forbids it {where}",
        Refusal.NO_LEGAL_BASIS: f"{missing} has no legal basis for what is shown {where}",
        Refusal.IMPLIED_ITEM_MISSING: f"{missing} cannot be seen {where}, and {quoted(item)} implies it",
        Refusal.UNKNOWN: f"{missing} is unknown",
    }
    why = reason[answer.refusal] if answer.refusal is not None else "nothing shows it"
    console.print(f"[red]never[/red]: {escape(why)}", soft_wrap=True)


def conditions(when: Conditions) -> str:
    """The conditions as a covenant writes them, or that there are none."""
    parts = []
    if when.independent_parties is not None:
        parts.append(f"independent_parties: {when.independent_parties}")
    if when.within is not None:
        parts.append(f"within: {format_span(when.within)}")
    if when.viewer_has:
        parts.append(f"viewer_has: [{', '.join(sorted(when.viewer_has))}]")
    parts += [f"{name}: true" for name in ("source_released", "case_member") if getattr(when, name)]
    if when.approved_by:
        parts.append(f"approved_by: [{', '.join(sorted(when.approved_by))}]")
    return f"when {', '.join(parts)}" if parts else "without conditions"
