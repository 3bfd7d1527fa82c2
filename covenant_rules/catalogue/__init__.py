"""Every code a diagnostic can carry, with its story: what it means, an example, and the example put right.

The stories stand in the YAML files beside this module, one for each theme, so that who writes prose need not write
Python. Codes are stable: one that is given up is never used again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType

import yaml
from yaml import CSafeLoader

THEMES = ("reading", "forms", "names", "contradictions", "legal-bases", "rules", "disclosures", "upkeep")


@dataclass(frozen=True, slots=True)
class CodeEntry:
    """What a code means, for `covenant rules explain` and the manual.

    `example` and `fix` are sections of a covenant, wrong and right, that stand in the place of those of the example
    `complex-approach.yaml`; a test sees the one provoke the code and the other not. Where no text can show the mistake
    (bytes that are no text, a file too large) both are empty.
    """

    code: str
    title: str
    explanation: str
    example: str = ""
    fix: str = ""


@cache
def catalogue() -> Mapping[str, CodeEntry]:
    """All entries by code, in the order of codes."""
    entries: dict[str, CodeEntry] = {}
    for theme in THEMES:
        text = files(__package__).joinpath(f"{theme}.yaml").read_text("utf-8")
        for code, story in yaml.load(text, Loader=CSafeLoader).items():
            entries[code] = CodeEntry(code, **story | {"explanation": story["explanation"].strip()})
    return MappingProxyType(dict(sorted(entries.items())))


def explain_code(code: str) -> CodeEntry | None:
    """The entry for a code such as `CR301`, in whatever case it is typed; `None` if there is no such code."""
    return catalogue().get(code.upper())
