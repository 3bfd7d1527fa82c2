"""A log's promise that an entry will stand in it, signed when the answer leaves that rests on the entry.

An entry gets its place a moment after it was committed. Until then nothing but this signature binds the log to it: with
it, and a later head of the log that does not cover the leaf, anyone can show that the log broke its word.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from clients.protocol import signatures
from clients.protocol.encoding import lp

__all__ = ["sign_promise", "verify_promise"]

_PROMISE = "covenant-leaf-promise/v1"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def sign_promise(private_key: bytes, origin: str, entry_id: UUID, leaf: bytes, at: datetime) -> bytes:
    """64 bytes by the log's Ed25519 key: the log called `origin` will hold the leaf (32 bytes) of this entry."""
    return signatures.sign(private_key, _PROMISE, _promised(origin, entry_id, leaf, at))


def verify_promise(public_key: bytes, origin: str, entry_id: UUID, leaf: bytes, at: datetime, signature: bytes) -> None:
    """Raises SignatureError unless the holder of the log's key promised this leaf for this entry at this moment."""
    signatures.verify(public_key, _PROMISE, _promised(origin, entry_id, leaf, at), signature)


def _promised(origin: str, entry_id: UUID, leaf: bytes, at: datetime) -> bytes:
    """With the moment in microseconds since 1970, in decimal digits."""
    return lp(origin, entry_id.bytes, leaf, str((at - _EPOCH) // timedelta(microseconds=1)))
