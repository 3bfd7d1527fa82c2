"""Routes of the privacy officer that the broker alone has: citizens' requests, signs of misuse and their rules."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from clients.protocol.messages.audit import (
    LogDifference,
    MisuseFinding,
    MisuseFindings,
    MisuseRules,
    MisuseRulesChange,
    SubjectHandle,
    SubjectHandles,
    SubjectTokens,
)
from clients.protocol.messages.base import IsoDate
from clients.protocol.reconciliation import KINDS
from service.audit.misuse.service import Finding, Misuse, Rules
from service.audit.reconciliation import Comparisons, LoggedDifference
from service.errors import Refused
from service.principals import Principal, Role
from service.signals.tracing import Tracing
from service.web.authentication import require
from service.web.context import context_of
from service.web.log import LogDesk
from service.web.parameters import CovenantId

__all__ = ["officer_routes"]

Anyone = Annotated[Principal, Depends(require(*Role))]
"""Roles are looked at where a refusal is put on record."""
FirstDate = Annotated[
    IsoDate | None, Query(alias="firstDate", description="Of the days in which signs end; four weeks before the last")
]
LastDate = Annotated[IsoDate | None, Query(alias="lastDate", description="Of these days; today")]


def officer_routes(log: LogDesk, tracing: Tracing, misuse: Misuse, comparisons: Comparisons) -> APIRouter:
    """The router. Everything is on record by the time it is answered."""
    router = APIRouter(prefix="/covenants/{covenantId}", tags=["Audit"])

    @router.post("/subject-handles", summary="By what the log names a subject")
    def trace_subject(request: Request, caller: Anyone, covenant_id: CovenantId, body: SubjectTokens) -> SubjectHandles:
        """From the officers' own tokens of one subject to its handles, to search the log by. Nothing is kept."""
        with log.asked(request, covenant_id, caller) as session:
            _require_officer(caller)
            trace = context_of(request).trace_id
            found = tracing.handles(session, covenant_id, body, by=caller, trace=trace)
        return SubjectHandles(handles=tuple(SubjectHandle(match_key=one.match_key, handle=one.handle) for one in found))

    @router.get("/audit-findings", response_model_exclude_none=True, summary="Signs of misuse")
    def find_misuse(
        request: Request, caller: Anyone, covenant_id: CovenantId, first: FirstDate = None, last: LastDate = None
    ) -> MisuseFindings:
        """What the rules find out of the ordinary, with the entries it was counted from; and where two logs differ."""
        with log.asked(request, covenant_id, caller) as session:
            _require_officer(caller)
            trace = context_of(request).trace_id
            begin, end, found = misuse.findings(session, covenant_id, first, last, by=caller, trace=trace)
            differences = comparisons.differences(session, covenant_id, begin, end)
            compared_until = comparisons.until(session, covenant_id)
        return MisuseFindings(
            first=begin,
            last=end,
            findings=tuple(map(_finding, found)),
            differences=tuple(map(_difference, differences)),
            compared_until=compared_until,
        )

    @router.get("/audit-misuse-rules", response_model_exclude_none=True, summary="The rules for signs of misuse")
    def read_misuse_rules(request: Request, caller: Anyone, covenant_id: CovenantId) -> MisuseRules:
        """The rules in force, as the TOML text that an officer wrote or that is shipped."""
        with log.asked(request, covenant_id, caller) as session:
            _require_officer(caller)
            return _rules(misuse.rules(session, covenant_id))

    @router.put("/audit-misuse-rules", response_model_exclude_none=True, summary="Change the rules for signs of misuse")
    def change_misuse_rules(
        request: Request, caller: Anyone, covenant_id: CovenantId, body: MisuseRulesChange
    ) -> MisuseRules:
        """Puts other rules in force, from the answer on. What was in force before is kept."""
        with log.asked(request, covenant_id, caller) as session:
            _require_officer(caller)
            trace = context_of(request).trace_id
            return _rules(misuse.change_rules(session, covenant_id, body.document, by=caller, trace=trace))

    return router


def _require_officer(caller: Principal) -> None:
    if caller.role is not Role.OFFICER:
        raise Refused("role-not-allowed", "this is for privacy officers")


def _rules(rules: Rules) -> MisuseRules:
    return MisuseRules(document=rules.document, changed_at=rules.changed_at, changed_by=rules.changed_by)


def _difference(one: LoggedDifference) -> LogDifference:
    return LogDifference(
        day=one.day,
        kind=one.kind,
        words=KINDS.get(one.kind, one.kind),
        grant=one.grant,
        entry=one.entry,
        issued=one.issued,
        used=one.used,
    )


def _finding(finding: Finding) -> MisuseFinding:
    sign = finding.sign
    return MisuseFinding(
        rule=sign.rule,
        party=sign.who.party,
        actor=sign.who.actor or None,
        handle=sign.who.handle or None,
        first=sign.first,
        last=sign.last,
        observed=sign.observed,
        usual=sign.usual,
        limit=sign.limit,
        words=sign.words,
        entries=finding.entries,
        total=finding.total,
    )
