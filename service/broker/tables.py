"""Every table of the broker's database, and the metadata that migrations are made from."""

from __future__ import annotations

from typing import cast

from sqlalchemy import MetaData, Table
from sqlmodel import SQLModel

from service.audit.misuse.tables import TABLES as MISUSE
from service.audit.tables import TABLES as AUDIT
from service.covenants.tables import TABLES as COVENANTS
from service.disclosure.conditions.tables import TABLES as CONDITIONS
from service.disclosure.figures.tables import TABLES as FIGURES
from service.disclosure.tables import TABLES as DISCLOSURE
from service.parties.tables import TABLES as PARTIES
from service.signals.tables import TABLES as SIGNALS
from service.storage.spent_tokens import TABLES as SPENT_TOKENS

__all__ = ["TABLES", "metadata"]

TABLES: tuple[type[SQLModel], ...] = (
    *PARTIES,
    *COVENANTS,
    *SIGNALS,
    *DISCLOSURE,
    *CONDITIONS,
    *FIGURES,
    *AUDIT,
    *MISUSE,
    *SPENT_TOKENS,
)

metadata = MetaData()
for _table in TABLES:
    cast(Table, _table.__table__).to_metadata(metadata)  # type: ignore[attr-defined]
