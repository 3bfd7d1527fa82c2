"""Reads and writes of the witness."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlmodel import Session, col, select

from service.audit.witness.tables import WitnessedLogRow, WitnessFindingRow

__all__ = ["add", "any_open", "any_silent", "finding", "findings", "lock", "log", "open_finding"]


def lock(session: Session, covenant_id: str) -> None:
    """One judgement at a time over one log, until the transaction ends."""
    session.connection().exec_driver_sql(
        "SELECT pg_advisory_xact_lock(hashtextextended('witnessed log ' || %s, 0))", (covenant_id,)
    )


def log(session: Session, covenant_id: str) -> WitnessedLogRow | None:
    return session.get(WitnessedLogRow, covenant_id)


def add(session: Session, row: WitnessedLogRow | WitnessFindingRow) -> None:
    session.add(row)
    session.flush()


def finding(session: Session, covenant_id: str, finding_id: UUID) -> WitnessFindingRow | None:
    return session.get(WitnessFindingRow, (covenant_id, finding_id))


def open_finding(session: Session, covenant_id: str) -> WitnessFindingRow | None:
    """One that is not acknowledged, if there is any."""
    query = select(WitnessFindingRow).where(
        WitnessFindingRow.covenant_id == covenant_id, col(WitnessFindingRow.acknowledged_at).is_(None)
    )
    return session.exec(query.limit(1)).first()


def any_open(session: Session) -> bool:
    """Whether a finding about any log is not acknowledged."""
    query = select(WitnessFindingRow.finding_id).where(col(WitnessFindingRow.acknowledged_at).is_(None))
    return session.exec(query.limit(1)).first() is not None


def any_silent(session: Session, before: datetime) -> bool:
    """Whether some log has shown no head since then."""
    query = select(WitnessedLogRow.covenant_id).where(col(WitnessedLogRow.cosigned_at) < before)
    return session.exec(query.limit(1)).first() is not None


def findings(session: Session, covenant_id: str, most: int = 100) -> list[WitnessFindingRow]:
    """The newest first."""
    query = select(WitnessFindingRow).where(WitnessFindingRow.covenant_id == covenant_id)
    return list(session.exec(query.order_by(col(WitnessFindingRow.found_at).desc()).limit(most)))
