"""What a party signs when it submits (design §4): one signature a batch, provable item by item to whom sees only some.

    item digest   SHA-256(lp(tag, name) ‖ salt ‖ value), salt 16 random bytes
    leaf data     lp(tag, signal id, party, covenant, version hash, number of slots) ‖ the digests, in slot order
    batch         the RFC 6962 tree over the leaves; Ed25519 over lp(covenant, version hash, party, size) ‖ root

The *slots* of a covenant version are fixed: the five plain items, then every variant of every field. A slot that a
signal leaves empty holds 32 random bytes, so that a signal's digests do not tell how many fields it has. Whoever is
shown some items gets their salts, all digests and the path to the root; the others stay hidden behind their salts.

No token is under the signature: it would be a lasting proof, in other hands, of whom a signal is about.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from io import BytesIO

from clients.protocol import signatures
from clients.protocol.encoding import lp
from clients.protocol.errors import EncodingError, MerkleError, SignatureError
from clients.protocol.merkle import leaf_hash, root_from_inclusion, root_of_leaves

__all__ = [
    "PLAIN_ITEMS",
    "BatchSignature",
    "CommittedSignal",
    "DisclosedItems",
    "SignalIdentity",
    "commit_signal",
    "item_digests",
    "item_slots",
    "plain_items",
    "sealed_item",
    "sign_batch",
    "signal_leaf",
    "verify_batch",
    "verify_disclosed",
]

PLAIN_ITEMS = ("category", "day", "purposes", "origins", "handling-codes")
SALT_BYTES = 16
DIGEST_BYTES = 32

_ITEM_TAG = "covenant-broker/v1 item"
_LEAF_HEAD = lp("covenant-broker/v1 signal") + (16).to_bytes(2, "big")
"""The tag, and the length of the signal id that follows."""
_BATCH_DOMAIN = "covenant-broker/v1 batch"


@dataclass(frozen=True, slots=True)
class SignalIdentity:
    """Which signal, whose, and under which agreement."""

    covenant: str
    version: str
    """SHA-256 of the covenant version's bytes, lower-case hexadecimal."""
    party: str
    signal_id: bytes
    """16 bytes."""


@dataclass(frozen=True, slots=True)
class CommittedSignal:
    """A signal ready to be signed. `salts` are those of the filled slots, `absent` the others' digests, in order."""

    leaf: bytes
    """RFC 6962 leaf hash, 32 bytes."""
    salts: Mapping[str, bytes]
    absent: tuple[bytes, ...]
    digests: tuple[bytes, ...]
    """One per slot, 32 bytes each."""


@dataclass(frozen=True, slots=True)
class BatchSignature:
    """A party's signature over the root of a batch of `size` leaves."""

    root: bytes
    size: int
    signature: bytes


@dataclass(frozen=True, slots=True)
class DisclosedItems:
    """What a recipient was given of one signal: some items with their salts, all digests, and the way to the root."""

    identity: SignalIdentity
    slots: tuple[str, ...]
    items: Mapping[str, bytes]
    salts: Mapping[str, bytes]
    digests: tuple[bytes, ...]
    leaf_index: int
    batch_size: int
    path: tuple[bytes, ...]
    signature: bytes


