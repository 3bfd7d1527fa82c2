"""Every combination of qualifiers that a search of the log can have, and how PostgreSQL goes about each of them.

All of them fit one entry, so that none is quick for want of anything to find. What a page asks the database is listened
to, and explained afterwards: a plan that reads a table from end to end is named with its combination.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import combinations
from typing import Any

from sqlalchemy import Engine, event, text

from clients.protocol.encoding import b64u_encode
from covenant_rules.dates import amsterdam_date
from service.audit.events import CATALOGUE

__all__ = ["Combination", "every_combination", "fitting_all"]

_TABLES = frozenset({"audit_entry", "audit_leaf"})
_FULL = """
    SELECT at, event, party, actor, purpose, outcome, rules, parties, signals, subjects FROM audit_entry
    WHERE event = 'grant-issued' AND cardinality(rules) > 0 ORDER BY entry_id OFFSET 1000 LIMIT 1
"""


class Combination:
    """One search: how long its page took, and what of it reads a whole table."""

    def __init__(self, query: str) -> None:
        self.query = query
        self.milliseconds = 0.0
        self.scans: list[str] = []


def fitting_all(engine: Engine) -> dict[str, str]:
    """A value for each qualifier, all of one entry in the middle of the log."""
    with engine.connect() as connection:
        row = connection.execute(text(_FULL)).one()
    day = amsterdam_date(row.at)
    return {
        "created": f"..{day}",
        "action": CATALOGUE[row.event].action,
        "event": row.event,
        "party": row.party,
        "actor": row.actor,
        "purpose": row.purpose,
        "outcome": row.outcome,
        "rule": row.rules[0],
        "source": row.parties[0],
        "signal": str(row.signals[0]),
        "handle": b64u_encode(bytes(row.subjects[0])),
    }


def every_combination(engine: Engine, search: Callable[[str], None]) -> Iterator[Combination]:
    """Searches each once, through `search`, and explains what that made of it."""
    values = fitting_all(engine)
    for number in range(len(values) + 1):
        for names in combinations(values, number):
            if {"action", "event"} <= set(names):
                continue  # the event alone says it
            one = Combination(" ".join(f"{name}:{values[name]}" for name in names))
            begun = time.perf_counter()
            with _heard(engine) as statements:
                search(one.query)
            one.milliseconds = (time.perf_counter() - begun) * 1000
            one.scans = sorted({scan for statement in statements for scan in _scans(engine, *statement)})
            yield one


@contextmanager
def _heard(engine: Engine) -> Iterator[list[tuple[str, Any]]]:
    """The statements that read the log while the block lasts, with their parameters."""
    statements: list[tuple[str, Any]] = []

    def hear(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        if statement.startswith(("SELECT", "WITH")) and any(table in statement for table in _TABLES):
            statements.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", hear)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", hear)


def _scans(engine: Engine, statement: str, parameters: Any) -> Iterator[str]:
    """The tables of the log that a statement would read from end to end."""
    with engine.connect() as connection:
        [[plan]] = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", parameters).scalars()
    nodes = [plan["Plan"]]
    while nodes:
        node = nodes.pop()
        nodes += node.get("Plans", ())
        if node["Node Type"] == "Seq Scan" and node["Relation Name"] in _TABLES:
            yield str(node["Relation Name"])
