"""Reads and writes of covenant versions."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from service.covenants.tables import CovenantApprovalRow, CovenantVersionRow
from service.errors import Conflict


def active(session: Session, covenant_id: str) -> str | None:
    """The hash of the current version."""
    query = select(CovenantVersionRow.version).where(
        CovenantVersionRow.covenant_id == covenant_id, CovenantVersionRow.state == "active"
    )
    return session.exec(query).one_or_none()


def held(session: Session, covenant_id: str) -> CovenantVersionRow | None:
    """The current version, which no other transaction replaces before this one ends."""
    query = select(CovenantVersionRow).where(
        CovenantVersionRow.covenant_id == covenant_id, CovenantVersionRow.state == "active"
    )
    return session.exec(query.with_for_update().execution_options(populate_existing=True)).one_or_none()


def hashes(session: Session, covenant_id: str) -> list[str]:
    """All versions, the oldest first."""
    query = select(CovenantVersionRow.version).where(CovenantVersionRow.covenant_id == covenant_id)
    return list(session.exec(query.order_by(col(CovenantVersionRow.number))))


def documents(session: Session, covenant_id: str, versions: Collection[str]) -> list[tuple[str, bytes]]:
    query = select(CovenantVersionRow.version, CovenantVersionRow.document).where(
        CovenantVersionRow.covenant_id == covenant_id, col(CovenantVersionRow.version).in_(versions)
    )
    return list(session.exec(query))


def covenants(session: Session) -> list[str]:
    query = select(CovenantVersionRow.covenant_id).where(CovenantVersionRow.state == "active")
    return list(session.exec(query.order_by(CovenantVersionRow.covenant_id)))


def supersede(session: Session, covenant_id: str) -> None:
    session.connection().execute(
        update(CovenantVersionRow)
        .where(col(CovenantVersionRow.covenant_id) == covenant_id, col(CovenantVersionRow.state) == "active")
        .values(state="superseded")
    )


def insert(session: Session, version: CovenantVersionRow, approvals: Iterable[CovenantApprovalRow]) -> None:
    """Raises Conflict where the version, or another active one, is there already."""
    session.add_all((version, *approvals))
    try:
        session.flush()
    except IntegrityError:
        raise Conflict("version-exists", "the covenant has this version, or another became current just now") from None
