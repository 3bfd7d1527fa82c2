"""What is kept of questions to sources, of their answers, of approvals, and of handling codes that were told.

A release hangs on its signal and ends with it. An approval hangs on a subject, by the keyed indexes that its party had
named itself, and holds only while that party has a live signal there: neither is a lasting mark on an address.
"""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Date, DateTime, Index, LargeBinary, String, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

__all__ = ["TABLES", "ApprovalRow", "CodedTellingRow", "ReleaseAskRow", "SourceReleaseRow"]

_MOMENT = DateTime(timezone=True)
_ID = String(63)


class ReleaseAskRow(SQLModel, table=True):
    """That a party has asked for releases, standing on an anchor. There is a row whether or not there was a source."""

    __tablename__ = "release_ask"
    __table_args__ = (Index("release_ask_open", "covenant_id", "expires_at"),)

    covenant_id: str = Field(sa_type=_ID, primary_key=True)
    viewer: str = Field(sa_type=_ID, primary_key=True)
    anchor_id: UUID = Field(sa_type=Uuid, primary_key=True)
    purpose: str = Field(sa_type=_ID, primary_key=True)
    stage: str = Field(sa_type=_ID)
    asked_at: datetime = Field(sa_type=_MOMENT)
    expires_at: datetime = Field(sa_type=_MOMENT)


class SourceReleaseRow(SQLModel, table=True):
    """What a source was asked about one of its signals, and what it said. `state` is pending, released, refused or
    expired."""

    __tablename__ = "source_release"
    __table_args__ = (
        Index("source_release_request", "covenant_id", "source", "request_id", unique=True),
        Index("source_release_viewer", "covenant_id", "viewer", "signal_id"),
    )

    covenant_id: str = Field(sa_type=_ID, primary_key=True)
    source: str = Field(sa_type=_ID, primary_key=True)
    signal_id: UUID = Field(sa_type=Uuid, primary_key=True)
    viewer: str = Field(sa_type=_ID, primary_key=True)
    purpose: str = Field(sa_type=_ID, primary_key=True)
    request_id: UUID = Field(sa_type=Uuid)
    kind: str = Field(sa_type=_ID)
    """The viewer's."""
    named_from: date | None = Field(sa_type=Date, nullable=True)
    """The day from which the source may know which party asks; null for never."""
    stage: str = Field(sa_type=_ID)
    items: list[str] = Field(sa_type=ARRAY(Text))
    state: str = Field(sa_type=String(8))
    requested_at: datetime = Field(sa_type=_MOMENT)
    expires_at: datetime = Field(sa_type=_MOMENT)
    reminded_at: datetime | None = Field(sa_type=_MOMENT, nullable=True)
    answered_at: datetime | None = Field(sa_type=_MOMENT, nullable=True)
    reason: str | None = Field(sa_type=_ID, nullable=True)


class ApprovalRow(SQLModel, table=True):
    """That a party approves of a purpose on a subject: a row for each match key value it had named the subject by."""

    __tablename__ = "approval"
    __table_args__ = (Index("approval_of_party", "covenant_id", "party", "approval_id"),)

    covenant_id: str = Field(sa_type=_ID, primary_key=True)
    match_key: str = Field(sa_type=_ID, primary_key=True)
    index_: bytes = Field(sa_type=LargeBinary, primary_key=True)
    purpose: str = Field(sa_type=_ID, primary_key=True)
    party: str = Field(sa_type=_ID, primary_key=True)
    approval_id: UUID = Field(sa_type=Uuid, primary_key=True)
    anchor_id: UUID = Field(sa_type=Uuid)
    handle: bytes = Field(sa_type=LargeBinary)
    """The subject by its audit handle, for the entry about taking the approval back."""
    given_at: datetime = Field(sa_type=_MOMENT)


class CodedTellingRow(SQLModel, table=True):
    """That a party was told of a signal with handling codes, and by whom it was: what it derives has to carry them."""

    __tablename__ = "coded_telling"

    covenant_id: str = Field(sa_type=_ID, primary_key=True)
    party: str = Field(sa_type=_ID, primary_key=True)
    signal_id: UUID = Field(sa_type=Uuid, primary_key=True)


TABLES: tuple[type[SQLModel], ...] = (ReleaseAskRow, SourceReleaseRow, ApprovalRow, CodedTellingRow)
