"""What others wrote, fit for a terminal: a note must not colour, link, hide or overwrite what stands around it."""

from __future__ import annotations

import unicodedata

from rich.markup import escape

__all__ = ["plain"]

_INVISIBLE = frozenset({"Cc", "Cf"})
"""Control characters, with which a text could speak to the terminal, and those that turn its direction."""


def plain(text: str) -> str:
    """The text for `Console.print` and tables: no markup, and `\\ufffd` for each character that does not show."""
    shown = ("\N{REPLACEMENT CHARACTER}" if _is_invisible(c) else c for c in text)
    return escape("".join(shown))


def _is_invisible(character: str) -> bool:
    return unicodedata.category(character) in _INVISIBLE and character not in "\n\t"
