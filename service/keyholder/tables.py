"""Which tables the key holder's database has."""

from __future__ import annotations

from sqlalchemy import MetaData
from sqlmodel import SQLModel

from service.audit import tables as audit
from service.audit.witness import tables as witness
from service.covenants import tables as covenants
from service.evaluation import tables as evaluation
from service.parties import tables as parties
from service.release import tables as release
from service.storage import spent_tokens

__all__ = ["TABLES", "metadata"]

TABLES: tuple[type[SQLModel], ...] = (
    *parties.TABLES,
    *covenants.TABLES,
    *audit.TABLES,
    *witness.TABLES,
    *evaluation.TABLES,
    *release.TABLES,
    *spent_tokens.TABLES,
)

metadata = MetaData()
for _table in TABLES:
    _table.__table__.to_metadata(metadata)  # type: ignore[attr-defined]
