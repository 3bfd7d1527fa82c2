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

import hmac
from collections.abc import Collection, Mapping
from dataclasses import dataclass
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
    shown = {name: ShownField(_field_key(salt, lp(name)), fields[name]) for name in fields if name in names}
    hidden = [digest for name, digest in _digests(salt, fields).items() if name not in shown]
    return PartialView(shown, tuple(sorted([*hidden, *_fillers(salt, fields)])))


def leaf_of_view(view: PartialView) -> bytes:
    """The leaf hash that the view's fields belong to: they stand in the log if that leaf does.

    Raises MerkleError for a view that no entry can have.
    """
    if not all(map(_is_field_name, view.shown)):
        raise MerkleError("no entry has fields like these")
    digests = [_field_digest(field.key, lp(name), field.value) for name, field in view.shown.items()]
    digests += view.hidden
    if any(len(digest) != 32 for digest in digests) or len(digests) % _FILLED_UP_TO or not digests:
        raise MerkleError("no entry has fields like these")
    return _leaf(digests)


def _is_field_name(name: str) -> bool:
    return name != "" and name[0] != "\0"


def _digests(salt: bytes, fields: Mapping[str, bytes]) -> dict[str, bytes]:
    if len(salt) != SALT_BYTES:
        raise EncodingError("the salt of an entry is 32 bytes")
    digests: dict[str, bytes] = {}
    for name, value in fields.items():
        if not _is_field_name(name):
            raise EncodingError("a field's name is printable")
        prefix = lp(name)
        digests[name] = _field_digest(_field_key(salt, prefix), prefix, value)
    return digests


def _fillers(salt: bytes, fields: Mapping[str, bytes]) -> list[bytes]:
    missing = -len(fields) % _FILLED_UP_TO if fields else _FILLED_UP_TO
    return [_field_key(salt, prefix) for prefix in _FILLERS[:missing]]


def _field_key(salt: bytes, prefixed_name: bytes) -> bytes:
    return hmac.digest(salt, prefixed_name, "sha256")


def _field_digest(key: bytes, prefixed_name: bytes, value: bytes) -> bytes:
    return hmac.digest(key, prefixed_name + value, "sha256")


def _leaf(digests: Collection[bytes]) -> bytes:
    return merkle.leaf_hash(sha256(lp(_TAG) + b"".join(sorted(digests))).digest())
