"""Releases of field keys under a grant."""

from __future__ import annotations

from fastapi import APIRouter
from sqlmodel import Session

from clients.protocol import jws
from clients.protocol.grants import Grant
from clients.protocol.messages.keyholder import ReleaseAnswer, ReleaseRequest
from covenant_rules.dates import amsterdam_date
from service.audit.record import AuditRecord
from service.errors import DomainError, Refused
from service.keyholder.callers import Caller, Holder, PartyCaller, refusals_on_record
from service.keyholder.holder import KeyHolder, broker_log
from service.release.checks import Facts
from service.release.service import refusal
from service.web.parameters import CovenantId

__all__ = ["router"]

router = APIRouter(prefix="/covenants/{covenantId}", tags=["Release"])


@router.post("/releases", summary="Have a field's key opened")
def release_field(holder: Holder, caller: PartyCaller, covenant_id: CovenantId, body: ReleaseRequest) -> ReleaseAnswer:
    """Under a grant of the broker: the field's key, resealed to the key that the caller is registered with here.

    What the covenant can never show the caller is refused, whatever the grant says. An identical retry gets the
    identical answer while the grant lives; any other use of the grant is refused.
    """
    grant: Grant | None = None
    service: str | None = None

    def refused(error: DomainError) -> AuditRecord:
        return refusal(covenant_id, error, grant, service=service, by=caller.principal, trace=caller.trace)

    with refusals_on_record(holder, refused), holder.database.transaction() as session:
        broker = holder.counterpart.known(session)
        key = jws.public_key_from_jwk(broker.grant_key)
        grant, service = holder.releases.read(body.grant, broker.issuer, broker.grant_key_id, key), broker.service
        facts, recipient_key = _facts(holder, session, covenant_id, grant, caller)
        return holder.releases.release(
            session,
            grant,
            body,
            facts,
            recipient_key=recipient_key,
            log=broker_log(broker, covenant_id),
            by=caller.principal,
            trace=caller.trace,
        )


def _facts(holder: KeyHolder, session: Session, covenant_id: str, grant: Grant, caller: Caller) -> tuple[Facts, bytes]:
    """What this service knows by itself, and the caller's registered key; parties keep their states until the end."""
    involved = holder.parties.hold(session, covenant_id, (caller.party, grant.info.party, *grant.info.origins))
    today = amsterdam_date(holder.clock())
    asker = involved.get(caller.party)
    if today is None or asker is None:
        raise Refused("party-not-active", "the party is suspended or not enrolled in this covenant")
    facts = Facts(
        today=today,
        current=holder.covenants.current(session, covenant_id),
        versions=holder.covenants.versions(session, covenant_id),
        active=frozenset(party.party for party in involved.values() if party.state == "active"),
    )
    return facts, asker.keys.encryption_key
