"""How a covenant changes, step by step, each on record in its own transaction:

    draft ── propose ──> proposed ── advise ──> advised ── approve ×2 ──> approved ── schedule ──> scheduled
      └── withdraw          └── withdraw, reject ──┘

1. An administrator lays down a draft, which must load, keep its promises and pass the lint.
2. Its author proposes it in place of the last version, and signs that. Who proposes again, because another version came
   between, begins again here: what was said of it was said beside another text.
3. A privacy officer gives advice. It binds nobody, and nobody approves without it.
4. Two administrators of different parties approve, both others than the author. Any administrator may reject instead,
   until two have approved; then it is decided.
5. It is scheduled, once the key holder has it, which has verified everything by its own registry.

Each step that was done already, by the same person and with the same content, is harmless to repeat.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session

from clients.protocol.approvals import verify_approval
from clients.protocol.errors import SignatureError
from clients.protocol.messages.governance import Advice, ApprovalSignature, Closing, Draft, Proposal
from covenant_rules.model import Covenant
from service.audit.record import AuditRecord
from service.audit.writer import AuditWriter
from service.covenants import repository
from service.covenants.approvals import FEWEST_PARTIES, Approver, check_proposal
from service.covenants.checking import checked
from service.covenants.service import Approvers, Covenants
from service.covenants.succession import check_day, check_succession, day_in_amsterdam
from service.covenants.tables import CovenantAdviceRow, CovenantApprovalRow, CovenantVersionRow
from service.errors import Conflict, Invalid, NotFound, Refused
from service.principals import Principal

__all__ = ["Act", "Drafts"]

MOST_OPEN = 20
"""Versions of one author that are under way."""


@dataclass(frozen=True, slots=True)
class Act:
    """One request of a person who governs a covenant, in the transaction that it is done in."""

    session: Session
    covenant_id: str
    by: Principal
    trace: str | None = None


class Drafts:
    """Versions on their way, at the broker. Methods work in the caller's transaction."""

    def __init__(
        self, covenants: Covenants, audit: AuditWriter, *, approvers: Approvers, clock: Callable[[], datetime]
    ) -> None:
        self._covenants = covenants
        self._audit = audit
        self._approvers = approvers
        self._clock = clock

    def draft(self, act: Act, draft: Draft) -> tuple[str, bool]:
        """1. The version's hash; False if the author laid down the same draft before. Raises Invalid, Conflict."""
        self._begin(act)
        document = draft.document.encode("utf-8")
        covenant, _ = checked(document)
        if covenant.id != act.covenant_id:
            raise Invalid("covenant-differs", "the document is a version of another covenant", pointer="/document")
        known = repository.version(act.session, act.covenant_id, covenant.version)
        if known is not None:
            if (known.state, known.author) == ("draft", act.by.id):
                return covenant.version, False
            raise Conflict("version-exists", "the covenant has this very version already", pointer="/document")
        check_day(covenant, day_in_amsterdam(self._clock()))
        if repository.count_open(act.session, act.covenant_id, act.by.id) >= MOST_OPEN:
            raise Conflict("drafts-too-many", "withdraw some of your versions that are under way first")
        row = CovenantVersionRow(
            covenant_id=act.covenant_id,
            version=covenant.version,
            state="draft",
            document=document,
            author=act.by.id,
            changed_at=self._clock(),
        )
        repository.insert(act.session, row)
        self._record(act, "version-drafted", row, administrators=(act.by.id,))
        return covenant.version, True

    def propose(self, act: Act, version: str, proposal: Proposal) -> None:
        """2. Raises Refused for who is not the author, Invalid for a signature that is none, Conflict."""
        approvers, row = self._begin(act), self._row(act, version)
        _require_author(row, act.by)
        if row.state != "draft" and (row.predecessor, row.proposal) == (proposal.predecessor, proposal.signature):
            return
        _require(row, "draft", "proposed", "advised", "approved")
        covenant = self._covenants.parsed(act.session, act.covenant_id, version)
        predecessor = self._check_place(act, covenant, proposal.predecessor)
        check_proposal(covenant, predecessor, act.by.id, proposal.signature, approvers, pointer="/signature")
        repository.forget_opinions(act.session, act.covenant_id, version)
        row.predecessor, row.proposal = proposal.predecessor, proposal.signature
        self._move(act, row, "proposed")
        self._record(act, "version-proposed", row, previous=proposal.predecessor, administrators=(act.by.id,))

    def advise(self, act: Act, version: str, advice: Advice) -> None:
        """3. An officer may give other advice as long as nobody has approved. Raises Conflict."""
        repository.hold(act.session, act.covenant_id)
        row = self._row(act, version)
        given = {one.officer: one for one in repository.advice(act.session, act.covenant_id, version)}.get(act.by.id)
        if given is not None and (given.opinion, given.words) == (advice.opinion, advice.words):
            return
        _require(row, "proposed", "advised")
        if repository.approvals(act.session, act.covenant_id, version):
            raise Conflict("version-approved-by-some", "an administrator has approved on the advice as it was")
        repository.save(
            act.session,
            CovenantAdviceRow(
                covenant_id=act.covenant_id,
                version=version,
                officer=act.by.id,
                opinion=advice.opinion,
                words=advice.words,
                given_at=self._clock(),
            ),
        )
        self._move(act, row, "advised")
        self._record(act, "version-advised", row, officers=(act.by.id,), outcome=advice.opinion)

    def approve(self, act: Act, version: str, approval: ApprovalSignature) -> None:
        """4. Raises Refused for the author, Invalid for a signature that is none, Conflict."""
        approvers, row = self._begin(act), self._row(act, version)
        given = repository.approvals(act.session, act.covenant_id, version)
        if any((one.administrator, one.signature) == (act.by.id, approval.signature) for one in given):
            return
        _require(row, "advised")
        approver = approvers[act.by.id]
        author = approvers.get(row.author or "")
        if row.author == act.by.id or (author is not None and author.approval_key == approver.approval_key):
            raise Refused("approval-by-author", "who wrote a version does not approve it")
        covenant = self._covenants.parsed(act.session, act.covenant_id, version)
        predecessor = self._check_place(act, covenant, row.predecessor or "")
        if approver.party not in predecessor.parties:
            raise Refused("party-not-in-version", "the caller's party is none of the version that is replaced")
        if approver.party in {one.party for one in given}:
            raise Conflict("approval-same-party", "another administrator of this party has approved already")
        try:
            verify_approval(approver.approval_key, act.covenant_id, version, approval.signature)
        except SignatureError:
            raise Invalid(
                "signature-invalid", "the signature is not one of this version by this person", pointer="/signature"
            ) from None
        repository.save(
            act.session,
            CovenantApprovalRow(
                covenant_id=act.covenant_id,
                version=version,
                administrator=act.by.id,
                party=approver.party,
                approval_key=approver.approval_key,
                signature=approval.signature,
                approved_at=self._clock(),
            ),
        )
        self._move(act, row, "approved" if len(given) + 1 >= FEWEST_PARTIES else "advised")
        self._record(act, "version-approved", row, administrators=(act.by.id,))

    def reject(self, act: Act, version: str, closing: Closing) -> None:
        """Any administrator ends what was proposed. Raises Conflict once it is decided."""
        self._begin(act)
        self._close(act, self._row(act, version), closing, ("proposed", "advised"), "rejected")

    def withdraw(self, act: Act, version: str, closing: Closing) -> None:
        """The author ends a draft or proposal. Raises Refused for anybody else, Conflict once it is decided."""
        self._begin(act)
        row = self._row(act, version)
        _require_author(row, act.by)
        self._close(act, row, closing, ("draft", "proposed", "advised"), "withdrawn")

    def decided(self, act: Act, version: str) -> str:
        """The version in whose place the key holder must have this one. Raises Conflict before it is approved."""
        row = self._row(act, version)
        _require(row, "approved", "scheduled")
        if row.predecessor is None:
            raise Conflict("version-first", "the first version is founded, not scheduled")
        return row.predecessor

    def schedule(self, act: Act, version: str) -> None:
        """5. Once the key holder has it. Raises Refused, Conflict."""
        self._begin(act)
        row = self._row(act, version)
        if row.state == "scheduled":
            return
        _require(row, "approved")
        given = repository.approvals(act.session, act.covenant_id, version)
        approved_by = [one.administrator for one in given]
        self._covenants.follow(act.session, row, approved_by, by=act.by, trace=act.trace)

    # -- inside

    def _begin(self, act: Act) -> Mapping[str, Approver]:
        """Holds the covenant's governance. Raises Refused for who may not act as an administrator now."""
        repository.hold(act.session, act.covenant_id)
        self._covenants.current(act.session, act.covenant_id)  # an unknown or ended covenant is not governed
        approvers = self._approvers(act.session, act.covenant_id)
        if act.by.id not in approvers:
            raise Refused("administrator-not-active", "the caller, or the caller's party, does not take part now")
        return approvers

    def _row(self, act: Act, version: str) -> CovenantVersionRow:
        row = repository.version(act.session, act.covenant_id, version)
        if row is None:
            raise NotFound("version-unknown", "the covenant has no such version here")
        return row

    def _check_place(self, act: Act, covenant: Covenant, predecessor: str) -> Covenant:
        """The predecessor, if the version can still follow it."""
        check_day(covenant, day_in_amsterdam(self._clock()))
        check_succession(covenant, predecessor, repository.chain(act.session, act.covenant_id)[-1])
        return self._covenants.parsed(act.session, act.covenant_id, predecessor)

    def _move(self, act: Act, row: CovenantVersionRow, state: str) -> None:
        row.state, row.changed_at = state, self._clock()
        repository.save(act.session, row)

    def _close(self, act: Act, row: CovenantVersionRow, closing: Closing, states: tuple[str, ...], state: str) -> None:
        if (row.state, row.closed_by) == (state, act.by.id):
            return
        _require(row, *states)
        row.closed_by, row.closed_because = act.by.id, closing.words
        self._move(act, row, state)
        self._record(act, f"version-{state}", row, administrators=(act.by.id,))

    def _record(self, act: Act, event: str, row: CovenantVersionRow, **about: Any) -> None:
        record = AuditRecord(
            event=event, covenant_id=act.covenant_id, by=act.by, trace=act.trace, version=row.version, **about
        )
        self._audit.append(act.session, record)


def _require_author(row: CovenantVersionRow, by: Principal) -> None:
    if row.author != by.id:
        raise Refused("not-the-author", "only its author does this with a version")


def _require(row: CovenantVersionRow, *states: str) -> None:
    if row.state not in states:
        raise Conflict(
            "version-state",
            f"the version is {row.state}; this can be done with one that is {' or '.join(states)}",
            parameters={"state": row.state},
        )
