"""Many values as one parameter: an array in PostgreSQL's own notation.

A list of a thousand parameters would be parsed and planned anew for every length, and the driver takes ten times as
long to write its own arrays.

`among` and the arrays below it hold their values. A statement that is made once and run often names a parameter
instead, and is given the values as text when it is run.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, LargeBinary, Text, bindparam, cast, func, literal
from sqlalchemy import Uuid as SqlUuid
from sqlmodel import col

__all__ = [
    "BYTES",
    "TEXTS",
    "UUIDS",
    "among",
    "any_of",
    "bytes_array",
    "given",
    "uuid_array",
    "written_bytes",
    "written_texts",
    "written_uuids",
]

UUIDS, BYTES, TEXTS = ARRAY(SqlUuid), ARRAY(LargeBinary), ARRAY(Text)


def written_uuids(ids: Iterable[UUID]) -> str:
    return "{" + ",".join(map(str, ids)) + "}"


def written_bytes(values: Iterable[bytes]) -> str:
    return "{" + ",".join(f'"\\\\x{value.hex()}"' for value in values) + "}"


def written_texts(words: Iterable[str]) -> str:
    """Of words of the covenant: letters, digits and dashes."""
    return "{" + ",".join(f'"{word}"' for word in words) + "}"


def given(name: str, kind: ARRAY[Any]) -> ColumnElement[Any]:
    """The array that the parameter `name` brings as text."""
    return cast(bindparam(name, type_=Text()), kind)


def any_of(attribute: UUID, name: str) -> ColumnElement[bool]:
    """The condition that the column is one of the ids that the parameter `name` brings."""
    return col(attribute) == func.any(given(name, UUIDS))


def uuid_array(ids: Iterable[UUID]) -> ColumnElement[Any]:
    return cast(literal(written_uuids(ids), Text), UUIDS)


def bytes_array(values: Iterable[bytes]) -> ColumnElement[Any]:
    return cast(literal(written_bytes(values), Text), BYTES)


def among(attribute: UUID, ids: Iterable[UUID]) -> Any:
    """The condition that the column is one of `ids`."""
    return col(attribute) == func.any(uuid_array(ids))
