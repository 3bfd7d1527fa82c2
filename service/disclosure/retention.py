"""What is forgotten of answers, and when: nothing here outlives its use, and no mark on a subject is permanent.

    hit feed        retractions, once nothing is left of the signals; older cursors then have to begin anew
    disclosures     after `REMEMBERED`: grants are asked within minutes, repetitions within days
    notices         `READABLE` after the source could first read them
    told            when all that could have been told has ended: after the longest retention of any category
    look-ups        the day after

What was shown stands in the audit log, for as long as the covenant keeps that. What goes when a party leaves or the
covenant ends is in `departure`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from sqlalchemy import text
from sqlmodel import Session

from covenant_rules.dates import amsterdam_date, subtract
from covenant_rules.model import Covenant

__all__ = ["READABLE", "REMEMBERED", "forget"]

REMEMBERED = timedelta(days=30)
READABLE = timedelta(days=365)

_RETRACTIONS = """
    WITH gone AS (
        DELETE FROM hit_state h WHERE h.covenant_id = :covenant_id AND h.hit IS NULL AND NOT EXISTS (
            SELECT FROM signal s WHERE s.covenant_id = h.covenant_id AND s.signal_id = h.signal_id
        ) RETURNING viewer, sequence
    )
    UPDATE hit_feed f SET forgotten = greatest(f.forgotten, last.sequence)
    FROM (SELECT viewer, max(sequence) AS sequence FROM gone GROUP BY viewer) last
    WHERE f.covenant_id = :covenant_id AND f.viewer = last.viewer
"""

_DELETIONS = (
    "DELETE FROM disclosure WHERE covenant_id = :covenant_id AND decided_at < :disclosed",
    "DELETE FROM notice WHERE covenant_id = :covenant_id AND visible_from < :readable",
    "DELETE FROM told WHERE covenant_id = :covenant_id AND first_told_at < CAST(:told AS date)",
    "DELETE FROM lookup_count WHERE covenant_id = :covenant_id AND day < :today",
)


def forget(session: Session, covenant_id: str, versions: Iterable[Covenant], now: datetime) -> int:
    """Deletes what is no longer needed of one covenant, `versions` being all it ever had; returns how many rows."""
    today = amsterdam_date(now)
    if today is None:
        raise ValueError("the clock must give an aware moment")
    parameters = {
        "covenant_id": covenant_id,
        "disclosed": now - REMEMBERED,
        "readable": today - READABLE,
        "told": _earliest_day(versions, today),
        "today": today,
    }
    connection = session.connection()
    connection.execute(text(_RETRACTIONS), parameters)
    return sum(connection.execute(text(statement), parameters).rowcount for statement in _DELETIONS)


def _earliest_day(versions: Iterable[Covenant], today: date) -> date:
    """The first day of which anything may still be kept under any version."""
    durations = {duration for covenant in versions for duration in covenant.retention.categories.values()}
    return min((subtract(today, duration) for duration in durations), default=today)
