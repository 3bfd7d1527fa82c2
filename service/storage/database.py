"""The engine and the unit of work: one transaction for a decision and its audit entry, or neither.

`Database.transaction()` is the only way to a session. It commits when the block ends and rolls back when it raises, so
a handler that returns its answer after the block has nothing left to lose. What is one statement needs no session.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Literal

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event, exc, text
from sqlalchemy.engine import ExceptionContext, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry
from sqlmodel import Session

from service.errors import Unavailable

__all__ = ["Database", "Isolation", "first_line"]

Isolation = Literal["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"]

DATABASE_UNAVAILABLE = "database-unavailable"
DATABASE_BUSY = "database-busy"

_RETRY_AFTER = 2
_TRUSTED_SECONDS = 1.0
"""So long after its last use a connection is taken to be alive."""
_USED = "used"


class Database:
    """A pool of connections to one PostgreSQL database.

    `url` is a libpq-style URL; any `postgresql://` is read as psycopg 3. Statements that run longer than
    `statement_timeout` are cancelled, so that one bad plan does not hold every connection; `None` lets them run.
    """

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 10,
        pool_timeout: float = 10.0,
        statement_timeout: timedelta | None = timedelta(seconds=60),
    ) -> None:
        milliseconds = 0 if statement_timeout is None else int(statement_timeout.total_seconds() * 1000)
        self._engine = create_engine(
            make_url(url).set(drivername="postgresql+psycopg"),
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=pool_timeout,
            # Bound parameters are pseudonyms and sealed fields: no exception may carry them into a log.
            hide_parameters=True,
            connect_args={
                "connect_timeout": 5,
                "options": f"-c timezone=UTC -c statement_timeout={milliseconds} -c lock_timeout=10000",
            },
        )
        event.listen(self._engine, "handle_error", _withhold_rows)
        event.listen(self._engine, "checkin", _note_use)
        event.listen(self._engine, "checkout", self._try_idle)

    @property
    def engine(self) -> Engine:
        """For migrations and schema creation; slices use `transaction`."""
        return self._engine

    @contextmanager
    def transaction(self, *, isolation: Isolation = "READ COMMITTED") -> Iterator[Session]:
        """A session in one transaction. `REPEATABLE READ` gives every statement in it the same snapshot.

        Objects stay readable after the commit. Raises Unavailable when there is no database, no free connection, or a
        conflict with another transaction that a repetition resolves; nothing has been written then.
        """
        with (
            self._connected(isolation) as connection,
            Session(bind=connection, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    @contextmanager
    def statement(self) -> Iterator[Connection]:
        """For one statement, which is a transaction by itself. Raises Unavailable as `transaction` does.

        For what every request waits for: a session, and the two round trips around it, take longer than the statement.
        """
        with self._connected("AUTOCOMMIT") as connection:
            yield connection

    @contextmanager
    def _connected(self, isolation: Isolation | Literal["AUTOCOMMIT"]) -> Iterator[Connection]:
        try:
            with self._engine.connect().execution_options(isolation_level=isolation) as connection:
                yield connection
        except exc.TimeoutError:
            raise Unavailable(DATABASE_BUSY, "every database connection is in use", retry_after=_RETRY_AFTER) from None
        except (exc.OperationalError, exc.InterfaceError) as error:
            raise _unavailable(error) from None

    def _try_idle(self, connection: DBAPIConnection, record: ConnectionPoolEntry, _: object) -> None:
        """Tries a connection that was idle before it is handed out; one that is dead makes place for a new one.

        Not at every use: a transaction of three statements would take a quarter longer. A connection that died within
        the last second costs one caller an Unavailable, and the pool throws all others of that age away with it.
        """
        used = record.info.get(_USED)
        if used is not None and time.monotonic() - used > _TRUSTED_SECONDS:
            try:
                self._engine.dialect.do_ping(connection)
            except psycopg.Error:
                raise exc.DisconnectionError from None

    def ready(self) -> None:
        """Raises Unavailable unless the database answers."""
        with self.transaction() as session:
            session.connection().execute(text("SELECT 1"))

    def dispose(self) -> None:
        """Closes every idle connection; the pool opens new ones when asked again."""
        self._engine.dispose()


def _note_use(_: object, record: ConnectionPoolEntry) -> None:
    record.info[_USED] = time.monotonic()


def _withhold_rows(context: ExceptionContext) -> None:
    """Cuts an error report down to its first line: its DETAIL quotes rows, as in `Key (index_)=(…) already exists`."""
    raised, wrapped = context.original_exception, context.sqlalchemy_exception
    if isinstance(raised, psycopg.Error):
        raised.args = (first_line(raised),)
        if wrapped is not None:
            wrapped.args = (f"({type(raised).__name__}) {first_line(raised)}",)


def first_line(error: psycopg.Error) -> str:
    """What an error report may say: the rest quotes rows."""
    return error.diag.message_primary or "no answer from the server"


def _unavailable(error: exc.DBAPIError) -> Unavailable:
    busy = psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected, psycopg.errors.LockNotAvailable
    if isinstance(error.orig, busy):
        return Unavailable(
            DATABASE_BUSY, "another transaction was in the way; nothing was written", retry_after=_RETRY_AFTER
        )
    return Unavailable(
        DATABASE_UNAVAILABLE, "the database did not answer; nothing was written", retry_after=_RETRY_AFTER
    )
