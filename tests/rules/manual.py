"""Runs the manual of the rules language: its YAML becomes a covenant, its commands are carried out.

A fenced block says by its first line what it is:

- `yaml`: sections that take the place of those of the covenant so far, which must then be without errors;
- `yaml more`: entries added to the lists of the covenant so far;
- `yaml wrong CR501`: tried as the first or, if it holds rules, as the second kind, must yield the code, is dropped;
- `yaml as other.yaml`: the covenant so far with these sections, written to another file;
- `console`: commands after `$ `, each with what it prints.

- anything `services`: not carried out here, but by tests/governance/test_walk_through.py.

`python -m tests.rules.manual` writes what commands print, and the reference between its marks, into the manual, and
the page of codes beside it.
"""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import fill

from typer.testing import CliRunner

from clients.cli.options import console
from clients.cli.rules import app
from clients.cli.rules_view import show_findings
from covenant_rules.catalogue import CodeEntry, catalogue
from covenant_rules.diagnostics import Severity
from covenant_rules.grammar import COVENANT
from covenant_rules.lint import lint
from covenant_rules.shapes import (
    Choice,
    Count,
    Day,
    Flag,
    Identifier,
    Name,
    Oin,
    Record,
    Rows,
    Several,
    Shape,
    Span,
    Table,
    Tagged,
    Text,
)
from tests.rules.fragments import with_sections

MANUAL = Path(__file__).parents[2] / "docs" / "rules-manual.md"
CODES = MANUAL.with_name("rules-codes.md")
WIDTH = 100

_FENCE = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_REFERENCE = re.compile(r"(<!-- reference -->\n).*(<!-- end of reference -->\n)", re.DOTALL)


class ManualError(Exception):
    """A block of the manual does not do what it says."""


def written(manual: str) -> str:
    """The manual as it should be: every block carried out, what commands print and the reference as they are now."""
    covenant = ""
    with TemporaryDirectory() as directory:

        def carried_out(block: re.Match[str]) -> str:
            nonlocal covenant
            language, words, body = block.group(1), block.group(2).split(), block.group(3)
            match language, words:
                case "yaml", []:
                    covenant = _checked(_replaced(covenant, body), block)
                case "yaml", ["more"]:
                    covenant = _checked(_added(covenant, body), block)
                case "yaml", ["wrong", code]:
                    _provokes(covenant, body, code)
                case "yaml", ["as", name]:
                    Path(directory, name).write_text(_checked(_replaced(covenant, body), block), "utf-8")
                case "console", []:
                    Path(directory, "covenant.yaml").write_text(covenant, "utf-8")
                    body = _run(body, directory)
                case _:
                    return block.group()
            return f"```{language}{block.group(2)}\n{body}```"

        text = _FENCE.sub(carried_out, manual)
    return _REFERENCE.sub(lambda marks: f"{marks.group(1)}{reference()}\n{marks.group(2)}", text)


def _replaced(covenant: str, body: str) -> str:
    return with_sections(body, covenant).decode()


def _added(covenant: str, body: str) -> str:
    for section in re.split(r"^(?=[a-z_]+:)", body, flags=re.MULTILINE):
        name, _, entries = section.partition("\n")
        if name:
            kept = re.search(rf"^{name}(?: \[\])?\n(?:[ #\n].*\n?)*", covenant, re.MULTILINE)
            before = kept.group().replace(" []\n", "\n") if kept else f"{name}\n"
            covenant = _replaced(covenant, before.rstrip() + "\n" + entries)
    return covenant


def _checked(covenant: str, block: re.Match[str]) -> str:
    errors = [finding for finding in lint(covenant.encode()) if finding.severity is Severity.ERROR]
    if any(not finding.message.startswith("the covenant lacks") for finding in errors):
        raise ManualError("\n".join([block.group(), *map(str, errors)]))
    return covenant


def _provokes(covenant: str, body: str, code: str) -> None:
    tried = _added(covenant, body) if body.startswith(("rules:", "never:")) else _replaced(covenant, body)
    found = {finding.code for finding in lint(tried.encode())}
    if code not in found:
        raise ManualError(f"{body} gives {sorted(found)} and not {code}")


def _run(body: str, directory: str) -> str:
    here, width = Path.cwd(), console.width
    os.chdir(directory)
    console.width = WIDTH
    try:
        commands = [line for line in body.splitlines() if line.startswith("$ ")]
        return "\n".join(f"{command}\n{_output(command)}" for command in commands)
    finally:
        os.chdir(here)
        console.width = width


