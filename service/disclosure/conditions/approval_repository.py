"""Reads and writes of approvals. Whoever calls owns the transaction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session, col, select

from service.disclosure.conditions.tables import ApprovalRow
from service.signals.arrays import written_bytes, written_texts
from service.storage.copying import copy_rows

__all__ = ["Approved", "add", "approved", "forget", "hold", "of_party", "one"]


@dataclass(frozen=True, slots=True)
class Approved:
    """That a party approves of a purpose on the subject with this match key value."""

    match_key: str
    index: bytes
    purpose: str
    party: str


_ON_SUBJECTS = """
    SELECT a.match_key, a.index_, a.purpose, a.party FROM approval a
    JOIN unnest(CAST(:match_keys AS text[]), CAST(:indexes AS bytea[])) AS s (match_key, index_)
    USING (match_key, index_) WHERE a.covenant_id = :covenant_id
"""
_APPROVALS = {False: text(_ON_SUBJECTS), True: text(f"{_ON_SUBJECTS} FOR SHARE OF a")}
"""By whether they are held."""


def approved(
    session: Session, covenant_id: str, subjects: Iterable[tuple[str, bytes]], *, hold: bool = False
) -> frozenset[Approved]:
    """The approvals on subjects, given as (match key, index); with `hold`, none can be taken back meanwhile."""
    named = sorted(set(subjects))
    if not named:
        return frozenset()
    asked = {
        "covenant_id": covenant_id,
        "match_keys": written_texts(match_key for match_key, _ in named),
        "indexes": written_bytes(index for _, index in named),
    }
    return frozenset(Approved(*row) for row in session.connection().execute(_APPROVALS[hold], asked))


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
