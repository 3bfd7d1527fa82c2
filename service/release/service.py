"""Releasing a field's key to the recipient of a grant: the one way in which a sealed field opens.

 1. The grant is a JWS of the broker that is enrolled here: issued under its name, ES256 under its registered grant key,
    of the one `typ`, for this key holder, unexpired, living for at most two minutes.
 2. It is about this covenant, and its recipient is the party that asks.
 3. The wrapped key is the one it names.
 4. It was decided under the version that is current here and in force; the signal was submitted under a version that
    was adopted here. The approvals of both were verified here.
 5. Source, origins and recipient are active here; the recipient is not the source.
 6. The source gave the signal for the purpose of the question.
 7. Both versions know the field variant.
 8. In both versions, for the source and for each origin, the matrix holds it and all it implies; the rule that the
    grant cites permits it.
 9. No handling code keeps it from the recipient.
10. The signal's retention is not over.
11. The broker's log has shown this key holder one history, and its head within the last minute. In it, under a head
    that was cosigned here, stands the decision: its entry shows the recipient this very item of this signal.
12. The grant was not used before. An identical retry gets the identical answer, any other use none.
13. `info` is rebuilt from the grant alone, and the wrapped key opens under it with the retention month's key.
14. The key is resealed to the recipient's key of this registry, bound to the grant.
15. Answer, `jti` and audit entry are one transaction; the answer leaves after it.

Whoever calls owns the transaction and keeps the parties' states while it lasts. A refusal is an audit entry too, in a
transaction of its own: `refusal` makes its record. Every failure of steps 13 and 14 has the same words, whether the key
is missing, the context another or the wrapped key garbled, so nobody learns anything about keys by asking.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from hmac import compare_digest
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from sqlmodel import Session

from clients.protocol.errors import SealError, TokenError
from clients.protocol.grants import Grant, verify_grant, wrapped_key_digest
from clients.protocol.hybrid import HybridPrivateKey, HybridPublicKey
from clients.protocol.messages.keyholder import ReleaseAnswer, ReleaseRequest
from clients.protocol.sealing import ReleaseInfo, reseal_key, unwrap_key
from service.audit.record import AuditRecord
from service.audit.witness.service import Witness, Witnessed
from service.audit.writer import AuditWriter
from service.errors import DomainError, Refused
from service.principals import Principal
from service.release import repository
from service.release.checks import Facts, check, decided_leaf
from service.release.tables import ReleaseRow

__all__ = ["Releases", "refusal"]

SealingKeyOf = Callable[[Session, str, str], HybridPrivateKey | None]
"""The private key of a covenant's retention month, if it is there."""


class Releases:
    """`issuer` is this key holder's own name, the audience of grants."""

    def __init__(
        self,
        audit: AuditWriter,
        *,
        issuer: str,
        witness: Witness,
        sealing_key: SealingKeyOf,
        clock: Callable[[], datetime],
        random: Callable[[int], bytes],
    ) -> None:
        self._audit = audit
        self._issuer = issuer
        self._witness = witness
        self._sealing_key = sealing_key
        self._clock = clock
        self._random = random

    def read(self, token: str, broker: str, grant_key_id: str, grant_key: EllipticCurvePublicKey) -> Grant:
        """Step 1. Raises Refused; nothing of such a token is believed, not even for the log."""
        keys = {grant_key_id: grant_key}
        try:
            return verify_grant(token, keys, broker=broker, key_holder=self._issuer, now=self._clock())
        except TokenError as error:
            raise Refused("grant-invalid", str(error), pointer="/grant") from None

    def release(
        self,
        session: Session,
        grant: Grant,
        request: ReleaseRequest,
        facts: Facts,
        *,
        recipient_key: bytes,
        log: Witnessed,
        by: Principal,
        trace: str | None = None,
    ) -> ReleaseAnswer:
        """Steps 2 to 15, for a grant that `read` gave from `request`. `log` is the broker's, of the covenant.

        Raises Refused, and Unavailable while the broker keeps its log from the witness.
        """
        if grant.info.covenant != facts.current.id or grant.recipient != by.party:
            raise Refused("grant-of-another", "the grant is not for this party in this covenant", pointer="/grant")
        if not compare_digest(wrapped_key_digest(request.wrapped_key), grant.wrapped_key_digest):
            raise Refused("wrapped-key-mismatch", "the wrapped key is not the one of the grant", pointer="/wrappedKey")
        check(grant, facts)  # 4 to 10
        self._witness.require_trusted(session, log.covenant_id)  # 11
        self._witness.require_entry(session, log, decided_leaf(grant), grant.entry.proof)
        used = repository.release(session, grant.info.covenant, UUID(grant.jti))
        if used is None:
            row = self._reseal(session, grant, request, recipient_key)
            if repository.insert_release(session, row):
                self._audit.append(session, _released(grant, row, facts.current.version, log.service, by, trace))
                return _answer(row)
            # Somebody else used it between the two statements, and is committed by now.
            used = repository.release(session, grant.info.covenant, UUID(grant.jti))
        if used is None or not _identical(used, grant, request):
            raise Refused("grant-used", "the grant was used before, and otherwise", pointer="/grant")
        self._audit.append(session, _repeated(grant, used, facts.current.version, by, trace))
        return _answer(used)

    def forget(self, session: Session, before: datetime) -> int:
        """Forgets the answers under grants that expired before `before`; such grants are refused in step 1."""
        return repository.forget(session, before)

    def forget_all(self, session: Session, covenant_id: str, recipient: str | None = None) -> None:
        """Forgets the answers of a covenant that ends, or to a party that leaves; neither is answered again."""
        repository.forget_all(session, covenant_id, recipient)

    def _reseal(self, session: Session, grant: Grant, request: ReleaseRequest, recipient_key: bytes) -> ReleaseRow:
        """13 and 14."""
        private_key = self._sealing_key(session, grant.info.covenant, grant.info.retention_month)
        if private_key is None:
            raise _unreadable()
        try:
            key = unwrap_key(private_key, request.wrapped_key, grant.info)
            info = ReleaseInfo(grant.jti, grant.recipient, grant.info.place)
            sealed_key = reseal_key(key, HybridPublicKey(recipient_key), info)
        except SealError:
            raise _unreadable() from None
        return ReleaseRow(
            covenant_id=grant.info.covenant,
            jti=UUID(grant.jti),
            release_id=UUID(bytes=self._random(16), version=4),
            recipient=grant.recipient,
            grant_digest=_grant_digest(request),
            wrapped_key_digest=grant.wrapped_key_digest,
            sealed_key=sealed_key,
            expires_at=grant.expires_at,
            released_at=self._clock(),
        )


