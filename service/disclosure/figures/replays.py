"""Replays: what a draft would newly show or hide on the signals there are, in counts that are large enough to tell.

1. The draft must be one: a document that could be laid down as a version of this covenant.
2. One replay of a covenant at a time, over one snapshot of what there is.
3. Signals are gathered by subject and read as a stream; portions of subjects are recounted, by other processes where
   there are many. Nothing is held but a few bytes a signal and the portions under way.
4. Every number is rounded down to a multiple of the covenant's minimum. The minimum is the current version's: a draft
   cannot lower it for its own sake.
5. The entry about it is written, with the hash of the draft, before anybody reads a number.

Only the stage of the signal is replayed: the broker knows of no other yet. Releases and approvals are taken as they
are.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import asdict
from itertools import groupby, islice
from multiprocessing import get_context
from operator import itemgetter
from typing import TypeVar

from sqlalchemy import text
from sqlmodel import Session

from clients.protocol.messages.figures import ReplayAnswer, ReplayRow
from covenant_rules.replay import Tally
from covenant_rules.replay_table import conceivable, publish
from covenant_rules.rounding import step
from service.audit.record import AuditRecord
from service.covenants.checking import checked
from service.disclosure.asking import FIRST_STAGE
from service.disclosure.desk import Desk
from service.disclosure.figures.recount import Recount, Row, Terms
from service.disclosure.figures.subjects import SUBJECT, gather, stream
from service.errors import Conflict, Invalid
from service.principals import Principal

__all__ = ["WORTH_PROCESSES", "recount", "replay"]

WORTH_PROCESSES = 50_000
"""Signals from which on other processes are started: below, that would take longer than the work."""
_MOST_PROCESSES = 4
"""Each takes some 200 MB."""
_PORTION = 2_000
"""Subjects that are recounted at once."""

T = TypeVar("T")

_VALUE = "p.match_key || ' ' || encode(substr(p.index_, 1, 12), 'hex')"
"""Names a match key value within one replay; 96 bits tell any number of subjects apart."""
_ROWS = f"""
    WITH known AS (
        SELECT numbered.signal_id, {SUBJECT} AS subject, numbered.party
        FROM figure_signal numbered LEFT JOIN figure_subject joined USING (n)
    ), several AS (
        SELECT subject FROM known GROUP BY subject HAVING min(party) <> max(party)
    ), value AS (
        SELECT p.signal_id, string_agg({_VALUE}, ',') AS listed
        FROM pseudonym p WHERE p.covenant_id = :covenant_id AND p.live GROUP BY p.signal_id
    ), echo AS (
        SELECT DISTINCT p.signal_id FROM pseudonym p JOIN told t
        ON t.covenant_id = p.covenant_id AND t.match_key = p.match_key AND t.index_ = p.index_ AND t.party = p.party
        AND t.first_told_at < p.evidence_at WHERE p.covenant_id = :covenant_id AND p.live
    ), release AS (
        SELECT signal_id, string_agg(viewer || ' ' || purpose, ',') AS listed
        FROM source_release WHERE covenant_id = :covenant_id AND state = 'released' GROUP BY signal_id
    ), approved AS (
        SELECT p.signal_id, string_agg(DISTINCT a.party || ' ' || a.purpose, ',') AS listed
        FROM approval a JOIN pseudonym p
        ON p.covenant_id = a.covenant_id AND p.match_key = a.match_key AND p.index_ = a.index_
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
    tally = recount(session, covenant_id, terms, processes)  # 3
    minimum = current.statistics.minimum_cell
    table = publish(tally, conceivable(current, draft, FIRST_STAGE), minimum)  # 4
    record = AuditRecord(  # 5
        event="draft-replayed",
        covenant_id=covenant_id,
        by=by,
        trace=trace,
        version=current.version,
        digest=bytes.fromhex(draft.version),
        counts={"rows": len(table)},
    )
    desk.audit.append(session, record)
    return ReplayAnswer(
        current_version=current.version,
        draft_version=draft.version,
        minimum=step(minimum),
        rows=tuple(ReplayRow(**group._asdict(), **asdict(numbers)) for group, numbers in table.items()),
    )


def recount(session: Session, covenant_id: str, terms: Terms, processes: int | None = None) -> Tally:
    """The outcomes of all subjects of the covenant, reckoned by so many processes, or by as many as it is worth."""
    count = gather(session, covenant_id)
    rows = stream(session, _ROWS, covenant_id=covenant_id)
    subjects = ([Row(*row[1:]) for row in group] for _, group in groupby(rows, key=itemgetter(0)))
    if processes is None:
        processes = min(len(os.sched_getaffinity(0)), _MOST_PROCESSES) if count >= WORTH_PROCESSES else 1
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
    os.nice(10)  # whoever submits or asks goes first
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
