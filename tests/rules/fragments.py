"""Parts of covenants for tests: a few sections that take the place of those of a whole one."""

from __future__ import annotations

import re
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "covenant_rules" / "examples"
COMPLEX_APPROACH = (EXAMPLES / "complex-approach.yaml").read_text("utf-8")

_SECTION = re.compile(r"^(?=[a-z_]+:)", re.MULTILINE)


def with_sections(fragment: str, base: str = COMPLEX_APPROACH) -> bytes:
    """`base` with the sections of `fragment` in the place of its own; a fragment without sections stands alone."""
    before, *sections = _SECTION.split(fragment)
    if not sections:
        return fragment.encode()
    new: dict[str, str] = {}
    for section in sections:
        new[_name(section)] = new.get(_name(section), before) + section
        before = ""
    parts = [new.pop(_name(part), "") if _name(part) in new else part for part in _SECTION.split(base)]
    return "".join(
        part if not part or part.endswith("\n") else f"{part}\n" for part in [*parts, *new.values()]
    ).encode()


def _name(section: str) -> str:
    return section.partition(":")[0]
