"""The unit of work and bulk insertion, on a real PostgreSQL."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import Column, DateTime, LargeBinary, MetaData, exc, func, insert, select, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TEXT
from sqlmodel import Field, SQLModel

from service.errors import Unavailable
from service.storage import database as storage
from service.storage.copying import copy_rows
from service.storage.database import Database
from service.storage.embedded import EmbeddedPostgres
from service.storage.spent_tokens import DatabaseSpentTokens


class Parcel(SQLModel, table=True):
    __tablename__ = "test_parcel"

    covenant_id: str = Field(primary_key=True)
    parcel_id: UUID = Field(primary_key=True)
    contents: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    labels: list[str] = Field(sa_column=Column(ARRAY(TEXT), nullable=False))
    facts: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    sent_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))


METADATA = MetaData()
SQLModel.metadata.tables["test_parcel"].to_metadata(METADATA)
SQLModel.metadata.remove(SQLModel.metadata.tables["test_parcel"])

SPENT_TOKENS = MetaData()
SQLModel.metadata.tables["spent_token"].to_metadata(SPENT_TOKENS)


@pytest.fixture
def database(fresh_database: Callable[[MetaData], Database]) -> Database:
    return fresh_database(METADATA)


def parcel(**changes: Any) -> dict[str, Any]:
    row = {
        "covenant_id": "c",
        "parcel_id": uuid4(),
        "contents": bytes(range(256)),
        "labels": ["a", 'quo"ted', "back\\slash", "tab\t"],
        "facts": {"nested": [1, None, "é"]},
        "sent_at": datetime(2026, 11, 22, 3, 4, 5, 678901, tzinfo=UTC),
    }
    return row | changes


def count(database: Database) -> int:
    with database.transaction() as session:
        return int(session.execute(select(func.count()).select_from(Parcel)).scalar_one())


def test_a_transaction_commits_when_its_block_ends(database: Database) -> None:
    with database.transaction() as session:
        session.add(Parcel(**parcel()))
    assert count(database) == 1


def test_a_transaction_that_raises_leaves_nothing(database: Database) -> None:
    def add_and_fail() -> None:
        with database.transaction() as session:
            session.add(Parcel(**parcel()))
            session.flush()
            raise LookupError

    with pytest.raises(LookupError):
        add_and_fail()
    assert count(database) == 0


def test_objects_stay_readable_after_the_commit(database: Database) -> None:
    with database.transaction() as session:
        kept = Parcel(**parcel(covenant_id="kept"))
        session.add(kept)
    assert kept.covenant_id == "kept"


def test_a_failing_commit_is_an_error_of_the_block(database: Database) -> None:
    with database.transaction() as session:
        session.connection().execute(
            text(
                "ALTER TABLE test_parcel ADD CONSTRAINT one_covenant UNIQUE (covenant_id) DEFERRABLE INITIALLY DEFERRED"
            )
        )
    with pytest.raises(exc.IntegrityError), database.transaction() as session:
        copy_rows(session, Parcel, [parcel(), parcel()])
    assert count(database) == 0


def test_repeatable_read_keeps_one_snapshot(database: Database) -> None:
    statement = select(func.count()).select_from(Parcel)
    with database.transaction(isolation="REPEATABLE READ") as session:
        assert session.execute(statement).scalar_one() == 0
        with database.transaction() as other:
            other.add(Parcel(**parcel()))
        assert session.execute(statement).scalar_one() == 0
    assert count(database) == 1


def test_a_database_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    absent = Database(f"postgresql://postgres@/none?host={tmp_path}")
    with pytest.raises(Unavailable) as caught, absent.transaction() as session:
        session.connection()
    assert caught.value.code == "database-unavailable"


def test_a_connection_lost_during_the_block_is_unavailable(database: Database) -> None:
    def add_and_lose_the_connection() -> None:
        with database.transaction() as session:
            session.add(Parcel(**parcel()))
            session.flush()
            with database.transaction() as other:
                pid = session.connection().execute(text("SELECT pg_backend_pid()")).scalar_one()
                other.connection().execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
            session.connection().execute(text("SELECT 1"))

    with pytest.raises(Unavailable):
        add_and_lose_the_connection()
    assert count(database) == 0


def lose_idle_connections(database: Database) -> None:
    with database.transaction() as first, database.transaction() as second:
        idle = [s.connection().execute(text("SELECT pg_backend_pid()")).scalar_one() for s in (first, second)]
    with database.transaction() as session:
        own = session.connection().execute(text("SELECT pg_backend_pid()")).scalar_one()
        for pid in set(idle) - {own}:
            session.connection().execute(text("SELECT pg_terminate_backend(:pid, 1000)"), {"pid": pid})


def test_connections_that_the_server_closed_meanwhile_are_replaced(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose_idle_connections(database)
    monkeypatch.setattr(storage, "_TRUSTED_SECONDS", 0.0)
    with database.transaction(), database.transaction() as session:
        session.connection().execute(text("SELECT 1"))


def test_connections_that_were_closed_this_instant_cost_one_answer(database: Database) -> None:
    lose_idle_connections(database)
    failures = 0
    for _ in range(3):
        try:
            with database.transaction(), database.transaction() as session:
                session.connection().execute(text("SELECT 1"))
        except Unavailable:
            failures += 1
    assert failures <= 1


def test_an_exhausted_pool_is_unavailable(postgres: EmbeddedPostgres) -> None:
    small = Database(postgres.url("pool"), pool_size=1, pool_timeout=0.05)
    with small.transaction(), pytest.raises(Unavailable) as caught, small.transaction():
        pass
    assert caught.value.code == "database-busy"
    small.dispose()


def test_a_statement_that_runs_too_long_is_cancelled(postgres: EmbeddedPostgres) -> None:
    hasty = Database(postgres.url("pool"), statement_timeout=timedelta(milliseconds=20))
    with pytest.raises(Unavailable), hasty.transaction() as session:
        session.connection().execute(text("SELECT pg_sleep(5)"))
    hasty.dispose()


def test_errors_do_not_quote_bound_parameters(database: Database) -> None:
    with pytest.raises(exc.DBAPIError) as caught, database.transaction() as session:
        session.connection().execute(text("SELECT 1 / :zero FROM (SELECT :secret) s"), {"zero": 0, "secret": "secret"})
    assert "secret'" not in str(caught.value)


def test_copied_rows_read_back_as_they_were_written(database: Database) -> None:
    rows = [parcel(), parcel(sent_at=None, contents=b""), parcel(facts={"json": None})]
    with database.transaction() as session:
        assert copy_rows(session, Parcel, rows) == 3
    with database.transaction() as session:
        read = {p.parcel_id: p.model_dump() for p in session.scalars(select(Parcel))}
    assert read == {row["parcel_id"]: row for row in rows}


def test_copying_nothing_is_nothing(database: Database) -> None:
    with database.transaction() as session:
        assert copy_rows(session, Parcel, []) == 0


@pytest.mark.parametrize("way", ["copy", "insert"])
def test_the_error_about_a_duplicate_quotes_no_row(database: Database, way: str) -> None:
    row = parcel(covenant_id="confidential")

    def write_twice() -> None:
        with database.transaction() as session:
            if way == "copy":
                copy_rows(session, Parcel, [row, row])
            else:
                session.connection().execute(insert(Parcel), [row, row])

    with pytest.raises(exc.IntegrityError) as caught:
        write_twice()
    assert "confidential" not in "".join(traceback.format_exception(caught.value))
    assert count(database) == 0


def test_rows_of_one_copy_name_the_same_columns(database: Database) -> None:
    short = parcel()
    del short["sent_at"]
    with pytest.raises(ValueError, match="same columns"), database.transaction() as session:
        copy_rows(session, Parcel, [parcel(), short])
    assert count(database) == 0


def test_an_embedded_server_runs_in_a_folder_with_spaces_and_leaves_nothing_behind() -> None:
    program = (
        "import shutil, sys; from sqlalchemy import text\n"
        "from service.storage.database import Database; from service.storage.embedded import EmbeddedPostgres\n"
        "with EmbeddedPostgres(sys.argv[1], durable=False) as server:\n"
        "    database = Database(server.url('broker'), pool_size=1)\n"
        "    with database.transaction() as session:\n"
        "        print(session.connection().scalar(text('SELECT 6 * 7')))\n"
        "    database.dispose()\n"
        "shutil.rmtree(sys.argv[1])\n"
    )
    folder = Path(tempfile.mkdtemp(prefix="it's a "))  # short: the path of a socket has no more than 107 bytes
    done = subprocess.run([sys.executable, "-c", program, str(folder)], capture_output=True, text=True, check=False)
    assert done.stdout == "42\n", done.stderr
    assert not folder.exists()


def test_one_process_owns_an_embedded_server(postgres: EmbeddedPostgres) -> None:
    with pytest.raises(RuntimeError, match="another process"):
        EmbeddedPostgres(postgres.directory).start()


def test_a_server_whose_owner_was_killed_is_taken_over_and_stopped(tmp_path: Path) -> None:
    killed = (
        "import os, sys; from service.storage.embedded import EmbeddedPostgres;"
        "EmbeddedPostgres(sys.argv[1], durable=False).start(); os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", killed, tmp_path]).returncode == 9
    running = tmp_path / "data" / "postmaster.pid"
    before = running.read_text().splitlines()[0]
    with EmbeddedPostgres(tmp_path, durable=False) as server:
        assert running.read_text().splitlines()[0] == before
        with psycopg.connect(server.url("demo")) as connection:
            assert connection.execute("SHOW fsync").fetchone() == ("off",)
    assert not running.exists()


def test_every_test_database_is_empty(fresh_database: Callable[[MetaData], Database]) -> None:
    first, second = fresh_database(METADATA), fresh_database(METADATA)
    with first.transaction() as session:
        session.add(Parcel(**parcel()))
    assert (count(first), count(second)) == (1, 0)


@pytest.fixture
def spent_tokens_database(fresh_database: Callable[[MetaData], Database]) -> Database:
    return fresh_database(SPENT_TOKENS)


def test_a_token_is_spent_once_and_by_its_own_principal(spent_tokens_database: Database) -> None:
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    first, replica = (DatabaseSpentTokens(spent_tokens_database, clock=lambda: now) for _ in range(2))
    expiry = now + timedelta(seconds=60)
    assert first.spend("police", "jti-1", expiry)
    assert not replica.spend("police", "jti-1", expiry)
    assert replica.spend("police", "jti-2", expiry)
    assert replica.spend("housing", "jti-1", expiry)
    assert replica.spend("policejti", "-1", expiry)


def test_spent_tokens_are_forgotten_only_after_every_clock_has_passed_them(spent_tokens_database: Database) -> None:
    moment = datetime(2026, 11, 22, 12, tzinfo=UTC)
    spent = DatabaseSpentTokens(spent_tokens_database, clock=lambda: moment)
    expiry = moment
    assert spent.spend("police", "jti", expiry)
    moment = expiry + timedelta(seconds=59)
    spent.purge()
    assert not spent.spend("police", "jti", expiry)
    moment = expiry + timedelta(seconds=61)
    spent.purge()
    assert spent.spend("police", "jti", expiry)


def test_of_requests_that_race_with_one_token_one_wins(spent_tokens_database: Database) -> None:
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    spent = DatabaseSpentTokens(spent_tokens_database, clock=lambda: now)
    with ThreadPoolExecutor(8) as threads:
        fresh = list(threads.map(lambda number: spent.spend("police", str(number % 10), now), range(80)))
    assert sum(fresh) == 10
