"""Replays: what a draft would newly show or hide on the signals there are, in counts that are large enough to tell.

1. The draft must be one: a document that could be laid down as a version of this covenant.
2. One replay of a covenant at a time, over one snapshot of what there is.
3. Signals are gathered by subject and read as a stream; portions of subjects are recounted, by other processes where
   there are many. Nothing is held but a few bytes a signal and the portions under way.
4. Small numbers are left out, and the sums they would stand in.
5. The entry about it is written, with the hash of the draft, before anybody reads a number.

Only the stage of the signal is replayed: the broker knows of no other yet. Releases and approvals are taken as they
are.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from itertools import groupby, islice
from multiprocessing import get_context
from operator import itemgetter
from typing import Any, TypeVar

from sqlalchemy import text
from sqlmodel import Session

from clients.protocol.messages.figures import ReplayAnswer, ReplayCell, ReplayTotal
from covenant_rules.model import Covenant
from covenant_rules.replay import Table, Tally, publish
from service.audit.record import AuditRecord
from service.covenants.checking import checked
from service.disclosure.desk import Desk
from service.disclosure.figures.recount import Recount, Row, Terms
from service.disclosure.figures.subjects import SUBJECT, gather, stream
from service.errors import Conflict, Invalid
from service.principals import Principal

__all__ = ["WORTH_PROCESSES", "recount", "replay"]

WORTH_PROCESSES = 50_000
"""Signals from which on other processes are started: below, that would take longer than the work."""
_PORTION = 2_000
"""Subjects that are recounted at once."""

T = TypeVar("T")

_VALUE = "{0}.match_key || ' ' || encode(substr({0}.index_, 1, 12), 'hex')"
"""Names a match key value within one replay; 96 bits tell any number of subjects apart."""
_ROWS = f"""
    WITH known AS (
        SELECT numbered.signal_id, {SUBJECT} AS subject, numbered.party
        FROM figure_signal numbered LEFT JOIN figure_subject joined USING (n)
    ), several AS (
        SELECT subject FROM known GROUP BY subject HAVING min(party) <> max(party)
    ), value AS (
        SELECT p.signal_id, string_agg({_VALUE.format("p")}, ',') AS listed
        FROM pseudonym p WHERE p.covenant_id = :covenant_id AND p.live GROUP BY p.signal_id
    ), echo AS (
        SELECT DISTINCT p.signal_id FROM pseudonym p JOIN told t
        ON t.covenant_id = p.covenant_id AND t.match_key = p.match_key AND t.index_ = p.index_ AND t.party = p.party
        AND t.first_told_at < p.evidence_at WHERE p.covenant_id = :covenant_id AND p.live
    ), release AS (
        SELECT signal_id, string_agg(viewer || ' ' || purpose, ',') AS listed
        FROM source_release WHERE covenant_id = :covenant_id AND state = 'released' GROUP BY signal_id
    ), approved AS (
        SELECT p.signal_id, string_agg({_VALUE.format("p")} || ' ' || a.purpose, ',') AS listed
        FROM approval a JOIN pseudonym p
        ON p.covenant_id = a.covenant_id AND p.match_key = a.match_key AND p.index_ = a.index_ AND p.party = a.party
        WHERE a.covenant_id = :covenant_id AND p.live GROUP BY p.signal_id
    )
    SELECT known.subject, s.party, s.subject_kind, s.category, s.day, array_to_string(s.purposes, ','),
        array_to_string(s.origins, ','), array_to_string(s.handling_codes, ','), array_to_string(s.sealed, ','),
        s.version, echo.signal_id IS NOT NULL, value.listed, coalesce(release.listed, ''), coalesce(approved.listed, '')
    FROM known JOIN several ON several.subject = known.subject
    JOIN value ON value.signal_id = known.signal_id
    JOIN signal s ON s.covenant_id = :covenant_id AND s.signal_id = known.signal_id
    LEFT JOIN echo ON echo.signal_id = known.signal_id
    LEFT JOIN release ON release.signal_id = known.signal_id
    LEFT JOIN approved ON approved.signal_id = known.signal_id
    ORDER BY known.subject
