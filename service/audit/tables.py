"""Tables of the audit log. The entry goes at the end of its retention; its leaf stays, as a salted hash.

Two tables, and not one, for a second reason: the sequencer updates every leaf once, and an update of the entry would
rewrite all the entry's indexes.

What is searched by one value is a column that PostgreSQL computes from `fields`: nobody can make a search pass over an
entry without changing what its leaf commits to.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, Computed, DateTime, Index, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlmodel import Field, SQLModel

from service.audit.tree.tables import TABLES as TREE
from service.storage.columns import UNCOMPRESSED, counted_in

# Spelled as PostgreSQL gives them back, so that a migration finds no difference.
_OUTCOME = (
    "CASE WHEN (\"right\"((event)::text, 8) = '-refused'::text) THEN 'refused'::text "
    "ELSE COALESCE((fields ->> 'outcome'::text), 'done'::text) END"
)


def _of_fields(name: str) -> Any:
    return Column(Text, Computed(f"(fields ->> '{name}'::text)", persisted=True))


class AuditEntryRow(SQLModel, table=True):
    """`fields` is everything the leaf commits to besides its own columns; the arrays repeat what is searched by."""

    __tablename__ = "audit_entry"
    __table_args__ = (
        Index("audit_entry_by_event", "covenant_id", "event", "entry_id"),
        Index("audit_entry_by_party", "covenant_id", "party", "entry_id"),
        Index("audit_entry_by_actor", "covenant_id", "actor", "entry_id", postgresql_where=text("actor IS NOT NULL")),
        Index(
            "audit_entry_by_purpose",
            "covenant_id",
            "purpose",
            "entry_id",
            postgresql_where=text("purpose IS NOT NULL"),
        ),
        Index("audit_entry_by_outcome", "covenant_id", "outcome", "entry_id"),
        Index("audit_entry_by_mention", "parties", "subjects", "signals", "rules", postgresql_using="gin"),
    )

    covenant_id: str = Field(primary_key=True)
    entry_id: UUID = Field(primary_key=True, sa_column_kwargs=counted_in(1000))
    """UUID version 7: in the order of time, though not to the microsecond. A page is looked for day by day: days must
    not fall between two steps of what PostgreSQL knows of ids."""
    event: str
    at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    party: str | None = Field(default=None, sa_column=_of_fields("party"))
    actor: str | None = Field(default=None, sa_column=_of_fields("actor"))
    purpose: str | None = Field(default=None, sa_column=_of_fields("purpose"))
    outcome: str | None = Field(default=None, sa_column=Column(Text, Computed(_OUTCOME, persisted=True)))
    """`refused`, what the entry says (`shown`, `empty`), or `done`."""
    parties: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    subjects: list[bytes] = Field(sa_column=Column(ARRAY(LargeBinary), nullable=False, **UNCOMPRESSED))
    signals: list[UUID] = Field(sa_column=Column(ARRAY(PG_UUID(as_uuid=True)), nullable=False, **UNCOMPRESSED))
    rules: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    fields: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False, **UNCOMPRESSED))
    """Long for its lists of handles and ids, if it is long."""
    salt: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class AuditLeafRow(SQLModel, table=True):
    """An entry's place in the tree. `leaf_index` is NULL until the entry is committed and the sequencer has seen it.

    `erased_by` is the entry that says so, once the entry of this leaf was erased (see `service.audit.retention`).
    """

    __tablename__ = "audit_leaf"
    __table_args__ = (
        Index("audit_leaf_by_index", "covenant_id", "leaf_index", unique=True),
        Index("audit_leaf_erased", "covenant_id", "erased_by", postgresql_where=text("erased_by IS NOT NULL")),
        Index("audit_leaf_without_index", "covenant_id", "entry_id", postgresql_where=text("leaf_index IS NULL")),
    )

    covenant_id: str = Field(primary_key=True)
    entry_id: UUID = Field(primary_key=True)
    leaf_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    leaf_index: int | None = Field(default=None, sa_column=Column(BigInteger))
    erased_by: UUID | None = Field(default=None, sa_column=Column(PG_UUID(as_uuid=True)))


TABLES = (AuditEntryRow, AuditLeafRow, *TREE)
