"""The registry: enrolment, suspension, and whose key is whose.

Every change writes its audit entry in the same transaction, and is decided at this service alone: keys of parties come
from its own operator and never from the other service.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlmodel import Session

from clients.protocol.messages.keyholder import AdministratorEnrolment, PartyKeys
from service.audit.record import AuditRecord
from service.audit.writer import AuditWriter
from service.errors import Conflict, Invalid, NotFound, Refused
from service.parties import directory, repository
from service.parties import keys as public_keys
from service.parties.tables import AdministratorRow, PartyRow
from service.principals import Principal, Role

__all__ = ["Administrator", "Parties", "Party", "refuse_unreadable"]

State = Literal["active", "suspended", "left"]


@dataclass(frozen=True, slots=True)
class Party:
    """A party as this service knows it; `kind` and `oin` are those of the version it was enrolled under."""

    party: str
    kind: str
    oin: str
    state: str
    keys: PartyKeys


@dataclass(frozen=True, slots=True)
class Administrator:
    """A person who may approve versions for `party`; `approval_key` is an Ed25519 public key."""

    administrator: str
    party: str
    approval_key: bytes


class Parties:
    """The registry of one service. Methods work in the caller's transaction."""

    def __init__(self, audit: AuditWriter, *, clock: Callable[[], datetime]) -> None:
        self._audit = audit
        self._clock = clock

    # -- parties

    def enrol(
        self,
        session: Session,
        covenant_id: str,
        party: str,
        *,
        kind: str,
        oin: str,
        keys: PartyKeys,
        match_keys: Iterable[str] = (),
        by: Principal,
        trace: str | None = None,
    ) -> bool:
        """Registers a party; False if it is registered with the same keys already, so that repeating is harmless.

        Raises Invalid with every key that is none, and Conflict where the party has other keys or someone else these.
        """
        public_keys.refuse_faults(*public_keys.party_faults(keys))
        known = repository.party(session, covenant_id, party)
        if known is not None:
            if _party(known).keys != keys:
                raise Conflict("party-enrolled", "the party is enrolled with other keys", pointer="/keys")
            if known.state == "left":
                raise Conflict("party-left", "the party has left the covenant")
            return False
        now, fingerprints = self._clock(), public_keys.fingerprints(keys)
        directory.refuse_replaced(session, covenant_id, *fingerprints.values())
        repository.insert(
            session,
            PartyRow(
                covenant_id=covenant_id,
                party=party,
                kind=kind,
                oin=oin,
                state="active",
                authentication_key=dict(keys.authentication_key),
                signing_key=keys.signing_key,
                encryption_key=keys.encryption_key,
                enrolled_at=now,
                state_since=now,
            ),
        )
        principal = Principal(party, Role.PARTY, party, covenant_id)
        directory.register(session, principal, keys.authentication_key, now)
        self._audit.append(
            session,
            AuditRecord(
                event="party-enrolled",
                covenant_id=covenant_id,
                by=by,
                trace=trace,
                parties=(party,),
                match_keys=tuple(match_keys),
                fingerprints=fingerprints,
            ),
        )
        return True

    def suspend(
        self, session: Session, covenant_id: str, party: str, *, reason: str, by: Principal, trace: str | None = None
    ) -> bool:
        """Suspends a party from the commit on; False if it was suspended already. Raises NotFound, Invalid."""
        refuse_unreadable(reason)
        if not self._change(session, covenant_id, party, from_="active", to="suspended"):
            return False
        record = AuditRecord(
            event="party-suspended", covenant_id=covenant_id, by=by, trace=trace, parties=(party,), words=reason
        )
        self._audit.append(session, record)
        return True

    def reinstate(
        self, session: Session, covenant_id: str, party: str, *, by: Principal, trace: str | None = None
    ) -> bool:
        """Ends a suspension; False if there was none. Raises NotFound."""
        if not self._change(session, covenant_id, party, from_="suspended", to="active"):
            return False
        record = AuditRecord(event="party-reinstated", covenant_id=covenant_id, by=by, trace=trace, parties=(party,))
        self._audit.append(session, record)
        return True

    def leave(
        self, session: Session, covenant_id: str, party: str, *, reason: str, by: Principal, trace: str | None = None
    ) -> bool:
        """The party leaves for good; False if it had left. Raises NotFound, Invalid.

        Who comes back does so as a new party of a new version, with keys of its own.
        """
        refuse_unreadable(reason)
        row = repository.party(session, covenant_id, party, hold=True)
        if row is None:
            raise _unknown_party()
        if row.state == "left":
            return False
        row.state, row.state_since = "left", self._clock()
        repository.save(session, row)
        record = AuditRecord(
            event="party-left", covenant_id=covenant_id, by=by, trace=trace, parties=(party,), words=reason
        )
        self._audit.append(session, record)
        return True

    def close(self, session: Session, covenant_id: str) -> None:
        """Every party has left: the covenant ends, and its entry stands for this. Waits for what they are doing."""
        repository.close(session, covenant_id, self._clock())

    def _change(self, session: Session, covenant_id: str, party: str, *, from_: State, to: State) -> bool:
        row = repository.party(session, covenant_id, party, hold=True)
        if row is None:
            raise _unknown_party()
        if row.state == "left":
            raise Conflict("party-left", "the party has left the covenant")
        if row.state != from_:
            return False
        row.state, row.state_since = to, self._clock()
        repository.save(session, row)
        return True

    def list(self, session: Session, covenant_id: str) -> tuple[Party, ...]:
        """Every party that was ever enrolled, by name."""
        return tuple(map(_party, repository.parties(session, covenant_id)))

    def find(self, session: Session, covenant_id: str, party: str) -> Party:
        """Raises NotFound."""
        row = repository.party(session, covenant_id, party)
        if row is None:
            raise _unknown_party()
        return _party(row)

    def active_parties(self, session: Session, covenant_id: str) -> frozenset[str]:
        """The parties that have joined and are not suspended, as this transaction sees them."""
        return repository.active(session, covenant_id)

    def hold(self, session: Session, covenant_id: str, parties: Iterable[str]) -> Mapping[str, Party]:
        """The enrolled ones of `parties`, in states that last until this transaction ends.

        A suspension waits for the transaction: once it is answered, nothing is decided on the old state any more.
        """
        return {row.party: _party(row) for row in repository.held(session, covenant_id, parties)}

    def hold_active(self, session: Session, covenant_id: str, parties: Iterable[str]) -> frozenset[str]:
        """Those of `parties` that are active, held as by `hold`."""
        return repository.hold_active(session, covenant_id, parties)

    def require_active(self, session: Session, covenant_id: str, party: str) -> frozenset[str]:
        """All active parties, this one held as by `hold`. Raises Refused unless it is among them."""
        active = repository.active_with(session, covenant_id, party)
        if party not in active:
            raise Refused("party-not-active", "the party is suspended or not enrolled in this covenant")
        return active

    # -- administrators

    def enrol_administrator(
        self,
        session: Session,
        covenant_id: str,
        enrolment: AdministratorEnrolment,
        *,
        by: Principal,
        trace: str | None = None,
    ) -> bool:
        """Registers who may approve versions; False if this very registration exists. Raises Invalid, Conflict."""
        signing_in = enrolment.authentication_key
        public_keys.refuse_faults(
            *public_keys.signing_faults(enrolment.approval_key, "/approvalKey"),
            *(public_keys.authentication_faults(signing_in, "/authenticationKey") if signing_in else ()),
        )
        row = AdministratorRow(
            covenant_id=covenant_id,
            administrator=enrolment.administrator,
            party=enrolment.party,
            approval_key=enrolment.approval_key,
            authentication_key=dict(signing_in) if signing_in else None,
            enrolled_at=self._clock(),
        )
        known = repository.administrator(session, covenant_id, enrolment.administrator)
        if known is not None:
            if known.dismissed_at is not None:
                raise Conflict("administrator-dismissed", "who was dismissed is enrolled again by another name and key")
            same = ("party", "approval_key", "authentication_key")
            if any(getattr(known, name) != getattr(row, name) for name in same):
                raise Conflict("administrator-enrolled", "the administrator is enrolled with another party or key")
            return False
        repository.insert(session, row)
        fingerprints = {"approval": public_keys.fingerprint(enrolment.approval_key)}
        if signing_in:
            principal = Principal(enrolment.administrator, Role.ADMINISTRATOR, enrolment.party, covenant_id)
            directory.register(session, principal, signing_in, row.enrolled_at)
            fingerprints["authentication"] = public_keys.thumbprint(signing_in)
        self._audit.append(
            session,
            AuditRecord(
                event="administrator-enrolled",
                covenant_id=covenant_id,
                by=by,
                trace=trace,
                administrators=(enrolment.administrator,),
                parties=(enrolment.party,),
                fingerprints=fingerprints,
            ),
        )
        return True

    def administrators(self, session: Session, covenant_id: str) -> Mapping[str, Administrator]:
        """Those who may act now, by name: neither dismissed nor of a party that is suspended or has left."""
        rows = repository.acting_administrators(session, covenant_id)
        return {row.administrator: Administrator(row.administrator, row.party, row.approval_key) for row in rows}


def _party(row: PartyRow) -> Party:
    keys = PartyKeys(
        authentication_key=row.authentication_key, signing_key=row.signing_key, encryption_key=row.encryption_key
    )
    return Party(row.party, row.kind, row.oin, row.state, keys)


def refuse_unreadable(reason: str) -> None:
    """Raises Invalid for an operator's words that the log could not show in one line."""
    if not reason.isprintable():
        raise Invalid("reason-unreadable", "must be one line of readable text", pointer="/reason")


def _unknown_party() -> NotFound:
    return NotFound("party-unknown", "the covenant has no such party here")
