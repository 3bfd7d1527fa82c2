"""Tables of covenant versions. A version is its YAML bytes, named by their hash, and never changes.

What is stored of its standing is what people did: it was drafted, proposed, advised on, approved, scheduled. Which of
the scheduled versions is in force follows from the day, and is stored nowhere: so both services turn to the next one at
the same midnight, and none can be late.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, Column, Date, DateTime, Index, Integer, LargeBinary, Text
from sqlmodel import Field, SQLModel


def _moment(*, nullable: bool = False) -> Any:
    return Column(DateTime(timezone=True), nullable=nullable)


class CovenantVersionRow(SQLModel, table=True):
    """One version. Those that were scheduled have a `number`, from 1 on, and a day from which they are in force."""

    __tablename__ = "covenant_version"
    __table_args__ = (
        CheckConstraint(
            "state IN ('draft', 'proposed', 'advised', 'approved', 'scheduled', 'rejected', 'withdrawn', 'ended')",
            name="covenant_version_state",
        ),
        CheckConstraint("(number IS NULL) = (in_force_from IS NULL)", name="covenant_version_in_force"),
        Index("covenant_version_by_number", "covenant_id", "number", unique=True),
    )

    covenant_id: str = Field(primary_key=True)
    version: str = Field(primary_key=True)
    """SHA-256 of `document`, in lower-case hexadecimal."""
    state: str
    document: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    number: int | None = Field(default=None, sa_column=Column(Integer, nullable=True))
    in_force_from: date | None = Field(default=None, sa_column=Column(Date, nullable=True))
    """The day on which the covenant was founded, or the first day of the version's own term."""
    predecessor: str | None = None
    author: str | None = None
    """The administrator who drafted it; null for the first version."""
    proposal: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    """The author's signature over version and predecessor."""
    closed_by: str | None = None
    closed_because: str | None = Field(default=None, sa_column=Column(Text, nullable=True))
    changed_at: datetime = Field(sa_column=_moment())
    adopted_at: datetime | None = Field(default=None, sa_column=_moment(nullable=True))
    """When it was put on record that its day had come. Nothing depends on it."""


class CovenantApprovalRow(SQLModel, table=True):
    """A signature that this service verified, with the key it verified it by."""

    __tablename__ = "covenant_approval"

    covenant_id: str = Field(primary_key=True)
    version: str = Field(primary_key=True)
    administrator: str = Field(primary_key=True)
    party: str
    approval_key: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    signature: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    approved_at: datetime = Field(sa_column=_moment())


class CovenantAdviceRow(SQLModel, table=True):
    """What a privacy officer thinks of a version."""

    __tablename__ = "covenant_advice"

    covenant_id: str = Field(primary_key=True)
    version: str = Field(primary_key=True)
    officer: str = Field(primary_key=True)
    opinion: str
    words: str = Field(sa_column=Column(Text, nullable=False))
    given_at: datetime = Field(sa_column=_moment())


TABLES = (CovenantVersionRow, CovenantApprovalRow, CovenantAdviceRow)
