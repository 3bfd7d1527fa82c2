"""When a covenant version is approved: pure, and asked by each service for itself.

Two administrators of different parties sign the version's hash. A signature covers the covenant's id too, so that it
approves nothing else. A later version has an author besides, whose signature names what it replaces and who approves it
not: three people agree on a change of the rules, of whom two stand for different parties.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from clients.protocol.approvals import verify_approval, verify_proposal
from clients.protocol.errors import SignatureError
from clients.protocol.messages.keyholder import Approval
from covenant_rules.model import Covenant
from service.errors import Invalid, LocatedFault

__all__ = ["FEWEST_PARTIES", "Approver", "check_approvals", "check_proposal"]

FEWEST_PARTIES = 2


class Approver(Protocol):
    """An enrolled administrator."""

    @property
    def party(self) -> str: ...

    @property
    def approval_key(self) -> bytes: ...


def check_approvals(
    covenant: Covenant,
    approvals: Sequence[Approval],
    approvers: Mapping[str, Approver],
    *,
    parties: Collection[str],
    author: str | None = None,
) -> None:
    """Raises Invalid, naming every approval that is none, unless two of `parties` have approved the version.

    `parties` are those that agree: of the version that is replaced, or of a first version itself. One bad approval
    spoils all: nobody should have to explain later why it stood there.
    """
    faults: list[LocatedFault] = []
    agreed: set[str] = set()
    keys: set[bytes] = set()
    written_by = approvers.get(author) if author is not None else None
    for index, approval in enumerate(approvals):
        approver = approvers.get(approval.administrator)
        if approver is None or approver.party not in parties:
            faults.append(_fault(index, "administrator-unknown", "nobody of this name may approve for a party here"))
            continue
        if written_by is not None and approver.approval_key == written_by.approval_key:
            faults.append(_fault(index, "approval-by-author", "who wrote a version does not approve it"))
        if approver.approval_key in keys:
            faults.append(_fault(index, "approval-repeated", "the same administrator has approved already"))
        elif approver.party in agreed:
            faults.append(_fault(index, "approval-same-party", "another administrator of this party has approved"))
        try:
            verify_approval(approver.approval_key, covenant.id, covenant.version, approval.signature)
        except SignatureError:
            faults.append(_fault(index, "signature-invalid", "the signature is not one of this version by this person"))
        keys.add(approver.approval_key)
        agreed.add(approver.party)
    if faults:
        raise Invalid("approvals-invalid", "not every approval is one", faults=faults)
    if len(agreed) < FEWEST_PARTIES:
        raise Invalid(
            "approvals-too-few",
            "administrators of two parties of the covenant must approve a version",
            pointer="/approvals",
        )


def check_proposal(
    covenant: Covenant,
    predecessor: Covenant,
    author: str,
    signature: bytes,
    approvers: Mapping[str, Approver],
    *,
    pointer: str = "/proposal",
) -> None:
    """Raises Invalid unless `author`, administrator of a party of `predecessor`, proposed the version in its place."""
    proposer = approvers.get(author)
    if proposer is None or proposer.party not in predecessor.parties:
        raise Invalid(
            "administrator-unknown", "nobody of this name may propose versions for a party here", pointer=pointer
        )
    try:
        verify_proposal(proposer.approval_key, covenant.id, covenant.version, predecessor.version, signature)
    except SignatureError:
        raise Invalid(
            "signature-invalid", "the signature is not one of this proposal by this person", pointer=pointer
        ) from None


def _fault(index: int, code: str, detail: str) -> LocatedFault:
    return LocatedFault(f"/approvals/{index}", code, detail)
