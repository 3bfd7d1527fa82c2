"""What the broker keeps of signals, and what it publishes of the set-up.

No column holds a token or an identifier. A pseudonym is kept twice: `index_` = HMAC(pepper, …) to find it by, and
`sealed` under a key that is in no database, for the day the epoch rotates.

Every primary key leads with the covenant, so that a distributed PostgreSQL can place rows by it. The order of a key is
that of its use: pseudonyms are probed by (match key, index), so a batch of a thousand touches a few thousand pages of a
table of any size, and the rows of one subject stand together.

A signal that ends (withdrawn, replaced, expired) loses its sealed fields, digests and sealed pseudonyms at once. Its
bare rows stay for `lifecycle.REMEMBERED`, marked dead, so that those who were shown it can be told that it is gone;
then they go too, and only its id remains, which nobody may use again.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, Date, DateTime, Index, Integer, LargeBinary, SmallInteger, String, Text, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import UserDefinedType
from sqlmodel import Field, SQLModel

from service.storage.columns import UNCOMPRESSED

__all__ = [
    "TABLES",
    "JointKeyRow",
    "PseudonymRow",
    "PublishedKeyRow",
    "SignalBatchRow",
    "SignalFieldRow",
    "SignalIdRow",
    "SignalRow",
    "Xid8",
]

_MOMENT = DateTime(timezone=True)
_ID = String(63)


class Xid8(UserDefinedType[int]):
    """PostgreSQL's 64-bit transaction id, as a Python int."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "xid8"

    def bind_processor(self, dialect: Any) -> Any:
        return lambda value: None if value is None else str(value)

    def result_processor(self, dialect: Any, coltype: object) -> Any:
        return lambda value: None if value is None else int(value)


class SignalIdRow(SQLModel, table=True):
    """Every signal id that was ever taken. Claimed first in a submission, so two that race cannot both store a signal.

    The row outlives its signal: what an id is answered with then depends on nothing that was erased, and trying another
    party's id tells nothing that knowing the id did not tell.
    """

    __tablename__ = "signal_id"

    covenant_id: str = Field(sa_type=_ID, primary_key=True)
    signal_id: UUID = Field(sa_type=Uuid, primary_key=True)
    party: str = Field(sa_type=_ID)
    leaf: bytes = Field(sa_type=LargeBinary)
    """The signal's leaf: a salted commitment, whose salts go with the signal."""


class SignalBatchRow(SQLModel, table=True):
    """A submission's leaves and their signature, from which inclusion proofs are made; gone with its last signal."""

    __tablename__ = "signal_batch"

    covenant_id: str = Field(sa_type=_ID, primary_key=True)
    batch_id: UUID = Field(sa_type=Uuid, primary_key=True)
    party: str = Field(sa_type=_ID)
    version: str = Field(sa_type=String(64))
    leaves: bytes = Field(sa_type=LargeBinary, sa_column_kwargs=UNCOMPRESSED)
    """All leaves that were signed, those of rejected signals too: 32 bytes each."""
    signature: bytes = Field(sa_type=LargeBinary)
    submitted_at: datetime = Field(sa_type=_MOMENT)
    remaining: int = Field(sa_type=SmallInteger)
    """Its signals that are not forgotten yet; none, and the batch goes too."""


class SignalRow(SQLModel, table=True):
    """A signal as its party stated it, without its subject. `state` is live, withdrawn or expired."""

    __tablename__ = "signal"
    __table_args__ = (
        Index("signal_by_party", "covenant_id", "party", "submitted_at", "signal_id"),
        Index("signal_to_expire", "covenant_id", "category", "day", postgresql_where=text("state = 'live'")),
        Index("signal_ended", "covenant_id", "ended_at", postgresql_where=text("state <> 'live'")),
    )

    covenant_id: str = Field(sa_type=_ID, primary_key=True)
    signal_id: UUID = Field(sa_type=Uuid, primary_key=True)
    party: str = Field(sa_type=_ID)
    state: str = Field(sa_type=String(9))
    subject_kind: str = Field(sa_type=String(7))
    category: str = Field(sa_type=_ID)
    day: date = Field(sa_type=Date)
    purposes: list[str] = Field(sa_type=ARRAY(Text))
    origins: list[str] = Field(sa_type=ARRAY(Text))
    handling_codes: list[str] = Field(sa_type=ARRAY(Text))
    sealed: list[str] = Field(sa_type=ARRAY(Text), sa_column_kwargs={"server_default": text("'{}'")})
    """The items it came with a sealed variant of, as `note.gist`: deciding needs the names and never the contents."""
    version: str = Field(sa_type=String(64))
    """Hash of the covenant version it was submitted under."""
    submitted_at: datetime = Field(sa_type=_MOMENT)
    batch_id: UUID = Field(sa_type=Uuid)
    leaf_index: int = Field(sa_type=SmallInteger)
    """Its place among the leaves of its batch."""
    digests: bytes | None = Field(sa_type=LargeBinary, nullable=True)
    """The digests of its item slots, 32 bytes each, in slot order."""
    salts: bytes | None = Field(sa_type=LargeBinary, nullable=True)
    """The salts of its plain items, 16 bytes each, in the order of their slots."""
    replaces: UUID | None = Field(sa_type=Uuid, nullable=True)
    ended_at: datetime | None = Field(sa_type=_MOMENT, nullable=True)
    ended_because: str | None = Field(sa_type=String(20), nullable=True)
    """The withdrawal's reason, `replaced` or `expired`."""


