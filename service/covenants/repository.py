"""Reads and writes of covenant versions."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date, datetime

from sqlalchemy import ColumnElement, delete, func, text, update
from sqlalchemy import select as sql_select
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, SQLModel, col, select

from service.covenants.succession import Link
from service.covenants.tables import CovenantAdviceRow, CovenantApprovalRow, CovenantVersionRow
from service.errors import Conflict

_OPEN = ("draft", "proposed", "advised", "approved")


def hold(session: Session, covenant_id: str) -> None:
    """One step of a covenant's governance at a time, until the transaction ends."""
    session.connection().execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": f"covenant-versions/{covenant_id}"}
    )


# -- the chain


_LINK = (col(CovenantVersionRow.version), col(CovenantVersionRow.number), col(CovenantVersionRow.in_force_from))


def _links(session: Session, covenant_id: str, *conditions: ColumnElement[bool], newest_first: bool) -> list[Link]:
    number = col(CovenantVersionRow.number)
    query = (
        sql_select(*_LINK)
        .where(col(CovenantVersionRow.covenant_id) == covenant_id, col(CovenantVersionRow.state) == "scheduled")
        .where(*conditions)
        .order_by(number.desc() if newest_first else number)
    )
    rows = session.connection().execute(query.limit(1) if newest_first else query)
    return [Link(version, place, day) for version, place, day in rows if place is not None and day is not None]


def current(session: Session, covenant_id: str, today: date) -> Link | None:
    """The version of the chain whose day has come last."""
    come = col(CovenantVersionRow.in_force_from) <= today
    return next(iter(_links(session, covenant_id, come, newest_first=True)), None)


def chain(session: Session, covenant_id: str) -> list[Link]:
    """Every version that was scheduled, in order."""
    return _links(session, covenant_id, newest_first=False)


def has_ended(session: Session, covenant_id: str) -> bool:
    query = select(CovenantVersionRow.version).where(
        CovenantVersionRow.covenant_id == covenant_id, CovenantVersionRow.state == "ended"
    )
    return session.exec(query.limit(1)).first() is not None


def covenants(session: Session, *, ended: bool = False) -> list[str]:
    """Ids of the covenants founded here, of those alone that have ended or that have not."""
    state = "ended" if ended else "scheduled"
    query = select(CovenantVersionRow.covenant_id).where(
        CovenantVersionRow.state == state, CovenantVersionRow.number == 1
    )
    return list(session.exec(query.order_by(CovenantVersionRow.covenant_id)))


_EVER_IN_FORCE = text(
    "SELECT version, state FROM covenant_version"
    " WHERE covenant_id = :covenant_id AND number IS NOT NULL AND in_force_from <= :today ORDER BY number"
)


def ever_in_force(session: Session, covenant_id: str, today: date) -> dict[str, str]:
    """States by hash of the versions whose day has come, the oldest first: all `scheduled`, or all `ended`."""
    rows = session.connection().execute(_EVER_IN_FORCE, {"covenant_id": covenant_id, "today": today})
    return {row.version: row.state for row in rows}


def not_on_record(session: Session, today: date) -> list[CovenantVersionRow]:
    """Later versions whose day has come without an entry about it, held against whoever writes it too."""
    row = CovenantVersionRow
    query = select(row).where(
        row.state == "scheduled",
        col(row.number) > 1,
        col(row.in_force_from) <= today,
        col(row.adopted_at).is_(None),
    )
    return list(session.exec(query.order_by(row.covenant_id, col(row.number)).with_for_update(skip_locked=True)))


# -- single versions


def documents(session: Session, covenant_id: str, versions: Collection[str]) -> list[tuple[str, bytes]]:
    query = select(CovenantVersionRow.version, CovenantVersionRow.document).where(
        CovenantVersionRow.covenant_id == covenant_id, col(CovenantVersionRow.version).in_(versions)
    )
    return list(session.exec(query))


def version(session: Session, covenant_id: str, version: str) -> CovenantVersionRow | None:
    return session.get(CovenantVersionRow, (covenant_id, version), populate_existing=True)


def versions(session: Session, covenant_id: str, *, drafts: bool) -> list[CovenantVersionRow]:
    """Those of the chain in their order; with `drafts`, then the others by when they last changed."""
    row = CovenantVersionRow
    query = select(row).where(row.covenant_id == covenant_id)
    if not drafts:
        query = query.where(col(row.number).is_not(None))
    return list(session.exec(query.order_by(col(row.number).nulls_last(), col(row.changed_at), row.version)))


def count_open(session: Session, covenant_id: str, author: str) -> int:
    """How many versions of the author's are under way."""
    row = CovenantVersionRow
    query = select(func.count()).where(row.covenant_id == covenant_id, row.author == author, col(row.state).in_(_OPEN))
    return session.exec(query).one()


def approvals(session: Session, covenant_id: str, version: str) -> list[CovenantApprovalRow]:
    row = CovenantApprovalRow
    query = select(row).where(row.covenant_id == covenant_id, row.version == version)
    return list(session.exec(query.order_by(col(row.approved_at), row.administrator)))


def advice(session: Session, covenant_id: str, version: str) -> list[CovenantAdviceRow]:
    row = CovenantAdviceRow
    query = select(row).where(row.covenant_id == covenant_id, row.version == version)
    return list(session.exec(query.order_by(col(row.given_at), row.officer)))


# -- writing


def insert(session: Session, version: CovenantVersionRow, approvals: Iterable[CovenantApprovalRow] = ()) -> None:
    """Raises Conflict where the version, or another of its number, is there already."""
    session.add_all((version, *approvals))
    try:
        session.flush()
    except IntegrityError:
        raise Conflict("version-exists", "the covenant has this version, or another came in just now") from None


def save(session: Session, row: SQLModel) -> None:
    session.merge(row)
    session.flush()


def forget_opinions(session: Session, covenant_id: str, version: str) -> None:
    """Deletes advice and approvals of a version that is put to the others anew."""
    for row in (CovenantAdviceRow, CovenantApprovalRow):
        session.connection().execute(
            delete(row).where(col(row.covenant_id) == covenant_id, col(row.version) == version)
        )
    session.expire_all()


def end(session: Session, covenant_id: str, at: datetime) -> None:
    """No version is in force any more, and none is under way."""
    row = CovenantVersionRow
    for states, state in ((("scheduled",), "ended"), (_OPEN, "withdrawn")):
        session.connection().execute(
            update(row)
            .where(col(row.covenant_id) == covenant_id, col(row.state).in_(states))
            .values(state=state, changed_at=at)
        )
    session.expire_all()
