"""Tables of the key holder's keys: public points, versions and states. The secrets lie in the key directory alone."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Column, Date, DateTime, Index, Integer, LargeBinary, text
from sqlmodel import Field, SQLModel


def _moment() -> Any:
    return Column(DateTime(timezone=True), nullable=False)


def _bytes() -> Any:
    return Column(LargeBinary, nullable=False)


class MatchKeyRow(SQLModel, table=True):
    """H = h·G of one match key. h lives as long as the covenant: with it, every pseudonym would change."""

    __tablename__ = "match_key"

    covenant_id: str = Field(primary_key=True)
    match_key: str = Field(primary_key=True)
    point: bytes = Field(sa_column=_bytes())
    drawn_at: datetime = Field(sa_column=_moment())


class PartyKeyRow(SQLModel, table=True):
    """K_A = k_A·G of one party, match key and key version; one version at a time is active."""

    __tablename__ = "party_key"
    __table_args__ = (
        CheckConstraint("state IN ('active', 'destroyed')", name="party_key_state"),
        Index(
            "party_key_active",
            "covenant_id",
            "match_key",
            "party",
            unique=True,
            postgresql_where=text("state = 'active'"),
        ),
        Index("party_key_by_point", "point", unique=True),
    )

    covenant_id: str = Field(primary_key=True)
    match_key: str = Field(primary_key=True)
    party: str = Field(primary_key=True)
    key_version: int = Field(primary_key=True, sa_type=Integer)
    point: bytes = Field(sa_column=_bytes())
    state: str
    drawn_at: datetime = Field(sa_column=_moment())


class TokenUseRow(SQLModel, table=True):
    """Elements evaluated for a party and match key on one day of Amsterdam; kept until the day is over."""

    __tablename__ = "token_use"

    covenant_id: str = Field(primary_key=True)
    party: str = Field(primary_key=True)
    match_key: str = Field(primary_key=True)
    day: date = Field(primary_key=True, sa_type=Date)
    used: int = Field(sa_column=Column(BigInteger, nullable=False))


class ReceiptRow(SQLModel, table=True):
    """An evaluation that was made and signed for; kept as long as its proof may be asked."""

    __tablename__ = "evaluation_receipt"

    covenant_id: str = Field(primary_key=True)
    receipt_id: UUID = Field(primary_key=True)
    party: str
    match_key: str
    key_version: int
    count: int
    digest: bytes = Field(sa_column=_bytes())
    issued_at: datetime = Field(sa_column=_moment())


class SealingKeyRow(SQLModel, table=True):
    """The hybrid key pair of one retention month. Once destroyed it is never drawn again."""

    __tablename__ = "sealing_key"
    __table_args__ = (CheckConstraint("state IN ('live', 'destroyed')", name="sealing_key_state"),)

    covenant_id: str = Field(primary_key=True)
    month: str = Field(primary_key=True)
    public_key: bytes = Field(sa_column=_bytes())
    state: str
    drawn_at: datetime = Field(sa_column=_moment())


TABLES = (MatchKeyRow, PartyKeyRow, TokenUseRow, ReceiptRow, SealingKeyRow)
