"""Tables of those who take part. Keys are public; every service keeps its own registry and trusts no other's."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Column, DateTime, Index, LargeBinary
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel


def _moment(*, nullable: bool = False) -> Any:
    return Column(DateTime(timezone=True), nullable=nullable)


def _bytes() -> Any:
    return Column(LargeBinary, nullable=False)


class PrincipalRow(SQLModel, table=True):
    """One key that signs requests, and for whom. `covenant_id` is `-` for those who serve every covenant."""

    __tablename__ = "principal"
    __table_args__ = (Index("principal_by_key", "key_id"),)

    covenant_id: str = Field(primary_key=True)
    key_id: str = Field(primary_key=True)
    """RFC 7638 thumbprint."""
    principal_id: str
    role: str
    party: str | None = None
    public_key: dict[str, str] = Field(sa_column=Column(JSONB, nullable=False))
    registered_at: datetime = Field(sa_column=_moment())


class PartyRow(SQLModel, table=True):
    """A party with its keys. No two parties of one covenant share a key."""

    __tablename__ = "party"
    __table_args__ = (
        CheckConstraint("state IN ('active', 'suspended', 'left')", name="party_state"),
        Index("party_by_signing_key", "covenant_id", "signing_key", unique=True),
        Index("party_by_encryption_key", "covenant_id", "encryption_key", unique=True),
    )

    covenant_id: str = Field(primary_key=True)
    party: str = Field(primary_key=True)
    kind: str
    oin: str
    state: str
    authentication_key: dict[str, str] = Field(sa_column=Column(JSONB, nullable=False))
    signing_key: bytes = Field(sa_column=_bytes())
    encryption_key: bytes = Field(sa_column=_bytes())
    enrolled_at: datetime = Field(sa_column=_moment())
    state_since: datetime = Field(sa_column=_moment())


class FormerKeyRow(SQLModel, table=True):
    """A party's key that was replaced. It stays, so that nobody gets it again, and what it signed can be verified."""

    __tablename__ = "former_key"
    __table_args__ = (
        CheckConstraint("use IN ('authentication', 'signing', 'encryption')", name="former_key_use"),
        CheckConstraint("(use = 'signing') = (signing_key IS NOT NULL)", name="former_key_kept"),
    )

    covenant_id: str = Field(primary_key=True)
    fingerprint: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    """As in the audit log: RFC 7638 for authentication, SHA-256 of the raw key for the others."""
    party: str
    use: str
    signing_key: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    replaced_at: datetime = Field(sa_column=_moment())


class AdministratorRow(SQLModel, table=True):
    """A person who may approve covenant versions for a party. No two of one covenant share a key.

    The row of who was dismissed stays, so that neither name nor key serves another.
    """

    __tablename__ = "administrator"
    __table_args__ = (Index("administrator_by_key", "covenant_id", "approval_key", unique=True),)

    covenant_id: str = Field(primary_key=True)
    administrator: str = Field(primary_key=True)
    party: str
    approval_key: bytes = Field(sa_column=_bytes())
    authentication_key: dict[str, str] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    enrolled_at: datetime = Field(sa_column=_moment())
    dismissed_at: datetime | None = Field(default=None, sa_column=_moment(nullable=True))


class ServiceRow(SQLModel, table=True):
    """The other service. One: whoever had two brokers' shares of one covenant could join their pseudonyms."""

    __tablename__ = "enrolled_service"

    service: str = Field(primary_key=True)
    issuer: str
    authentication_key: dict[str, str] = Field(sa_column=Column(JSONB, nullable=False))
    encryption_key: bytes = Field(sa_column=_bytes())
    grant_key_id: str
    grant_key: dict[str, str] = Field(sa_column=Column(JSONB, nullable=False))
    log_key: bytes = Field(sa_column=_bytes())
    enrolled_at: datetime = Field(sa_column=_moment())


TABLES = (PrincipalRow, PartyRow, FormerKeyRow, AdministratorRow, ServiceRow)
