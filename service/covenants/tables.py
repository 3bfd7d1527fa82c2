"""Tables of covenant versions. A version is its YAML bytes, named by their hash, and never changes."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, Column, DateTime, Index, Integer, LargeBinary, text
from sqlmodel import Field, SQLModel


class CovenantVersionRow(SQLModel, table=True):
    """One version. `number` counts the versions of a covenant from 1 in the order in which they became current."""

    __tablename__ = "covenant_version"
    __table_args__ = (
        CheckConstraint("state IN ('active', 'superseded')", name="covenant_version_state"),
        Index("covenant_version_active", "covenant_id", unique=True, postgresql_where=text("state = 'active'")),
        Index("covenant_version_by_number", "covenant_id", "number", unique=True),
    )

    covenant_id: str = Field(primary_key=True)
    version: str = Field(primary_key=True)
    """SHA-256 of `document`, in lower-case hexadecimal."""
    number: int = Field(sa_column=Column(Integer, nullable=False))
    state: str
    document: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    adopted_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))


class CovenantApprovalRow(SQLModel, table=True):
    """A signature that this service verified, with the key it verified it by."""

    __tablename__ = "covenant_approval"

    covenant_id: str = Field(primary_key=True)
    version: str = Field(primary_key=True)
    administrator: str = Field(primary_key=True)
    party: str
    approval_key: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    signature: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


TABLES = (CovenantVersionRow, CovenantApprovalRow)
