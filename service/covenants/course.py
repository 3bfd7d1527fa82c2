"""What time and operators do to a covenant: the day of a version comes, and one day the covenant ends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlmodel import Session

from service.audit.record import AuditRecord
from service.audit.writer import AuditWriter
from service.covenants import repository
from service.covenants.service import Covenants
from service.covenants.succession import day_in_amsterdam
from service.errors import Invalid
from service.principals import Principal

__all__ = ["Course"]


class Course:
    """Methods work in the caller's transaction."""

    def __init__(self, covenants: Covenants, audit: AuditWriter, *, clock: Callable[[], datetime]) -> None:
        self._covenants = covenants
        self._audit = audit
        self._clock = clock

    def put_on_record(self, session: Session) -> Sequence[str]:
        """Writes an entry about each version whose day has come; returns the covenants that have a new one.

        The version was in force from that day's first moment on, whenever this is done.
        """
        rows = repository.not_on_record(session, day_in_amsterdam(self._clock()))
        records = [
            AuditRecord(
                event="version-adopted",
                covenant_id=row.covenant_id,
                version=row.version,
                previous=row.predecessor,
                day=row.in_force_from,
            )
            for row in rows
        ]
        self._audit.append_many(session, records)
        for row in rows:
            row.adopted_at = self._clock()
            repository.save(session, row)
        return sorted({row.covenant_id for row in rows})

    def end(self, session: Session, covenant_id: str, *, reason: str, by: Principal, trace: str | None = None) -> bool:
        """Ends the covenant for good: no version is in force any more. False if it had ended. Raises NotFound, Invalid.

        What was held under it is destroyed by others, once this is committed: from then on nothing is added to it.
        """
        if not reason.isprintable():
            raise Invalid("reason-unreadable", "must be one line of readable text", pointer="/reason")
        repository.hold(session, covenant_id)
        if repository.has_ended(session, covenant_id):
            return False
        covenant = self._covenants.current(session, covenant_id)
        repository.end(session, covenant_id, self._clock())
        self._audit.append(
            session,
            AuditRecord(
                event="covenant-ended",
                covenant_id=covenant_id,
                by=by,
                trace=trace,
                version=covenant.version,
                words=reason,
            ),
        )
        return True

    def ended(self, session: Session) -> Sequence[str]:
        """Ids of the covenants that have ended."""
        return repository.covenants(session, ended=True)
