"""What is told of versions: those that were scheduled to everyone who takes part, the others to those who govern."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlmodel import Session

from clients.protocol.messages.governance import (
    Finding,
    GivenAdvice,
    GivenApproval,
    VersionDescription,
    VersionPage,
    VersionSummary,
)
from covenant_rules.lint import lint
from service.covenants import repository
from service.covenants.service import Covenants
from service.covenants.succession import Link, day_in_amsterdam, status_of
from service.covenants.tables import CovenantVersionRow
from service.errors import NotFound

__all__ = ["VersionAccounts"]


class VersionAccounts:
    """Methods work in the caller's transaction. `drafts` says whether the caller sees what is not decided."""

    def __init__(self, covenants: Covenants, *, clock: Callable[[], datetime]) -> None:
        self._covenants = covenants
        self._clock = clock

    def page(self, session: Session, covenant_id: str, *, drafts: bool) -> VersionPage:
        """Every version. Raises NotFound for a covenant that was not founded here."""
        rows = repository.versions(session, covenant_id, drafts=drafts)
        if not rows:
            raise NotFound("covenant-unknown", "there is no such covenant here")
        current = self._current(session, covenant_id)
        return VersionPage(
            covenant_id=covenant_id, versions=tuple(self._summary(session, row, current) for row in rows)
        )

    def description(self, session: Session, covenant_id: str, version: str, *, drafts: bool) -> VersionDescription:
        """One version. Raises NotFound, also for one that the caller does not see."""
        row = repository.version(session, covenant_id, version)
        if row is None or (row.number is None and not drafts):
            raise NotFound("version-unknown", "the covenant has no such version here")
        summary = self._summary(session, row, self._current(session, covenant_id))
        return VersionDescription(
            **{name: getattr(summary, name) for name in VersionSummary.model_fields},
            document=row.document.decode("utf-8"),
            proposal=row.proposal,
            approvals=tuple(
                GivenApproval(
                    administrator=one.administrator,
                    party=one.party,
                    signature=one.signature,
                    approved_at=one.approved_at,
                )
                for one in repository.approvals(session, covenant_id, version)
            ),
            advice=tuple(
                GivenAdvice(officer=one.officer, opinion=one.opinion, words=one.words, given_at=one.given_at)
                for one in repository.advice(session, covenant_id, version)
            ),
            findings=tuple(
                Finding(
                    severity=found.severity.value,
                    code=found.code,
                    line=found.place.line,
                    column=found.place.column,
                    detail=found.message,
                    suggestion=found.suggestion,
                )
                for found in (lint(row.document) if drafts else ())
            ),
            closed_by=row.closed_by,
            closed_because=row.closed_because,
        )

    def _current(self, session: Session, covenant_id: str) -> Link | None:
        return repository.current(session, covenant_id, day_in_amsterdam(self._clock()))

    def _summary(self, session: Session, row: CovenantVersionRow, current: Link | None) -> VersionSummary:
        covenant = self._covenants.parsed(session, row.covenant_id, row.version)
        today = day_in_amsterdam(self._clock())
        return VersionSummary(
            version=row.version,
            status=status_of(row.state, row.number, current, covenant.valid_until, today),
            title=covenant.title,
            valid_from=covenant.valid_from,
            valid_until=covenant.valid_until,
            number=row.number,
            predecessor=row.predecessor,
            author=row.author,
        )
