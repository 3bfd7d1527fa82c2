"""Which rules are in force: a covenant is founded, and later versions adopted, on approvals this service has verified.

A version is immutable and named by its hash, so its parsed form is kept for as long as the process lives; what the
database decides, in the transaction of whoever asks, is only which one is current.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime

from sqlmodel import Session

from clients.protocol.messages.keyholder import Approval
from covenant_rules.diagnostics import Severity
from covenant_rules.lint import lint
from covenant_rules.load import load
from covenant_rules.model import Covenant
from service.audit.record import AuditRecord
from service.audit.writer import AuditWriter
from service.covenants import repository
from service.covenants.approvals import Approver, check_approvals
from service.covenants.tables import CovenantApprovalRow, CovenantVersionRow
from service.errors import Conflict, Invalid, LocatedFault, NotFound
from service.principals import Principal

__all__ = ["Approvers", "Covenants"]

Approvers = Callable[[Session, str], Mapping[str, Approver]]
"""The enrolled administrators of a covenant by name. The parties slice has them."""


class Covenants:
    """The covenants of one service. Methods work in the caller's transaction."""

    def __init__(self, audit: AuditWriter, *, approvers: Approvers, clock: Callable[[], datetime]) -> None:
        self._audit = audit
        self._approvers = approvers
        self._clock = clock
        self._parsed: dict[str, Covenant] = {}

    def found(
        self,
        session: Session,
        document: bytes,
        approvals: Sequence[Approval],
        *,
        by: Principal,
        trace: str | None = None,
    ) -> tuple[Covenant, bool]:
        """The covenant of the first version's YAML bytes; False if it was founded with this very version before.

        Raises Invalid with every mistake in the document or the approvals, Conflict where there is another version.
        """
        covenant = self._checked(session, document, approvals)
        current = repository.active(session, covenant.id)
        if current == covenant.version:
            return covenant, False
        if current is not None:
            raise Conflict("covenant-founded", "the covenant was founded with another version", pointer="/document")
        self._insert(session, covenant, 1, document, approvals)
        self._audit.append(
            session,
            AuditRecord(
                event="covenant-founded",
                covenant_id=covenant.id,
                by=by,
                trace=trace,
                version=covenant.version,
                administrators=[approval.administrator for approval in approvals],
            ),
        )
        return covenant, True

    def adopt(
        self,
        session: Session,
        document: bytes,
        approvals: Sequence[Approval],
        *,
        by: Principal,
        trace: str | None = None,
    ) -> Covenant:
        """Makes a new version the current one. Raises Invalid as `found` does, NotFound, and Conflict if it was current
        before: what was replaced does not come back under its old approvals."""
        covenant = self._checked(session, document, approvals)
        replaced = repository.held(session, covenant.id)
        if replaced is None:
            raise _unknown_covenant()
        previous, number = replaced.version, replaced.number
        repository.supersede(session, covenant.id)
        self._insert(session, covenant, number + 1, document, approvals)
        self._audit.append(
            session,
            AuditRecord(
                event="version-adopted",
                covenant_id=covenant.id,
                by=by,
                trace=trace,
                version=covenant.version,
                previous=previous,
                administrators=[approval.administrator for approval in approvals],
            ),
        )
        return covenant

    def current(self, session: Session, covenant_id: str) -> Covenant:
        """The current version, whether or not its dates are; the engine looks at those. Raises NotFound."""
        version = repository.active(session, covenant_id)
        if version is None:
            raise _unknown_covenant()
        return self._load(session, covenant_id, (version,))[version]

    def versions(self, session: Session, covenant_id: str) -> Mapping[str, Covenant]:
        """Every version that ever was current, by hash, the oldest first; empty for an unknown covenant."""
        return self._load(session, covenant_id, repository.hashes(session, covenant_id))

    def document(self, session: Session, covenant_id: str, version: str) -> bytes:
        """The YAML bytes of a version. Raises NotFound."""
        found = repository.documents(session, covenant_id, (version,))
        if not found:
            raise NotFound("version-unknown", "the covenant has no such version here")
        return found[0][1]

    def list(self, session: Session) -> Sequence[str]:
        """Ids of all covenants founded here."""
        return repository.covenants(session)

    def _checked(self, session: Session, document: bytes, approvals: Sequence[Approval]) -> Covenant:
        mistakes = [found for found in lint(document) if found.severity is Severity.ERROR]
        if mistakes:
            faults = tuple(
                LocatedFault("/document", m.code.lower(), f"line {m.place.line}, column {m.place.column}: {m.message}")
                for m in mistakes
            )
            raise Invalid("covenant-invalid", "the document is no covenant that can be approved", faults=faults)
        covenant = load(document)
        check_approvals(covenant, approvals, self._approvers(session, covenant.id))
        return covenant

    def _insert(
        self, session: Session, covenant: Covenant, number: int, document: bytes, approvals: Sequence[Approval]
    ) -> None:
        approvers = self._approvers(session, covenant.id)
        repository.insert(
            session,
            CovenantVersionRow(
                covenant_id=covenant.id,
                version=covenant.version,
                number=number,
                state="active",
                document=document,
                adopted_at=self._clock(),
            ),
            (
                CovenantApprovalRow(
                    covenant_id=covenant.id,
                    version=covenant.version,
                    administrator=approval.administrator,
                    party=approvers[approval.administrator].party,
                    approval_key=approvers[approval.administrator].approval_key,
                    signature=approval.signature,
                )
                for approval in approvals
            ),
        )

    def _load(self, session: Session, covenant_id: str, versions: Collection[str]) -> Mapping[str, Covenant]:
        missing = [version for version in versions if version not in self._parsed]
        for version, document in repository.documents(session, covenant_id, missing) if missing else ():
            covenant = load(document)
            if (covenant.id, covenant.version) != (covenant_id, version):
                raise RuntimeError("a stored covenant version is not the one its hash names")
            # Two threads may parse the same version; all must then use one object, which its compiled form hangs on.
            self._parsed.setdefault(version, covenant)
        return {version: self._parsed[version] for version in versions}


def _unknown_covenant() -> NotFound:
    return NotFound("covenant-unknown", "there is no such covenant here")
