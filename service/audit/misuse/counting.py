"""Counts what the rules look at: a few statements over the entries of some days, and nothing but the entries."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, text
from sqlmodel import Session, col

from service.audit.misuse.rules import MisuseRules
from service.audit.misuse.signs import Counted, Day, FollowUp, Sign, SubjectDay, longest_past
from service.audit.search import id_range, plan_by_values
from service.audit.tables import AuditEntryRow

__all__ = ["count", "entries_behind"]

MOST_ENTRIES = 50
"""That one finding links; the newest ones."""

_ANSWERED = ("disclosure-decided", "look-up-decided")
_QUESTIONS = (*_ANSWERED, "disclosure-refused", "look-up-refused")
_SUBMISSIONS, _OPENINGS = ("signal-submitted",), ("grant-issued",)
_TURNED_TO_SUBJECT = (*_ANSWERED, "explanation-given", "grant-issued")
_FOLLOWING = ("signal-submitted", "disclosure-decided", "grant-issued", "stage-approved", "case-changed")

_EVENTS_OF = {
    "questions": _QUESTIONS,
    "submissions": _SUBMISSIONS,
    "openings": _OPENINGS,
    "subject": _TURNED_TO_SUBJECT,
    "look-ups": ("look-up-decided",),
    "nights": _QUESTIONS,
}

_HERE = """
    FROM audit_entry
    WHERE covenant_id = :covenant AND entry_id >= :floor AND entry_id < :before AND fields ->> 'role' = 'party'
"""
_LOCAL = "(at AT TIME ZONE 'Europe/Amsterdam')"
_NIGHT = f"""(CASE WHEN CAST(:from_hour AS int) > CAST(:until_hour AS int)
    THEN extract(hour FROM {_LOCAL}) >= :from_hour OR extract(hour FROM {_LOCAL}) < :until_hour
    ELSE extract(hour FROM {_LOCAL}) >= :from_hour AND extract(hour FROM {_LOCAL}) < :until_hour END)"""

_DAYS = f"""
    SELECT party, coalesce(actor, '') AS actor, {_LOCAL}::date AS day,
           count(*) FILTER (WHERE event = ANY(:questions)) AS questions,
           count(*) FILTER (WHERE event = ANY(:answered)) AS answered,
           count(*) FILTER (WHERE event = ANY(:answered) AND outcome = 'shown') AS shown,
           count(*) FILTER (WHERE event = ANY(:questions) AND {_NIGHT}) AS nights,
           count(*) FILTER (WHERE event = ANY(:submissions)) AS submissions,
           count(*) FILTER (WHERE event = ANY(:openings)) AS openings
    {_HERE} AND event = ANY(:questions || :submissions || :openings)
    GROUP BY 1, 2, 3
"""
_SUBJECTS = f"""
    SELECT party, actor, handle, {_LOCAL}::date AS day, count(*) AS times
    FROM (SELECT party, actor, at, unnest(subjects) AS handle {_HERE}
          AND event = ANY(:events) AND actor IS NOT NULL) AS turned
    GROUP BY 1, 2, 3, 4
"""  # noqa: S608 - constants alone
# As sets that are joined once: a look into the log for each look-up takes minutes in a log of millions.
_FOLLOW_UPS = f"""
    WITH asked AS MATERIALIZED (
        SELECT entry_id, party, at, subjects {_HERE} AND event = 'look-up-decided' AND outcome = 'shown'
    ), about AS MATERIALIZED (
        SELECT entry_id, party, at, unnest(subjects) AS handle FROM asked
    ), later AS MATERIALIZED (
        SELECT entry_id, party, at, unnest(subjects) AS handle FROM audit_entry
        WHERE covenant_id = :covenant AND entry_id >= :floor AND entry_id < :followed_before
          AND event = ANY(:following) AND party IS NOT NULL
    ), followed AS MATERIALIZED (
        SELECT DISTINCT about.entry_id FROM about JOIN later USING (party, handle)
        WHERE later.entry_id > about.entry_id AND later.at <= about.at + make_interval(days => :within)
    )
    SELECT party, {_LOCAL}::date AS day, count(*) AS lookups, count(*) FILTER (WHERE followed.entry_id IS NULL) AS idle
    FROM asked LEFT JOIN followed USING (entry_id)
    GROUP BY 1, 2
