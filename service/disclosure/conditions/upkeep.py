"""What time does to questions and approvals: sources are asked about what came since, reminded, waited for no more.

A standing question is put to the source of every new signal that waits, so that asking early is no worse than asking
late; who asked learns nothing of it. Each step is harmless to repeat.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import groupby

from sqlalchemy import text
from sqlmodel import Session

from service.audit.record import AuditRecord
from service.disclosure.asking import Asking
from service.disclosure.conditions import releases, repository
from service.disclosure.conditions.tables import SourceReleaseRow
from service.disclosure.desk import Desk
from service.disclosure.facts import own_subjects
from service.principals import Principal, Role

__all__ = ["REMINDED_AFTER", "carry_on"]

REMINDED_AFTER = timedelta(days=7)
"""A source that has not answered is reminded after so long, and again after so long."""

_FORGOTTEN = (
    "DELETE FROM release_ask WHERE covenant_id = :covenant_id AND expires_at <= :now",
    # A signal that was affirmed has ended too: what was released of it has gone over to its successor by then.
    """DELETE FROM source_release r WHERE r.covenant_id = :covenant_id AND NOT EXISTS (
        SELECT FROM signal s WHERE s.covenant_id = r.covenant_id AND s.signal_id = r.signal_id
        AND (s.state = 'live' OR s.ended_at > :lately)
    )""",
    """DELETE FROM coded_telling t WHERE t.covenant_id = :covenant_id AND NOT EXISTS (
        SELECT FROM signal s WHERE s.covenant_id = t.covenant_id AND s.signal_id = t.signal_id
    )""",
    """DELETE FROM approval a WHERE a.covenant_id = :covenant_id AND NOT EXISTS (
        SELECT FROM pseudonym p WHERE p.covenant_id = a.covenant_id AND p.match_key = a.match_key
        AND p.index_ = a.index_ AND p.party = a.party AND p.live
    )""",
)
_LATELY = timedelta(days=1)


def carry_on(session: Session, desk: Desk, covenant_id: str) -> int:
    """One round of one covenant; returns how many questions were put, repeated or given up."""
    now = desk.clock()
    repository.carry_over(session, covenant_id)
    lapsed = repository.lapse(session, covenant_id, now)
    reminded = repository.remind(session, covenant_id, now, now - REMINDED_AFTER)
    desk.audit.append_many(
        session,
        [
            *(_record("source-not-heard", row) for row in lapsed),
            *(_record("source-reminded", row) for row in reminded),
        ],
    )
    put = _put_standing(session, desk, covenant_id)
    for statement in _FORGOTTEN:
        session.connection().execute(text(statement), {"covenant_id": covenant_id, "now": now, "lately": now - _LATELY})
    return len(lapsed) + len(reminded) + put


def _put_standing(session: Session, desk: Desk, covenant_id: str) -> int:
    """Puts every standing question to the sources of what waits since it was asked."""
    count = 0
    rows = repository.open_asks(session, covenant_id, desk.clock())
    for viewer, of_viewer in groupby(rows, key=lambda row: row.viewer):
        asking = _asking(session, desk, covenant_id, viewer)
        if viewer not in asking.active:
            continue
        asks = list(of_viewer)
        subjects = own_subjects(session, asking, [row.anchor_id for row in asks])
        for row in asks:
            subject = subjects.get(row.anchor_id)
            if subject is None or row.purpose not in asking.purposes & (subject.purposes or frozenset()):
                continue
            asked, sight = releases.put(session, asking, desk, row, subject)
            if asked:
                record = asking.record(
                    "source-asked",
                    purpose=row.purpose,
                    stage=row.stage,
                    subjects=(subject.handle,),
                    signals=asked.keys(),
                    parties={*asked.values()},
                    sight=sight,
                )
                desk.audit.append(session, record)
            count += len(asked)
    return count


def _asking(session: Session, desk: Desk, covenant_id: str, viewer: str) -> Asking:
    """The broker, asking on behalf of a party whose question stands."""
    now = desk.clock()
    current, versions = desk.covenants.in_force(session, covenant_id, at=now)
    return Asking(
        covenant_id=covenant_id,
        principal=Principal("broker", Role.SERVICE, covenant_id=covenant_id),
        viewer=viewer,
        trace=None,
        now=now,
        current=current,
        versions=versions,
        active=desk.parties.active_parties(session, covenant_id),
    )


def _record(event: str, row: SourceReleaseRow) -> AuditRecord:
    return AuditRecord(
        event=event,
        covenant_id=row.covenant_id,
        purpose=row.purpose,
        stage=row.stage,
        signals=(row.signal_id,),
        parties=(row.source,),
    )
