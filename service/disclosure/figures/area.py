"""Area figures: how many signals of each category there were in a month, on how many subjects.

The figures of a month are drawn up once, when the month and a week after it are over, and never again: who reads them
every day and subtracts yesterday's from today's finds no new signal in them, no withdrawal and nothing that expired.
They are rounded down to a multiple of the covenant's minimum before they are kept; what is below it is not kept at all.

Signals that were derived from others are no observations and are not counted.
"""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy import text
from sqlmodel import Session, col, select

from clients.protocol.messages.figures import AreaFigure, AreaFigures
from covenant_rules.dates import amsterdam_date
from covenant_rules.model import Covenant
from covenant_rules.retention import month_of
from covenant_rules.rounding import step
from service.audit.record import AuditRecord
from service.disclosure.desk import Desk
from service.disclosure.figures.subjects import SUBJECT, gather
from service.disclosure.figures.tables import AreaFigureRow, AreaMonthRow
from service.errors import Refused
from service.principals import Principal, Role

__all__ = ["SETTLED", "draw_up", "figures"]

SETTLED = timedelta(days=7)
"""After a month, for signals that come in late."""

_COUNTED = f"""
    INSERT INTO area_figure (covenant_id, purpose, month, category, signals, subjects)
    SELECT s.covenant_id, purpose, to_char(s.day, 'YYYY-MM'), s.category, count(*) - count(*) % :step,
        count(DISTINCT {SUBJECT}) - count(DISTINCT {SUBJECT}) % :step
    FROM figure_signal numbered LEFT JOIN figure_subject joined USING (n)
    JOIN signal s ON s.covenant_id = :covenant_id AND s.signal_id = numbered.signal_id
    CROSS JOIN LATERAL unnest(s.purposes) AS purpose
    WHERE s.origins = '{{}}' AND to_char(s.day, 'YYYY-MM') = ANY(:months)
    GROUP BY 1, 2, 3, 4 HAVING count(DISTINCT {SUBJECT}) >= :step
"""  # noqa: S608 - constants


def figures(
    session: Session, desk: Desk, covenant_id: str, purpose: str, *, by: Principal, trace: str | None
) -> AreaFigures:
    """The figures for one purpose, for a kind of party that the covenant gives them to, and for officers.

    Raises Refused for others, and for a purpose that the covenant does not know.
    """
    covenant = desk.covenants.current(session, covenant_id)
    if by.role is not Role.OFFICER:
        party = by.party or ""
        desk.parties.require_active(session, covenant_id, party)
        if party not in covenant.parties or covenant.parties[party].kind not in covenant.statistics.to:
            raise Refused("figures-not-allowed", "the covenant gives this kind of party no area figures")
    if purpose not in covenant.purposes:
        raise Refused("purpose-unknown", "the covenant has no such purpose")
    draw_up(session, desk, covenant)
    minimum = step(covenant.statistics.minimum_cell)
    row = AreaFigureRow
    query = (
        select(row)
        .where(row.covenant_id == covenant_id, row.purpose == purpose, row.subjects >= minimum)
        .order_by(col(row.month), col(row.category))
    )
    told = tuple(
        AreaFigure(category=one.category, month=one.month, signals=one.signals, subjects=one.subjects)
        for one in session.exec(query)
    )
    record = AuditRecord(
        event="statistics-read",
        covenant_id=covenant_id,
        by=by,
        trace=trace,
        version=covenant.version,
        purpose=purpose,
        counts={"figures": len(told)},
    )
    desk.audit.append(session, record)
    return AreaFigures(purpose=purpose, minimum=minimum, figures=told)


def draw_up(session: Session, desk: Desk, covenant: Covenant) -> None:
    """Draws up the figures of the months that have settled and were not drawn up yet. Waits for who is at it.

    They are drawn up when somebody first reads them, and by the broker itself within the hour.
    """
    now = desk.clock()
    today = amsterdam_date(now)
    if today is None:
        raise ValueError("the clock must give an aware moment")
    parameters = {"name": f"area figures/{covenant.id}"}
    session.connection().execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), parameters)
    versions = desk.covenants.versions(session, covenant.id)
    months = _settled(session, covenant.id, min(version.valid_from for version in versions.values()), today)
    if months:
        gather(session, covenant.id)
        given = {"covenant_id": covenant.id, "months": months, "step": step(covenant.statistics.minimum_cell)}
        session.connection().execute(text(_COUNTED), given)
        session.add_all(AreaMonthRow(covenant_id=covenant.id, month=month, drawn_up_at=now) for month in months)
        session.flush()


def _settled(session: Session, covenant_id: str, first: date, today: date) -> list[str]:
    """The months since the first day of the covenant that have settled, without those that were drawn up."""
    done = set(session.exec(select(AreaMonthRow.month).where(AreaMonthRow.covenant_id == covenant_id)))
    months, last = [], (today - SETTLED).replace(day=1) - timedelta(days=1)
    while last >= first:
        months.append(month_of(last))
        last = last.replace(day=1) - timedelta(days=1)
    return sorted(set(months) - done)
