"""PostgreSQL types that SQLAlchemy has no name for."""

from __future__ import annotations

from typing import Any

from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.types import UserDefinedType

__all__ = ["Native"]


class Native(UserDefinedType[Any]):
    """A column type by its PostgreSQL name, for migrations: they must not depend on the slices' own types."""

    cache_ok = True

    def __init__(self, name: str) -> None:
        self.name = name

    def get_col_spec(self, **_: Any) -> str:
        return self.name


class _Xid8(Native):
    def __init__(self) -> None:
        super().__init__("xid8")


# What a database's own catalogue calls xid8 is read back as that, where migrations are compared with the tables.
ischema_names.setdefault("xid8", _Xid8)
