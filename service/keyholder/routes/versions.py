"""Versions of the covenant as the key holder knows them. The broker cannot add one; administrators can, together."""

from __future__ import annotations

from fastapi import APIRouter, Response

from clients.protocol.messages.governance import ApprovedVersion, VersionDescription, VersionPage
from service.audit.record import AuditRecord
from service.errors import DomainError
from service.keyholder.callers import AdministratorCaller, AnyCaller, Holder, refusals_on_record
from service.keyholder.governance import schedule_version
from service.web.parameters import CovenantId, Version

__all__ = ["router"]

router = APIRouter(prefix="/covenants/{covenantId}/versions", tags=["Versions"])


@router.get("", response_model_exclude_none=True, summary="The versions")
def list_versions(holder: Holder, caller: AnyCaller, covenant_id: CovenantId) -> VersionPage:
    """Every version that was founded or scheduled here, in order, with where it stands today."""
    with holder.database.transaction() as session:
        return holder.versions.page(session, covenant_id, drafts=False)


@router.get("/{version}", response_model_exclude_none=True, summary="One version")
def read_version(holder: Holder, caller: AnyCaller, covenant_id: CovenantId, version: Version) -> VersionDescription:
    """The version's text, with the signatures that this service has verified."""
    with holder.database.transaction() as session:
        return holder.versions.description(session, covenant_id, version, drafts=False)


@router.post("", status_code=201, response_model_exclude_none=True, summary="Schedule an approved version")
def schedule(
    holder: Holder, caller: AdministratorCaller, response: Response, covenant_id: CovenantId, body: ApprovedVersion
) -> VersionDescription:
    """Takes in a version that two administrators of different parties approved, and a third one proposed.

    All three signatures are verified with the keys that this service's own operator enrolled. The version is in force
    from the first day of its term, which may not be over.
    """

    def refused(error: DomainError) -> AuditRecord:
        return AuditRecord(
            event="request-refused",
            covenant_id=covenant_id,
            by=caller.principal,
            trace=caller.trace,
            reason=error.code,
        )

    with refusals_on_record(holder, refused):
        description, new = schedule_version(holder, covenant_id, body, caller)
    if not new:
        response.status_code = 200
    return description
