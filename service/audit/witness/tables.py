"""Tables of the witness: the last head that it cosigned of each log, and its findings."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Column, DateTime, Text
from sqlmodel import Field, SQLModel


class WitnessedLogRow(SQLModel, table=True):
    """One log of the other service. Its head never goes back, unless an operator has acknowledged that it was taken."""

    __tablename__ = "witnessed_log"

    covenant_id: str = Field(primary_key=True)
    origin: str
    size: int = Field(sa_column=Column(BigInteger, nullable=False))
    note: str = Field(sa_column=Column(Text, nullable=False))
    """The head as the log signed it, with the cosignature."""
    cosigned_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    trusted_from: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    """When a finding was acknowledged last, or before it was first seen. Cosignatures up to then, in whole seconds, may
    be of heads that are no more."""


class WitnessFindingRow(SQLModel, table=True):
    """Two signed heads of one log that cannot both be true."""

    __tablename__ = "witness_finding"

    covenant_id: str = Field(primary_key=True)
    finding_id: UUID = Field(primary_key=True)
    kind: str
    found_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    seen: str = Field(sa_column=Column(Text, nullable=False))
    shown: str = Field(sa_column=Column(Text, nullable=False))
    acknowledged_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    acknowledged_by: str | None = None


TABLES = (WitnessedLogRow, WitnessFindingRow)
