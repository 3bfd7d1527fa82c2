"""Officers, and the end of a person's enrolment. Administrators are enrolled with the parties they stand for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlmodel import Session

from clients.protocol.messages.governance import OfficerEnrolment
from service.audit.record import AuditRecord
from service.audit.writer import AuditWriter
from service.errors import Conflict, NotFound
from service.parties import directory, repository
from service.parties import keys as public_keys
from service.principals import Principal, Role

__all__ = ["People"]


class People:
    """Methods work in the caller's transaction."""

    def __init__(self, audit: AuditWriter, *, clock: Callable[[], datetime]) -> None:
        self._audit = audit
        self._clock = clock

    def enrol_officer(
        self,
        session: Session,
        covenant_id: str,
        enrolment: OfficerEnrolment,
        *,
        by: Principal,
        trace: str | None = None,
    ) -> bool:
        """Registers a privacy officer; False if this very registration exists. Raises Invalid, Conflict."""
        key = enrolment.authentication_key
        public_keys.refuse_faults(*public_keys.authentication_faults(key, "/authenticationKey"))
        known = repository.principals_named(session, covenant_id, enrolment.officer, Role.OFFICER)
        if known:
            if any((row.key_id, row.party) != (public_keys.key_id(key), enrolment.party) for row in known):
                raise Conflict("officer-enrolled", "the officer is enrolled with another party or key")
            return False
        principal = Principal(enrolment.officer, Role.OFFICER, enrolment.party, covenant_id)
        directory.register(session, principal, key, self._clock())
        self._audit.append(
            session,
            AuditRecord(
                event="officer-enrolled",
                covenant_id=covenant_id,
                by=by,
                trace=trace,
                officers=(enrolment.officer,),
                parties=(enrolment.party,) if enrolment.party else (),
                fingerprints={"authentication": public_keys.thumbprint(key)},
            ),
        )
        return True

    def dismiss_administrator(
        self, session: Session, covenant_id: str, name: str, *, by: Principal, trace: str | None = None
    ) -> bool:
        """The administrator signs in, proposes and approves no more; False if dismissed before. Raises NotFound.

        What was scheduled on an approval of this person stays; what was not yet loses it.
        """
        row = repository.administrator(session, covenant_id, name)
        if row is None:
            raise NotFound("administrator-unknown", "nobody of this name is enrolled here")
        if row.dismissed_at is not None:
            return False
        row.dismissed_at = self._clock()
        repository.save(session, row)
        repository.forget_principal(session, covenant_id, name, Role.ADMINISTRATOR)
        record = AuditRecord(
            event="person-dismissed", covenant_id=covenant_id, by=by, trace=trace, administrators=(name,)
        )
        self._audit.append(session, record)
        return True

    def has_officer(self, session: Session, covenant_id: str) -> bool:
        """Whether anybody is enrolled as an officer."""
        return repository.has_principal(session, covenant_id, Role.OFFICER)

    def dismiss_officer(
        self, session: Session, covenant_id: str, name: str, *, by: Principal, trace: str | None = None
    ) -> bool:
        """The officer signs in no more; False if there was none of this name, or no more."""
        if not repository.forget_principal(session, covenant_id, name, Role.OFFICER):
            return False
        record = AuditRecord(event="person-dismissed", covenant_id=covenant_id, by=by, trace=trace, officers=(name,))
        self._audit.append(session, record)
        return True
