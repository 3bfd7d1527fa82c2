"""How finely PostgreSQL counts the values of a column, where a hundred steps, its default, are too coarse.

    entry_id: UUID = Field(primary_key=True, sa_column_kwargs=counted_in(1000))

What it counts it plans by: of a range shorter than a step it believes that it holds nothing, and walks along it row by
row where an index would lead straight to the few that fit.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Column, Connection, Table, event

__all__ = ["counted_in", "statistics_of"]

_STEPS = "statistics"


def counted_in(steps: int) -> dict[str, Any]:
    """What a column is declared with, to be counted in so many steps (1 to 10,000)."""
    return {"info": {_STEPS: steps}}


def statistics_of(table: str, columns: Iterable[Any]) -> list[str]:
    """The statements that have PostgreSQL count the columns of a table as they were declared."""
    return [
        f"ALTER TABLE {table} ALTER COLUMN {column.name} SET STATISTICS {column.info[_STEPS]}"
        for column in columns
        if isinstance(column, Column) and _STEPS in column.info
    ]


@event.listens_for(Table, "after_create")
def _count(table: Table, connection: Connection, **_: Any) -> None:
    for statement in statistics_of(table.name, table.columns):
        connection.exec_driver_sql(statement)
