"""Request tokens that were used, kept until they expire, so that none serves twice.

A row holds a hash of principal and token id, and nothing that says who asked what. Losing the rows of the last moment
in a crash would let those tokens, which live a minute, serve once more; so the commit does not wait for the disk.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import DateTime, LargeBinary, delete, text
from sqlmodel import Field, SQLModel, col

from clients.protocol.encoding import lp
from service.storage.database import Database

__all__ = ["TABLES", "DatabaseSpentTokens", "SpentTokenRow"]

_KEPT_AFTER_EXPIRY = timedelta(minutes=1)
_PURGE_EVERY = 1000


class SpentTokenRow(SQLModel, table=True):
    __tablename__ = "spent_token"

    digest: bytes = Field(sa_type=LargeBinary, primary_key=True)
    """SHA-256 of principal id and token id, 32 bytes."""
    expires_at: datetime = Field(sa_type=DateTime(timezone=True), index=True)


TABLES = (SpentTokenRow,)

# One statement, since every request waits for it: the condition sets what the commit will do, and holds.
_SPEND = text(
    """
    INSERT INTO spent_token (digest, expires_at)
    SELECT CAST(:digest AS bytea), CAST(:expires_at AS timestamptz)
    WHERE set_config('synchronous_commit', 'off', true) = 'off'
    ON CONFLICT DO NOTHING RETURNING digest
    """
)


class DatabaseSpentTokens:
    """The record that all replicas of a service share. `clock` gives an aware time."""

    def __init__(self, database: Database, *, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._spent = itertools.count(1)

    def spend(self, principal_id: str, token_id: str, expires_at: datetime) -> bool:
        """Records a token that holds until `expires_at`; False if it was recorded before. Raises Unavailable."""
        digest = sha256(lp(principal_id, token_id)).digest()
        values = {"digest": digest, "expires_at": expires_at}
        with self._database.statement() as connection:
            fresh = connection.execute(_SPEND, values).first() is not None
        if next(self._spent) % _PURGE_EVERY == 0:
            self.purge()
        return fresh

    def purge(self) -> None:
        """Forgets the tokens that no clock takes any more."""
        past = self._clock() - _KEPT_AFTER_EXPIRY
        with self._database.transaction() as session:
            session.connection().execute(delete(SpentTokenRow).where(col(SpentTokenRow.expires_at) < past))
