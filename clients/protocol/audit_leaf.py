"""The leaf of an audit entry (design §6), made so that some of its fields can be proved and the others stay hidden.

    field digest   HMAC(HMAC(salt, lp(name)), lp(name) ‖ value) with SHA-256; salt 32 random bytes, the entry's own
    group          SHA-256 over sixteen digests, in the order of all digests sorted
    leaf data      SHA-256(lp(tag) ‖ the groups)
    leaf           the RFC 6962 leaf hash of it

Who is shown a field gets its value and its key HMAC(salt, name), from which no other field's key follows. The name is
in the digest too, or a prover could show the value of one field under the name of another. Digests are sorted, and
filled up with random-looking ones to a multiple of sixteen, so that neither order nor number tells what is hidden: an
entry about four sources and one about seven look alike to each. Most entries are one group; of an entry about hundreds
of signals a view holds the digests of a few groups and the hashes of the others, and stays small. Once entry and salt
are erased, the leaf says nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256, shake_256
from struct import unpack

from clients.protocol import merkle
from clients.protocol.encoding import lp
from clients.protocol.errors import EncodingError, MerkleError
from clients.protocol.keyed_hash import INNER, INNER_REST, OUTER, OUTER_REST, keyed_hash

__all__ = ["SALT_BYTES", "PartialView", "ShownField", "entry_leaf", "leaf_of_view", "partial_view"]

SALT_BYTES = 32
_TAGGED = lp("covenant-broker/v1 audit entry")
_IN_A_GROUP = 16
_FILLING = lp("\0")
"""The name that no field can have, from whose key the digests that fill up are drawn with SHAKE-256 (FIPS 202)."""


@dataclass(frozen=True, slots=True)
class ShownField:
    """One field in the clear, with the 32-byte key of its digest."""

    key: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class PartialView:
    """Some fields of an entry, and 32-byte digests in place of all others.

    `groups` has None for each group that a shown field is in, whose other digests are `hidden`, and the hash of each
    other group.
    """

    shown: Mapping[str, ShownField]
    hidden: tuple[bytes, ...]
    groups: tuple[bytes | None, ...] = (None,)


def entry_leaf(salt: bytes, fields: Mapping[str, bytes]) -> bytes:
    """The leaf hash of an entry, 32 bytes. Raises EncodingError for a salt of another length and for unfit names."""
    return _leaf(map(_group, _grouped(_digests(salt, fields))))


def partial_view(salt: bytes, fields: Mapping[str, bytes], names: Collection[str]) -> PartialView:
    """What to give someone who may see the fields `names`, as far as the entry has them."""
    digests = _digests(salt, fields)
    shown = {digest: name for name, digest in zip(fields, digests, strict=False) if name in names}
    hidden: list[bytes] = []
    groups: list[bytes | None] = []
    for group in _grouped(digests):
        rest = [digest for digest in group if digest not in shown]
        opened = len(rest) < len(group)
        groups.append(None if opened else _group(group))
        hidden += rest if opened else ()
    key_of = keyed_hash(salt)
    return PartialView(
        {name: ShownField(key_of(lp(name)), fields[name]) for name in shown.values()}, tuple(hidden), tuple(groups)
    )


def leaf_of_view(view: PartialView) -> bytes:
    """The leaf hash that the view's fields belong to: they stand in the log if that leaf does.

    Raises MerkleError for a view that no entry can have.
    """
    digests = list(view.hidden)
    lengths = {len(field.key) for field in view.shown.values()} | set(map(len, view.hidden))
    lengths |= {len(group) for group in view.groups if group is not None}
    count = len(view.shown) + len(view.hidden)
    if (
        not all(map(_is_field_name, view.shown))
        or lengths - {32}
        or not view.groups
        or count != _IN_A_GROUP * view.groups.count(None)
    ):
        raise MerkleError("no entry has fields like these")
    for name, field in view.shown.items():
        prefix = lp(name)
        digests.append(keyed_hash(field.key, prefix)(field.value))
    opened = map(_group, _grouped(digests))
    return _leaf(next(opened) if group is None else group for group in view.groups)


def _is_field_name(name: str) -> bool:
    return name != "" and name[0] != "\0"


@lru_cache(maxsize=64)
def _prefix(name: str) -> bytes:
    """lp(name); cached, since most fields of all entries have one of a few names."""
    if not _is_field_name(name):
        raise EncodingError("a field's name is printable")
    return lp(name)


def _digests(salt: bytes, fields: Mapping[str, bytes]) -> list[bytes]:
    """Of the fields in their order, and of what fills them up to whole groups.

    The second HMAC is written out: a verifier takes ten an entry, and a call would be a tenth of their time.
    """
    if len(salt) != SALT_BYTES:
        raise EncodingError("the salt of an entry is 32 bytes")
    key_of = keyed_hash(salt)
    digests = []
    for name, value in fields.items():
        prefix = _prefix(name)
        key = key_of(prefix)
        hashed = sha256(key.translate(INNER) + INNER_REST + prefix + value).digest()
        digests.append(sha256(key.translate(OUTER) + OUTER_REST + hashed).digest())
    missing = -len(digests) % _IN_A_GROUP if digests else _IN_A_GROUP
    if missing:
        digests += unpack("32s" * missing, shake_256(key_of(_FILLING)).digest(32 * missing))
    return digests


def _grouped(digests: list[bytes]) -> Iterator[list[bytes]]:
    digests.sort()
    return (digests[at : at + _IN_A_GROUP] for at in range(0, len(digests), _IN_A_GROUP))


def _group(digests: Iterable[bytes]) -> bytes:
    return sha256(b"".join(digests)).digest()


def _leaf(groups: Iterable[bytes]) -> bytes:
    return merkle.leaf_hash(sha256(_TAGGED + b"".join(groups)).digest())
