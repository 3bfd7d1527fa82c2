"""The log in numbers: what the entries that fit a search consist of, and how many there are on each day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, literal_column, select
from sqlmodel import Session, col

from service.audit.conditions import together
from service.audit.query import Search
from service.audit.search import id_range, plan_by_values
from service.audit.tables import AuditEntryRow

__all__ = ["Facets", "counts", "facets"]

FACETS = ("event", "party", "actor", "purpose", "outcome")
MOST_VALUES = 100
"""Values of one facet, the most frequent ones."""


@dataclass(frozen=True, slots=True)
class Facets:
    """How often each value stands in the entries of some days."""

    total: int
    values: dict[str, tuple[tuple[str, int], ...]]


def facets(session: Session, covenant_id: str, search: Search) -> Facets:
    """How often each event, party, actor, purpose, outcome and rule stands in the entries that fit."""
    plan_by_values(session)
    lowest, upper = id_range(search.first, search.last)
    row = AuditEntryRow
    columns = [col(getattr(row, name)) for name in FACETS]
    fit = (
        col(row.covenant_id) == covenant_id,
        col(row.entry_id) >= lowest,
        col(row.entry_id) < upper,
        *together(search),
    )
    query = (
        select(func.grouping(*columns).label("level"), *columns, func.count().label("n"))
        .where(*fit)
        .group_by(func.grouping_sets(*columns, literal_column("()")))
    )
    total, values = 0, {name: list[tuple[str, int]]() for name in FACETS}
    for found in session.connection().execute(query):
        # GROUPING() has a bit for each column that is not grouped by, the first column's the highest.
        name = next((n for place, n in enumerate(reversed(FACETS)) if not found.level >> place & 1), None)
        if name is None:
            total = found.n
        elif getattr(found, name) is not None:
            values[name].append((getattr(found, name), found.n))
    rule = func.unnest(col(row.rules)).label("rule")
    ruled = select(rule).where(*fit).subquery()
    by_rule = select(ruled.c.rule, func.count().label("n")).group_by(ruled.c.rule)
    values["rule"] = [(found.rule, found.n) for found in session.connection().execute(by_rule)]
    return Facets(total, {name: _most_frequent(counted) for name, counted in values.items()})


def _most_frequent(counted: list[tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(counted, key=lambda one: (-one[1], one[0]))[:MOST_VALUES])


def counts(session: Session, covenant_id: str, search: Search) -> dict[date, tuple[int, int]]:
    """Per day in Amsterdam that has any: how many entries fit, and how many of them are refusals."""
    plan_by_values(session)
    lowest, upper = id_range(search.first, search.last)
    row = AuditEntryRow
    local = func.timezone("Europe/Amsterdam", col(row.at))
    day = func.date_trunc("day", local).label("day")
    query = (
        select(day, func.count().label("n"), func.count().filter(col(row.outcome) == "refused").label("refused"))
        .where(
            col(row.covenant_id) == covenant_id,
            col(row.entry_id) >= lowest,
            col(row.entry_id) < upper,
            *together(search),
        )
        .group_by(day)
    )
    return {found.day.date(): (found.n, found.refused) for found in session.connection().execute(query)}
