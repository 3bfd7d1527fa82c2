"""The engine and the unit of work: one transaction for a decision and its audit entry, or neither.

`Database.transaction()` is the only way to a session. It commits when the block ends and rolls back when it raises, so
a handler that returns its answer after the block has nothing left to lose.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Literal, cast

import psycopg
from psycopg import sql
from sqlalchemy import ARRAY, Boolean, Dialect, Engine, LargeBinary, Table, create_engine, event, exc, text
from sqlalchemy.engine import ExceptionContext, make_url
from sqlalchemy.types import TypeEngine
from sqlmodel import Session, SQLModel

from service.errors import Unavailable

__all__ = ["Database", "Isolation", "copy_rows"]

Isolation = Literal["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"]

DATABASE_UNAVAILABLE = "database-unavailable"
DATABASE_BUSY = "database-busy"

_RETRY_AFTER = 2


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
            pool_pre_ping=True,
            # Bound parameters are pseudonyms and sealed fields: no exception may carry them into a log.
            hide_parameters=True,
            connect_args={
                "connect_timeout": 5,
                "options": f"-c timezone=UTC -c statement_timeout={milliseconds} -c lock_timeout=10000",
            },
        )
        event.listen(self._engine, "handle_error", _withhold_rows)

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
        try:
            with (
                self._engine.connect().execution_options(isolation_level=isolation) as connection,
                Session(bind=connection, expire_on_commit=False) as session,
                session.begin(),
            ):
                yield session
        except exc.TimeoutError:
            raise Unavailable(DATABASE_BUSY, "every database connection is in use", retry_after=_RETRY_AFTER) from None
        except (exc.OperationalError, exc.InterfaceError) as error:
            raise _unavailable(error) from None

    def ready(self) -> None:
        """Raises Unavailable unless the database answers."""
        with self.transaction() as session:
            session.connection().execute(text("SELECT 1"))

    def dispose(self) -> None:
        """Closes every idle connection; the pool opens new ones when asked again."""
        self._engine.dispose()


def _withhold_rows(context: ExceptionContext) -> None:
    """Cuts an error report down to its first line: its DETAIL quotes rows, as in `Key (index_)=(…) already exists`."""
    raised, wrapped = context.original_exception, context.sqlalchemy_exception
    if isinstance(raised, psycopg.Error):
        raised.args = (_first_line(raised),)
        if wrapped is not None:
            wrapped.args = (f"({type(raised).__name__}) {_first_line(raised)}",)


def _first_line(error: psycopg.Error) -> str:
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


def copy_rows(session: Session, table: type[SQLModel] | Table, rows: Iterable[Mapping[str, Any]]) -> int:
    """Bulk insert by COPY inside the session's transaction; returns the number of rows.

    Every row names the same columns as the first. Column types convert values as in an INSERT, but Python-side defaults
    do not apply: give every value. Raises sqlalchemy.exc.IntegrityError and its siblings like an INSERT would.
    """
    destination = table if isinstance(table, Table) else cast(Table, table.__table__)  # type: ignore[attr-defined]
    iterator = iter(rows)
    first = next(iterator, None)
    if first is None:
        return 0
    session.flush()  # rows that the copied ones refer to
    connection = session.connection()
    columns = [destination.columns[name] for name in first]
    names = [column.key for column in columns]
    driver = cast("psycopg.Connection[Any]", connection.connection.driver_connection)
    converters = [
        (place, convert)
        for place, column in enumerate(columns)
        if (convert := _converter(column.type, connection.dialect)) is not None
    ]
    types = [_native_name(column.type, connection.dialect) for column in columns]
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(
        sql.Identifier(*filter(None, (destination.schema, destination.name))),
        sql.SQL(", ").join(sql.Identifier(column.name) for column in columns),
    )
    count = 0
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            copy.set_types(types)
            row: Mapping[str, Any] | None = first
            while row is not None:
                if len(row) != len(names):
                    raise ValueError("rows of one COPY must name the same columns")
                values = [row[name] for name in names]
                for place, convert in converters:
                    if values[place] is not None:
                        values[place] = convert(values[place])
                copy.write_row(values)
                count += 1
                row = next(iterator, None)
    except psycopg.Error as error:
        raise _as_sqlalchemy(error, f"COPY {destination.name}") from None
    return count


def _converter(kind: TypeEngine[Any], dialect: Dialect) -> Callable[[Any], Any] | None:
    """How SQLAlchemy would hand the value to the driver, if not as it is. Its wrapper of bytes is for parameters."""
    if isinstance(kind, LargeBinary | Boolean):
        return None
    if isinstance(kind, ARRAY) and _converter(kind.item_type, dialect) is None:
        return None
    return kind.dialect_impl(dialect).bind_processor(dialect)


def _native_name(kind: TypeEngine[Any], dialect: Dialect) -> str:
    """The type as the driver's registry knows it: `character varying` without its length, and so on."""
    return re.sub(r"\(\d+\)", "", kind.compile(dialect)).lower()


def _as_sqlalchemy(error: psycopg.Error, statement: str) -> exc.DBAPIError:
    error.args = (_first_line(error),)
    kinds: tuple[tuple[type[psycopg.Error], type[exc.DBAPIError]], ...] = (
        (psycopg.IntegrityError, exc.IntegrityError),
        (psycopg.OperationalError, exc.OperationalError),
        (psycopg.DataError, exc.DataError),
    )
    kind = next((wrapped for raised, wrapped in kinds if isinstance(error, raised)), exc.DBAPIError)
    return kind(statement, None, error, hide_parameters=True)
