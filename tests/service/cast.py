"""The people and parties of the tests, with their private keys, and the covenant they signed."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Lock

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from sqlmodel import Session

import covenant_rules
from clients.protocol import jws, signatures
from clients.protocol.approvals import sign_approval, sign_proposal
from clients.protocol.hybrid import HybridPrivateKey
from clients.protocol.messages.keyholder import AdministratorEnrolment, Approval, PartyKeys, ServiceEnrolment
from covenant_rules.load import load
from covenant_rules.model import Covenant
from service.covenants import repository
from service.covenants.service import Covenants
from service.covenants.tables import CovenantVersionRow
from service.principals import Principal, Role

DOCUMENT = (Path(covenant_rules.__file__).parent / "examples" / "complex-approach.yaml").read_bytes()
COVENANT = load(DOCUMENT)
NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
OPERATOR = Principal("operator-1", Role.OPERATOR)


class Clock:
    """Goes on by a millisecond each time it is read, and further when told to; never back, whoever reads it."""

    def __init__(self, start: datetime = NOW) -> None:
        self.now = start
        self._lock = Lock()

    def __call__(self) -> datetime:
        with self._lock:
            self.now += timedelta(milliseconds=1)
            return self.now

    def advance(self, by: timedelta) -> None:
        with self._lock:
            self.now += by


@dataclass(frozen=True)
class Member:
    """A party with all its private keys."""

    party: str
    authentication: EllipticCurvePrivateKey = field(default_factory=jws.generate_key)
    signing: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    encryption: HybridPrivateKey = field(default_factory=lambda: HybridPrivateKey.generate(secrets.token_bytes))

    @property
    def keys(self) -> PartyKeys:
        return PartyKeys(
            authentication_key=jws.public_jwk(self.authentication),
            signing_key=signatures.public_key(self.signing),
            encryption_key=self.encryption.public_key().raw,
        )


@dataclass(frozen=True)
class Approver:
    """An administrator with the private key that approves."""

    administrator: str
    party: str
    key: bytes = field(default_factory=lambda: secrets.token_bytes(32))

    @property
    def enrolment(self) -> AdministratorEnrolment:
        return AdministratorEnrolment(
            administrator=self.administrator, party=self.party, approval_key=signatures.public_key(self.key)
        )

    def propose(self, covenant_id: str, version: str, predecessor: str) -> bytes:
        return sign_proposal(self.key, covenant_id, version, predecessor)

    def approve(self, covenant_id: str, version: str) -> Approval:
        signature = sign_approval(self.key, covenant_id, version)
        return Approval(administrator=self.administrator, signature=signature)


@dataclass(frozen=True)
class OtherService:
    """The broker with its private keys."""

    service: str = "broker"
    authentication: EllipticCurvePrivateKey = field(default_factory=jws.generate_key)
    granting: EllipticCurvePrivateKey = field(default_factory=jws.generate_key)
    encryption: HybridPrivateKey = field(default_factory=lambda: HybridPrivateKey.generate(secrets.token_bytes))
    log: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    issuer: str = "https://broker.example"

    @property
    def enrolment(self) -> ServiceEnrolment:
        return ServiceEnrolment(
            service=self.service,
            issuer=self.issuer,
            authentication_key=jws.public_jwk(self.authentication),
            encryption_key=self.encryption.public_key().raw,
            grant_key=jws.public_jwk(self.granting),
            log_key=signatures.public_key(self.log),
        )


def amended(old: str, new: str, document: bytes = DOCUMENT) -> bytes:
    """The document with one passage changed; it must be there."""
    text = document.decode()
    if old not in text:
        raise ValueError("the document has no such passage")
    return text.replace(old, new).encode()


def adopt(session: Session, covenants: Covenants, document: bytes, today: date) -> Covenant:
    """Puts a version in force from today as if it had gone the whole way (which `tests/governance` goes)."""
    covenant = load(document)
    last = repository.chain(session, covenant.id)[-1]
    row = CovenantVersionRow(
        covenant_id=covenant.id,
        version=covenant.version,
        state="scheduled",
        document=document,
        number=last.number + 1,
        in_force_from=today,
        predecessor=last.version,
        changed_at=NOW,
    )
    repository.insert(session, row)
    return covenants.current(session, covenant.id)
