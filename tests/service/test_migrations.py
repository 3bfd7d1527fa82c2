"""Migrations: written from the tables, run without a configuration file, and checked against the tables."""

from __future__ import annotations

import importlib
import shutil
from datetime import datetime
from pathlib import Path
from typing import get_args

import pytest
from sqlalchemy import Column, DateTime, Index, LargeBinary, MetaData, String, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field, SQLModel

from service.errors import Unavailable
from service.signals.tables import Xid8
from service.storage.database import Database
from service.storage.embedded import EmbeddedPostgres
from service.storage.migrate import Service, differences, migrate, require_current, revise
from tests.service.catalogue import catalogue

MIGRATIONS = Path(importlib.import_module("migrations").__path__[0])


class Crate(SQLModel, table=True):
    __tablename__ = "test_crate"
    __table_args__ = (Index("crate_open", "covenant_id", postgresql_where=text("sealed_at IS NULL")),)

    covenant_id: str = Field(primary_key=True)
    label: str = Field(sa_type=String(63), primary_key=True)
    short: str = Field(max_length=9, unique=True)
    contents: bytes = Field(sa_type=LargeBinary)
    tags: list[str] = Field(sa_column=Column(ARRAY(String), nullable=False))
    facts: dict[str, int] = Field(sa_column=Column(JSONB, nullable=False))
    sealed_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    changed: int = Field(
        default=None, sa_type=Xid8, nullable=False, sa_column_kwargs={"server_default": text("pg_current_xact_id()")}
    )


METADATA = MetaData()
SQLModel.metadata.tables["test_crate"].to_metadata(METADATA)
SQLModel.metadata.remove(SQLModel.metadata.tables["test_crate"])


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    directory = tmp_path / "100% broker"
    shutil.copytree(MIGRATIONS / "broker", directory, ignore=lambda _, names: [n for n in names if n.startswith("0")])
    (directory / "versions").mkdir(exist_ok=True)
    return directory


def test_a_written_revision_makes_exactly_the_tables(postgres: EmbeddedPostgres, scripts: Path) -> None:
    migrated, made = Database(postgres.url("revised")), Database(postgres.url("made"))
    path = revise(postgres.url("revised"), "broker", METADATA, "crates", scripts=scripts)
    assert path is not None
    assert path.name == "0001_crates.py"
    source = path.read_text()
    assert "sqlmodel" not in source
    assert "service.signals" not in source
    assert "Native('xid8')" in source
    migrate(postgres.url("revised"), "broker", scripts=scripts)
    METADATA.create_all(made.engine)
    assert catalogue(migrated.engine) == catalogue(made.engine)
    with migrated.engine.connect() as connection:
        assert differences(connection, METADATA) == []
    assert revise(postgres.url("revised"), "broker", METADATA, "again", scripts=scripts) is None
    for database in (migrated, made):
        database.dispose()


def test_differences_between_schema_and_tables_are_found(postgres: EmbeddedPostgres, scripts: Path) -> None:
    database = Database(postgres.url("differing"))
    METADATA.create_all(database.engine)
    with database.engine.begin() as connection:
        connection.execute(text("ALTER TABLE test_crate ALTER COLUMN label TYPE varchar(64)"))
        assert differences(connection, METADATA)
    database.dispose()


def test_a_database_that_was_not_migrated_is_not_current(postgres: EmbeddedPostgres) -> None:
    database = Database(postgres.url("unmigrated"))
    with database.engine.begin() as connection:
        connection.execute(text("CREATE TABLE alembic_version (version_num varchar(32) NOT NULL)"))
        connection.execute(text("INSERT INTO alembic_version VALUES ('9999')"))
        with pytest.raises(Unavailable) as caught:
            require_current(connection, "broker")
    assert caught.value.code == "schema-not-current"
    database.dispose()


@pytest.mark.parametrize("service", get_args(Service))
def test_the_released_migrations_make_exactly_the_tables_of_the_service(
    postgres: EmbeddedPostgres, service: Service
) -> None:
    if not list((MIGRATIONS / service / "versions").glob("*.py")):
        pytest.skip("no revision was released yet")
    metadata = importlib.import_module(f"service.{service}.tables").metadata
    url = postgres.url(f"released_{service}")
    migrate(url, service)
    migrate(url, service)
    migrated, made = Database(url), Database(postgres.url(f"made_{service}"))
    metadata.create_all(made.engine)
    assert catalogue(migrated.engine) == catalogue(made.engine)
    with migrated.engine.connect() as connection:
        assert differences(connection, metadata) == []
        require_current(connection, service)
    for database in (migrated, made):
        database.dispose()
