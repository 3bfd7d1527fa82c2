"""Everything the protocol can refuse, in one tree.

    ProtocolError
    ├── EncodingError          bytes, base64url, JSON or a message that is not in its one canonical form
    ├── NormalisationError     a record from which no match key value can be made
    ├── GroupError             an element or scalar that must not be computed with
    ├── ProofError             a discrete-logarithm proof that does not hold
    ├── CeremonyError          a share or public key of the set-up that does not fit the others
    ├── ReceiptError           a genuine receipt that is about something else
    ├── SealError              a sealed field or wrapped key that does not open
    ├── SignatureError         a signature that does not hold
    ├── TokenError             a signed JWT that is not exactly what it should be
    ├── MerkleError            an inclusion or consistency proof that does not hold
    └── CheckpointError        a signed tree head that is malformed or not signed by whom it should be

A message says which rule was broken and where. It never contains what was read: identifiers, tokens, keys and field
contents would otherwise travel into logs, and a log is the one place that nobody erases.
"""

from __future__ import annotations

__all__ = [
    "CeremonyError",
    "CheckpointError",
    "EncodingError",
    "GroupError",
    "MerkleError",
    "NormalisationError",
    "ProofError",
    "ProtocolError",
    "ReceiptError",
    "SealError",
    "SignatureError",
    "TokenError",
]


class ProtocolError(Exception):
    """Root of the tree: whoever catches this catches every refusal of the protocol and no programming mistake."""


class EncodingError(ProtocolError):
    """Input is not in its one canonical form. `pointer` is a JSON pointer (RFC 6901) to the place; empty: the whole."""

    def __init__(self, message: str, pointer: str = "") -> None:
        super().__init__(f"{message} (at {pointer})" if pointer else message)
        self.pointer = pointer


class NormalisationError(ProtocolError):
    """A record gives no match key value: column `field` is wrong for the reason `code`, a word a program can act on."""

    def __init__(self, field: str, code: str) -> None:
        super().__init__(field, code)  # both, or it could not come back from a worker process
        self.field = field
        self.code = code

    def __str__(self) -> str:
        return f"{self.field}: {self.code}"


class GroupError(ProtocolError):
    """An encoding is no element or scalar we compute with, or a result is the identity.

    `index` is the place in a batch, from zero; None where there is no batch.
    """

    def __init__(self, message: str, index: int | None = None) -> None:
        super().__init__(message if index is None else f"{message} (item {index})")
        self.reason = message
        self.index = index

    def at(self, index: int) -> GroupError:
        """The same refusal, located at place `index` of a batch."""
        return GroupError(self.reason, index)


class ProofError(ProtocolError):
    """A proof of equal discrete logarithms (RFC 9497 §2.2) does not hold for this statement and context."""


class CeremonyError(ProtocolError):
    """A share or public key of the set-up is not what the other published values make it."""


class ReceiptError(ProtocolError):
    """A receipt bears the key holder's signature, and is about another batch, party, match key or key than this one."""


class SealError(ProtocolError):
    """A sealed field or wrapped key does not open under this key and context, or breaks its key commitment."""


class SignatureError(ProtocolError):
    """A signature does not hold for this message, domain and public key."""


class TokenError(ProtocolError):
    """A signed JWT is not exactly what this service asks: algorithm, type, key, claims or size."""


class MerkleError(ProtocolError):
    """An RFC 6962 inclusion or consistency proof does not lead to the given root."""


class CheckpointError(ProtocolError):
    """A C2SP checkpoint is malformed, or lacks a signature it must bear."""
