"""What an entry about an erasure says of the entries that were erased: whoever has their leaves can check it.

    digest      SHA-256(lp(tag) ‖ for each erased entry, in the order of places: place, 8 bytes ‖ leaf hash, 32 bytes)

The leaves stay in the tree, and each says by which erasure its entry went. So an entry that is missing is either among
those that an entry of the log accounts for, by place and hash, or it was taken out.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256

from clients.protocol.encoding import lp

__all__ = ["erasure_digest"]

_TAG = "covenant-broker/v1 erased entries"


def erasure_digest(leaves: Iterable[tuple[int, bytes]]) -> bytes:
    """32 bytes over (place, leaf hash) of the erased entries, in any order."""
    digest = sha256(lp(_TAG))
    for place, leaf in sorted(leaves):
        digest.update(place.to_bytes(8, "big") + leaf)
    return digest.digest()
