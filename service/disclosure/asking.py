"""Who asks, under which covenant, at what moment: what every question of one request has in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from clients.protocol.encoding import lp
from covenant_rules.dates import amsterdam_date
from covenant_rules.model import Covenant
from service.audit.record import AuditRecord
from service.errors import Refused
from service.principals import Principal

__all__ = ["FIRST_STAGE", "Asking", "new_id"]

FIRST_STAGE = "signal"
"""The stage every subject is in until parties approve another."""


@dataclass(frozen=True, slots=True)
class Asking:
    """One request of a party, `trace` being its trace id.

    `versions` holds every version of the covenant by hash, `active` who takes part now.
    """

    covenant_id: str
    principal: Principal
    viewer: str
    trace: str | None
    now: datetime
    current: Covenant
    versions: Mapping[str, Covenant]
    active: frozenset[str]

    @property
    def today(self) -> date:
        """The day in Amsterdam."""
        day = amsterdam_date(self.now)
        if day is None:
            raise ValueError("the clock must give an aware moment")
        return day

    @property
    def active_digest(self) -> bytes:
        """SHA-256 over the active parties, to see whether they are the same as last time."""
        return sha256(lp(*sorted(self.active))).digest()

    @property
    def kind(self) -> str | None:
        party = self.current.parties.get(self.viewer)
        return None if party is None else party.kind

    @property
    def purposes(self) -> frozenset[str]:
        """The purposes for which the viewer has a legal basis under the current version."""
        return frozenset(purpose.id for purpose in self.current.purposes.values() if self.kind in purpose.legal_basis)

    def record(self, event: str, **fields: Any) -> AuditRecord:
        """An audit record of `event` with what is known of who asks."""
        return AuditRecord(
            event=event,
            covenant_id=self.covenant_id,
            by=self.principal,
            trace=self.trace,
            version=self.current.version,
            **fields,
        )

    def refuse_purpose(self, purpose: str) -> None:
        """Raises Refused where the covenant gives the viewer no legal basis; a purpose it does not know has none."""
        if purpose not in self.purposes:
            raise Refused(
                "purpose-without-legal-basis", "the covenant gives this party no legal basis for this purpose"
            )

    def refuse_stage(self, stage: str) -> None:
        """Raises Refused for a stage that no subject can be in yet."""
        if stage != FIRST_STAGE:
            raise Refused("stage-not-reached", "the subject has not reached this stage for this purpose")


def new_id(random: Callable[[int], bytes]) -> UUID:
    """A random id (UUID version 4), from the randomness this service was given."""
    return UUID(bytes=random(16), version=4)
