"""Routes of versions: from a draft to the day from which it is in force. For administrators and the privacy officer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from clients.protocol.messages.governance import (
    Advice,
    ApprovalSignature,
    Closing,
    Draft,
    Proposal,
    VersionDescription,
    VersionPage,
    VersionStatus,
)
from service.broker.context import BrokerContext
from service.covenants.drafting import Act
from service.errors import Conflict
from service.principals import Principal, Role
from service.web.authentication import require
from service.web.context import context_of
from service.web.parameters import CovenantId, Version

__all__ = ["version_routes"]

Administrator = Annotated[Principal, Depends(require(Role.ADMINISTRATOR))]
Officer = Annotated[Principal, Depends(require(Role.OFFICER))]
Anyone = Annotated[Principal, Depends(require(*Role))]

_GOVERNS = frozenset({Role.ADMINISTRATOR, Role.OFFICER})
_DECIDED = frozenset({VersionStatus.SCHEDULED, VersionStatus.ACTIVE, VersionStatus.SUPERSEDED, VersionStatus.EXPIRED})


def version_routes(context: BrokerContext) -> APIRouter:
    """The router. Every handler's transaction has been committed when it returns its answer."""
    router = APIRouter(prefix="/covenants/{covenantId}/versions", tags=["Versions"])

    @contextmanager
    def acting(request: Request, covenant_id: str, caller: Principal, version: str | None = None) -> Iterator[Act]:
        """One step in one transaction; a refusal of it is on record."""
        with context.asked(request, covenant_id, caller, "request-refused", version=version) as session:
            yield Act(session, covenant_id, caller, context_of(request).trace_id)

    def told(act: Act, version: str) -> VersionDescription:
        return context.versions.description(act.session, act.covenant_id, version, drafts=True)

    @router.get("", response_model_exclude_none=True, summary="The versions")
    def list_versions(caller: Anyone, covenant_id: CovenantId) -> VersionPage:
        """Every version that was scheduled, in order; to those who govern the covenant also what is under way."""
        with context.database.transaction() as session:
            return context.versions.page(session, covenant_id, drafts=caller.role in _GOVERNS)

    @router.get("/{version}", response_model_exclude_none=True, summary="One version")
    def read_version(caller: Anyone, covenant_id: CovenantId, version: Version) -> VersionDescription:
        """The version's text and everything that was said and signed about it."""
        with context.database.transaction() as session:
            return context.versions.description(session, covenant_id, version, drafts=caller.role in _GOVERNS)

    @router.post("", status_code=201, response_model_exclude_none=True, summary="Lay down a draft")
    def draft_version(
        request: Request, response: Response, caller: Administrator, covenant_id: CovenantId, body: Draft
    ) -> VersionDescription:
        """Checks the document: it must load, keep its own promises, and pass the lint. Its hash is its name."""
        with acting(request, covenant_id, caller) as act:
            version, new = context.drafts.draft(act, body)
            description = told(act, version)
        if not new:
            response.status_code = 200
        return description

    @router.post("/{version}/proposal", response_model_exclude_none=True, summary="Propose a draft")
    def propose_version(
        request: Request, caller: Administrator, covenant_id: CovenantId, version: Version, body: Proposal
    ) -> VersionDescription:
        """Its author puts it to the others, in place of the last version. From here on it waits for advice."""
        with acting(request, covenant_id, caller, version) as act:
            context.drafts.propose(act, version, body)
            return told(act, version)

    @router.post("/{version}/advice", response_model_exclude_none=True, summary="Advise on a proposed version")
    def advise_on_version(
        request: Request, caller: Officer, covenant_id: CovenantId, version: Version, body: Advice
    ) -> VersionDescription:
        """The privacy officer's opinion. It binds nobody, and nobody approves without it."""
        with acting(request, covenant_id, caller, version) as act:
            context.drafts.advise(act, version, body)
            return told(act, version)

    @router.post("/{version}/approvals", response_model_exclude_none=True, summary="Approve a version")
    def approve_version(
        request: Request, caller: Administrator, covenant_id: CovenantId, version: Version, body: ApprovalSignature
    ) -> VersionDescription:
        """One of the two approvals by administrators of different parties, the author being neither."""
        with acting(request, covenant_id, caller, version) as act:
            context.drafts.approve(act, version, body)
            return told(act, version)

    @router.post("/{version}/rejection", response_model_exclude_none=True, summary="Reject a version")
    def reject_version(
        request: Request, caller: Administrator, covenant_id: CovenantId, version: Version, body: Closing
    ) -> VersionDescription:
        """Ends what was proposed, as long as it is not decided."""
        with acting(request, covenant_id, caller, version) as act:
            context.drafts.reject(act, version, body)
            return told(act, version)

    @router.post("/{version}/withdrawal", response_model_exclude_none=True, summary="Withdraw a version")
    def withdraw_version(
        request: Request, caller: Administrator, covenant_id: CovenantId, version: Version, body: Closing
    ) -> VersionDescription:
        """Its author takes it back, as long as it is not decided."""
        with acting(request, covenant_id, caller, version) as act:
            context.drafts.withdraw(act, version, body)
            return told(act, version)

    @router.post("/{version}/schedule", response_model_exclude_none=True, summary="Schedule an approved version")
    def schedule_version(
        request: Request, caller: Administrator, covenant_id: CovenantId, version: Version
    ) -> VersionDescription:
        """Takes an approved version over from the key holder, which must have it: so both have the same versions."""
        with acting(request, covenant_id, caller, version) as act:
            predecessor = context.drafts.decided(act, version)
        there = {one.version: one for one in context.key_holder.versions(covenant_id).versions}
        with acting(request, covenant_id, caller, version) as act:
            found = there.get(version)
            if found is None or found.status not in _DECIDED or found.predecessor != predecessor:
                raise Conflict("not-at-key-holder", "schedule the version at the key holder first")
            context.drafts.schedule(act, version)
            return told(act, version)

    return router
