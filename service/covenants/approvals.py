"""When a covenant version is approved: pure, and asked by each service for itself.

Two administrators of different parties sign the version's hash. A signature covers the covenant's id too, so that it
approves nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from clients.protocol.approvals import verify_approval
from clients.protocol.errors import SignatureError
from clients.protocol.messages.keyholder import Approval
from covenant_rules.model import Covenant
from service.errors import Invalid, LocatedFault

__all__ = ["Approver", "check_approvals"]

FEWEST_PARTIES = 2


class Approver(Protocol):
    """An enrolled administrator."""

    @property
    def party(self) -> str: ...

    @property
    def approval_key(self) -> bytes: ...


def check_approvals(covenant: Covenant, approvals: Sequence[Approval], approvers: Mapping[str, Approver]) -> None:
    """Raises Invalid, naming every approval that is none, unless two parties of the covenant have approved it.

    One bad approval spoils all: nobody should have to explain later why it stood there.
    """
    faults: list[LocatedFault] = []
    parties: set[str] = set()
    keys: set[bytes] = set()
    for index, approval in enumerate(approvals):
        approver = approvers.get(approval.administrator)
        if approver is None or approver.party not in covenant.parties:
            faults.append(_fault(index, "administrator-unknown", "nobody of this name may approve for a party here"))
            continue
        if approver.approval_key in keys:
            faults.append(_fault(index, "approval-repeated", "the same administrator has approved already"))
        elif approver.party in parties:
            faults.append(_fault(index, "approval-same-party", "another administrator of this party has approved"))
        try:
            verify_approval(approver.approval_key, covenant.id, covenant.version, approval.signature)
        except SignatureError:
            faults.append(_fault(index, "signature-invalid", "the signature is not one of this version by this person"))
        keys.add(approver.approval_key)
        parties.add(approver.party)
    if faults:
        raise Invalid("approvals-invalid", "not every approval is one", faults=faults)
    if len(parties) < FEWEST_PARTIES:
        raise Invalid(
            "approvals-too-few",
            "administrators of two parties of the covenant must approve a version",
            pointer="/approvals",
        )


def _fault(index: int, code: str, detail: str) -> LocatedFault:
    return LocatedFault(f"/approvals/{index}", code, detail)
