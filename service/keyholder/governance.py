"""What a change in a covenant or in who takes part does to the key holder's keys.

Keys that a scheduled version gives are drawn when it is scheduled, so that the set-up can be run before its day. Keys
that a version no longer gives are refused from its day on, by date, and destroyed in the next round of upkeep.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlmodel import Session

from clients.protocol.messages.governance import ApprovedVersion, VersionDescription
from clients.protocol.messages.keyholder import KeyRotation
from clients.protocol.officers import OFFICERS
from covenant_rules.model import Covenant
from service.evaluation.entitlement import match_keys_of
from service.evaluation.keys import PartyKey
from service.keyholder.callers import Caller
from service.keyholder.holder import KeyHolder
from service.principals import Principal
from service.web.registry import Registrar

__all__ = [
    "end_covenant",
    "leave_covenant",
    "registrar_of",
    "rotate_key",
    "schedule_version",
    "turn_to_new_versions",
]


def registrar_of(holder: KeyHolder) -> Registrar:
    """Registration that draws keys: of a covenant's match keys, of a party, and of its officers together."""

    def founded(session: Session, covenant: Covenant, by: Principal, trace: str) -> None:
        given = frozenset[str]().union(*(match_keys_of(covenant, party) for party in covenant.parties))
        holder.oprf_keys.draw_match_keys(session, covenant.id, given, by=by, trace=trace)
        draw_for_officers(holder, session, covenant, Caller(by, trace))

    def enrolled(
        session: Session, covenant: Covenant, party: str, given: Collection[str], by: Principal, trace: str
    ) -> None:
        holder.oprf_keys.draw_match_keys(session, covenant.id, given, by=by, trace=trace)
        holder.oprf_keys.draw_party_keys(session, covenant.id, party, given, by=by, trace=trace)

    def officer_enrolled(session: Session, covenant_id: str, by: Principal, trace: str) -> None:
        if covenant_id in holder.covenants.list(session):
            draw_for_officers(holder, session, holder.covenants.current(session, covenant_id), Caller(by, trace))

    return Registrar(
        holder.database,
        holder.covenants,
        holder.parties,
        holder.people,
        holder.key_changes,
        founded=founded,
        enrolled=enrolled,
        officer_enrolled=officer_enrolled,
    )


def schedule_version(
    holder: KeyHolder, covenant_id: str, approved: ApprovedVersion, caller: Caller
) -> tuple[VersionDescription, bool]:
    """Verifies an approved version and draws what it newly gives; False if it was scheduled before."""
    with holder.database.transaction() as session:
        # First what is given no longer: a key that the new version gives back must be another than the broker retired.
        _destroy_withdrawn(holder, session, covenant_id)
        covenant, new = holder.covenants.schedule(
            session, covenant_id, approved, by=caller.principal, trace=caller.trace
        )
        _draw(holder, session, covenant, caller)
        description = holder.versions.description(session, covenant_id, covenant.version, drafts=False)
    return description, new


def _draw(holder: KeyHolder, session: Session, covenant: Covenant, caller: Caller) -> None:
    by, trace = caller.principal, caller.trace
    match_keys = frozenset[str]().union(*(match_keys_of(covenant, party) for party in covenant.parties))
    holder.oprf_keys.draw_match_keys(session, covenant.id, match_keys, by=by, trace=trace)
    for party in holder.parties.list(session, covenant.id):
        given = match_keys_of(covenant, party.party)
        if given and party.state != "left":
            holder.oprf_keys.draw_party_keys(session, covenant.id, party.party, given, by=by, trace=trace)
    draw_for_officers(holder, session, covenant, caller)


def draw_for_officers(holder: KeyHolder, session: Session, covenant: Covenant, caller: Caller) -> None:
    """Draws the officers' key for each match key of a version that has none; once there is an officer."""
    if holder.people.has_officer(session, covenant.id):
        given = match_keys_of(covenant, OFFICERS)
        by, trace = caller.principal, caller.trace
        holder.oprf_keys.draw_match_keys(session, covenant.id, given, by=by, trace=trace)
        holder.oprf_keys.draw_party_keys(session, covenant.id, OFFICERS, given, by=by, trace=trace)


def rotate_key(
    holder: KeyHolder, covenant_id: str, party: str, match_key: str, rotation: KeyRotation, caller: Caller
) -> PartyKey:
    """Replaces one key of a party and destroys the old one. Harmless to repeat."""
    with holder.database.transaction() as session:
        holder.covenants.current(session, covenant_id)
        key = holder.oprf_keys.rotate(
            session,
            covenant_id,
            match_key,
            party,
            rotation.key_version,
            reason=rotation.reason,
            by=caller.principal,
            trace=caller.trace,
        )
    with holder.database.transaction() as session:
        holder.destruction.replaced(session, covenant_id)
    return key


def turn_to_new_versions(holder: KeyHolder) -> int:
    """Puts on record which versions' days have come, and destroys keys that none gives now; returns how many.

    So it does with keys that were replaced, should the service have stopped before it had destroyed them.
    """
    with holder.database.transaction() as session:
        holder.course.put_on_record(session)
        covenants = holder.covenants.list(session)
        return sum(
            _destroy_withdrawn(holder, session, covenant) + holder.destruction.replaced(session, covenant)
            for covenant in covenants
        )


def _destroy_withdrawn(holder: KeyHolder, session: Session, covenant_id: str) -> int:
    versions = (holder.covenants.current(session, covenant_id), *holder.covenants.coming(session, covenant_id))

    def given(party: str) -> frozenset[str]:
        return frozenset[str]().union(*(match_keys_of(version, party) for version in versions))

    return holder.destruction.keep_only(session, covenant_id, given)


def leave_covenant(holder: KeyHolder, covenant_id: str, party: str, reason: str, caller: Caller) -> None:
    """The party's keys are destroyed, and what was released to it is answered no more. Harmless to repeat."""
    with holder.database.transaction() as session:
        holder.covenants.current(session, covenant_id)
        holder.parties.leave(session, covenant_id, party, reason=reason, by=caller.principal, trace=caller.trace)
        holder.releases.forget_all(session, covenant_id, party)
        holder.destruction.leave(session, covenant_id, party, by=caller.principal, trace=caller.trace)


def end_covenant(holder: KeyHolder, covenant_id: str, reason: str, caller: Caller) -> None:
    """Every key of the covenant is destroyed: no token can be made and no field opened again. Harmless to repeat."""
    with holder.database.transaction() as session:
        holder.course.end(session, covenant_id, reason=reason, by=caller.principal, trace=caller.trace)
        holder.parties.close(session, covenant_id)
        holder.releases.forget_all(session, covenant_id)
        holder.destruction.end(session, covenant_id)
