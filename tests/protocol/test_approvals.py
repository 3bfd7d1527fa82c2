"""Approvals and proposals: what each signature is good for, and that it is good for nothing else."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import pytest

from clients.protocol import signatures
from clients.protocol.approvals import sign_approval, sign_proposal, verify_approval, verify_proposal
from clients.protocol.errors import SignatureError

KEY, OTHER = b"\x01" * 32, b"\x02" * 32
PUBLIC = signatures.public_key(KEY)
C, V1, V2 = "complex-approach", "1" * 64, "2" * 64


def test_who_signed_is_recognised() -> None:
    verify_approval(PUBLIC, C, V2, sign_approval(KEY, C, V2))
    verify_proposal(PUBLIC, C, V2, V1, sign_proposal(KEY, C, V2, V1))


@pytest.mark.parametrize(
    "verify",
    [
        lambda: verify_approval(PUBLIC, C, V2, sign_approval(OTHER, C, V2)),
        lambda: verify_approval(PUBLIC, C, V2, sign_approval(KEY, C, V1)),
        lambda: verify_approval(PUBLIC, C, V2, sign_approval(KEY, "another", V2)),
        lambda: verify_proposal(PUBLIC, C, V2, V1, sign_proposal(OTHER, C, V2, V1)),
        lambda: verify_proposal(PUBLIC, C, V2, V1, sign_proposal(KEY, C, V1, V2)),
        lambda: verify_proposal(PUBLIC, C, V2, V1, sign_proposal(KEY, C, V2, V2)),
        lambda: verify_proposal(PUBLIC, C, V2, V1, sign_proposal(KEY, "another", V2, V1)),
    ],
)
def test_a_signature_holds_for_one_person_covenant_and_version(verify: Callable[[], None]) -> None:
    with pytest.raises(SignatureError):
        verify()


def test_who_proposes_has_not_approved_and_who_approves_has_not_proposed() -> None:
    for predecessor, version in product((V1, V2), repeat=2):
        with pytest.raises(SignatureError):
            verify_approval(PUBLIC, C, version, sign_proposal(KEY, C, version, predecessor))
        with pytest.raises(SignatureError):
            verify_proposal(PUBLIC, C, version, predecessor, sign_approval(KEY, C, version))
