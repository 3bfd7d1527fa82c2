"""The leaf of an audit entry (design §6), made so that some of its fields can be proved and the others stay hidden.

    field digest   HMAC(HMAC(salt, lp(name)), lp(name) ‖ value) with SHA-256; salt 32 random bytes, the entry's own
    leaf data      SHA-256(lp(tag) ‖ the digests, sorted)
    leaf           the RFC 6962 leaf hash of it

Who is shown a field gets its value and its key HMAC(salt, name), from which no other field's key follows. The name is
in the digest too, or a prover could show the value of one field under the name of another. Digests are sorted, and
filled up with random-looking ones to a multiple of sixteen, so that neither order nor number tells what is hidden: an
entry about four sources and one about seven look alike to each. Once entry and salt are erased, the leaf says nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

from clients.protocol import merkle
from clients.protocol.encoding import lp
from clients.protocol.errors import EncodingError, MerkleError

__all__ = ["SALT_BYTES", "PartialView", "ShownField", "entry_leaf", "leaf_of_view", "partial_view"]

SALT_BYTES = 32
_TAG = "covenant-broker/v1 audit entry"
_FILLED_UP_TO = 16
_FILLERS = tuple(lp(f"\0{number}") for number in range(_FILLED_UP_TO))
"""Names that no field can have; what their keys would be serves as a digest."""
_INNER, _OUTER = (bytes(byte ^ pad for byte in range(256)) for pad in (0x36, 0x5C))
_INNER_REST, _OUTER_REST = b"\x36" * 32, b"\x5c" * 32


@dataclass(frozen=True, slots=True)
class ShownField:
    """One field in the clear, with the 32-byte key of its digest."""

    key: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class PartialView:
    """Some fields of an entry, and 32-byte digests in place of all others."""

    shown: Mapping[str, ShownField]
    hidden: tuple[bytes, ...]


def entry_leaf(salt: bytes, fields: Mapping[str, bytes]) -> bytes:
    """The leaf hash of an entry, 32 bytes. Raises EncodingError for a salt of another length and for unfit names."""
    return _leaf([*_digests(salt, fields).values(), *_fillers(salt, fields)])


def partial_view(salt: bytes, fields: Mapping[str, bytes], names: Collection[str]) -> PartialView:
    """What to give someone who may see the fields `names`, as far as the entry has them."""
    shown = {name: ShownField(_hmac(salt, lp(name)), fields[name]) for name in fields if name in names}
    hidden = [digest for name, digest in _digests(salt, fields).items() if name not in shown]
    return PartialView(shown, tuple(sorted([*hidden, *_fillers(salt, fields)])))


def leaf_of_view(view: PartialView) -> bytes:
    """The leaf hash that the view's fields belong to: they stand in the log if that leaf does.

    Raises MerkleError for a view that no entry can have.
    """
    count = len(view.shown) + len(view.hidden)
    lengths = {len(field.key) for field in view.shown.values()} | set(map(len, view.hidden))
    if not all(map(_is_field_name, view.shown)) or lengths != {32} or count % _FILLED_UP_TO:
        raise MerkleError("no entry has fields like these")
    digests = []
    for name, field in view.shown.items():
        prefix = lp(name)
        digests.append(_hmac(field.key, prefix + field.value))
    return _leaf([*digests, *view.hidden])


def _is_field_name(name: str) -> bool:
    return name != "" and name[0] != "\0"


@lru_cache(maxsize=64)
def _prefix(name: str) -> bytes:
    """lp(name); cached, since most fields of all entries have one of a few names."""
    if not _is_field_name(name):
        raise EncodingError("a field's name is printable")
    return lp(name)


def _digests(salt: bytes, fields: Mapping[str, bytes]) -> dict[str, bytes]:
    if len(salt) != SALT_BYTES:
        raise EncodingError("the salt of an entry is 32 bytes")
    digests: dict[str, bytes] = {}
    for name, value in fields.items():
        prefix = _prefix(name)
        digests[name] = _hmac(_hmac(salt, prefix), prefix + value)
    return digests


def _fillers(salt: bytes, fields: Mapping[str, bytes]) -> list[bytes]:
    missing = -len(fields) % _FILLED_UP_TO if fields else _FILLED_UP_TO
    return [_hmac(salt, prefix) for prefix in _FILLERS[:missing]]


def _hmac(key: bytes, message: bytes) -> bytes:
    """HMAC-SHA-256 (RFC 2104) under a key of 32 bytes. A verifier takes twenty an entry, and `hmac` twice the time."""
    inner = sha256(key.translate(_INNER) + _INNER_REST + message).digest()
    return sha256(key.translate(_OUTER) + _OUTER_REST + inner).digest()


def _leaf(digests: Collection[bytes]) -> bytes:
    return merkle.leaf_hash(sha256(lp(_TAG) + b"".join(sorted(digests))).digest())