class SignalFieldRow(SQLModel, table=True):
    """One sealed variant of a field. Ciphertext and wrapped key are opaque here."""

    __tablename__ = "signal_field"

    covenant_id: str = Field(sa_type=_ID, primary_key=True)
    signal_id: UUID = Field(sa_type=Uuid, primary_key=True)
    field: str = Field(sa_type=_ID, primary_key=True)
    variant: str = Field(sa_type=_ID, primary_key=True)
    salt: bytes = Field(sa_type=LargeBinary)
    ciphertext: bytes = Field(sa_type=LargeBinary)
    commitment: bytes = Field(sa_type=LargeBinary)
    wrapped_key: bytes = Field(sa_type=LargeBinary)
    retention_month: str = Field(sa_type=String(7))


class PseudonymRow(SQLModel, table=True):
    """That a signal concerns the subject with this index, by one match key.

    `index_` covers match key, normalisation version and epoch, so equal indexes are the same subject. `changed` is the
    transaction that made the row or ended it: a reader of changes asks for what is not older than the horizon of its
    last reading (see `matching.horizon`).
    """

    __tablename__ = "pseudonym"
    __table_args__ = (
        Index("pseudonym_by_signal", "covenant_id", "signal_id"),
        Index("pseudonym_by_change", "covenant_id", "changed"),
    )

    covenant_id: str = Field(sa_type=_ID, primary_key=True)
    match_key: str = Field(sa_type=_ID, primary_key=True)
    index_: bytes = Field(sa_type=LargeBinary, primary_key=True)
    signal_id: UUID = Field(sa_type=Uuid, primary_key=True)
    party: str = Field(sa_type=_ID)
    live: bool = Field(sa_type=Boolean)
    handle: bytes = Field(sa_type=LargeBinary)
    """How the audit log names the subject: HMAC(audit key, κ ‖ t)."""
    sealed: bytes | None = Field(sa_type=LargeBinary, nullable=True)
    """The pseudonym under AES-256-GCM, for a rotation of the epoch; null once the signal has ended."""
    evidence_at: datetime = Field(sa_type=_MOMENT)
    """When the party first submitted what this signal says of this subject: corrections inherit it."""
    changed: int | None = Field(
        default=None, sa_type=Xid8, nullable=False, sa_column_kwargs={"server_default": text("pg_current_xact_id()")}
    )


class JointKeyRow(SQLModel, table=True):
    """What the broker published of one match key: B and T with their proof, and the H it began with."""

    __tablename__ = "joint_key"

    covenant_id: str = Field(sa_type=_ID, primary_key=True)
    match_key: str = Field(sa_type=_ID, primary_key=True)
    epoch: int = Field(sa_type=Integer)
    holder_point: bytes = Field(sa_type=LargeBinary)
    broker_point: bytes = Field(sa_type=LargeBinary)
    joint_point: bytes = Field(sa_type=LargeBinary)
    proof: bytes = Field(sa_type=LargeBinary)


class PublishedKeyRow(SQLModel, table=True):
    """One party key: K_A as the broker accepted it, D_A and its proof.

    The row of a key that was replaced stays, no longer current, so that no K_A is ever accepted for two things.
    """

    __tablename__ = "published_key"
    __table_args__ = (Index("published_key_by_commitment", "commitment"),)

    covenant_id: str = Field(sa_type=_ID, primary_key=True)
    match_key: str = Field(sa_type=_ID, primary_key=True)
    party: str = Field(sa_type=_ID, primary_key=True)
    key_version: int = Field(sa_type=Integer, primary_key=True)
    current: bool = Field(sa_type=Boolean)
    commitment: bytes = Field(sa_type=LargeBinary)
    point: bytes = Field(sa_type=LargeBinary)
    proof: bytes = Field(sa_type=LargeBinary)


TABLES: tuple[type[SQLModel], ...] = (
    SignalIdRow,
    SignalBatchRow,
    SignalRow,
    SignalFieldRow,
    PseudonymRow,
    JointKeyRow,
    PublishedKeyRow,
)
