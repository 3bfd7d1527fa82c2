"""What PostgreSQL is told of a column beside its type, where what it does by itself does not fit the values.

    entry_id: UUID = Field(primary_key=True, sa_column_kwargs=counted_in(1000))
    leaves: bytes = Field(sa_type=LargeBinary, sa_column_kwargs=UNCOMPRESSED)

What PostgreSQL counts it plans by: of a range shorter than a step, of which it counts a hundred, it believes that it
holds nothing, and walks along it row by row where an index would lead straight to the few that fit. And it tries to
compress every long value, in vain where that is hashes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Column, Connection, Table, event

__all__ = ["UNCOMPRESSED", "counted_in", "settings_of"]

_SETTING = "setting"


def counted_in(steps: int) -> Mapping[str, Any]:
    """What a column is declared with, to be counted in so many steps (1 to 10,000)."""
    return {"info": {_SETTING: f"STATISTICS {steps}"}}


UNCOMPRESSED: Mapping[str, Any] = {"info": {_SETTING: "STORAGE EXTERNAL"}}
"""What a column is declared with whose long values are random, and stored as they are."""


def settings_of(table: str, columns: Iterable[Any]) -> list[str]:
    """The statements that have PostgreSQL treat the columns of a table as they were declared."""
    return [
        f"ALTER TABLE {table} ALTER COLUMN {column.name} SET {column.info[_SETTING]}"
        for column in columns
        if isinstance(column, Column) and _SETTING in column.info
    ]


@event.listens_for(Table, "after_create")
def _set(table: Table, connection: Connection, **_: Any) -> None:
    for statement in settings_of(table.name, table.columns):
        connection.exec_driver_sql(statement)