def refusal(
    covenant_id: str, error: DomainError, grant: Grant | None, *, service: str | None, by: Principal, trace: str | None
) -> AuditRecord:
    """The record of a release that was refused; `grant` only where its signature held."""
    if grant is None or grant.info.covenant != covenant_id:
        return AuditRecord(event="release-refused", covenant_id=covenant_id, by=by, trace=trace, reason=error.code)
    return AuditRecord(
        event="release-refused",
        covenant_id=covenant_id,
        by=by,
        trace=trace,
        version=grant.current_version,
        submitted=grant.info.version,
        reason=error.code,
        grant=grant.jti,
        entry=UUID(grant.audit_entry),
        purpose=grant.purpose,
        stage=grant.stage,
        signals=(UUID(bytes=grant.info.signal_id),),
        parties=(grant.info.party,),
        origins=grant.info.origins,
        category=grant.info.category,
        items=(f"{grant.info.field}.{grant.info.variant}",),
        service=service,
    )


def _released(
    grant: Grant, row: ReleaseRow, version: str, service: str, by: Principal, trace: str | None
) -> AuditRecord:
    return AuditRecord(
        event="field-released",
        covenant_id=row.covenant_id,
        by=by,
        trace=trace,
        version=version,
        submitted=grant.info.version,
        release=row.release_id,
        grant=grant.jti,
        entry=UUID(grant.audit_entry),
        purpose=grant.purpose,
        stage=grant.stage,
        signals=(UUID(bytes=grant.info.signal_id),),
        parties=(grant.info.party,),
        origins=grant.info.origins,
        category=grant.info.category,
        items=(f"{grant.info.field}.{grant.info.variant}",),
        rules=(grant.rule,),
        digest=row.wrapped_key_digest,
        service=service,
    )


def _repeated(grant: Grant, row: ReleaseRow, version: str, by: Principal, trace: str | None) -> AuditRecord:
    return AuditRecord(
        event="release-repeated",
        covenant_id=row.covenant_id,
        by=by,
        trace=trace,
        version=version,
        release=row.release_id,
        grant=grant.jti,
    )


def _grant_digest(request: ReleaseRequest) -> bytes:
    return sha256(request.grant.encode()).digest()


def _identical(row: ReleaseRow, grant: Grant, request: ReleaseRequest) -> bool:
    """The same bytes from the same party. A rewritten signature is a difference too, although it may be valid."""
    return (
        row.recipient == grant.recipient
        and compare_digest(row.grant_digest, _grant_digest(request))
        and compare_digest(row.wrapped_key_digest, wrapped_key_digest(request.wrapped_key))
    )


def _answer(row: ReleaseRow) -> ReleaseAnswer:
    return ReleaseAnswer(release_id=row.release_id, sealed_key=row.sealed_key)


def _unreadable() -> Refused:
    return Refused("field-key-unreadable", "the wrapped key does not open for this grant", pointer="/wrappedKey")
