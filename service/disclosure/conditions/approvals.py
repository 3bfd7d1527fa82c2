"""Approvals: a party approves, for one purpose, what a rule makes depend on parties of its kind.

It stands on a live signal of its own and is about that signal's subject, whoever asks there afterwards. What it opens
for whom is the covenant's affair; who approves is told nothing by it.
"""

from __future__ import annotations

from uuid import UUID

from sqlmodel import Session

from clients.protocol.messages.conditions import Approving, OwnApproval, OwnApprovals
from service.disclosure.asking import Asking, new_id
from service.disclosure.conditions import approval_repository as repository
from service.disclosure.conditions.known import approvals_asked_for
from service.disclosure.conditions.tables import ApprovalRow
from service.disclosure.desk import Desk
from service.disclosure.facts import own_subjects
from service.errors import NotFound, Refused
from service.signals.touching import touch_values

__all__ = ["approve", "given", "take_back"]


def approve(session: Session, asking: Asking, desk: Desk, request: Approving) -> OwnApproval:
    """Approves; a repetition on the same anchor for the same purpose is the same approval.

    Raises Refused as a disclosure would be, and for a party whose kind no permit of the current version waits for: an
    approval that nothing needs would be a mark on a subject for nothing.
    """
    asking.refuse_purpose(request.purpose)
    if asking.kind not in approvals_asked_for((asking.current,)):
        raise Refused("approval-not-asked-for", "no rule of the covenant waits for the approval of this kind of party")
    anchor = request.anchor.signal_id
    subject = own_subjects(session, asking, (anchor,)).get(anchor)
    if subject is None:
        raise Refused("anchor-not-live", "the anchor is no live signal of the asking party")
    if request.purpose not in (subject.purposes or ()):
        raise Refused("purpose-not-of-anchor", "the anchor was not submitted for this purpose")
    repository.hold(session, asking.covenant_id, asking.viewer)
    for row in repository.of_party(session, asking.covenant_id, asking.viewer):
        if (row.anchor_id, row.purpose) == (anchor, request.purpose):
            return _message(row)
    approval_id = new_id(desk.random)
    rows = [
        ApprovalRow(
            covenant_id=asking.covenant_id,
            match_key=match_key,
            index_=index,
            purpose=request.purpose,
            party=asking.viewer,
            approval_id=approval_id,
            anchor_id=anchor,
            handle=subject.handle,
            given_at=asking.now,
        )
        for match_key, index in subject.named
    ]
    repository.add(session, rows)
    touch_values(session, asking.covenant_id, asking.viewer, subject.named)
    record = asking.record("approval-given", purpose=request.purpose, anchor=anchor, subjects=(subject.handle,))
    desk.audit.append(session, record)
    return _message(rows[0])


def take_back(session: Session, asking: Asking, desk: Desk, approval_id: UUID) -> None:
    """Ends an approval at once. Raises NotFound for one that is not the asking party's, or was taken back before."""
    rows = repository.one(session, asking.covenant_id, asking.viewer, approval_id)
    if not rows:
        raise NotFound("approval-unknown", "this party has given no such approval")
    repository.forget(session, rows)
    touch_values(session, asking.covenant_id, asking.viewer, [(row.match_key, row.index_) for row in rows])
    record = asking.record(
        "approval-taken-back", purpose=rows[0].purpose, anchor=rows[0].anchor_id, subjects={row.handle for row in rows}
    )
    desk.audit.append(session, record)


def given(session: Session, asking: Asking) -> OwnApprovals:
    """The asking party's own approvals."""
    rows = repository.of_party(session, asking.covenant_id, asking.viewer)
    return OwnApprovals(approvals=tuple(map(_message, rows)))


def _message(row: ApprovalRow) -> OwnApproval:
    return OwnApproval(
        approval_id=row.approval_id, purpose=row.purpose, anchor_signal_id=row.anchor_id, given_at=row.given_at
    )
