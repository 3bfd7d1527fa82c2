"""The key holder's signed receipt of one evaluation: what was evaluated, for whom and with which key.

It debits a quota in a way both sides can show, and it is the ticket for a proof asked afterwards: in a bulk load the
client asks for a random part of the batches, the key holder proves only what it has a receipt for, and cannot know
beforehand which batches those will be. The proof itself is `tokens.prove_evaluation` over the same elements.

Signed is, under a domain of its own,

    lp(id, 16 bytes) ‖ lp(party) ‖ lp(covenant) ‖ lp(match key) ‖ lp(key version) ‖ lp(count) ‖ lp(digest, 32 bytes)

with numbers in decimal, and the digest SHA-256 of all blinded and then all evaluated elements, 32 bytes each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

from clients.protocol import signatures
from clients.protocol.encoding import lp
from clients.protocol.errors import EncodingError, ReceiptError

__all__ = ["Receipt", "SignedReceipt", "batch_digest", "issue_receipt", "verify_receipt"]

DOMAIN = "covenant-broker/v1 evaluation receipt"


@dataclass(frozen=True, slots=True)
class Receipt:
    """One evaluation. Raises EncodingError for a key version or count below 1, or a digest that is not 32 bytes."""

    receipt_id: UUID
    party: str
    covenant: str
    match_key: str
    key_version: int
    count: int
    digest: bytes

    def __post_init__(self) -> None:
        if self.key_version < 1 or self.count < 1:
            raise EncodingError("key version and count start at 1")
        if len(self.digest) != 32:
            raise EncodingError("a batch digest is 32 bytes")

    def encode(self) -> bytes:
        """The bytes that are signed, the only ones for this receipt."""
        return lp(
            self.receipt_id.bytes,
            self.party,
            self.covenant,
            self.match_key,
            str(self.key_version),
            str(self.count),
            self.digest,
        )


@dataclass(frozen=True, slots=True)
class SignedReceipt:
    """A receipt with its Ed25519 signature of 64 bytes; not yet believed."""

    receipt: Receipt
    signature: bytes


def batch_digest(blinded: Sequence[bytes], evaluated: Sequence[bytes]) -> bytes:
    """SHA-256 of blinded ‖ evaluated. Raises EncodingError unless both are as many elements of 32 bytes."""
    if len(blinded) != len(evaluated):
        raise EncodingError("a batch has as many evaluated as blinded elements")
    if any(len(element) != 32 for element in (*blinded, *evaluated)):
        raise EncodingError("an element is 32 bytes")
    return sha256(b"".join((*blinded, *evaluated))).digest()


def issue_receipt(
    signing_key: bytes,
    receipt_id: UUID,
    *,
    party: str,
    covenant: str,
    match_key: str,
    key_version: int,
    blinded: Sequence[bytes],
    evaluated: Sequence[bytes],
) -> SignedReceipt:
    """Sign for an evaluation just made, with the key holder's Ed25519 private key of 32 bytes."""
    digest = batch_digest(blinded, evaluated)
    receipt = Receipt(receipt_id, party, covenant, match_key, key_version, len(blinded), digest)
    return SignedReceipt(receipt, signatures.sign(signing_key, DOMAIN, receipt.encode()))


def verify_receipt(
    public_key: bytes,
    signed: SignedReceipt,
    *,
    party: str,
    covenant: str,
    match_key: str,
    key_version: int,
    blinded: Sequence[bytes],
    evaluated: Sequence[bytes],
) -> None:
    """Check that the key holder signed for just this evaluation.

    Raises SignatureError where the signature does not hold, ReceiptError where it does for something else, and
    EncodingError for a batch that could have no receipt.
    """
    receipt = signed.receipt
    signatures.verify(public_key, DOMAIN, receipt.encode(), signed.signature)
    expected = {
        "party": party,
        "covenant": covenant,
        "match_key": match_key,
        "key_version": key_version,
        "count": len(blinded),
        "digest": batch_digest(blinded, evaluated),
    }
    for name, value in expected.items():
        if getattr(receipt, name) != value:
            raise ReceiptError(f"the receipt has another {name.replace('_', ' ')}")
