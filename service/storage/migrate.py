"""Schema migrations without an alembic.ini: the two services' databases, each with its own line of revisions.

Migrations go forward only. A release that must be taken back goes back by restoring, since a downgrade that drops a
column of the audit log would be an erasure that nobody decided on.
"""

from __future__ import annotations

import importlib.resources
import re
from pathlib import Path
from typing import Any, Literal

from alembic import command, context
from alembic.autogenerate import compare_metadata
from alembic.autogenerate.api import AutogenContext
from alembic.config import Config
from alembic.operations.ops import CreateTableOp, ExecuteSQLOp
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from sqlalchemy import Connection, MetaData, NullPool, create_engine, exc, text
from sqlalchemy.engine import make_url
from sqlalchemy.types import String, UserDefinedType
from sqlmodel.sql.sqltypes import AutoString

from service.errors import Unavailable
from service.storage.columns import settings_of
from service.storage.types import Native

__all__ = ["Service", "differences", "migrate", "require_current", "revise", "run_environment"]

Service = Literal["broker", "keyholder"]

# Replicas that start together migrate one after the other. The number is arbitrary and ours.
_LOCK = 7_283_114_067


def migrate(url: str, service: Service, *, scripts: Path | None = None) -> None:
    """Brings the database at `url` to the newest revision, all steps in one transaction. `scripts` is for tests.

    Raises Unavailable when there is no database.
    """
    with _connection(url) as connection, connection.begin():
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        command.upgrade(_config(service, scripts, connection=connection), "head")


def require_current(connection: Connection, service: Service) -> None:
    """Raises Unavailable unless the database has exactly the schema that this release was written for."""
    newest = ScriptDirectory.from_config(_config(service, None)).get_current_head()
    try:
        present = MigrationContext.configure(connection).get_current_revision()
    except exc.DBAPIError:
        raise Unavailable("database-unavailable", "the database did not answer") from None
    if newest is None or present != newest:
        raise Unavailable("schema-not-current", "the database schema is not this release's; run covenantd migrate")


def differences(connection: Connection, metadata: MetaData) -> list[Any]:
    """What autogeneration would still change: empty where the migrated schema is what the tables say."""
    migration = MigrationContext.configure(connection, opts=_comparison())
    return list(compare_metadata(migration, metadata))


def revise(url: str, service: Service, metadata: MetaData, message: str, *, scripts: Path | None = None) -> Path | None:
    """Writes the revision that leads from the newest one to `metadata`; None if nothing changed.

    The database at `url` is brought to the newest revision first. Read what was written before releasing it: renamed
    columns look like one dropped and one added.
    """
    migrate(url, service, scripts=scripts)
    with _connection(url) as connection:
        config = _config(service, scripts, connection=connection, metadata=metadata)
        number = len(list(ScriptDirectory.from_config(config).walk_revisions())) + 1

        def keep_changes(_: Any, __: Any, directives: list[Any]) -> None:
            if directives[0].upgrade_ops.is_empty():
                directives.clear()
                return
            ops = directives[0].upgrade_ops.ops
            created = [op for op in ops if isinstance(op, CreateTableOp)]
            ops += [ExecuteSQLOp(statement) for op in created for statement in settings_of(op.table_name, op.columns)]

        config.attributes["process_revision_directives"] = keep_changes
        script = command.revision(config, message, autogenerate=True, rev_id=f"{number:04d}")
    return Path(script.path) if isinstance(script, Script) else None


def run_environment() -> None:
    """What `env.py` of each service runs inside Alembic."""
    attributes = context.config.attributes
    context.configure(
        connection=attributes["connection"],
        target_metadata=attributes.get("metadata"),
        process_revision_directives=attributes.get("process_revision_directives"),
        **_comparison(),
    )
    with context.begin_transaction():
        context.run_migrations()


def _comparison() -> dict[str, Any]:
    return {"compare_type": True, "compare_server_default": True, "render_item": _render}


def _render(kind: str, item: Any, autogenerate: AutogenContext) -> str | Literal[False]:
    """Types as plain SQLAlchemy: a revision must still run when the slices' own types have changed or gone."""
    if kind != "type":
        return False
    if isinstance(item, AutoString):
        return f"sa.String(length={item.length})" if item.length else "sa.String()"
    if isinstance(item, UserDefinedType) and not isinstance(item, String):
        autogenerate.imports.add("from service.storage.types import Native")
        name = item.name if isinstance(item, Native) else item.get_col_spec()
        return f"Native({name!r})"
    return False


def _config(service: Service, scripts: Path | None, **attributes: Any) -> Config:
    directory = scripts or Path(str(importlib.resources.files("migrations"))) / service
    config = Config()
    for name, value in {
        "script_location": str(directory),
        "file_template": "%(rev)s_%(slug)s",
        "truncate_slug_length": "60",
        "path_separator": "os",
    }.items():
        config.set_main_option(name, re.sub("%", "%%", value))
    config.attributes.update(attributes)
    return config


def _connection(url: str) -> Connection:
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"), poolclass=NullPool, hide_parameters=True)
    try:
        return engine.connect()
    except exc.OperationalError:
        raise Unavailable("database-unavailable", "the database did not answer") from None
