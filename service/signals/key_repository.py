"""Reads and writes of what was published of the set-up."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import text, update
from sqlmodel import Session, SQLModel, col, select

from service.signals.tables import JointKeyRow, PublishedKeyRow

__all__ = ["current_keys", "hold_set_up", "insert", "joint_keys", "party_keys", "retire", "used_elsewhere"]


def hold_set_up(session: Session, covenant_id: str) -> None:
    """One set-up of a covenant at a time, until the transaction ends."""
    session.connection().execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": f"set-up/{covenant_id}"}
    )


def joint_keys(session: Session, covenant_id: str) -> dict[str, JointKeyRow]:
    """What was published per match key."""
    query = select(JointKeyRow).where(JointKeyRow.covenant_id == covenant_id).order_by(col(JointKeyRow.match_key))
    return {row.match_key: row for row in session.exec(query)}


def party_keys(session: Session, covenant_id: str) -> list[PublishedKeyRow]:
    """Every party key that was ever accepted, retired ones too, by match key, party and version."""
    row = PublishedKeyRow
    query = select(row).where(row.covenant_id == covenant_id)
    return list(session.exec(query.order_by(col(row.match_key), col(row.party), col(row.key_version))))


def current_keys(session: Session, covenant_id: str, party: str) -> list[tuple[PublishedKeyRow, int]]:
    """The party's current keys, each with its epoch."""
    row, joint = PublishedKeyRow, JointKeyRow
    query = (
        select(row, joint.epoch)
        .join(joint, (col(joint.covenant_id) == col(row.covenant_id)) & (col(joint.match_key) == col(row.match_key)))
        .where(row.covenant_id == covenant_id, row.party == party, col(row.current))
    )
    return list(session.exec(query))


def used_elsewhere(session: Session, covenant_id: str, commitments: Collection[bytes]) -> frozenset[bytes]:
    """Those of the points K that were accepted under another covenant."""
    row = PublishedKeyRow
    query = select(row.commitment).where(col(row.commitment).in_(commitments), row.covenant_id != covenant_id)
    return frozenset(session.exec(query))


def retire(session: Session, covenant_id: str, match_key: str, party: str) -> None:
    """The party's key for the match key is no longer current; its row stays."""
    row = PublishedKeyRow
    session.connection().execute(
        update(row)
        .where(
            col(row.covenant_id) == covenant_id,
            col(row.match_key) == match_key,
            col(row.party) == party,
            col(row.current),
        )
        .values(current=False)
    )


def insert(session: Session, row: SQLModel) -> None:
    session.add(row)
    session.flush()
