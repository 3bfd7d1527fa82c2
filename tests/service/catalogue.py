"""What PostgreSQL itself says of a schema: the comparison that no library's idea of a schema stands between."""

from __future__ import annotations

from sqlalchemy import Engine, text

_COLUMNS = """
    SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity,
           pg_get_expr(d.adbin, d.adrelid), a.attstattarget, a.attstorage::text
    FROM pg_attribute a
    JOIN pg_class c ON c.oid = a.attrelid AND c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relname <> 'alembic_version'
"""
_INDEXES = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'alembic_version'"
_CONSTRAINTS = """
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
    FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text <> 'alembic_version'
"""


def catalogue(engine: Engine) -> set[tuple[object, ...]]:
    """Columns with types, defaults, how they are counted and stored; indexes; constraints; in no order."""
    with engine.connect() as connection:
        return {tuple(row) for query in (_COLUMNS, _INDEXES, _CONSTRAINTS) for row in connection.execute(text(query))}
