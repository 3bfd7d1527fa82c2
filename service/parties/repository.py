"""Reads and writes of the registry."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, SQLModel, col, select

from service.errors import Conflict
from service.parties.tables import AdministratorRow, PartyRow, PrincipalRow, ServiceRow


def insert(session: Session, *rows: SQLModel) -> None:
    """Raises Conflict where a key or name is taken, by this covenant's registry or meanwhile."""
    session.add_all(rows)
    try:
        session.flush()
    except IntegrityError:
        raise Conflict("key-taken", "one of these keys or names is registered already, for someone else") from None


def party(session: Session, covenant_id: str, party: str, *, hold: bool = False) -> PartyRow | None:
    """With `hold`, nobody changes the party's state before this transaction ends."""
    query = select(PartyRow).where(PartyRow.covenant_id == covenant_id, PartyRow.party == party)
    if hold:
        query = query.with_for_update().execution_options(populate_existing=True)
    return session.exec(query).one_or_none()


def parties(session: Session, covenant_id: str) -> list[PartyRow]:
    query = select(PartyRow).where(PartyRow.covenant_id == covenant_id).order_by(PartyRow.party)
    return list(session.exec(query))


def active(session: Session, covenant_id: str) -> frozenset[str]:
    query = select(PartyRow.party).where(PartyRow.covenant_id == covenant_id, PartyRow.state == "active")
    return frozenset(session.exec(query))


def held(session: Session, covenant_id: str, names: Iterable[str]) -> list[PartyRow]:
    """These parties, whose states nobody changes before this transaction ends. Locked in one order: no deadlocks."""
    query = select(PartyRow).where(PartyRow.covenant_id == covenant_id, col(PartyRow.party).in_(sorted(set(names))))
    query = query.order_by(PartyRow.party).with_for_update(read=True)
    return list(session.exec(query.execution_options(populate_existing=True)))


def save(session: Session, row: PartyRow) -> None:
    session.add(row)
    session.flush()


def administrator(session: Session, covenant_id: str, name: str) -> AdministratorRow | None:
    return session.get(AdministratorRow, (covenant_id, name))


def administrators(session: Session, covenant_id: str) -> list[AdministratorRow]:
    return list(session.exec(select(AdministratorRow).where(AdministratorRow.covenant_id == covenant_id)))


def service(session: Session) -> ServiceRow | None:
    return session.exec(select(ServiceRow)).one_or_none()


def principals(session: Session, key_id: str) -> list[PrincipalRow]:
    return list(session.exec(select(PrincipalRow).where(PrincipalRow.key_id == key_id)))
