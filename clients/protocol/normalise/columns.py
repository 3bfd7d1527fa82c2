"""Reading one column of a record: what is absent, too long or unreadable is refused before any rule looks at it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from clients.protocol.errors import NormalisationError

__all__ = ["optional", "required"]

LONGEST_COLUMN = 200
"""Characters. BRP names reach 200; everything else is far shorter."""

_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"
_APOSTROPHES = "\u2018\u2019\u201b\u02bc\u02bb\u00b4\u0060\u2032\uff07"
_INVISIBLE = "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
_TYPOGRAPHY = str.maketrans(
    dict.fromkeys(_DASHES, "-") | dict.fromkeys(_APOSTROPHES, "'") | dict.fromkeys(_INVISIBLE, "")
)
_WHITE_SPACE = re.compile(r"\s+")


def required(record: Mapping[str, str], field: str) -> str:
    """The column with typographic dashes, quotes and spaces made plain.

    Raises NormalisationError: `missing`, `not-text`, `too-long`.
    """
    value = optional(record, field)
    if not value:
        raise NormalisationError(field, "missing")
    return value


def optional(record: Mapping[str, str], field: str) -> str:
    """As `required`, but absent and empty are the empty text."""
    value = record.get(field, "")
    if not isinstance(value, str):
        raise NormalisationError(field, "not-text")
    if len(value) > LONGEST_COLUMN:
        raise NormalisationError(field, "too-long")
    return _WHITE_SPACE.sub(" ", value.translate(_TYPOGRAPHY)).strip()
