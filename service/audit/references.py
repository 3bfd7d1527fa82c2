"""By what a source asks for an entry whose id it may not know: ids have the time of the entry in them.

    reference = AES-256(key of this party, entry id)

A block cipher on one block is a permutation: references are as unique as ids, look like random ones, and two parties'
references to one entry have nothing in common. Nothing is stored.
"""

from __future__ import annotations

import hmac
from uuid import UUID

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from clients.protocol.encoding import lp

__all__ = ["References"]

_DOMAIN = "covenant-broker/v1 audit reference"


class References:
    """Made with `key` (32 bytes), which all replicas of a service share."""

    def __init__(self, key: bytes) -> None:
        if len(key) != 32:
            raise ValueError("a reference key has 32 bytes")
        self._key = key

    def of(self, covenant_id: str, party: str, entry_id: UUID) -> UUID:
        """The party's own name of an entry."""
        block = self._cipher(covenant_id, party).encryptor()
        return UUID(bytes=block.update(entry_id.bytes) + block.finalize())

    def entry_id(self, covenant_id: str, party: str, reference: UUID) -> UUID:
        """The entry that a reference would be of. Any 128 bits are a reference: of an entry only if there is one."""
        block = self._cipher(covenant_id, party).decryptor()
        return UUID(bytes=block.update(reference.bytes) + block.finalize())

    def _cipher(self, covenant_id: str, party: str) -> Cipher[modes.ECB]:
        key = hmac.digest(self._key, lp(_DOMAIN, covenant_id, party), "sha256")
        return Cipher(algorithms.AES(key), modes.ECB())  # noqa: S305 - one block: there is nothing to chain
