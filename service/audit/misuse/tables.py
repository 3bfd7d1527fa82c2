"""The rules for signs of misuse as officers have set them, each version kept."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, DateTime, Integer, Text
from sqlmodel import Field, SQLModel

__all__ = ["TABLES", "MisuseRulesRow"]


class MisuseRulesRow(SQLModel, table=True):
    """One version of the rules; that of the highest number is in force."""

    __tablename__ = "misuse_rules"

    covenant_id: str = Field(primary_key=True)
    number: int = Field(sa_column=Column(Integer, primary_key=True))
    document: str = Field(sa_column=Column(Text, nullable=False))
    changed_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    changed_by: str


TABLES = (MisuseRulesRow,)
