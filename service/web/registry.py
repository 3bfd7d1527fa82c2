"""Routes that both services have, each over its own registry: founding, enrolment, suspension, who takes part.

An operator of one service enrols there, and nowhere else: keys of parties never come from the other service. What a
service has to do besides, in the same transaction, it hangs on `Registrar`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from sqlmodel import Session

from clients.protocol.messages.governance import OfficerEnrolment
from clients.protocol.messages.keyholder import (
    AdministratorEnrolment,
    Directory,
    DirectoryEntry,
    Enrolment,
    Founded,
    Founding,
    KeyReplacement,
    Suspension,
)
from covenant_rules.model import Covenant
from service.covenants.service import Covenants
from service.errors import Invalid
from service.parties.key_change import KeyChanges
from service.parties.people import People
from service.parties.service import Parties
from service.principals import Principal, Role
from service.storage.database import Database
from service.web.authentication import require
from service.web.context import context_of
from service.web.parameters import CovenantId, PartyId, PersonId

__all__ = ["Registrar", "match_keys_of_kind", "registry_routes"]

Operator = Annotated[Principal, Depends(require(Role.OPERATOR))]
Anyone = Annotated[Principal, Depends(require(*Role))]


def _nothing(*_: Any) -> None:
    return None


@dataclass(frozen=True, slots=True)
class Registrar:
    """What registration works on. The functions are called in the transaction that founds or enrols, repeats too.

    `founded(session, covenant, by, trace)`, `enrolled(session, covenant, party, match_keys, by, trace)` with those that
    any version gives the party from now on, and `officer_enrolled(session, covenant_id, by, trace)`.
    """

    database: Database
    covenants: Covenants
    parties: Parties
    people: People
    key_changes: KeyChanges
    founded: Callable[[Session, Covenant, Principal, str], None] = _nothing
    enrolled: Callable[[Session, Covenant, str, Collection[str], Principal, str], None] = _nothing
    officer_enrolled: Callable[[Session, str, Principal, str], None] = _nothing


def match_keys_of_kind(covenant: Covenant, kind: str) -> tuple[str, ...]:
    """The match keys, of subjects of all kinds, that the covenant gives parties of one kind."""
    given = {match_key for keys in covenant.match_keys.values() for match_key in keys.kinds.get(kind, ())}
    return tuple(sorted(given))


def registry_routes(registrar: Registrar) -> APIRouter:
    """The router. Every handler's transaction has been committed when it returns its answer."""
    router = APIRouter(tags=["Registry"])
    database, covenants, parties = registrar.database, registrar.covenants, registrar.parties

    @router.post("/covenants/{covenantId}/administrators", status_code=204, summary="Enrol an administrator")
    def enrol_administrator(
        request: Request, operator: Operator, covenant_id: CovenantId, body: AdministratorEnrolment
    ) -> Response:
        """Registers a person who may approve versions for a party. Harmless to repeat."""
        trace = context_of(request).trace_id
        with database.transaction() as session:
            parties.enrol_administrator(session, covenant_id, body, by=operator, trace=trace)
        return Response(status_code=204)

    @router.delete("/covenants/{covenantId}/administrators/{name}", status_code=204, summary="Dismiss an administrator")
    def dismiss_administrator(
        request: Request, operator: Operator, covenant_id: CovenantId, name: PersonId
    ) -> Response:
        """From the answer on, the person drafts, proposes and approves nothing here."""
        trace = context_of(request).trace_id
        with database.transaction() as session:
            registrar.people.dismiss_administrator(session, covenant_id, name, by=operator, trace=trace)
        return Response(status_code=204)

    @router.post("/covenants/{covenantId}/officers", status_code=204, summary="Enrol a privacy officer")
    def enrol_officer(
        request: Request, operator: Operator, covenant_id: CovenantId, body: OfficerEnrolment
    ) -> Response:
        """Registers a person who advises on versions and reads the log. Harmless to repeat."""
        trace = context_of(request).trace_id
        with database.transaction() as session:
            registrar.people.enrol_officer(session, covenant_id, body, by=operator, trace=trace)
            registrar.officer_enrolled(session, covenant_id, operator, trace)
        return Response(status_code=204)

    @router.delete("/covenants/{covenantId}/officers/{name}", status_code=204, summary="Dismiss a privacy officer")
    def dismiss_officer(request: Request, operator: Operator, covenant_id: CovenantId, name: PersonId) -> Response:
        """From the answer on, the person advises on and reads nothing here."""
        trace = context_of(request).trace_id
        with database.transaction() as session:
            registrar.people.dismiss_officer(session, covenant_id, name, by=operator, trace=trace)
        return Response(status_code=204)

    @router.post("/covenants", status_code=201, summary="Found a covenant")
    def found_covenant(request: Request, response: Response, operator: Operator, body: Founding) -> Founded:
        """Makes a covenant's first version the current one, on two enrolled administrators' approvals."""
        trace = context_of(request).trace_id
        with database.transaction() as session:
            document = body.document.encode("utf-8")
            covenant, new = covenants.found(session, document, body.approvals, by=operator, trace=trace)
            registrar.founded(session, covenant, operator, trace)
        if not new:
            response.status_code = 200
        kinds = {party.kind for party in covenant.parties.values()}
        match_keys = {match_key for kind in kinds for match_key in match_keys_of_kind(covenant, kind)}
        return Founded(covenant_id=covenant.id, version=covenant.version, match_keys=tuple(sorted(match_keys)))

    @router.post("/covenants/{covenantId}/parties", status_code=204, summary="Enrol a party")
    def enrol_party(request: Request, operator: Operator, covenant_id: CovenantId, body: Enrolment) -> Response:
        """Registers a party of the covenant with its keys. Harmless to repeat with the same keys."""
        trace = context_of(request).trace_id
        with database.transaction() as session:
            covenant = covenants.naming(session, covenant_id, body.party)
            known = covenant.parties.get(body.party)
            if known is None:
                raise Invalid("party-not-in-covenant", "the covenant names no such party", pointer="/party")
            versions = (covenant, *covenants.coming(session, covenant_id))
            naming = (version for version in versions if body.party in version.parties)
            given = {key for version in naming for key in match_keys_of_kind(version, version.parties[body.party].kind)}
            parties.enrol(
                session,
                covenant_id,
                body.party,
                kind=known.kind,
                oin=known.oin,
                keys=body.keys,
                match_keys=sorted(given),
                by=operator,
                trace=trace,
            )
            registrar.enrolled(session, covenant, body.party, given, operator, trace)
        return Response(status_code=204)

    @router.get("/covenants/{covenantId}/parties", summary="Who takes part, with their public keys")
    def list_parties(_: Anyone, covenant_id: CovenantId) -> Directory:
        """The parties as this service knows them."""
        with database.transaction() as session:
            signatories = covenants.current(session, covenant_id).parties
            found = parties.list(session, covenant_id)
            former = registrar.key_changes.former_signing_keys(session, covenant_id)
        return Directory(
            covenant_id=covenant_id,
            parties=tuple(
                DirectoryEntry(
                    party=one.party,
                    kind=signatories[one.party].kind if one.party in signatories else one.kind,
                    oin=one.oin,
                    state=one.state,
                    signing_key=one.keys.signing_key,
                    former_signing_keys=former.get(one.party, ()),
                    encryption_key=one.keys.encryption_key,
                    authentication_key=one.keys.authentication_key,
                )
                for one in found
            ),
        )

    @router.put(
        "/covenants/{covenantId}/parties/{party}/public-keys", status_code=204, summary="Replace a party's own keys"
    )
    def replace_keys(
        request: Request, operator: Operator, covenant_id: CovenantId, party: PartyId, body: KeyReplacement
    ) -> Response:
        """From the answer on, the old keys sign nothing here. What they signed before is verified with them still."""
        trace = context_of(request).trace_id
        with database.transaction() as session:
            registrar.key_changes.replace(
                session, covenant_id, party, body.keys, reason=body.reason, by=operator, trace=trace
            )
        return Response(status_code=204)

    @router.put("/covenants/{covenantId}/parties/{party}/suspension", status_code=204, summary="Suspend a party")
    def suspend_party(
        request: Request, operator: Operator, covenant_id: CovenantId, party: PartyId, body: Suspension
    ) -> Response:
        """From the answer on, the party asks and is shown nothing, and nothing of its own is shown."""
        trace = context_of(request).trace_id
        with database.transaction() as session:
            parties.suspend(session, covenant_id, party, reason=body.reason, by=operator, trace=trace)
        return Response(status_code=204)

    @router.delete("/covenants/{covenantId}/parties/{party}/suspension", status_code=204, summary="Reinstate a party")
    def reinstate_party(request: Request, operator: Operator, covenant_id: CovenantId, party: PartyId) -> Response:
        """Ends a suspension."""
        trace = context_of(request).trace_id
        with database.transaction() as session:
            parties.reinstate(session, covenant_id, party, by=operator, trace=trace)
        return Response(status_code=204)

    return router
