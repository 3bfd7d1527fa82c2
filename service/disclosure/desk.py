"""What answering takes besides a session: the other slices, the log, and the sources of time and randomness."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from sqlmodel import Session

from clients.protocol.encoding import lp
from service.audit.tree.sequencer import LogSigner
from service.audit.writer import AuditWriter
from service.covenants.service import Covenants
from service.disclosure.asking import Asking
from service.disclosure.retention import forget
from service.errors import Refused
from service.parties.service import Parties
from service.principals import Principal
from service.signals.keys import SignalKeys

__all__ = ["Desk", "GrantIssuer"]


@dataclass(frozen=True, slots=True)
class GrantIssuer:
    """In whose name and for whom grants are signed: issuer strings, and the broker's ES256 key."""

    broker: str
    key_holder: str
    private_key: EllipticCurvePrivateKey = field(repr=False)


@dataclass(frozen=True, slots=True)
class Desk:
    """`request_key` (32 bytes) is for comparing requests under one idempotency key without keeping them."""

    covenants: Covenants
    parties: Parties
    audit: AuditWriter
    clock: Callable[[], datetime]
    random: Callable[[int], bytes]
    signal_keys: SignalKeys
    grants: GrantIssuer
    log: LogSigner
    request_key: bytes = field(repr=False)

    def ask(self, session: Session, covenant_id: str, principal: Principal, trace: str | None) -> Asking:
        """Begins a request: the covenant as it is now, and the asking party held in its state until the end.

        Raises Refused for a principal that is no party, and for a party that is suspended.
        """
        if principal.party is None:
            raise Refused("role-not-allowed", "only a party of the covenant is answered")
        active = self.parties.require_active(session, covenant_id, principal.party)
        now = self.clock()
        current, versions = self.covenants.in_force(session, covenant_id, at=now)
        return Asking(
            covenant_id=covenant_id,
            principal=principal,
            viewer=principal.party,
            trace=trace,
            now=now,
            current=current,
            versions=versions,
            active=active,
        )

    def request_digest(self, kind: str, request: bytes) -> bytes:
        """What a repetition is recognised by: a keyed hash, since a request may hold tokens."""
        return hmac.digest(self.request_key, lp("covenant-broker/v1 request", kind, sha256(request).digest()), sha256)

    def forget(self, session: Session, covenant_id: str) -> int:
        """Deletes what answers have left behind and nobody needs any more (see `retention`); returns how many rows."""
        versions = self.covenants.versions(session, covenant_id).values()
        return forget(session, covenant_id, versions, self.clock())
