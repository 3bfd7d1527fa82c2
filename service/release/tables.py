"""The table of releases: which grants were used, and what was answered."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, DateTime, Index, LargeBinary
from sqlmodel import Field, SQLModel


class ReleaseRow(SQLModel, table=True):
    """One used grant. The answer is there for an identical retry: the field key, sealed to the recipient alone."""

    __tablename__ = "release"
    __table_args__ = (Index("release_by_expiry", "expires_at"),)

    covenant_id: str = Field(primary_key=True)
    jti: UUID = Field(primary_key=True)
    release_id: UUID
    recipient: str
    grant_digest: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    """SHA-256 of the grant's bytes as they were sent."""
    wrapped_key_digest: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    sealed_key: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    expires_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    """When the grant expires, and with it every use of this row."""
    released_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))


TABLES = (ReleaseRow,)
