"""Bulk inserts: rows in the binary format of PostgreSQL's COPY, encoded here, column by column.

The driver looks up how to write a value anew for every value, and writes arrays in Python element by element; for rows
that mostly repeat the same few words that was most of what storing them cost. Here the type of a column says once how
its values are written, and a word, a date or an array that comes back is not encoded again.

The format is that of the documentation of COPY, "Binary Format"; the form of each type is what its `…_send` function
gives: integers big-endian, moments in microseconds and dates in days since 2000-01-01, text in UTF-8.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from struct import Struct
from types import MappingProxyType
from typing import Any, cast

import psycopg
from psycopg import sql
from sqlalchemy import ARRAY, Boolean, Date, DateTime, Integer, LargeBinary, SmallInteger, String, Table, exc, types
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator, TypeEngine
from sqlmodel import Session, SQLModel

from service.storage.database import first_line

__all__ = ["copy_rows"]

Encoder = Callable[[Any], bytes]
"""A value that is not None, preceded by its length in four bytes."""

_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"
_NULL = b"\xff\xff\xff\xff"
_JSONB_VERSION = b"\x01"
_SENT_AT_ONCE = 256 * 1024

_MOMENT_ZERO = datetime(2000, 1, 1, tzinfo=UTC)
_DATE_ZERO = date(2000, 1, 1).toordinal()
_MICROSECOND = timedelta(microseconds=1)

_length = Struct("!i").pack
_columns = Struct("!h").pack
_array_head = Struct("!iiIii").pack
_UUID_LENGTH = _length(16)
_TRUE, _FALSE = _length(1) + b"\x01", _length(1) + b"\x00"
_ELEMENT_TYPES = {types.Text: 25, LargeBinary: 17, types.Uuid: 2950}
"""The object ids of `text`, `bytea` and `uuid`, which an array names its elements' type by."""


def copy_rows(
    session: Session,
    table: type[SQLModel] | Table,
    rows: Iterable[Mapping[str, Any]],
    *,
    alike: Mapping[str, Any] = MappingProxyType({}),
) -> int:
    """Bulk insert by COPY inside the session's transaction; returns the number of rows.

    `alike` has the columns in which all rows have one value; every row names the same other columns as the first.
    Python-side defaults do not apply: give every value, of the type that the column reads back as. Raises
    sqlalchemy.exc.IntegrityError and its siblings like an INSERT would, and TypeError for a column of a type that is
    not written here.
    """
    destination = table if isinstance(table, Table) else cast(Table, table.__table__)  # type: ignore[attr-defined]
    iterator = iter(rows)
    first = next(iterator, None)
    if first is None:
        return 0
    session.flush()  # rows that the copied ones refer to
    columns = [destination.columns[name] for name in (*alike, *first)]
    encoders = [(name, _encoder(destination.columns[name].type)) for name in first]
    begin = _columns(len(columns)) + b"".join(
        _NULL if value is None else _encoder(destination.columns[name].type)(value) for name, value in alike.items()
    )
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(
        sql.Identifier(*filter(None, (destination.schema, destination.name))),
        sql.SQL(", ").join(sql.Identifier(column.name) for column in columns),
    )
    driver = cast("psycopg.Connection[Any]", session.connection().connection.driver_connection)
    count, pieces, size = 0, [_HEADER], 0
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            row: Mapping[str, Any] | None = first
            while row is not None:
                if len(row) != len(encoders):
                    raise ValueError("rows of one COPY must name the same columns")
                encoded = b"".join(
                    [_NULL if (value := row[name]) is None else encode(value) for name, encode in encoders]
                )
                pieces += (begin, encoded)
                size += len(begin) + len(encoded)
                count += 1
                if size > _SENT_AT_ONCE:
                    copy.write(b"".join(pieces))
                    pieces, size = [], 0
                row = next(iterator, None)
            copy.write(b"".join((*pieces, _TRAILER)))
    except psycopg.Error as error:
        raise _as_sqlalchemy(error, f"COPY {destination.name}") from None
    return count


class _Memo(dict[Hashable, bytes]):
    """What was encoded before, for the rows of one COPY: subscripting encodes what is new."""

    def __init__(self, encode: Encoder) -> None:
        super().__init__()
        self._encode = encode

    def __missing__(self, value: Hashable) -> bytes:
        encoded = self[value] = self._encode(value)
        return encoded


def _encoder(kind: TypeEngine[Any]) -> Encoder:
    """How a column of this type writes its values. What repeats within a column is remembered."""
    if isinstance(kind, TypeDecorator):
        kind = kind.impl_instance
    match kind:
        case LargeBinary():
            return _sized
        case types.Uuid():
            return lambda value: _UUID_LENGTH + value.bytes
        case String():
            return _Memo(lambda value: _sized(value.encode())).__getitem__
        case Boolean():
            return lambda value: _TRUE if value else _FALSE
        case SmallInteger():
            return _packed("!ih", 2)
        case types.BigInteger():
            return _packed("!iq", 8)
        case Integer():
            return _packed("!ii", 4)
        case DateTime() if kind.timezone:
            return _Memo(_moment).__getitem__
        case Date():
            return _Memo(lambda value: _length(4) + _length(value.toordinal() - _DATE_ZERO)).__getitem__
        case JSONB():
            return lambda value: _sized(_JSONB_VERSION + json.dumps(value).encode())
        case ARRAY(item_type=item) if (oid := _element_type(item)) is not None:
            encode = _encoder(item)
            memo = _Memo(lambda values: _array(oid, encode, cast("Sequence[Any]", values)))
            return lambda values: memo[tuple(values)]
    raise TypeError(f"a COPY does not write {kind!r}")


def _sized(raw: bytes) -> bytes:
    return _length(len(raw)) + raw


def _packed(form: str, size: int) -> Encoder:
    pack = Struct(form).pack
    return lambda value: pack(size, value)


def _moment(value: Any) -> bytes:
    return Struct("!iq").pack(8, (value - _MOMENT_ZERO) // _MICROSECOND)


def _element_type(item: TypeEngine[Any]) -> int | None:
    return next((oid for kind, oid in _ELEMENT_TYPES.items() if isinstance(item, kind)), None)


def _array(oid: int, encode: Encoder, values: Sequence[Any]) -> bytes:
    """One dimension, counted from 1, no element of it null."""
    if not values:
        return _length(12) + _length(0) + _length(0) + _length(oid)
    return _sized(_array_head(1, 0, oid, len(values), 1) + b"".join(map(encode, values)))


def _as_sqlalchemy(error: psycopg.Error, statement: str) -> exc.DBAPIError:
    error.args = (first_line(error),)
    kinds: tuple[tuple[type[psycopg.Error], type[exc.DBAPIError]], ...] = (
        (psycopg.IntegrityError, exc.IntegrityError),
        (psycopg.OperationalError, exc.OperationalError),
        (psycopg.DataError, exc.DataError),
    )
    kind = next((wrapped for raised, wrapped in kinds if isinstance(error, raised)), exc.DBAPIError)
    return kind(statement, None, error, hide_parameters=True)
