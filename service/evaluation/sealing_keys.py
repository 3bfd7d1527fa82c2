"""One key pair per covenant and retention month: field keys are sealed under it, and erased by destroying it.

The retention month of a signal is the month of its last day (`covenant_rules.retention`). Once the month is over its
private key is overwritten, and no wrapped key of that month opens again: not here, not from a backup of the database.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from hashlib import sha256

from sqlmodel import Session

from clients.protocol.hybrid import HybridPrivateKey
from covenant_rules.dates import add, amsterdam_date
from covenant_rules.model import Covenant
from service.audit.record import AuditRecord
from service.audit.writer import AuditWriter
from service.errors import Refused
from service.evaluation import repository
from service.evaluation.tables import SealingKeyRow
from service.principals import Principal
from service.storage.keystore import KeyDirectory, KeyMissing

__all__ = ["SealingKeys", "months_allowed", "sealing_folder"]


def months_allowed(covenant: Covenant, today: date) -> tuple[str, str]:
    """The first and last month, as YYYY-MM, in which the retention of a signal submitted today may end."""
    latest = max((add(today, duration) for duration in covenant.retention.categories.values()), default=today)
    return _month(today), _month(latest)


class SealingKeys:
    """The sealing keys of every covenant. Methods work in the caller's transaction."""

    def __init__(
        self,
        directory: KeyDirectory,
        audit: AuditWriter,
        *,
        clock: Callable[[], datetime],
        random: Callable[[int], bytes],
    ) -> None:
        self._directory = directory
        self._audit = audit
        self._clock = clock
        self._random = random

    def public_key(
        self, session: Session, covenant: Covenant, month: str, *, by: Principal, trace: str | None = None
    ) -> bytes:
        """The month's public key, 1,216 bytes; the first who asks has the pair drawn.

        Raises Refused for a month that is over, or that no signal of today can be kept until.
        """
        first, last = months_allowed(covenant, _today(self._clock()))
        if not first <= month <= last:
            raise Refused(
                "month-not-allowed",
                "no signal submitted today is kept until that month",
                pointer="path/month",
                parameters={"first": first, "last": last},
            )
        row = repository.sealing_key(session, covenant.id, month)
        return row.public_key if row else self._draw(session, covenant, month, by, trace)

    def _draw(self, session: Session, covenant: Covenant, month: str, by: Principal, trace: str | None) -> bytes:
        private = HybridPrivateKey.generate(self._random)
        public = private.public_key().raw
        name = _name(covenant.id, month, public)
        self._directory.create(name, private.raw)
        row = SealingKeyRow(
            covenant_id=covenant.id, month=month, public_key=public, state="live", drawn_at=self._clock()
        )
        if not repository.add(session, row):  # somebody else asked at the same time and was first
            self._directory.destroy(name)
            other = repository.sealing_key(session, covenant.id, month)
            if other is None:
                raise RuntimeError("a sealing key that stood in the way is not there")
            return other.public_key
        self._audit.append(
            session,
            AuditRecord(
                event="sealing-key-drawn",
                covenant_id=covenant.id,
                by=by,
                trace=trace,
                version=covenant.version,
                month=month,
                fingerprints={"sealing": sha256(public).digest()},
            ),
        )
        return public

    def private_key(self, session: Session, covenant_id: str, month: str) -> HybridPrivateKey | None:
        """The month's private key; None if it was never drawn, or destroyed."""
        row = repository.sealing_key(session, covenant_id, month)
        if row is None or row.state != "live":
            return None
        try:
            return HybridPrivateKey(self._directory.read(_name(covenant_id, month, row.public_key)))
        except KeyMissing:
            return None

    def destroy_expired(self, session: Session) -> int:
        """Destroys the private keys of all months that are over; returns how many there were.

        Files go first: should the transaction fail, the next call finds the row still live and nothing to destroy.
        """
        expired = repository.sealing_keys_before(session, _month(_today(self._clock())))
        for row in expired:
            # All of the month's, and so also a pair that was drawn in a transaction that failed.
            for name in self._directory.names(_folder(row.covenant_id, row.month)):
                self._directory.destroy(name)
            repository.mark_destroyed(session, row.covenant_id, row.month)
        self._audit.append_many(
            session,
            [
                AuditRecord(event="sealing-key-destroyed", covenant_id=row.covenant_id, month=row.month)
                for row in expired
            ],
        )
        return len(expired)


def _today(now: datetime) -> date:
    today = amsterdam_date(now)
    if today is None:
        raise ValueError("the clock gives no aware time")
    return today


def _month(day: date) -> str:
    return f"{day:%Y-%m}"


def sealing_folder(covenant_id: str) -> str:
    """Where the sealing keys of a covenant are."""
    return f"sealing-keys/{covenant_id}/"


def _folder(covenant_id: str, month: str) -> str:
    return f"{sealing_folder(covenant_id)}{month}/"


def _name(covenant_id: str, month: str, public_key: bytes) -> str:
    return f"{_folder(covenant_id, month)}{sha256(public_key).hexdigest()}"
