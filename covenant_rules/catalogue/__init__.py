"""Every code a diagnostic can carry, with its story. Codes are stable: one that is given up is never used again."""

from __future__ import annotations

from covenant_rules.catalogue.entry import CodeEntry
from covenant_rules.catalogue.forms import FORMS
from covenant_rules.catalogue.reading import READING

CATALOGUE = {entry.code: entry for entry in (*READING, *FORMS)}

__all__ = ["CATALOGUE", "CodeEntry", "explain_code"]


def explain_code(code: str) -> CodeEntry | None:
    """The entry for a code such as `CR301`, in whatever case it is typed; `None` if there is no such code."""
    return CATALOGUE.get(code.upper())