def _output(command: str) -> str:
    program, group, *arguments = shlex.split(command.removeprefix("$ "))
    if (program, group) != ("covenant", "rules"):
        raise ManualError(f"{command}: only `covenant rules` can be tried here")
    result = CliRunner(env={"COVENANT_LANG": "en"}).invoke(app, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise ManualError(command) from result.exception
    return "\n".join(line.rstrip() for line in result.output.splitlines()).strip("\n") + "\n"


def reference() -> str:
    """The tables of keys, by record, and the table of codes."""
    tables = [_table(record) for record in _records(COVENANT)]
    codes = [f"| {entry.code} | {entry.title} |" for entry in catalogue().values()]
    heading = ["#### Codes", "", f"Each with what it means and an example put right: [{CODES.name}]({CODES.name})."]
    return "\n\n".join([*tables, "\n".join([*heading, "", "| code | meaning |", "|---|---|", *codes])]) + "\n"


_THEMES = {
    "CR1": "The document cannot be read",
    "CR2": "Something has the wrong form",
    "CR3": "A word that is not declared",
    "CR4": "The document contradicts itself",
    "CR5": "A covenant, but is it meant?",
}


_CODES_OPENING = """\
# The codes of `covenant rules check`

What each code means, an example of the mistake, what `check` says of it, and the same put right. Examples are sections
that take the place of those of [complex-approach.yaml](../covenant_rules/examples/complex-approach.yaml), in which the
lines are counted. Every example is tried out whenever this project is tested. `covenant rules explain CR301` prints one
of them. How to write a covenant stands in [the manual](rules-manual.md)."""


def codes_page() -> str:
    """Every code with its story, as `covenant rules explain` tells it, and what `covenant rules check` prints."""
    parts = [_CODES_OPENING]
    told = ""
    for entry in catalogue().values():
        theme = entry.code[:3]
        if theme != told:
            told = theme
            parts.append(f"## {_THEMES[theme]}")
        parts += [f"### {entry.code} {entry.title}", fill(entry.explanation, 120, break_on_hyphens=False)]
        if entry.example:
            parts += ["Instead of", f"```yaml\n{_shown(entry.example.rstrip())}\n```"]
            parts += ["of which `check` says", f"```text\n{_shown(checked(entry))}\n```"]
            parts += ["write", f"```yaml\n{_shown(entry.fix.rstrip())}\n```"]
    return "\n\n".join(parts) + "\n"


def checked(entry: CodeEntry) -> str:
    """What `covenant rules check` prints of the example of a code: of several findings with the code, the first."""
    source = with_sections(entry.example)
    first = next(finding for finding in lint(source) if finding.code == entry.code)
    with console.capture() as printed:
        show_findings([first], source)
    return "\n".join(line.rstrip() for line in printed.get().splitlines()).strip("\n")


def _shown(text: str) -> str:
    """With what does not show written as an escape."""
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)


def _table(record: Record) -> str:
    rows = [
        f"| `{member.name}` | {_form(member.shape)} | {'' if member.required else 'optional. '}{member.about} |"
        for member in record.members
    ]
    heading = f"#### {record.what.split(' ', 1)[1].capitalize()}"
    return "\n".join([heading, "", "| key | form | meaning |", "|---|---|---|", *rows])


def _records(shape: Shape) -> list[Record]:
    match shape:
        case Record(_, members):
            below = [record for member in members for record in _records(member.shape)]
            return list({record.what: record for record in [shape, *below]}.values())
        case Tagged(kinds):
            return list({r.what: r for kind in kinds.values() for r in _records(kind)}.values())
        case Rows(of):
            return _records(of)
        case Table(_, value):
            return _records(value)
        case _:
            return []


def _form(shape: Shape) -> str:
    match shape:
        case Text(limit):
            return f"text of at most {limit} characters"
        case Identifier():
            return "a new id"
        case Oin():
            return "twenty digits in quotes"
        case Day():
            return "a date"
        case Span():
            return "a duration"
        case Count(low, high):
            return f"a number from {low} to {high}"
        case Flag():
            return "`true`"
        case Choice(_, options):
            return "one of " + ", ".join(f"`{option}`" for option in options)
        case Name(section):
            return f"an id from `{section}`" if section != "items" else "an item"
        case Several(of, all_allowed):
            words = _form(of)
            for one, many in (
                ("one of", "of"),
                ("an id from", "of ids from"),
                ("an item", "of items"),
                ("a new id", "of new ids"),
            ):
                words = words.replace(one, many)
            return f"a list {words}" + (", or `all`" if all_allowed else "")
        case Rows(of):
            return (
                f"a list of at most {shape.most}, each {of.what if isinstance(of, Record) else 'a permit or a forbid'}"
            )
        case Table(key, value):
            return f"per {_key(key)}{f' (at most {shape.most})' if isinstance(key, Identifier) else ''}: {_form(value)}"
        case Record(what):
            return what
        case Tagged():
            return "a permit or a forbid"


def _key(shape: Identifier | Choice | Name) -> str:
    match shape:
        case Identifier():
            return "new id"
        case Choice(what):
            return what
        case Name(section):
            return {"kinds": "kind", "purposes": "purpose", "categories": "category"}.get(section, section)


if __name__ == "__main__":
    MANUAL.write_text(written(MANUAL.read_text("utf-8")), "utf-8")
    CODES.write_text(codes_page(), "utf-8")