"""  # noqa: S608 - constants


def replay(
    session: Session,
    desk: Desk,
    covenant_id: str,
    document: bytes,
    *,
    by: Principal,
    trace: str | None,
    processes: int | None = None,
) -> ReplayAnswer:
    """What the draft would change. Wants a transaction that keeps one snapshot.

    Raises Invalid with every mistake of the draft, NotFound for an unknown covenant, and Conflict while another replay
    of the covenant goes on.
    """
    now = desk.clock()
    current = desk.covenants.current(session, covenant_id, at=now)
    draft, _ = checked(document)  # 1
    if draft.id != covenant_id:
        raise Invalid("covenant-differs", "the document is a version of another covenant", pointer="/document")
    _hold(session, covenant_id)  # 2
    versions = desk.covenants.versions(session, covenant_id)
    terms = Terms(
        draft=document,
        current=desk.covenants.document(session, covenant_id, current.version),
        versions=tuple(desk.covenants.document(session, covenant_id, version) for version in versions),
        active=desk.parties.active_parties(session, covenant_id),
        time=now,
    )
    table = publish(recount(session, covenant_id, terms, processes), current.statistics.minimum_cell)  # 3, 4
    shown = sum(number is not None for number in table.cells.values())
    record = AuditRecord(  # 5
        event="draft-replayed",
        covenant_id=covenant_id,
        by=by,
        trace=trace,
        version=current.version,
        digest=bytes.fromhex(draft.version),
        counts={"cells": len(table.cells), "shown": shown},
    )
    desk.audit.append(session, record)
    return _message(current, draft, table)


def recount(session: Session, covenant_id: str, terms: Terms, processes: int | None = None) -> Tally:
    """The outcomes of all subjects of the covenant. With `processes`, by so many; else by as many as it is worth."""
    count = gather(session, covenant_id)
    rows = stream(session, _ROWS, covenant_id=covenant_id)
    subjects = ([Row(*row[1:]) for row in group] for _, group in groupby(rows, key=itemgetter(0)))
    if processes is None:
        processes = len(os.sched_getaffinity(0)) if count >= WORTH_PROCESSES else 1
    if processes == 1:
        return Recount(terms)(subjects)
    return _shared_out(_portions(subjects), terms, processes)


def _shared_out(portions: Iterator[list[list[Row]]], terms: Terms, processes: int) -> Tally:
    """No more portions are under way than keep every process busy."""
    tally: Tally = Counter()
    with ProcessPoolExecutor(
        processes, mp_context=get_context("spawn"), initializer=_prepare, initargs=(terms,)
    ) as pool:
        under_way: set[Future[Tally]] = set()
        for portion in portions:
            under_way.add(pool.submit(_recount, portion))
            if len(under_way) > 2 * processes:
                done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                for future in done:
                    tally.update(future.result())
        for future in under_way:
            tally.update(future.result())
    return tally


_here: dict[str, Recount] = {}
"""In a process that recounts: by what it was told to go by."""


def _prepare(terms: Terms) -> None:
    _here["recount"] = Recount(terms)


def _recount(portion: Sequence[Sequence[Row]]) -> Tally:
    return _here["recount"](portion)


def _portions(items: Iterable[T]) -> Iterator[list[T]]:
    iterator = iter(items)
    while portion := list(islice(iterator, _PORTION)):
        yield portion


def _hold(session: Session, covenant_id: str) -> None:
    statement = text("SELECT pg_try_advisory_xact_lock(hashtextextended(:name, 0))")
    if not session.connection().scalar(statement, {"name": f"replay/{covenant_id}"}):
        raise Conflict("replay-under-way", "a replay of this covenant goes on; ask again when it is over")


def _message(current: Covenant, draft: Covenant, table: Table) -> ReplayAnswer:
    def members(key: tuple[Any, Any], names: Sequence[str]) -> dict[str, str]:
        group, outcome = key
        return {**dict(zip(names, group, strict=True)), "outcome": outcome.value}

    return ReplayAnswer(
        current_version=current.version,
        draft_version=draft.version,
        minimum=current.statistics.minimum_cell,
        cells=tuple(
            ReplayCell.model_validate(
                {**members(key, ("purpose", "from_kind", "to_kind", "category")), "subjects": number}
            )
            for key, number in table.cells.items()
        ),
        totals=tuple(
            ReplayTotal.model_validate({**members(((purpose,), outcome), ("purpose",)), "subjects": number})
            for (purpose, outcome), number in table.totals.items()
        ),
    )
