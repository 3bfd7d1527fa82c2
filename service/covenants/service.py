"""Which rules are in force: a covenant is founded and later versions are scheduled, on approvals verified here.

A version is immutable and named by its hash, so its parsed form is kept for as long as the process lives; what the
database and the day decide, in the transaction of whoever asks, is only which one is current.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date, datetime

from sqlmodel import Session

from clients.protocol.messages.governance import ApprovedVersion
from clients.protocol.messages.keyholder import Approval
from covenant_rules.load import load
from covenant_rules.model import Covenant
from service.audit.record import AuditRecord
from service.audit.writer import AuditWriter
from service.covenants import repository
from service.covenants.approvals import Approver, check_approvals, check_proposal
from service.covenants.checking import checked
from service.covenants.succession import check_day, check_succession, day_in_amsterdam
from service.covenants.tables import CovenantApprovalRow, CovenantVersionRow
from service.errors import Conflict, Invalid, NotFound
from service.principals import Principal

__all__ = ["Approvers", "Covenants"]

Approvers = Callable[[Session, str], Mapping[str, Approver]]
"""The enrolled administrators of a covenant by name, those alone who may act now. The parties slice has them."""


class Covenants:
    """The covenants of one service. Methods work in the caller's transaction."""

    def __init__(self, audit: AuditWriter, *, approvers: Approvers, clock: Callable[[], datetime]) -> None:
        self._audit = audit
        self._approvers = approvers
        self._clock = clock
        self._parsed: dict[str, Covenant] = {}

    # -- versions coming in

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
        covenant, _ = checked(document)
        approvers = self._approvers(session, covenant.id)
        check_approvals(covenant, approvals, approvers, parties=covenant.parties)
        repository.hold(session, covenant.id)
        self._refuse_ended(session, covenant.id)
        chain = repository.chain(session, covenant.id)
        if chain:
            if chain[0].version == covenant.version:
                return covenant, False
            raise Conflict("covenant-founded", "the covenant was founded with another version", pointer="/document")
        row = CovenantVersionRow(
            covenant_id=covenant.id,
            version=covenant.version,
            state="scheduled",
            document=document,
            number=1,
            in_force_from=self._today(),
            changed_at=self._clock(),
        )
        repository.insert(session, row, self._approval_rows(covenant, approvals, approvers))
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

    def schedule(
        self,
        session: Session,
        covenant_id: str,
        approved: ApprovedVersion,
        *,
        by: Principal,
        trace: str | None = None,
    ) -> tuple[Covenant, bool]:
        """At the key holder: puts a version at the end of the chain; False if it was scheduled before.

        It is in force from the first day of its own term. Raises Invalid for a document, proposal or approvals that are
        none, NotFound, and Conflict for a version that is back-dated or does not follow the last one.
        """
        document = approved.document.encode("utf-8")
        covenant, _ = checked(document)
        if covenant.id != covenant_id:
            raise Invalid("covenant-differs", "the document is a version of another covenant", pointer="/document")
        repository.hold(session, covenant_id)
        self.current(session, covenant_id)  # an unknown or ended covenant has no later versions
        row = repository.version(session, covenant_id, covenant.version)
        if row is not None:
            if (row.state, row.predecessor) == ("scheduled", approved.predecessor):
                return covenant, False
            raise Conflict("version-exists", "the covenant has this very version already", pointer="/document")
        check_day(covenant, self._today())
        last = repository.chain(session, covenant_id)[-1]
        check_succession(covenant, approved.predecessor, last)
        approvers = self._approvers(session, covenant_id)
        predecessor = self._load(session, covenant_id, (last.version,))[last.version]
        check_proposal(covenant, predecessor, approved.author, approved.proposal, approvers)
        check_approvals(covenant, approved.approvals, approvers, parties=predecessor.parties, author=approved.author)
        row = CovenantVersionRow(
            covenant_id=covenant_id,
            version=covenant.version,
            state="scheduled",
            document=document,
            number=last.number + 1,
            in_force_from=covenant.valid_from,
            predecessor=approved.predecessor,
            author=approved.author,
            proposal=approved.proposal,
            changed_at=self._clock(),
        )
        repository.insert(session, row, self._approval_rows(covenant, approved.approvals, approvers))
        self._record_schedule(session, row, [one.administrator for one in approved.approvals], by, trace)
        return covenant, True

    def follow(
        self,
        session: Session,
        row: CovenantVersionRow,
        administrators: Sequence[str],
        *,
        by: Principal,
        trace: str | None,
    ) -> None:
        """At the broker: schedules an approved version that the key holder has.

        Its proposal and approvals were verified here when they were given. It may be late: the key holder was not, and
        both must have the same chain. Raises Conflict for a version that does not follow the last one.
        """
        covenant = self.parsed(session, row.covenant_id, row.version)
        last = repository.chain(session, row.covenant_id)[-1]
        check_succession(covenant, row.predecessor or "", last)
        row.state, row.number, row.in_force_from = "scheduled", last.number + 1, covenant.valid_from
        row.changed_at = self._clock()
        repository.save(session, row)
        self._record_schedule(session, row, administrators, by, trace)

    # -- versions as they are

    def current(self, session: Session, covenant_id: str, *, at: datetime | None = None) -> Covenant:
        """The version whose day has come last, whether or not its term is over; the engine looks at that.

        `at` is the moment the caller goes by, if it has taken one. Raises NotFound, and Conflict for a covenant that
        has ended.
        """
        return self.in_force(session, covenant_id, at=at)[0]

    def in_force(
        self, session: Session, covenant_id: str, *, at: datetime | None = None
    ) -> tuple[Covenant, Mapping[str, Covenant]]:
        """What `current` and `versions` give, at one moment. Raises as `current` does."""
        states = repository.ever_in_force(session, covenant_id, self._today(at))
        if "scheduled" not in states.values():
            raise self._absent(session, covenant_id)
        versions = self._load(session, covenant_id, states)
        return versions[next(reversed(states))], versions

    def coming(self, session: Session, covenant_id: str) -> tuple[Covenant, ...]:
        """The versions that are scheduled and whose day has not come, in their order."""
        today = self._today()
        later = [link.version for link in repository.chain(session, covenant_id) if link.in_force_from > today]
        return tuple(self._load(session, covenant_id, later).values())

    def naming(self, session: Session, covenant_id: str, party: str) -> Covenant:
        """The current version, or the first scheduled one that names the party if the current one does not.

        So who joins by a coming version can be enrolled before its day. Raises as `current` does.
        """
        current = self.current(session, covenant_id)
        known = (one for one in (current, *self.coming(session, covenant_id)) if party in one.parties)
        return next(known, current)

    def versions(self, session: Session, covenant_id: str) -> Mapping[str, Covenant]:
        """Every version whose day has come, by hash, the oldest first; empty for an unknown covenant."""
        return self._load(session, covenant_id, repository.ever_in_force(session, covenant_id, self._today()))

    def document(self, session: Session, covenant_id: str, version: str) -> bytes:
        """The YAML bytes of a version. Raises NotFound."""
        found = repository.documents(session, covenant_id, (version,))
        if not found:
            raise NotFound("version-unknown", "the covenant has no such version here")
        return found[0][1]

    def parsed(self, session: Session, covenant_id: str, version: str) -> Covenant:
        """A version that is stored here, whatever became of it. Raises NotFound."""
        self.document(session, covenant_id, version)
        return self._load(session, covenant_id, (version,))[version]

    def list(self, session: Session) -> Sequence[str]:
        """Ids of all covenants founded here that have not ended."""
        return repository.covenants(session)

    # -- inside

    def _record_schedule(
        self, session: Session, row: CovenantVersionRow, approved_by: Sequence[str], by: Principal, trace: str | None
    ) -> None:
        self._audit.append(
            session,
            AuditRecord(
                event="version-scheduled",
                covenant_id=row.covenant_id,
                by=by,
                trace=trace,
                version=row.version,
                previous=row.predecessor,
                day=row.in_force_from,
                administrators=[row.author or "", *approved_by],
            ),
        )

    def _approval_rows(
        self, covenant: Covenant, approvals: Sequence[Approval], approvers: Mapping[str, Approver]
    ) -> Iterable[CovenantApprovalRow]:
        now = self._clock()
        return [
            CovenantApprovalRow(
                covenant_id=covenant.id,
                version=covenant.version,
                administrator=approval.administrator,
                party=approvers[approval.administrator].party,
                approval_key=approvers[approval.administrator].approval_key,
                signature=approval.signature,
                approved_at=now,
            )
            for approval in approvals
        ]

    def _load(self, session: Session, covenant_id: str, versions: Collection[str]) -> Mapping[str, Covenant]:
        missing = [version for version in versions if version not in self._parsed]
        for version, document in repository.documents(session, covenant_id, missing) if missing else ():
            covenant = load(document)
            if (covenant.id, covenant.version) != (covenant_id, version):
                raise RuntimeError("a stored covenant version is not the one its hash names")
            # Two threads may parse the same version; all must then use one object, which its compiled form hangs on.
            self._parsed.setdefault(version, covenant)
        return {version: self._parsed[version] for version in versions}

    def _today(self, at: datetime | None = None) -> date:
        return day_in_amsterdam(at or self._clock())

    def _refuse_ended(self, session: Session, covenant_id: str) -> None:
        if repository.has_ended(session, covenant_id):
            raise Conflict("covenant-ended", "the covenant has ended, and what it held is destroyed")

    def _absent(self, session: Session, covenant_id: str) -> Exception:
        self._refuse_ended(session, covenant_id)
        return NotFound("covenant-unknown", "there is no such covenant here")
