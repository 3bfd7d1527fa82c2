"""The forms a part of the document can take: the vocabulary `grammar.py` describes the covenant in.

The forms are data. `conformance.py` reads them to judge a document, `schema.py` to write the JSON Schema, and neither
knows a section by name; so the two cannot drift apart.

Every list and mapping has a largest size, `most`. The matrix holds a bit for each purpose, stage, pair of kinds and
category, and the linter compares rules with each other: without bounds, a small file could ask for days of work.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from covenant_rules.model import Duration

IDENTIFIER = re.compile(r"[a-z][a-z0-9-]{0,62}")
RESERVED = ("all", "true", "false", "null")
"""Words that mean something to the language or to YAML, and are nobody's id."""

DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
SPAN = re.compile(r"P(?=[0-9])(?:([0-9]{1,4})Y)?(?:([0-9]{1,4})M)?(?:([0-9]{1,4})W)?(?:([0-9]{1,4})D)?")
OIN_DIGITS = 20


@dataclass(frozen=True, slots=True)
class Text:
    """Prose, its white space folded; `limit` counts characters."""

    limit: int = 200


@dataclass(frozen=True, slots=True)
class Identifier:
    """A new id: lower-case letters, digits and hyphens, starting with a letter, at most 63 characters."""


@dataclass(frozen=True, slots=True)
class Oin:
    """Organisatie-identificatienummer (Logius): exactly twenty digits, between quotes."""


@dataclass(frozen=True, slots=True)
class Day:
    """An ISO 8601 calendar date, `2028-12-31`."""


@dataclass(frozen=True, slots=True)
class Span:
    """An ISO 8601 duration of years, months, weeks and days, longer than nothing: `P1Y6M`, `P90D`."""


@dataclass(frozen=True, slots=True)
class Count:
    """A whole number from `low` to `high`, both included."""

    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Flag:
    """`true`. To say the opposite one leaves the key out: `lookup: false` would read as if it forbade something."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One word of a closed list. `what` names such a word in messages."""

    what: str
    options: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Name:
    """The id of something declared elsewhere in the document; `section` is where, or `items`."""

    section: str


@dataclass(frozen=True, slots=True)
class Several:
    """A list of words, none twice. `all_allowed`: the single word `all` may stand instead."""

    of: Identifier | Choice | Name
    all_allowed: bool = False
    empty_allowed: bool = False
    most: int = 200


@dataclass(frozen=True, slots=True)
class Rows:
    """A list of records."""

    of: Record | Tagged
    most: int
    empty_allowed: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping with keys of one form and values of one form."""

    key: Identifier | Choice | Name
    value: Shape
    most: int = 200


@dataclass(frozen=True, slots=True)
class Member:
    """One key of a record. `about` is its meaning, shown by editors that read the schema."""

    name: str
    shape: Shape
    about: str
    required: bool = True


@dataclass(frozen=True, slots=True)
class Record:
    """A mapping with known keys. `what` names it in messages."""

    what: str
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True)
class Tagged:
    """A record of one of several kinds, told apart by the key that only that kind has."""

    records: Mapping[str, Record]


Shape = Text | Identifier | Oin | Day | Span | Count | Flag | Choice | Name | Several | Rows | Table | Record | Tagged


def parse_day(text: str) -> date | None:
    """The date, or `None` if this is not one; other ISO spellings (`20281231`, `2028-W52-7`) are not accepted."""
    if not DAY.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def parse_span(text: str) -> Duration | None:
    """The duration, weeks counted as seven days, or `None` if this is not one or is no time at all."""
    match = SPAN.fullmatch(text)
    if match is None:
        return None
    years, months, weeks, days = (int(group or 0) for group in match.groups())
    duration = Duration(years=years, months=months, days=7 * weeks + days)
    return duration if duration != Duration() else None


def format_span(duration: Duration) -> str:
    """The duration as a covenant writes it, weeks as days."""
    parts = ((duration.years, "Y"), (duration.months, "M"), (duration.days, "D"))
    return "P" + ("".join(f"{count}{unit}" for count, unit in parts if count) or "0D")
