"""Deleting much without holding much: so many rows a transaction, whatever the table."""

from __future__ import annotations

from sqlalchemy import ColumnElement, delete, inspect, select, tuple_
from sqlmodel import Session, SQLModel

__all__ = ["AT_ONCE", "erase_some"]

AT_ONCE = 10_000
"""Rows that one transaction deletes: a second's work, and far below any statement timeout."""


def erase_some(session: Session, table: type[SQLModel], *conditions: ColumnElement[bool], limit: int = AT_ONCE) -> int:
    """Deletes up to `limit` of the table's rows for which all conditions hold; returns how many there were."""
    key = inspect(table).primary_key
    some = select(*key).where(*conditions).limit(limit)
    return session.connection().execute(delete(table).where(tuple_(*key).in_(some))).rowcount
