"""What is wrong with a covenant, said so that its author can put it right.

A `Diagnostic` names a place, a stable code and what to write instead. Messages are prose in one style: lower case, no
full stop, the author's own words between backticks, no names of types. `catalogue.explain_code` tells the story behind
a code. A covenant holds no personal data, so quoting it back is safe; what is quoted is cut short and made printable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum

from covenant_rules.model import Place

MOST_DIAGNOSTICS = 200
"""A hostile document could hold half a million mistakes; nobody reads more than the first two hundred."""

_LONGEST_QUOTE = 60
_BACKTICK = "\\x60"


class Severity(StrEnum):
    """An error bars the covenant from being used; a warning asks whether it is meant."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding. `suggestion` says what to write instead."""

    code: str
    severity: Severity
    place: Place
    file: str
    message: str
    suggestion: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.place.line}:{self.place.column}"
        return f"{where}: {self.severity} {self.code}: {self.message}; {self.suggestion}"


class CovenantError(Exception):
    """The document is not a covenant. `diagnostics` holds every problem found, in the order of the document."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__("\n".join(map(str, self.diagnostics)))


Suggestion = str | Callable[[], str]
"""What to write instead, or how to find out: a search through all names is made only for what is listed."""


class Report:
    """Collects the diagnostics of one file, so that all problems are told at once."""

    def __init__(self, file: str) -> None:
        self.file = file
        self._found: list[Diagnostic] = []
        self._left_out = 0

    def error(self, code: str, place: Place, message: str, suggestion: Suggestion) -> None:
        self._add(Severity.ERROR, code, place, message, suggestion)

    def warning(self, code: str, place: Place, message: str, suggestion: Suggestion) -> None:
        self._add(Severity.WARNING, code, place, message, suggestion)

    def _add(self, severity: Severity, code: str, place: Place, message: str, suggestion: Suggestion) -> None:
        if self.is_full:
            self._left_out += 1
            return
        advice = suggestion if isinstance(suggestion, str) else suggestion()
        self._found.append(Diagnostic(code, severity, place, self.file, message, advice))

    @property
    def is_full(self) -> bool:
        """Whether what is found from now on is only counted."""
        return len(self._found) == MOST_DIAGNOSTICS

    @property
    def failed(self) -> bool:
        return any(diagnostic.severity is Severity.ERROR for diagnostic in self._found)

    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Every finding in the order of the document, and at the end how many were left out, if any."""
        ordered = sorted(self._found, key=lambda found: (found.place.line, found.place.column, found.code))
        if self._left_out:
            message = f"{self._left_out} more problems are not listed"
            suggestion = "repair these first and check again"
            ordered.append(Diagnostic("CR199", Severity.ERROR, ordered[-1].place, self.file, message, suggestion))
        return tuple(ordered)


def quoted(word: str) -> str:
    """The author's word between backticks: printable, and no longer than a line can bear."""
    shown = word if len(word) <= _LONGEST_QUOTE else word[: _LONGEST_QUOTE - 1] + "…"
    printable = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in shown)
    return f"`{printable.replace('`', _BACKTICK)}`"


def listed(words: Iterable[str], conjunction: str = "or") -> str:
    """``quoted`` words as one reads them aloud: `a`, `b` or `c`."""
    shown = [quoted(word) for word in words]
    if len(shown) < 2:
        return "".join(shown)
    return ", ".join(shown[:-1]) + f" {conjunction} " + shown[-1]


def did_you_mean(word: str, options: Iterable[str]) -> str:
    """A suggestion for a word that is none of the options: the one that looks like it, else all of them if few."""
    candidates = list(options)
    close = get_close_matches(word.lower()[:80], candidates)
    if close:
        return f"did you mean {quoted(close[0])}?"
    if 0 < len(candidates) <= 12:
        return f"write {listed(candidates)}"
    return ""
