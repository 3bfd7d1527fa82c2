"""The tree of a document: every word with its place, and how YAML would read it.

Scalars are read by the core schema of YAML 1.2: `no`, `yes` and `on` are words, `true` and `false` are not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from covenant_rules.model import Place

# YAML 1.2.2, section 10.3.2, the core schema.
_NOTHING = re.compile(r"|~|null|Null|NULL")
_TRUTH = re.compile(r"true|True|TRUE|false|False|FALSE")
_NUMBER = re.compile(
    r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+|[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"
    r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)


class Reading(Enum):
    """How the core schema reads a scalar that stands without quotes."""

    TEXT = auto()
    NUMBER = auto()
    TRUTH = auto()
    NOTHING = auto()


@dataclass(frozen=True, slots=True)
class Scalar:
    text: str
    bare: bool
    """It stands without quotes, so that other readers of YAML may take it for a number."""
    place: Place

    @property
    def reading(self) -> Reading:
        if not self.bare:
            return Reading.TEXT
        if self.text[:1].isalpha():  # nearly every scalar: spare it two of the three patterns
            return Reading.TRUTH if _TRUTH.fullmatch(self.text) else _absence(self.text)
        return Reading.NUMBER if _NUMBER.fullmatch(self.text) else _absence(self.text)


@dataclass(frozen=True, slots=True)
class Listing:
    items: tuple[Node, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys are unique and stand in the order of the document."""

    entries: dict[str, tuple[Scalar, Node]]
    place: Place

    def value(self, key: str) -> Node | None:
        entry = self.entries.get(key)
        return entry[1] if entry else None


@dataclass(frozen=True, slots=True)
class Refused:
    """Stands where something was that has been reported already: whoever meets it keeps silent."""

    place: Place


Node = Scalar | Listing | Mapping | Refused


def plain(node: Node) -> Any:
    """The tree as JSON would hold it: what a JSON Schema judges and what the covenant is built from.

    Numbers other than whole decimal ones stay text; the language has none.
    """
    match node:
        case Mapping():
            return {key: plain(value) for key, (_, value) in node.entries.items()}
        case Listing():
            return [plain(item) for item in node.items]
        case Refused():
            return None
        case _:
            return _plain_scalar(node)


def _plain_scalar(scalar: Scalar) -> str | int | bool | None:
    match scalar.reading:
        case Reading.NOTHING:
            return None
        case Reading.TRUTH:
            return scalar.text.lower() == "true"
        case Reading.NUMBER if scalar.text.isdecimal() and len(scalar.text) <= 18:
            return int(scalar.text)
        case _:
            return scalar.text


def _absence(text: str) -> Reading:
    return Reading.NOTHING if _NOTHING.fullmatch(text) else Reading.TEXT
