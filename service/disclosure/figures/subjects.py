"""Which signals are about one subject: what every figure counts by.

A subject has several match keys and no party knows all of them, so signals are gathered from value to value until none
is left over: counted by one match key alone, an address that one party knows by its BAG id and another by its postcode
would be two, and two small numbers might look like a large one. Decisions go by less (no transitive closure); for them
a subject is what one signal stands on.

The database sorts, Python joins: what it holds is one number of four bytes a signal.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from typing import Any, cast

import psycopg
from sqlalchemy import text
from sqlmodel import Session

__all__ = ["SUBJECT", "gather", "stream"]

SUBJECT = "coalesce(joined.subject, numbered.n)"
"""The subject of a signal in a statement over `figure_signal numbered LEFT JOIN figure_subject joined USING (n)`."""

_NUMBERED = """
    CREATE TEMPORARY TABLE figure_signal ON COMMIT DROP AS
    SELECT (row_number() OVER () - 1)::integer AS n, signal_id, party
    FROM signal WHERE covenant_id = :covenant_id AND state = 'live'
"""
_SHARED = """
    SELECT string_agg(f.n::text, ',') FROM pseudonym p JOIN figure_signal f USING (signal_id)
    WHERE p.covenant_id = :covenant_id AND p.live GROUP BY p.match_key, p.index_ HAVING count(*) > 1
"""
_ROWS_AT_ONCE = 20_000


def gather(session: Session, covenant_id: str) -> int:
    """Numbers the live signals, and joins those of one subject, for the rest of the transaction; returns how many.

    `figure_signal` has (n, signal_id, party), and `figure_subject` (n, subject) for signals that are not alone.
    """
    connection = session.connection()
    for statement in (
        "SET LOCAL statement_timeout = 0",  # a large covenant takes minutes, and who asked is waiting for it
        "SET LOCAL work_mem = '128MB'",
        "CREATE TEMPORARY TABLE figure_subject (n integer, subject integer) ON COMMIT DROP",
    ):
        connection.execute(text(statement))
    count: int = connection.execute(text(_NUMBERED), {"covenant_id": covenant_id}).rowcount
    connection.execute(text("ANALYZE figure_signal"))
    subjects = _joined(count, stream(session, _SHARED, covenant_id=covenant_id))
    driver = cast("psycopg.Connection[Any]", connection.connection.driver_connection)
    with driver.cursor() as cursor, cursor.copy("COPY figure_subject (n, subject) FROM STDIN") as copy:
        for start in range(0, count, _ROWS_AT_ONCE):
            part = enumerate(subjects[start : start + _ROWS_AT_ONCE], start)
            copy.write("".join(f"{n}\t{subject}\n" for n, subject in part if subject != n))
    connection.execute(text("ANALYZE figure_subject"))
    return count


def stream(session: Session, statement: str, **parameters: Any) -> Iterator[Any]:
    """The rows of a statement, a portion at a time."""
    options = {"stream_results": True, "max_row_buffer": _ROWS_AT_ONCE}
    return iter(session.connection().execute(text(statement), parameters, execution_options=options))


def _joined(count: int, shared: Iterable[Any]) -> array[int]:
    """By signal its subject: the least number among those that are joined by values, however indirectly."""
    parent = array("i", range(count))

    def root(n: int) -> int:
        while parent[n] != n:
            parent[n] = n = parent[parent[n]]  # halves the way for whoever comes next
        return n

    for (numbers,) in shared:
        first, *others = map(root, map(int, numbers.split(",")))
        for other in others:
            low, high = sorted((first, root(other)))
            parent[high] = low
            first = low
    for n in range(count):
        parent[n] = root(n)
    return parent
