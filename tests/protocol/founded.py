"""A set-up as both services know it, which no one program ever holds together, for tests to break."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import shake_256

from hypothesis import settings

from clients.protocol.ceremony import (
    HolderSecret,
    KeyScope,
    PartyKey,
    PublishedKeys,
    PublishedParty,
    accept_share,
    draw_party_key,
    draw_secret,
    publish_joint_point,
    publish_party_point,
)
from clients.protocol.group import Element, Scalar, decode_scalar, random_scalar
from clients.protocol.tokens import TokenContext, blind_values, evaluate, unblind

SCOPE = KeyScope("complex-approach", "address-bag")
PARTIES = ("municipality", "police", "housing")
ONE = decode_scalar(b"\x01" + bytes(31))


def seeded(seed: int) -> Callable[[int], bytes]:
    """A repeatable source of randomness for `random` arguments."""
    stream: Iterator[int] = iter(range(2**62))
    return lambda length: shake_256(f"{seed}:{next(stream)}".encode()).digest(length)


@dataclass(frozen=True)
class Founded:
    """Everything both services know after a set-up, which no one program ever holds together."""

    holder: HolderSecret
    keys: dict[str, PartyKey]
    b: Scalar
    conversions: dict[str, Scalar]
    published: PublishedKeys


def publish(
    scope: KeyScope,
    holder_point: Element,
    b: Scalar,
    parties: dict[str, tuple[int, PartyKey, Scalar]],
    random: Callable[[int], bytes],
) -> PublishedKeys:
    joint = publish_joint_point(scope, b, holder_point, random)
    published = []
    for party, (version, key, conversion) in parties.items():
        own = publish_party_point(scope, party, version, conversion, key.public, joint.joint_point, random)
        published.append(PublishedParty(party, version, key.public, own.point, own.proof))
    return PublishedKeys(scope, holder_point, joint.broker_point, joint.joint_point, joint.proof, tuple(published))


def found(scope: KeyScope, random: Callable[[int], bytes], parties: tuple[str, ...] = PARTIES) -> Founded:
    holder, b = draw_secret(random), random_scalar(random)
    keys: dict[str, PartyKey] = {}
    conversions: dict[str, Scalar] = {}
    for party in parties:
        used = {key.public for key in keys.values()}
        keys[party] = draw_party_key(holder.secret, random, used=used)
        conversions[party] = accept_share(b, keys[party].share, keys[party].public, holder.public, used=used)
    versioned = {party: (1, keys[party], conversions[party]) for party in parties}
    return Founded(holder, keys, b, conversions, publish(scope, holder.public, b, versioned, random))


def token(key: PartyKey, value: bytes, scope: KeyScope = SCOPE) -> Element:
    """A party's token by the way it really goes: blinded, evaluated, unblinded."""
    batch = blind_values(TokenContext(scope.covenant, scope.match_key, "1"), [value], os.urandom)
    return unblind(batch, evaluate(key.secret, batch.blinded))[0]


FOUNDED = found(SCOPE, seeded(0))
KEYS = FOUNDED.published

few = settings(max_examples=15, deadline=None)


def flipped(value: bytes, bit: int) -> bytes:
    changed = bytearray(value)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)
