"""The rules by which signs of misuse are found: what each may be told, read from TOML and checked. Pure.

`rules.toml` beside this module is what is shipped, and explains each number to the officer who tunes it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from service.errors import Invalid, LocatedFault

__all__ = [
    "MEASURES",
    "HitRate",
    "MisuseRules",
    "Nights",
    "NoFollowUp",
    "RepeatedSubject",
    "UnusualVolume",
    "read_rules",
    "shipped_rules",
]

MEASURES = ("questions", "submissions", "openings")


@dataclass(frozen=True, slots=True)
class UnusualVolume:
    of: tuple[str, ...]
    window_days: int
    baseline_weeks: int
    times: float
    deviations: float
    least: int


@dataclass(frozen=True, slots=True)
class HitRate:
    window_days: int
    baseline_weeks: int
    difference: float
    deviations: float
    least: int


@dataclass(frozen=True, slots=True)
class RepeatedSubject:
    window_days: int
    least: int
    days: int


@dataclass(frozen=True, slots=True)
class NoFollowUp:
    window_days: int
    within_days: int
    share: float
    least: int


@dataclass(frozen=True, slots=True)
class Nights:
    from_hour: int
    until_hour: int
    window_days: int
    baseline_weeks: int
    times: float
    deviations: float
    least: int


@dataclass(frozen=True, slots=True)
class MisuseRules:
    """A rule that is None is off."""

    unusual_volume: UnusualVolume | None = None
    hit_rate: HitRate | None = None
    repeated_subject: RepeatedSubject | None = None
    no_follow_up: NoFollowUp | None = None
    nights: Nights | None = None


_RULES: Mapping[str, type[Any]] = {
    "unusual-volume": UnusualVolume,
    "hit-rate": HitRate,
    "repeated-subject": RepeatedSubject,
    "no-follow-up": NoFollowUp,
    "nights": Nights,
}
_BOUNDS: Mapping[str, tuple[float, float]] = {
    "window_days": (1, 92),
    "baseline_weeks": (2, 52),
    "within_days": (1, 60),
    "times": (1, 100),
    "least": (1, 1_000_000),
    "difference": (0.01, 1),
    "deviations": (1, 20),
    "days": (1, 92),
    "share": (0.01, 1),
    "from_hour": (0, 23),
    "until_hour": (0, 23),
}


@cache
def shipped_rules() -> str:
    """The TOML text that is in force until an officer changes it."""
    return resources.files(__package__).joinpath("rules.toml").read_text("utf-8")


def read_rules(document: str) -> MisuseRules:
    """The rules of a TOML text. Raises Invalid with every rule or number that is not known, or out of bounds."""
    try:
        sections = tomllib.loads(document)
    except tomllib.TOMLDecodeError as error:
        raise Invalid("rules-invalid", f"not TOML: {_located(str(error))}", pointer="/document") from None
    faults: list[LocatedFault] = []
    rules: dict[str, Any] = {}
    for name, section in sections.items():
        kind = _RULES.get(name)
        if kind is None or not isinstance(section, dict):
            faults.append(_fault(f"there are the rules {', '.join(_RULES)}, each a section of its own"))
            continue
        numbers = {field: _number(name, field, section, faults) for field in kind.__dataclass_fields__}
        unknown = section.keys() - numbers.keys()
        if unknown:
            faults.append(_fault(f"[{name}]: has {', '.join(numbers)}, and nothing else"))
        rules[name.replace("-", "_")] = None if None in numbers.values() else kind(**numbers)
    if faults:
        raise Invalid("rules-invalid", "the rules are not as they must be", faults=faults)
    return MisuseRules(**rules)


def _number(rule: str, field: str, section: Mapping[str, Any], faults: list[LocatedFault]) -> Any:
    value = section.get(field)
    if field == "of":
        if isinstance(value, list) and value and all(one in MEASURES for one in value):
            return tuple(dict.fromkeys(value))
        faults.append(_fault(f"[{rule}] of: a list of {', '.join(MEASURES)}"))
        return None
    lowest, highest = _BOUNDS[field]
    whole = isinstance(lowest, int) and field not in ("times", "deviations")
    fits = isinstance(value, int | float) and not isinstance(value, bool) and lowest <= value <= highest
    if not fits or (whole and not isinstance(value, int)):
        words = "a whole number" if whole else "a number"
        faults.append(_fault(f"[{rule}] {field}: {words} from {lowest} to {highest}"))
        return None
    return value


def _fault(words: str) -> LocatedFault:
    return LocatedFault("/document", "rule-invalid", words)


def _located(words: str) -> str:
    """Where the text stops being TOML; the parser's own words may repeat what stands there."""
    place = words.rfind("(at ")
    return words[place:].strip("()") if place >= 0 else "it ends too early"
