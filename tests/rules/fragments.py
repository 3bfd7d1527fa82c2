"""Parts of covenants for tests: a few sections that take the place of those of a whole one."""

from __future__ import annotations

import re
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "covenant_rules" / "examples"
COMPLEX_APPROACH = (EXAMPLES / "complex-approach.yaml").read_text("utf-8")

_SECTION = re.compile(r"^([a-z_]+):", re.MULTILINE)


def with_sections(fragment: str, base: str = COMPLEX_APPROACH) -> bytes:
    """`base` with the sections of `fragment` in the place of its own; a fragment without sections stands alone."""
    replaced = set(_SECTION.findall(fragment))
    if not replaced:
        return fragment.encode()
    starts = [*_SECTION.finditer(base)]
    ends = [match.start() for match in starts[1:]] + [len(base)]
    kept = [base[m.start() : end] for m, end in zip(starts, ends, strict=True) if m.group(1) not in replaced]
    return ("".join(kept) + fragment).encode()
