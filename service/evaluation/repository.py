"""Reads and writes of the key holder's key tables."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import delete, func, literal, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, SQLModel, col, select

from service.evaluation.tables import MatchKeyRow, PartyKeyRow, ReceiptRow, SealingKeyRow, TokenUseRow


def add(session: Session, row: SQLModel) -> bool:
    """False if a row of that key is there already, also one that another transaction is just committing."""
    statement = insert(type(row)).values(row.model_dump()).on_conflict_do_nothing().returning(literal(1))
    return session.connection().execute(statement).first() is not None


def match_keys(session: Session, covenant_id: str) -> list[MatchKeyRow]:
    query = select(MatchKeyRow).where(MatchKeyRow.covenant_id == covenant_id)
    return list(session.exec(query.order_by(MatchKeyRow.match_key)))


def match_key(session: Session, covenant_id: str, name: str) -> MatchKeyRow:
    """One that has been drawn."""
    return session.get_one(MatchKeyRow, (covenant_id, name))


def party_keys(session: Session, covenant_id: str, party: str | None = None) -> list[PartyKeyRow]:
    """Active keys, of one party or of all."""
    query = select(PartyKeyRow).where(PartyKeyRow.covenant_id == covenant_id, PartyKeyRow.state == "active")
    if party is not None:
        query = query.where(PartyKeyRow.party == party)
    return list(session.exec(query.order_by(PartyKeyRow.match_key, PartyKeyRow.party)))


def party_key(session: Session, covenant_id: str, match_key: str, party: str) -> PartyKeyRow | None:
    """The active one."""
    query = select(PartyKeyRow).where(
        PartyKeyRow.covenant_id == covenant_id,
        PartyKeyRow.match_key == match_key,
        PartyKeyRow.party == party,
        PartyKeyRow.state == "active",
    )
    return session.exec(query).one_or_none()


def last_version(session: Session, covenant_id: str, match_key: str, party: str) -> int:
    """The highest key version this party ever had for the match key; 0 if none."""
    query = select(func.max(PartyKeyRow.key_version)).where(
        PartyKeyRow.covenant_id == covenant_id, PartyKeyRow.match_key == match_key, PartyKeyRow.party == party
    )
    return session.exec(query).one() or 0


def points_known(session: Session, points: Collection[bytes]) -> list[bytes]:
    return list(session.exec(select(PartyKeyRow.point).where(col(PartyKeyRow.point).in_(points))))


def used(session: Session, covenant_id: str, party: str, match_key: str, day: date) -> int:
    row = session.get(TokenUseRow, (covenant_id, party, match_key, day))
    return row.used if row else 0


def debit(
    session: Session, covenant_id: str, party: str, match_key: str, day: date, count: int, *, limit: int
) -> int | None:
    """What is used after `count` more, or None if that would exceed `limit`. One statement, so nobody slips between."""
    if count > limit:
        return None
    statement = insert(TokenUseRow).values(
        covenant_id=covenant_id, party=party, match_key=match_key, day=day, used=count
    )
    together = col(TokenUseRow.used) + statement.excluded.used
    statement = statement.on_conflict_do_update(
        index_elements=["covenant_id", "party", "match_key", "day"],
        set_={"used": together},
        where=together <= limit,
    )
    return session.connection().execute(statement.returning(col(TokenUseRow.used))).scalar_one_or_none()


def receipt(session: Session, covenant_id: str, receipt_id: UUID) -> ReceiptRow | None:
    return session.get(ReceiptRow, (covenant_id, receipt_id))


def forget_uses(session: Session, before: date) -> int:
    """What was evaluated on days before the given one, of every covenant; returns how many rows went."""
    return session.connection().execute(delete(TokenUseRow).where(col(TokenUseRow.day) < before)).rowcount


def forget_receipts(session: Session, before: datetime) -> int:
    """Receipts of before the given moment, of every covenant; returns how many went."""
    return session.connection().execute(delete(ReceiptRow).where(col(ReceiptRow.issued_at) < before)).rowcount


def sealing_key(session: Session, covenant_id: str, month: str) -> SealingKeyRow | None:
    query = select(SealingKeyRow).where(SealingKeyRow.covenant_id == covenant_id, SealingKeyRow.month == month)
    return session.exec(query.execution_options(populate_existing=True)).one_or_none()


def sealing_keys_before(session: Session, month: str) -> list[SealingKeyRow]:
    """Live ones of months before the given one, of every covenant, held against whoever does the same."""
    query = select(SealingKeyRow).where(SealingKeyRow.month < month, SealingKeyRow.state == "live")
    return list(session.exec(query.order_by(SealingKeyRow.covenant_id, SealingKeyRow.month).with_for_update()))


def mark_destroyed(session: Session, covenant_id: str, month: str) -> None:
    session.connection().execute(
        update(SealingKeyRow)
        .where(col(SealingKeyRow.covenant_id) == covenant_id, col(SealingKeyRow.month) == month)
        .values(state="destroyed")
    )


def held_party_keys(session: Session, covenant_id: str, party: str | None = None) -> list[PartyKeyRow]:
    """Active keys, of one party or of all, held against whoever destroys them too."""
    query = select(PartyKeyRow).where(PartyKeyRow.covenant_id == covenant_id, PartyKeyRow.state == "active")
    if party is not None:
        query = query.where(PartyKeyRow.party == party)
    query = query.order_by(PartyKeyRow.match_key, PartyKeyRow.party).with_for_update()
    return list(session.exec(query.execution_options(populate_existing=True)))


def held_party_key(session: Session, covenant_id: str, match_key: str, party: str) -> PartyKeyRow | None:
    """The active one, held against whoever replaces or destroys it too."""
    held = held_party_keys(session, covenant_id, party)
    return next((row for row in held if row.match_key == match_key), None)


def destroyed_party_keys(session: Session, covenant_id: str) -> list[PartyKeyRow]:
    """Those that were replaced or given up, of every party."""
    query = select(PartyKeyRow).where(PartyKeyRow.covenant_id == covenant_id, PartyKeyRow.state == "destroyed")
    return list(session.exec(query))


def mark_party_key_destroyed(session: Session, row: PartyKeyRow) -> None:
    row.state = "destroyed"
    session.add(row)
    session.flush()


def end(session: Session, covenant_id: str) -> None:
    """Every key of the covenant is marked destroyed; what was answered and counted under them goes.

    The points of party keys stay, so that none is ever drawn or taken for another.
    """
    connection = session.connection()
    for marked in (PartyKeyRow, SealingKeyRow):
        connection.execute(update(marked).where(col(marked.covenant_id) == covenant_id).values(state="destroyed"))
    for gone in (MatchKeyRow, TokenUseRow, ReceiptRow):
        connection.execute(delete(gone).where(col(gone.covenant_id) == covenant_id))
    session.expire_all()
