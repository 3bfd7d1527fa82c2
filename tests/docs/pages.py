"""The pages of the documentation, and what can be checked of them: links, anchors, targets of make, commands."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import typer.main

from clients.cli import app as covenant
from service.cli import build as covenantd

ROOT = Path(__file__).parents[2]

PROGRAMS: Mapping[str, Any] = {
    "covenant": typer.main.get_command(covenant),
    "covenantd": typer.main.get_command(covenantd()),
}

_FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_MAKE = re.compile(r"(?:^|[\s;&(])make ([a-z][a-z-]*)")
_ENDS = frozenset({"|", ">", ">>", "<", "&&", "||", ";", "#", "…"})
"""Words after which nothing belongs to the command any more."""


class PageError(Exception):
    """A page names something that does not exist."""


@dataclass(frozen=True)
class Page:
    path: Path
    text: str

    @property
    def name(self) -> str:
        return str(self.path.relative_to(ROOT))

    @cached_property
    def prose(self) -> str:
        """Without fenced blocks, in which nothing is a link or a heading."""
        return _FENCE.sub("", self.text)

    @cached_property
    def anchors(self) -> frozenset[str]:
        """What a link may point at inside the page."""
        return frozenset(_anchor(heading) for heading in _HEADING.findall(self.prose))

    def links(self) -> list[str]:
        """Every link to something in this repository."""
        return [link for link in _LINK.findall(_CODE.sub("", self.prose)) if not re.match(r"[a-z]+:", link)]

    def targets(self) -> set[str]:
        """Targets of make that are spoken of as commands."""
        return {target for code in self._code() for target in _MAKE.findall(code)}

    def commands(self) -> Iterator[list[str]]:
        """Calls of our programs, word by word; what is only quoted ends where it is left open."""
        for code in self._code():
            for line in code.replace("\\\n", " ").splitlines():
                if found := _command(line):
                    yield found

    def _code(self) -> Iterator[str]:
        for language, body in _FENCE.findall(self.text):
            if language == "console":
                yield "\n".join(re.findall(r"^\$ ((?:.*\\\n)*.*)$", body, re.MULTILINE))
        yield from _CODE.findall(self.prose)


def pages() -> list[Page]:
    """README, CHANGELOG and everything under `docs/`."""
    paths = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [Page(path, path.read_text("utf-8")) for path in paths]


def check_link(page: Page, link: str) -> None:
    """Raises PageError for a link to a file or a heading that is not there."""
    path, _, anchor = link.partition("#")
    target = (page.path.parent / path).resolve() if path else page.path
    if not target.is_relative_to(ROOT) or not target.exists():
        raise PageError(f"{page.name}: there is no {link}")
    if anchor and anchor not in Page(target, target.read_text("utf-8")).anchors:
        raise PageError(f"{page.name}: there is no heading for {link}")


def check_command(words: list[str]) -> None:
    """Raises PageError for a sub-command or an option that does not exist."""
    program, *rest = words
    command, told = PROGRAMS[program], program
    while (below := getattr(command, "commands", {})) and rest and not rest[0].startswith("-"):
        if rest[0] not in below:
            raise PageError(f"`{told}` has no command `{rest[0]}`")
        command, told, rest = below[rest[0]], f"{told} {rest[0]}", rest[1:]
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    for word in rest:
        if word.startswith("-") and word.partition("=")[0] not in known | {"--help"}:
            raise PageError(f"`{told}` has no option `{word}`")


def makefile_targets() -> set[str]:
    """What make can be asked for."""
    return set(re.findall(r"^([a-z][a-z-]*):(?!=)", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


def _anchor(heading: str) -> str:
    """As GitHub makes it: letters, digits, dashes and underscores; spaces become dashes."""
    plain = re.sub(r"[`*]|\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    return re.sub(r"[^\w\- ]", "", plain.lower()).strip().replace(" ", "-")


def _command(line: str) -> list[str] | None:
    try:
        words = shlex.split(line, comments=True)
    except ValueError:  # an apostrophe in prose
        return None
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words = words[1:]
    if not words or Path(words[0]).name not in PROGRAMS:
        return None
    end = next((place for place, word in enumerate(words) if word in _ENDS), len(words))
    return [Path(words[0]).name, *words[1:end]]
