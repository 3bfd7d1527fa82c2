"""The retention of log entries, covenant by covenant: the same at broker and key holder."""

from __future__ import annotations

from service.audit.retention import Retention
from service.covenants.course import Course
from service.covenants.service import Covenants
from service.storage.database import Database

__all__ = ["erase_due_entries"]


def erase_due_entries(database: Database, retention: Retention, covenants: Covenants, course: Course) -> int:
    """Erases every entry whose time has come, of ended covenants too; returns how many. Raises Unavailable."""
    with database.transaction() as session:
        known = [*covenants.list(session), *course.ended(session)]
    total = 0
    for covenant_id in known:
        while True:
            with database.transaction() as session:
                versions = covenants.versions(session, covenant_id)
                if not versions:
                    break
                *_, last = versions.values()
                erased = retention.erase_some(session, covenant_id, last, versions)
            if not erased:
                break
            total += erased
    return total
