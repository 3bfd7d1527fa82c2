"""Request tokens that were used, kept until they expire, so that none serves twice.

A row holds a hash of signing key and token id, and nothing that says who asked what. Losing the rows of the last moment
in a crash would let those tokens, which live a minute, serve once more; so the commit does not wait for the disk.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import DateTime, LargeBinary, Row, TextClause, delete, text
from sqlmodel import Field, SQLModel, col

from clients.protocol.encoding import lp
from service.storage.database import Database

__all__ = ["SPENDING", "TABLES", "DatabaseSpentTokens", "SpentTokenRow"]

_KEPT_AFTER_EXPIRY = timedelta(minutes=1)
_PURGE_EVERY = 1000


class SpentTokenRow(SQLModel, table=True):
    __tablename__ = "spent_token"

    digest: bytes = Field(sa_type=LargeBinary, primary_key=True)
    """SHA-256 of key id and token id, 32 bytes."""
    expires_at: datetime = Field(sa_type=DateTime(timezone=True), index=True)


TABLES = (SpentTokenRow,)

# Part of one statement, since every request waits for it: the last condition sets what the commit will do, and holds.
SPENDING = """
    INSERT INTO spent_token (digest, expires_at)
    SELECT CAST(:digest AS bytea), CAST(:expires_at AS timestamptz)
    WHERE {condition} AND set_config('synchronous_commit', 'off', true) = 'off'
    ON CONFLICT DO NOTHING RETURNING digest
"""
"""Spends a token on a condition; has a row if that holds, and the token was not spent before."""
_SPEND = text(SPENDING.format(condition="true"))


class DatabaseSpentTokens:
    """The record that all replicas of a service share. `clock` gives an aware time."""

    def __init__(self, database: Database, *, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._spent = itertools.count(1)

    def spend(self, key_id: str, token_id: str, expires_at: datetime) -> bool:
        """Records a token that holds until `expires_at`; False if it was recorded before. Raises Unavailable."""
        return bool(self.spend_in(_SPEND, key_id, token_id, expires_at))

    def spend_in(
        self, statement: TextClause, key_id: str, token_id: str, expires_at: datetime, **given: str | None
    ) -> Sequence[Row[Any]]:
        """The rows of a statement that has `SPENDING` in it, and the parameters `given` besides."""
        digest = sha256(lp(key_id, token_id)).digest()
        with self._database.statement() as connection:
            rows = connection.execute(statement, {"digest": digest, "expires_at": expires_at} | given).all()
        if next(self._spent) % _PURGE_EVERY == 0:
            self.purge()
        return rows

    def purge(self) -> None:
        """Forgets the tokens that no clock takes any more."""
        past = self._clock() - _KEPT_AFTER_EXPIRY
        with self._database.transaction() as session:
            session.connection().execute(delete(SpentTokenRow).where(col(SpentTokenRow.expires_at) < past))
