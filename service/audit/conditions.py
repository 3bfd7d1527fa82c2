"""What entries must be like to fit a search, in ways that PostgreSQL serves quickly.

Of everything, the newest are wanted: conditions then stand so that some index answers them in the order of ids, which
end those indexes. One subject or one signal has few entries: they are found by it, and each is looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import ColumnElement, LargeBinary, Text, any_, false, literal, or_
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import col

from service.audit.query import Search
from service.audit.tables import AuditEntryRow

__all__ = ["Branch", "fitting", "of_few", "together"]

Branch = Sequence[ColumnElement[bool]]
"""Conditions that all hold, with an index that serves them in the order of ids, unless it is `of_few`."""

_PLAIN = ("party", "actor", "purpose", "outcome")


def of_few(search: Search) -> bool:
    """Whether what is asked for is one subject's or one signal's."""
    return search.handles is not None or search.signal is not None


def fitting(search: Search) -> list[Branch]:
    """The search as branches, of which an entry fits one at most: one for each event that is asked for."""
    if of_few(search):
        return [_looked_at(search)]
    row = AuditEntryRow
    conditions: list[ColumnElement[bool]] = [
        col(getattr(row, name)) == value for name in _PLAIN if (value := getattr(search, name)) is not None
    ]
    conditions += [
        col(mentions).contains([value])
        for mentions, value in ((row.parties, search.source), (row.rules, search.rule))
        if value is not None
    ]
    if search.events is None:
        return [conditions]
    return [[*conditions, col(row.event) == event] for event in sorted(search.events)]


def together(search: Search) -> Branch:
    """The search as one branch: for reading all that fits, where no index need end in the id."""
    if of_few(search):
        return _looked_at(search)
    (conditions,) = fitting(replace(search, events=None))
    if search.events is None:
        return conditions
    return [*conditions, col(AuditEntryRow.event) == any_(literal(sorted(search.events), ARRAY(Text)))]


def _looked_at(search: Search) -> Branch:
    """Subject and signal have an index, and all else is written in ways that no index serves.

    That of a party would be read as far as it goes, which is millions of entries, to see which of the few are its own.
    """
    row = AuditEntryRow
    conditions: list[ColumnElement[bool]] = [
        col(getattr(row, name)).is_not_distinct_from(value)
        for name in _PLAIN
        if (value := getattr(search, name)) is not None
    ]
    conditions += [
        literal(value) == any_(col(mentions))
        for mentions, value in ((row.parties, search.source), (row.rules, search.rule))
        if value is not None
    ]
    if search.events is not None:
        conditions.append(or_(false(), *(col(row.event).is_not_distinct_from(event) for event in search.events)))
    if search.signal is not None:
        conditions.append(col(row.signals).contains([search.signal]))
    if search.handles is not None:
        conditions.append(col(row.subjects).op("&&")(literal(sorted(search.handles), ARRAY(LargeBinary))))
    return conditions
