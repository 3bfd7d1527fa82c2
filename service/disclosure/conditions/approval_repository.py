"""Reads and writes of approvals. Whoever calls owns the transaction."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session, col, select

from service.disclosure.conditions.tables import ApprovalRow
from service.storage.copying import copy_rows

__all__ = ["add", "forget", "hold", "of_party", "one"]


def hold(session: Session, covenant_id: str, party: str) -> None:
    """Lets one transaction at a time approve for a party: a repetition waits, then finds the approval."""
    session.connection().execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"),
        {"name": f"approvals/{covenant_id}/{party}"},
    )


def add(session: Session, rows: Iterable[ApprovalRow]) -> None:
    copy_rows(session, ApprovalRow, (row.model_dump() for row in rows))


def one(session: Session, covenant_id: str, party: str, approval_id: UUID) -> list[ApprovalRow]:
    """The rows of one approval of the party's own, held until the transaction ends; none if there is no such one."""
    row = ApprovalRow
    query = select(row).where(row.covenant_id == covenant_id, row.party == party, row.approval_id == approval_id)
    return list(session.exec(query.order_by(col(row.match_key), col(row.index_)).with_for_update()))


def of_party(session: Session, covenant_id: str, party: str) -> list[ApprovalRow]:
    """The party's approvals in the order in which it gave them, one row for each."""
    row = ApprovalRow
    query = select(row).where(row.covenant_id == covenant_id, row.party == party)
    rows = session.exec(query.order_by(col(row.given_at), col(row.approval_id), col(row.match_key)))
    return list({row.approval_id: row for row in rows}.values())


def forget(session: Session, rows: Iterable[ApprovalRow]) -> None:
    for row in rows:
        session.delete(row)
    session.flush()
