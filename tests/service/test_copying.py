"""COPY writes every type of column as an INSERT would, and repeats nothing wrongly."""

from __future__ import annotations

import struct
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    Uuid,
    exc,
    insert,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB

from service.storage.copying import copy_rows
from service.storage.database import Database

METADATA = MetaData()
EVERYTHING = Table(
    "test_everything",
    METADATA,
    Column("number", Integer, primary_key=True),
    Column("word", String(20)),
    Column("words", Text),
    Column("raw", LargeBinary),
    Column("id", Uuid),
    Column("yes", Boolean),
    Column("small", SmallInteger),
    Column("large", BigInteger),
    Column("moment", DateTime(timezone=True)),
    Column("day", Date),
    Column("texts", ARRAY(Text)),
    Column("raws", ARRAY(LargeBinary)),
    Column("ids", ARRAY(Uuid)),
    Column("facts", JSONB),
)
INEXACT = Table("test_inexact", METADATA, Column("number", Float))

SUMMER = timezone(timedelta(hours=2))


@pytest.fixture
def database(fresh_database: Callable[[MetaData], Database]) -> Database:
    return fresh_database(METADATA)


def row(number: int, **changes: Any) -> dict[str, Any]:
    return {column.name: None for column in EVERYTHING.columns} | {"number": number} | changes


def full(number: int) -> dict[str, Any]:
    return row(
        number,
        word="bûche\t\\N",
        words="",
        raw=bytes(range(256)),
        id=UUID("00112233-4455-6677-8899-aabbccddeeff"),
        yes=number % 2 == 0,
        small=-(2**15),
        large=2**63 - 1,
        moment=datetime(1999, 12, 31, 23, 59, 59, 999999, tzinfo=SUMMER),
        day=date(1, 1, 1),
        texts=["a", "", 'quo"ted', "{,}", "NULL"],
        raws=[b"", b"\x00\xff"],
        ids=[uuid4(), uuid4()],
        facts={"nested": [1, None, "é"], "yes": True},
    )


ROWS = [
    full(1),
    full(2),
    row(3),
    row(-4, texts=[], raws=[], ids=[], facts=[], raw=b"", moment=datetime(9999, 12, 31, tzinfo=UTC), day=date.max),
    row(2**31 - 1, texts=["a"], yes=False, small=0, large=-(2**63), facts="text"),
]


def test_a_copied_row_reads_back_as_an_inserted_one(database: Database) -> None:
    with database.transaction() as session:
        session.connection().execute(insert(EVERYTHING), ROWS)
    with database.transaction() as session:
        inserted = session.connection().execute(select(EVERYTHING).order_by(EVERYTHING.c.number)).all()
        session.connection().execute(EVERYTHING.delete())
        assert copy_rows(session, EVERYTHING, ROWS) == len(ROWS)
    with database.transaction() as session:
        copied = session.connection().execute(select(EVERYTHING).order_by(EVERYTHING.c.number)).all()
    assert copied == inserted
    assert {row["number"]: row for row in ROWS} == {one.number: one._asdict() for one in copied}


@pytest.mark.parametrize("names", [(), ("word", "yes"), ("texts", "facts", "moment", "id"), ("raw",)])
@pytest.mark.parametrize("said", [full(0), row(0)])
def test_what_all_rows_have_alike_is_said_once(
    database: Database, names: tuple[str, ...], said: dict[str, Any]
) -> None:
    alike = {name: said[name] for name in names}
    rows = [{name: value for name, value in full(n).items() if name not in alike} for n in range(3)]
    with database.transaction() as session:
        assert copy_rows(session, EVERYTHING, rows, alike=alike) == len(rows)
    with database.transaction() as session:
        read = session.connection().execute(select(EVERYTHING).order_by(EVERYTHING.c.number)).all()
    assert [one._asdict() for one in read] == [one | alike for one in rows]


def test_more_rows_than_are_sent_at_once_all_arrive(database: Database) -> None:
    rows = [row(number, raw=bytes([number % 256]) * 1000) for number in range(1000)]
    with database.transaction() as session:
        copy_rows(session, EVERYTHING, iter(rows))
    with database.transaction() as session:
        read = session.connection().execute(select(EVERYTHING.c.number, EVERYTHING.c.raw)).all()
    assert {one.number: one.raw for one in read} == {one["number"]: one["raw"] for one in rows}


@pytest.mark.parametrize("wrong", [{"small": 2**15}, {"word": "x" * 21}, {"id": "no uuid"}, {"moment": datetime.min}])
def test_a_value_that_its_column_cannot_hold_stores_nothing(database: Database, wrong: dict[str, Any]) -> None:
    refusals = (struct.error, exc.DataError, AttributeError, TypeError)
    with pytest.raises(refusals), database.transaction() as session:
        copy_rows(session, EVERYTHING, [full(1), row(2, **wrong)])
    with database.transaction() as session:
        assert session.connection().execute(select(EVERYTHING)).first() is None


def test_a_text_too_long_for_its_column_is_a_data_error_that_does_not_quote_it(database: Database) -> None:
    with pytest.raises(exc.DataError) as caught, database.transaction() as session:
        copy_rows(session, EVERYTHING, [row(1, word="confidential" * 2)])
    assert "confidential" not in str(caught.value)


def test_a_type_that_is_not_written_here_is_refused_before_anything_is_sent(database: Database) -> None:
    with pytest.raises(TypeError, match="does not write"), database.transaction() as session:
        copy_rows(session, INEXACT, [{"number": 0.5}])
