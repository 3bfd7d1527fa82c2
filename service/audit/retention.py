"""Entries go when their time has come, with their salts; their leaves stay, and an entry says what went and why.

An entry is kept as long as `retention.audit` says, of the version that it was written under or the current one,
whichever is shorter; what explains all other entries is kept as long as the log (`events.Kept`). Without its salt the
leaf says nothing of the entry, not even to who guesses what it said.

Only entries that have a place are erased: what went is named by its place. One transaction erases up to `AT_ONCE`
entries, all of one version, and writes the entry about it; so whoever verifies the log finds for each missing entry the
one that accounts for it (`clients.protocol.erasures`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from clients.protocol.erasures import erasure_digest
from covenant_rules.model import Covenant, Duration
from covenant_rules.retention import latest_over
from service.audit.events import CATALOGUE, Kept
from service.audit.reading import today_of
from service.audit.record import AuditRecord
from service.audit.search import id_range
from service.audit.writer import AuditWriter

__all__ = ["AT_ONCE", "Retention"]

AT_ONCE = 2000

_PASSING = sorted(event.id for event in CATALOGUE.values() if event.kept is Kept.COVENANT)

_DUE = """
    SELECT entry.entry_id, leaf.leaf_index, leaf.leaf_hash
    FROM audit_entry AS entry
    JOIN audit_leaf AS leaf ON leaf.covenant_id = entry.covenant_id AND leaf.entry_id = entry.entry_id
    WHERE entry.covenant_id = :covenant AND entry.entry_id < :before AND entry.event = ANY(:passing)
      AND leaf.leaf_index IS NOT NULL
      AND (entry.fields ->> 'version' = :version
           OR :others AND (entry.fields ->> 'version' = ANY(CAST(:known AS text[]))) IS NOT TRUE)
    ORDER BY entry.entry_id LIMIT :most FOR UPDATE OF entry SKIP LOCKED
"""
_ERASE = "DELETE FROM audit_entry WHERE covenant_id = :covenant AND entry_id = ANY(:entries)"
_MARK = "UPDATE audit_leaf SET erased_by = :erasure WHERE covenant_id = :covenant AND entry_id = ANY(:entries)"


class Retention:
    """Of the logs of one service. Methods work in the caller's transaction."""

    def __init__(self, audit: AuditWriter, *, clock: Callable[[], datetime]) -> None:
        self._audit = audit
        self._clock = clock

    def erase_some(
        self, session: Session, covenant_id: str, current: Covenant, versions: Mapping[str, Covenant]
    ) -> int:
        """Erases up to `AT_ONCE` entries that are due; call again, in a new transaction, until there are none."""
        today = today_of(self._clock)
        for version in (*(one for one in versions.values() if one.version != current.version), current):
            until = _latest_due(today, version.retention.audit, current.retention.audit)
            if until is not None:
                erased = self._erase(session, covenant_id, version, current, versions, until)
                if erased:
                    return erased
        return 0

    def _erase(
        self,
        session: Session,
        covenant_id: str,
        version: Covenant,
        current: Covenant,
        versions: Mapping[str, Covenant],
        until: date,
    ) -> int:
        connection = session.connection()
        due = connection.execute(
            text(_DUE),
            {
                "covenant": covenant_id,
                "before": id_range(None, until)[1],
                "passing": _PASSING,
                "version": version.version,
                # What was written under no version, or one that is not known here, goes by the current one.
                "others": version.version == current.version,
                "known": list(versions),
                "most": AT_ONCE,
            },
        ).all()
        if not due:
            return 0
        entries: list[UUID] = [row.entry_id for row in due]
        connection.execute(text(_ERASE), {"covenant": covenant_id, "entries": entries})
        record = AuditRecord(
            event="entries-erased",
            covenant_id=covenant_id,
            version=version.version,
            day=until,
            counts={"entries": len(entries)},
            digest=erasure_digest((row.leaf_index, bytes(row.leaf_hash)) for row in due),
        )
        erasure = self._audit.append(session, record).entry_id
        connection.execute(text(_MARK), {"covenant": covenant_id, "entries": entries, "erasure": erasure})
        return len(entries)


def _latest_due(today: date, *retentions: Duration | None) -> date | None:
    """The latest day whose entries are due under the shortest of these; None where entries are kept for ever."""
    given = [retention for retention in retentions if retention is not None]
    if not given:
        return None
    return max(latest_over(today, retention) for retention in given)
