"""The other service, as an operator has registered it here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from clients.protocol.messages.keyholder import ServiceEnrolment
from service.audit.events import SERVICE_LOG
from service.audit.record import AuditRecord
from service.audit.writer import AuditWriter
from service.errors import Conflict, NotFound
from service.parties import directory, repository
from service.parties import keys as public_keys
from service.parties.tables import ServiceRow
from service.principals import Principal, Role

__all__ = ["Counterpart", "Service"]


@dataclass(frozen=True, slots=True)
class Service:
    """The other service. `grant_key` is the ES256 public JWK under which it signs grants, by `grant_key_id`.

    `issuer` is what it calls itself, `log_key` the Ed25519 public key under which it signs the heads of its logs.
    """

    service: str
    issuer: str
    encryption_key: bytes
    grant_key_id: str
    grant_key: Mapping[str, str]
    log_key: bytes


class Counterpart:
    """There is one. Whoever had the conversion shares of one covenant twice could join two brokers' pseudonyms."""

    def __init__(self, audit: AuditWriter, *, clock: Callable[[], datetime]) -> None:
        self._audit = audit
        self._clock = clock

    def enrol(self, session: Session, enrolment: ServiceEnrolment, *, by: Principal, trace: str | None = None) -> bool:
        """Registers the other service; False if it is registered with the same keys. Raises Invalid, Conflict."""
        public_keys.refuse_faults(
            *public_keys.authentication_faults(enrolment.authentication_key, "/authenticationKey"),
            *public_keys.encryption_faults(enrolment.encryption_key, "/encryptionKey"),
            *public_keys.authentication_faults(enrolment.grant_key, "/grantKey"),
            *public_keys.signing_faults(enrolment.log_key, "/logKey"),
        )
        row = ServiceRow(
            service=enrolment.service,
            issuer=enrolment.issuer,
            authentication_key=dict(enrolment.authentication_key),
            encryption_key=enrolment.encryption_key,
            grant_key_id=public_keys.key_id(enrolment.grant_key),
            grant_key=dict(enrolment.grant_key),
            log_key=enrolment.log_key,
            enrolled_at=self._clock(),
        )
        known = repository.service(session)
        if known is not None:
            same = ("service", "issuer", "authentication_key", "encryption_key", "grant_key", "log_key")
            if any(getattr(known, name) != getattr(row, name) for name in same):
                raise Conflict("service-enrolled", "another service, or this one with other keys, is enrolled")
            return False
        repository.insert(session, row)
        principal = Principal(enrolment.service, Role.SERVICE)
        directory.register(session, principal, enrolment.authentication_key, row.enrolled_at)
        self._audit.append(
            session,
            AuditRecord(
                event="service-enrolled",
                covenant_id=SERVICE_LOG,
                by=by,
                trace=trace,
                service=enrolment.service,
                fingerprints={
                    "authentication": public_keys.thumbprint(enrolment.authentication_key),
                    "encryption": public_keys.fingerprint(enrolment.encryption_key),
                    "grant": public_keys.thumbprint(enrolment.grant_key),
                    "log": public_keys.fingerprint(enrolment.log_key),
                },
            ),
        )
        return True

    def known(self, session: Session) -> Service:
        """The other service. Raises NotFound before an operator has enrolled it."""
        row = repository.service(session)
        if row is None:
            raise NotFound("service-not-enrolled", "the other service is not enrolled here")
        return Service(row.service, row.issuer, row.encryption_key, row.grant_key_id, row.grant_key, row.log_key)
