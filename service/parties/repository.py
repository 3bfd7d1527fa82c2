"""Reads and writes of the registry."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from sqlalchemy import Connection, delete, text, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, SQLModel, col, select

from service.errors import Conflict
from service.parties.tables import AdministratorRow, FormerKeyRow, PartyRow, PrincipalRow, ServiceRow
from service.storage.spent_tokens import SPENDING


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


_HOLD_ACTIVE = text(
    "SELECT party, state FROM party WHERE covenant_id = :covenant_id AND party = ANY(:parties) ORDER BY party FOR SHARE"
)


def hold_active(session: Session, covenant_id: str, names: Iterable[str]) -> frozenset[str]:
    """Those of the parties that are active, all of them locked as by `held`."""
    wanted = {"covenant_id": covenant_id, "parties": sorted(set(names))}
    rows = session.connection().execute(_HOLD_ACTIVE, wanted)
    return frozenset(party for party, state in rows if state == "active")


_ACTIVE_WITH = text(
    """
    WITH held AS (SELECT party, state FROM party WHERE covenant_id = :covenant_id AND party = :party FOR SHARE)
    SELECT party FROM held WHERE state = 'active'
    UNION ALL
    SELECT party FROM party WHERE covenant_id = :covenant_id AND state = 'active' AND party <> :party
    """
)


def active_with(session: Session, covenant_id: str, party: str) -> frozenset[str]:
    """The active parties; `party`, whether or not it is among them, locked as by `held`."""
    wanted = {"covenant_id": covenant_id, "party": party}
    return frozenset(session.connection().execute(_ACTIVE_WITH, wanted).scalars())


def former_keys(session: Session, covenant_id: str) -> list[FormerKeyRow]:
    """The last one first."""
    row = FormerKeyRow
    query = select(row).where(row.covenant_id == covenant_id)
    return list(session.exec(query.order_by(col(row.replaced_at).desc(), col(row.fingerprint))))


def any_former(session: Session, covenant_id: str, fingerprints: Collection[bytes]) -> bool:
    query = select(FormerKeyRow.party).where(
        FormerKeyRow.covenant_id == covenant_id, col(FormerKeyRow.fingerprint).in_(fingerprints)
    )
    return session.exec(query.limit(1)).first() is not None


def close(session: Session, covenant_id: str, at: datetime) -> None:
    """Every party of the covenant has left."""
    session.connection().execute(
        update(PartyRow)
        .where(col(PartyRow.covenant_id) == covenant_id, col(PartyRow.state) != "left")
        .values(state="left", state_since=at)
    )
    session.expire_all()


def save(session: Session, row: SQLModel) -> None:
    session.add(row)
    session.flush()


def administrator(session: Session, covenant_id: str, name: str) -> AdministratorRow | None:
    return session.get(AdministratorRow, (covenant_id, name))


def acting_administrators(session: Session, covenant_id: str) -> list[AdministratorRow]:
    """Those who were not dismissed, and whose party, if it takes part itself, is neither suspended nor gone."""
    barred = select(PartyRow.party).where(PartyRow.covenant_id == covenant_id, PartyRow.state != "active")
    query = select(AdministratorRow).where(
        AdministratorRow.covenant_id == covenant_id,
        col(AdministratorRow.dismissed_at).is_(None),
        col(AdministratorRow.party).not_in(barred),
    )
    return list(session.exec(query))


def service(session: Session) -> ServiceRow | None:
    return session.exec(select(ServiceRow)).one_or_none()


def principals(session: Session, key_id: str) -> list[PrincipalRow]:
    return list(session.exec(select(PrincipalRow).where(PrincipalRow.key_id == key_id)))


_PUBLIC_KEY = text("SELECT public_key FROM principal WHERE key_id = :key_id LIMIT 1")


def public_key(connection: Connection, key_id: str) -> Mapping[str, str] | None:
    """The key itself, whoever's it is."""
    return connection.execute(_PUBLIC_KEY, {"key_id": key_id}).scalar_one_or_none()


ADMITTING = text(
    f"""
    WITH known AS (
        SELECT covenant_id, principal_id, role, party FROM principal
        WHERE key_id = :key AND covenant_id IN (:everywhere, CAST(:covenant AS varchar))
    ), spent AS ({SPENDING.format(condition="EXISTS (SELECT FROM known)")})
    SELECT known.*, EXISTS (SELECT FROM spent) AS fresh FROM known
    """  # noqa: S608 - constants
)
"""Whose the key is, in one covenant or everywhere, and whether its token was still to be spent; it now is."""


def principals_named(session: Session, covenant_id: str, principal_id: str, role: str) -> list[PrincipalRow]:
    query = select(PrincipalRow).where(
        PrincipalRow.covenant_id == covenant_id, PrincipalRow.principal_id == principal_id, PrincipalRow.role == role
    )
    return list(session.exec(query))


def has_principal(session: Session, covenant_id: str, role: str) -> bool:
    query = select(PrincipalRow.key_id).where(PrincipalRow.covenant_id == covenant_id, PrincipalRow.role == role)
    return session.exec(query.limit(1)).first() is not None


def forget_principal(session: Session, covenant_id: str, principal_id: str, role: str) -> bool:
    """The principal's keys sign nothing any more; False if it had none."""
    statement = delete(PrincipalRow).where(
        col(PrincipalRow.covenant_id) == covenant_id,
        col(PrincipalRow.principal_id) == principal_id,
        col(PrincipalRow.role) == role,
    )
    return session.connection().execute(statement).rowcount > 0
