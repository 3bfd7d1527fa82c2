"""One entry of the catalogue of codes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CodeEntry:
    """What a code means: the story behind a diagnostic, for `covenant rules explain` and the manual.

    `example` and `fix` are sections of a covenant, wrong and right, that stand in the place of those of the example
    `complex-approach.yaml`; a test sees the one provoke the code and the other not. Where no text can show the mistake
    (bytes that are no text, a file too large) both are empty.
    """

    code: str
    title: str
    explanation: str
    example: str = ""
    fix: str = ""
