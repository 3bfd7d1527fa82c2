"""Reads and writes of releases."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, literal
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select

from service.release.tables import ReleaseRow


def release(session: Session, covenant_id: str, jti: UUID) -> ReleaseRow | None:
    query = select(ReleaseRow).where(ReleaseRow.covenant_id == covenant_id, ReleaseRow.jti == jti)
    return session.exec(query).one_or_none()


def insert_release(session: Session, row: ReleaseRow) -> bool:
    """False if the grant was used before; a use that is just being committed is waited for."""
    statement = insert(ReleaseRow).values(row.model_dump()).on_conflict_do_nothing().returning(literal(1))
    return session.connection().execute(statement).first() is not None


def forget(session: Session, before: datetime) -> int:
    """Deletes the releases under grants that expired earlier; returns how many there were."""
    return session.connection().execute(delete(ReleaseRow).where(col(ReleaseRow.expires_at) < before)).rowcount


def forget_all(session: Session, covenant_id: str, recipient: str | None = None) -> None:
    """Deletes the answers given under a covenant, to one recipient or to all."""
    statement = delete(ReleaseRow).where(col(ReleaseRow.covenant_id) == covenant_id)
    if recipient is not None:
        statement = statement.where(col(ReleaseRow.recipient) == recipient)
    session.connection().execute(statement)