"""  # noqa: S608 - constants alone


def count(session: Session, covenant_id: str, rules: MisuseRules, first: date, last: date) -> Counted:
    """What `rules` need for windows that end from `first` to `last`."""
    plan_by_values(session)
    begins = first - longest_past(rules)
    here = _parameters(covenant_id, begins, last)
    days: list[Day] = []
    if rules.unusual_volume or rules.hit_rate or rules.nights:
        hours = (rules.nights.from_hour, rules.nights.until_hour) if rules.nights else (0, 0)
        named = {
            "questions": list(_QUESTIONS),
            "answered": list(_ANSWERED),
            "submissions": list(_SUBMISSIONS),
            "openings": list(_OPENINGS),
            "from_hour": hours[0],
            "until_hour": hours[1],
        }
        days = [Day(**row) for row in _rows(session, _DAYS, here | named)]
    subjects: list[SubjectDay] = []
    if rules.repeated_subject:
        window = _parameters(covenant_id, first - timedelta(days=rules.repeated_subject.window_days), last)
        subjects = [
            SubjectDay(**row) for row in _rows(session, _SUBJECTS, window | {"events": list(_TURNED_TO_SUBJECT)})
        ]
    follow_ups: list[FollowUp] = []
    if rules.no_follow_up:
        begins = first - timedelta(days=rules.no_follow_up.window_days)
        # What is younger has had no time to be followed by anything.
        until = last - timedelta(days=rules.no_follow_up.within_days)
        within = {
            "within": rules.no_follow_up.within_days,
            "following": list(_FOLLOWING),
            "followed_before": id_range(None, last)[1],
        }
        window = _parameters(covenant_id, begins, until)
        follow_ups = [FollowUp(**row) for row in _rows(session, _FOLLOW_UPS, window | within)]
    return Counted(days, subjects, follow_ups)


def entries_behind(session: Session, covenant_id: str, sign: Sign, rules: MisuseRules) -> tuple[tuple[UUID, ...], int]:
    """The newest entries that a sign was counted from, and how many there are in all."""
    row = AuditEntryRow
    floor, before = id_range(sign.first, sign.last)
    query = select(col(row.entry_id), func.count().over().label("total")).where(
        col(row.covenant_id) == covenant_id,
        col(row.entry_id) >= floor,
        col(row.entry_id) < before,
        col(row.fields)["role"].astext == "party",
        col(row.party) == sign.who.party,
        col(row.event).in_(_EVENTS_OF[sign.measure]),
    )
    if sign.who.actor:
        query = query.where(col(row.actor) == sign.who.actor)
    if sign.who.handle:
        query = query.where(col(row.subjects).contains([sign.who.handle]))
    if sign.measure == "look-ups":
        query = query.where(col(row.outcome) == "shown")
    parameters: dict[str, Any] = {}
    if sign.measure == "nights" and rules.nights:
        query = query.where(text(_NIGHT))
        parameters = {"from_hour": rules.nights.from_hour, "until_hour": rules.nights.until_hour}
    newest = query.order_by(col(row.entry_id).desc()).limit(MOST_ENTRIES)
    found = session.connection().execute(newest, parameters).all()
    return tuple(one.entry_id for one in found), found[0].total if found else 0


def _parameters(covenant_id: str, first: date, last: date) -> dict[str, Any]:
    floor, before = id_range(first, last)
    return {"covenant": covenant_id, "floor": floor, "before": before}


def _rows(session: Session, statement: str, parameters: dict[str, Any]) -> list[Any]:
    return [dict(row) for row in session.connection().execute(text(statement), parameters).mappings()]
