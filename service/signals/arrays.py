"""Many values as one parameter: an array in PostgreSQL's own notation.

A list of a thousand parameters would be parsed and planned anew for every length, and the driver takes ten times as
long to write its own arrays.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, LargeBinary, Text, cast, func, literal
from sqlalchemy import Uuid as SqlUuid
from sqlmodel import col

__all__ = ["among", "bytes_array", "text_array", "uuid_array"]


def uuid_array(ids: Iterable[UUID]) -> ColumnElement[Any]:
    return cast(literal("{" + ",".join(map(str, ids)) + "}", Text), ARRAY(SqlUuid))


def bytes_array(values: Iterable[bytes]) -> ColumnElement[Any]:
    return cast(literal("{" + ",".join(f'"\\\\x{value.hex()}"' for value in values) + "}", Text), ARRAY(LargeBinary))


def text_array(words: Iterable[str]) -> ColumnElement[Any]:
    """Of words of the covenant: letters, digits and dashes."""
    return cast(literal("{" + ",".join(f'"{word}"' for word in words) + "}", Text), ARRAY(Text))


def among(attribute: UUID, ids: Iterable[UUID]) -> Any:
    """The condition that the column is one of `ids`."""
    return col(attribute) == func.any(uuid_array(ids))