def item_slots(variants: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """The slots of a covenant version with these (field, variant) pairs, in the covenant's order."""
    slots = (*PLAIN_ITEMS, *(f"{field}.{variant}" for field, variant in variants))
    if len(set(slots)) != len(slots):
        raise SignatureError("a slot stands twice")
    return slots


def plain_items(
    *, category: str, day: str, purposes: Sequence[str], origins: Sequence[str], handling_codes: Sequence[str]
) -> dict[str, bytes]:
    """The values of the five plain items; `day` as YYYY-MM-DD.

    Origins are an item of their own: whoever derives from a signal must be able to prove what it came from without
    being told for what else it was submitted.
    """
    return {
        "category": category.encode(),
        "day": day.encode("ascii"),
        "purposes": _word_set(tuple(purposes)),
        "origins": _word_set(tuple(origins)),
        "handling-codes": _word_set(tuple(handling_codes)),
    }


@lru_cache(maxsize=1024)
def _word_set(words: tuple[str, ...]) -> bytes:
    """Words of the covenant in an order of their own; remembered, since signals repeat them."""
    return lp(*sorted(words))


def sealed_item(commitment: bytes, ciphertext: bytes, wrapped_key: bytes) -> bytes:
    """The value of a sealed variant's item: commitment ‖ SHA-256(ciphertext) ‖ SHA-256(wrapped key), 96 bytes."""
    if len(commitment) != DIGEST_BYTES:
        raise SignatureError("a key commitment is 32 bytes")
    return commitment + sha256(ciphertext).digest() + sha256(wrapped_key).digest()


def item_digests(
    slots: Sequence[str], items: Mapping[str, bytes], salts: Mapping[str, bytes], absent: Sequence[bytes]
) -> tuple[bytes, ...]:
    """One digest per slot. Raises SignatureError unless items (each with its salt) and absent ones fill the slots."""
    if len(items) + len(absent) != len(slots) or salts.keys() != items.keys():
        raise SignatureError("items, salts and absent digests do not fill the slots")
    rest = iter(absent)
    digests: list[bytes] = []
    for slot in slots:
        value = items.get(slot)
        digests.append(next(rest, b"") if value is None else _item_digest(slot, salts[slot], value))
    if not {DIGEST_BYTES}.issuperset(map(len, digests)):
        raise SignatureError("items, salts and absent digests do not fill the slots")
    return tuple(digests)


def signal_leaf(identity: SignalIdentity, digests: Sequence[bytes]) -> bytes:
    """The RFC 6962 leaf hash that stands for one signal in its batch."""
    if len(identity.signal_id) != 16 or not {DIGEST_BYTES}.issuperset(map(len, digests)):
        raise SignatureError("a signal id is 16 bytes and a digest 32")
    scope = _leaf_scope(identity.party, identity.covenant, identity.version, len(digests))
    return leaf_hash(_LEAF_HEAD + identity.signal_id + scope + b"".join(digests))


@lru_cache(maxsize=64)
def _leaf_scope(party: str, covenant: str, version: str, slots: int) -> bytes:
    """What the leaves of a batch have in common after the signal's id."""
    return _lp(party, covenant, version, slots.to_bytes(2, "big"))


def commit_signal(
    identity: SignalIdentity, slots: Sequence[str], items: Mapping[str, bytes], random: Callable[[int], bytes]
) -> CommittedSignal:
    """Salt and digest the items of one signal, and hide which slots are empty. Raises SignatureError without a slot."""
    if not items.keys() <= set(slots):
        raise SignatureError("an item has no slot in this covenant version")
    empty = len(slots) - len(items)
    # Drawn at once: each draw is a call of the operating system, and lets other threads go first.
    drawn = BytesIO(random(SALT_BYTES * len(items) + DIGEST_BYTES * empty))
    salts = {name: drawn.read(SALT_BYTES) for name in items}
    absent = tuple(drawn.read(DIGEST_BYTES) for _ in range(empty))
    digests = item_digests(slots, items, salts, absent)
    return CommittedSignal(signal_leaf(identity, digests), salts, absent, digests)


def sign_batch(covenant: str, version: str, party: str, leaves: Sequence[bytes], private_key: bytes) -> BatchSignature:
    """Sign the signals of one party under one covenant version. Raises SignatureError for an empty batch."""
    root = root_of_leaves(_checked_leaves(leaves))
    statement = _batch_statement(covenant, version, party, len(leaves), root)
    return BatchSignature(root, len(leaves), signatures.sign(private_key, _BATCH_DOMAIN, statement))


def verify_batch(
    covenant: str, version: str, party: str, leaves: Sequence[bytes], signature: bytes, public_key: bytes
) -> None:
    """Raises SignatureError unless the party signed just these leaves."""
    root = root_of_leaves(_checked_leaves(leaves))
    statement = _batch_statement(covenant, version, party, len(leaves), root)
    signatures.verify(public_key, _BATCH_DOMAIN, statement, signature)


def verify_disclosed(disclosed: DisclosedItems, public_key: bytes) -> None:
    """Raises SignatureError unless the source signed exactly these items, as items of this signal.

    `public_key` is the source's, from the key holder's directory: the broker could vouch for a key of its own.
    """
    if len(disclosed.digests) != len(disclosed.slots) or disclosed.salts.keys() != disclosed.items.keys():
        raise SignatureError("slots, digests, items and salts do not fit together")
    if not disclosed.items.keys() <= set(disclosed.slots):
        raise SignatureError("an item has no slot in this covenant version")
    for slot, digest in zip(disclosed.slots, disclosed.digests, strict=True):
        value = disclosed.items.get(slot)
        if value is not None and _item_digest(slot, disclosed.salts[slot], value) != digest:
            raise SignatureError("an item is not the one that was signed")
    identity = disclosed.identity
    leaf = signal_leaf(identity, disclosed.digests)
    try:
        root = root_from_inclusion(leaf, disclosed.leaf_index, disclosed.batch_size, disclosed.path)
    except MerkleError as error:
        raise SignatureError(str(error)) from None
    statement = _batch_statement(identity.covenant, identity.version, identity.party, disclosed.batch_size, root)
    signatures.verify(public_key, _BATCH_DOMAIN, statement, disclosed.signature)


def _item_digest(name: str, salt: bytes, value: bytes) -> bytes:
    if len(salt) != SALT_BYTES:
        raise SignatureError("a salt is 16 bytes")
    return sha256(_item_prefix(name) + salt + value).digest()


@lru_cache(maxsize=1024)
def _item_prefix(name: str) -> bytes:
    return _lp(_ITEM_TAG, name)


def _batch_statement(covenant: str, version: str, party: str, size: int, root: bytes) -> bytes:
    return _lp(covenant, version, party, size.to_bytes(4, "big")) + root


def _checked_leaves(leaves: Sequence[bytes]) -> Sequence[bytes]:
    if not leaves or any(len(leaf) != DIGEST_BYTES for leaf in leaves):
        raise SignatureError("a batch holds at least one leaf, each of 32 bytes")
    return leaves


def _lp(*parts: bytes | str) -> bytes:
    try:
        return lp(*parts)
    except EncodingError as error:
        raise SignatureError(str(error)) from None
