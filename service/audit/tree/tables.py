"""Tables of the tree: where it ends, its nodes above the leaves, and the last heads that were signed.

The leaves themselves are `audit_leaf`. All of it can be recomputed from the leaves in their order; none of it has to be
believed by whoever holds a checkpoint.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Column, DateTime, LargeBinary, Text
from sqlmodel import Field, SQLModel


class AuditHeadRow(SQLModel, table=True):
    """How many leaves have a place, and the frontier from which the tree goes on. Moved by compare-and-swap."""

    __tablename__ = "audit_head"

    covenant_id: str = Field(primary_key=True)
    size: int = Field(sa_column=Column(BigInteger, nullable=False))
    peaks: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    """32 bytes for each bit that is set in `size`, the largest subtree first."""


class AuditTileRow(SQLModel, table=True):
    """The complete nodes of one tile (see `clients.protocol.tiles`), of level 1 and above."""

    __tablename__ = "audit_tile"

    covenant_id: str = Field(primary_key=True)
    level: int = Field(primary_key=True)
    tile_index: int = Field(sa_column=Column(BigInteger, primary_key=True))
    hashes: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class AuditCheckpointRow(SQLModel, table=True):
    """The last head that was signed, and the last that the witness cosigned; both are public."""

    __tablename__ = "audit_checkpoint"

    covenant_id: str = Field(primary_key=True)
    size: int = Field(sa_column=Column(BigInteger, nullable=False))
    note: str = Field(sa_column=Column(Text, nullable=False))
    signed_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    cosigned_size: int = Field(default=0, sa_column=Column(BigInteger, nullable=False))
    cosigned_note: str | None = Field(default=None, sa_column=Column(Text))
    cosigned_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))


TABLES = (AuditHeadRow, AuditTileRow, AuditCheckpointRow)
