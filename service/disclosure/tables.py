"""What the broker keeps of answers: the feed's last word per viewer, committed disclosures, who was told, notices.

Nothing here holds a token, an identifier or a pseudonym; `told.index_` is the keyed index that signals are matched by.
Every primary key leads with the covenant, and then with the party whose rows they are, so that no conflict of keys can
tell one party about another's.
"""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, Date, DateTime, Index, Integer, LargeBinary, String, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

__all__ = ["DisclosureRow", "HitFeed", "HitState", "LookUpCount", "Notice", "TABLES", "Told"]

_MOMENT = DateTime(timezone=True)


class HitFeed(SQLModel, table=True):
    """How far a viewer's feed has come.

    Anchors up to `through` were decided on the `day`, under the `version` and with the `active` parties that stand
    here, over everything that had been committed by transactions before `seen`. Whoever holds this row's lock writes
    the feed.
    """

    __tablename__ = "hit_feed"

    covenant_id: str = Field(sa_type=String(63), primary_key=True)
    viewer: str = Field(sa_type=String(63), primary_key=True)
    sequence: int = Field(sa_type=BigInteger)
    """The last sequence number given; the viewer's own events alone move it."""
    forgotten: int = Field(sa_type=BigInteger)
    """The last number among retractions that were deleted: a reader that is not beyond it may have missed one."""
    seen: int = Field(sa_type=BigInteger)
    """A transaction id (xid8): the oldest that was still in progress when the feed last looked."""
    through: UUID = Field(sa_type=Uuid)
    """Anchors are decided in the order of their ids; the nil id is before all, the max id (RFC 9562) after all."""
    day: date | None = Field(sa_type=Date, nullable=True)
    version: str = Field(sa_type=String(64))
    active: bytes = Field(sa_type=LargeBinary)
    """SHA-256 of the active parties."""


class HitState(SQLModel, table=True):
    """What a viewer was last told of one signal, for one purpose and stage, standing on one anchor.

    The row is the event: an older event about the same hit is overwritten, so that reading the feed again from the
    start tells what may be seen now and never what could once be seen. `hit` is null once it was retracted.
    """

    __tablename__ = "hit_state"
    __table_args__ = (
        Index("hit_state_sequence", "covenant_id", "viewer", "sequence", unique=True),
        Index("hit_state_hit", "covenant_id", "viewer", "hit_id", unique=True),
    )

    covenant_id: str = Field(sa_type=String(63), primary_key=True)
    viewer: str = Field(sa_type=String(63), primary_key=True)
    anchor_id: UUID = Field(sa_type=Uuid, primary_key=True)
    purpose: str = Field(sa_type=String(63), primary_key=True)
    stage: str = Field(sa_type=String(63), primary_key=True)
    signal_id: UUID = Field(sa_type=Uuid, primary_key=True)
    hit_id: UUID = Field(sa_type=Uuid)
    sequence: int = Field(sa_type=BigInteger)
    appeared: int = Field(sa_type=BigInteger)
    """The sequence number with which it last appeared: before it, the viewer did not see the hit."""
    handle: bytes = Field(sa_type=LargeBinary)
    """The subject by its audit handle: the entry about a retraction is written when the anchor itself may be gone."""
    hit: str | None = Field(sa_type=Text, nullable=True)
    """What was decided, as a reference (see `answers`)."""
    terms: str | None = Field(sa_type=Text, nullable=True)
    """Audit sight and obligations of the decision, for the entry that is written when the event is told."""


class DisclosureRow(SQLModel, table=True):
    """A committed decision. Its id is the request's idempotency key, so it is unique to its party only."""

    __tablename__ = "disclosure"

    covenant_id: str = Field(sa_type=String(63), primary_key=True)
    party: str = Field(sa_type=String(63), primary_key=True)
    disclosure_id: UUID = Field(sa_type=Uuid, primary_key=True)
    request: bytes = Field(sa_type=LargeBinary)
    """HMAC-SHA-256 of the request: a plain hash would let whoever holds the database recognise a leaked token."""
    version: str = Field(sa_type=String(64))
    purpose: str = Field(sa_type=String(63))
    stage: str = Field(sa_type=String(63))
    decided_at: datetime = Field(sa_type=_MOMENT)
    audit_entry_id: UUID = Field(sa_type=Uuid)
    anchor_signal_id: UUID | None = Field(sa_type=Uuid, nullable=True)
    """Null after a look-up."""
    answer: str = Field(sa_type=Text)
    """What was decided, as references (see `answers`): the signals themselves stay where they can be withdrawn."""
    obligations: list[str] = Field(sa_type=ARRAY(Text))


class Told(SQLModel, table=True):
    """When a party was first told of a subject, by each match key value that it had named itself (echo guard)."""

    __tablename__ = "told"

    covenant_id: str = Field(sa_type=String(63), primary_key=True)
    match_key: str = Field(sa_type=String(63), primary_key=True)
    index_: bytes = Field(sa_type=LargeBinary, primary_key=True)
    party: str = Field(sa_type=String(63), primary_key=True)
    first_told_at: datetime = Field(sa_type=_MOMENT)


class Notice(SQLModel, table=True):
    """Word to a source that its signal was disclosed: only the fields that the permits let it know are filled."""

    __tablename__ = "notice"
    __table_args__ = (Index("notice_signal", "covenant_id", "signal_id"),)

    covenant_id: str = Field(sa_type=String(63), primary_key=True)
    source: str = Field(sa_type=String(63), primary_key=True)
    visible_from: date = Field(sa_type=Date, primary_key=True)
    """The day of the disclosure, or later where the covenant keeps it from the source for a while."""
    notice_id: UUID = Field(sa_type=Uuid, primary_key=True)
    signal_id: UUID = Field(sa_type=Uuid)
    day: date | None = Field(sa_type=Date, nullable=True)
    party: str | None = Field(sa_type=String(63), nullable=True)
    purpose: str | None = Field(sa_type=String(63), nullable=True)
    items: list[str] | None = Field(sa_type=ARRAY(Text), nullable=True)


class LookUpCount(SQLModel, table=True):
    """Look-ups a party has made for a purpose on one Amsterdam day."""

    __tablename__ = "lookup_count"

    covenant_id: str = Field(sa_type=String(63), primary_key=True)
    party: str = Field(sa_type=String(63), primary_key=True)
    purpose: str = Field(sa_type=String(63), primary_key=True)
    day: date = Field(sa_type=Date, primary_key=True)
    count: int = Field(sa_type=Integer)


TABLES: tuple[type[SQLModel], ...] = (HitFeed, HitState, DisclosureRow, Told, Notice, LookUpCount)
