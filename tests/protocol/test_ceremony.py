"""The set-up: one pseudonym for one subject whoever asks, none shared by two scopes, nothing published unproved."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from hashlib import shake_256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
    rotate_epoch,
    verify_published_keys,
    verify_succession,
)
from clients.protocol.errors import CeremonyError
from clients.protocol.group import (
    GENERATOR,
    Element,
    Scalar,
    decode_scalar,
    multiply,
    multiply_base,
    random_scalar,
    scalar_multiply,
)
from clients.protocol.tokens import TokenContext, blind_values, evaluate, rekey, unblind

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


# -- what a set-up gives


@few
@given(st.integers(0, 2**32))
def test_every_key_and_its_conversion_have_one_product(seed: int) -> None:
    founded = found(SCOPE, seeded(seed))
    verify_published_keys(founded.published)
    for party in PARTIES:
        product = scalar_multiply(founded.conversions[party], founded.keys[party].secret)
        assert product == scalar_multiply(founded.b, founded.holder.secret)
        assert multiply_base(product) == founded.published.joint_point


@few
@given(st.binary(max_size=30), st.binary(max_size=30))
def test_two_parties_tokens_lead_to_one_pseudonym_for_one_identifier_only(one: bytes, other: bytes) -> None:
    tokens = {party: token(FOUNDED.keys[party], one) for party in PARTIES}
    assert len(set(tokens.values())) == len(PARTIES)
    pseudonyms = {rekey(FOUNDED.conversions[party], tokens[party]) for party in PARTIES}
    assert len(pseudonyms) == 1
    if other != one:
        assert rekey(FOUNDED.conversions["police"], token(FOUNDED.keys["police"], other)) not in pseudonyms


@few
@given(st.integers(0, 2**32), st.binary(max_size=30))
def test_covenants_and_match_keys_never_share_a_pseudonym_or_a_scalar(seed: int, value: bytes) -> None:
    random = seeded(seed)
    scopes = [SCOPE, KeyScope("severe-nuisance", "address-bag"), KeyScope("complex-approach", "address-postcode")]
    scenes = [found(scope, random, PARTIES[:2]) for scope in scopes]
    pseudonyms = {
        rekey(scene.conversions[party], token(scene.keys[party], value, scope))
        for scope, scene in zip(scopes, scenes, strict=True)
        for party in PARTIES[:2]
    }
    assert len(pseudonyms) == 3
    # Nor does a conversion of one scope make anything of another's tokens that it would meet.
    foreign = rekey(scenes[1].conversions["police"], token(scenes[0].keys["police"], value, scopes[0]))
    assert foreign not in pseudonyms
    scalars = [scalar for scene in scenes for scalar in (scene.b, scene.holder.secret, *scene.conversions.values())]
    scalars += [key.secret for scene in scenes for key in scene.keys.values()]
    assert len(set(scalars)) == len(scalars)


def test_the_context_alone_separates_two_scopes_that_share_every_scalar() -> None:
    # Should an operator ever copy keys between covenants, identifiers still do not meet.
    one = token(FOUNDED.keys["police"], b"same", SCOPE)
    other = token(FOUNDED.keys["police"], b"same", KeyScope("severe-nuisance", "address-bag"))
    assert one != other


def test_a_rotated_party_key_leads_to_the_same_pseudonyms_and_the_old_one_no_longer() -> None:
    random = seeded(1)
    new = draw_party_key(FOUNDED.holder.secret, random, used={key.public for key in FOUNDED.keys.values()})
    conversion = accept_share(FOUNDED.b, new.share, new.public, FOUNDED.holder.public)
    before = rekey(FOUNDED.conversions["police"], token(FOUNDED.keys["police"], b"x"))
    assert rekey(conversion, token(new, b"x")) == before
    assert rekey(conversion, token(FOUNDED.keys["police"], b"x")) != before
    parties = {p: (1, FOUNDED.keys[p], FOUNDED.conversions[p]) for p in PARTIES} | {"police": (2, new, conversion)}
    verify_succession(KEYS, publish(SCOPE, FOUNDED.holder.public, FOUNDED.b, parties, random))


def test_a_party_may_join_and_leave_while_the_others_keep_their_keys() -> None:
    random = seeded(2)
    new = draw_party_key(FOUNDED.holder.secret, random)
    conversion = accept_share(FOUNDED.b, new.share, new.public, FOUNDED.holder.public)
    assert rekey(conversion, token(new, b"x")) == rekey(
        FOUNDED.conversions["police"], token(FOUNDED.keys["police"], b"x")
    )
    parties = {p: (1, FOUNDED.keys[p], FOUNDED.conversions[p]) for p in PARTIES[1:]} | {"care": (1, new, conversion)}
    verify_succession(KEYS, publish(SCOPE, FOUNDED.holder.public, FOUNDED.b, parties, random))


@few
@given(st.integers(0, 2**32), st.binary(max_size=30))
def test_a_new_epoch_moves_every_pseudonym_alike_and_leaves_tokens_as_they_are(seed: int, value: bytes) -> None:
    random = seeded(seed)
    epoch = rotate_epoch(FOUNDED.b, FOUNDED.conversions, random)
    stored = rekey(FOUNDED.conversions["municipality"], token(FOUNDED.keys["municipality"], value))
    moved = rekey(epoch.delta, stored)
    assert moved != stored
    for party in PARTIES:
        assert rekey(epoch.conversions[party], token(FOUNDED.keys[party], value)) == moved
    parties = {party: (1, FOUNDED.keys[party], epoch.conversions[party]) for party in PARTIES}
    verify_succession(KEYS, publish(SCOPE, FOUNDED.holder.public, epoch.secret, parties, random))


def test_no_secret_shows_in_a_representation() -> None:
    key, epoch = FOUNDED.keys["police"], rotate_epoch(FOUNDED.b, FOUNDED.conversions, os.urandom)
    shown = repr(FOUNDED.holder) + repr(key) + repr(epoch)
    for secret in (
        FOUNDED.holder.secret,
        key.secret,
        key.share,
        epoch.delta,
        epoch.secret,
        *epoch.conversions.values(),
    ):
        assert repr(secret) not in shown


# -- shares the broker refuses


def take(
    share: bytes, public: bytes, holder_point: bytes = FOUNDED.holder.public, used: set[bytes] | None = None
) -> None:
    accept_share(FOUNDED.b, share, public, holder_point, used=used or set())


def flipped(value: bytes, bit: int) -> bytes:
    changed = bytearray(value)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_a_share_of_another_party_is_refused() -> None:
    for party in PARTIES:
        for other in PARTIES:
            if party == other:
                take(FOUNDED.keys[party].share, FOUNDED.keys[party].public)
            else:
                with pytest.raises(CeremonyError, match="does not lead"):
                    take(FOUNDED.keys[other].share, FOUNDED.keys[party].public)


def test_a_share_of_another_match_key_is_refused() -> None:
    elsewhere = found(KeyScope("complex-approach", "person-bsn"), seeded(3))
    with pytest.raises(CeremonyError, match="does not lead"):
        take(elsewhere.keys["police"].share, elsewhere.keys["police"].public)
    with pytest.raises(CeremonyError, match="does not lead"):
        take(FOUNDED.keys["police"].share, FOUNDED.keys["police"].public, elsewhere.holder.public)


@given(st.integers(0, 255))
def test_a_share_or_point_with_any_bit_changed_is_refused(bit: int) -> None:
    key, h_point = FOUNDED.keys["police"], FOUNDED.holder.public
    for share, public, holder_point in (
        (flipped(key.share, bit), key.public, h_point),
        (key.share, flipped(key.public, bit), h_point),
        (key.share, key.public, flipped(h_point, bit)),
    ):
        with pytest.raises(CeremonyError):
            take(share, public, holder_point)


def test_a_key_that_is_trivial_or_used_before_is_refused() -> None:
    h, h_point, key = FOUNDED.holder.secret, FOUNDED.holder.public, FOUNDED.keys["police"]
    with pytest.raises(CeremonyError, match="generator, H or a key used"):
        take(h, GENERATOR)  # k = 1: the party's tokens would be bare points
    with pytest.raises(CeremonyError, match="generator, H or a key used"):
        take(ONE, h_point)  # k = h: the party would hold every pseudonym but for b
    with pytest.raises(CeremonyError, match="generator, H or a key used"):
        take(key.share, key.public, used={key.public})
    with pytest.raises(CeremonyError, match="identity"):
        take(key.share, bytes(32))
    with pytest.raises(CeremonyError, match="zero"):
        take(bytes(32), key.public)
    with pytest.raises(CeremonyError, match="canonically"):
        take(flipped(key.share, 255), key.public)


def test_a_source_of_randomness_that_repeats_itself_is_refused() -> None:
    h, h_point = FOUNDED.holder.secret, FOUNDED.holder.public

    def repeating(scalar: bytes) -> Callable[[int], bytes]:
        return lambda length: scalar + bytes(length - 32)

    first = draw_party_key(h, repeating(FOUNDED.b))
    for scalar, used in ((FOUNDED.b, {first.public}), (ONE, set()), (h, set())):
        with pytest.raises(CeremonyError, match="generator, H or a key used"):
            draw_party_key(h, repeating(scalar), used=used)
    assert multiply(first.share, first.public) == h_point


# -- published values anybody refuses


def places(keys: PublishedKeys) -> list[tuple[bytes, Callable[[bytes], PublishedKeys]]]:
    """Every byte string that is published, each with a way to put another in its place."""
    found_places: list[tuple[bytes, Callable[[bytes], PublishedKeys]]] = [
        (getattr(keys, name), lambda value, name=name: replace(keys, **{name: value}))  # type: ignore[misc]
        for name in ("holder_point", "broker_point", "joint_point", "proof")
    ]
    for index, party in enumerate(keys.parties):
        for name in ("public", "point", "proof"):

            def put(value: bytes, index: int = index, name: str = name, party: PublishedParty = party) -> PublishedKeys:
                others = list(keys.parties)
                others[index] = replace(party, **{name: value})  # type: ignore[arg-type]
                return replace(keys, parties=tuple(others))

            found_places.append((getattr(party, name), put))
    return found_places


PLACES = places(KEYS)


def test_every_published_field_is_among_those_changed_below() -> None:
    kept = {field.name for field in fields(PublishedKeys)} | {field.name for field in fields(PublishedParty)}
    assert kept - {"scope", "parties", "party", "key_version"} == {
        "holder_point",
        "broker_point",
        "joint_point",
        "proof",
        "public",
        "point",
    }
    assert len(PLACES) == 4 + 3 * len(PARTIES)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(range(len(PLACES))), st.integers(0, 511))
def test_a_published_value_with_any_bit_changed_is_refused(place: int, bit: int) -> None:
    value, put = PLACES[place]
    verify_published_keys(put(value))
    with pytest.raises(CeremonyError):
        verify_published_keys(put(flipped(value, bit % (8 * len(value)))))


@pytest.mark.parametrize("place", range(len(PLACES)))
def test_a_published_value_exchanged_for_any_other_is_refused(place: int) -> None:
    value, put = PLACES[place]
    stranger = found(SCOPE, seeded(4)).published
    others = [other for other, _ in (*PLACES, *places(stranger)) if other != value]
    for other in (*others, GENERATOR, bytes(32), bytes(64), b"", value + b"\0"):
        with pytest.raises(CeremonyError):
            verify_published_keys(put(other))


def test_points_and_proofs_of_two_parties_cannot_change_places() -> None:
    first, second, third = KEYS.parties
    for names in (
        ("public",),
        ("point",),
        ("proof",),
        ("public", "point"),
        ("point", "proof"),
        ("public", "point", "proof"),
    ):
        one = replace(first, **{name: getattr(second, name) for name in names})
        two = replace(second, **{name: getattr(first, name) for name in names})
        with pytest.raises(CeremonyError):
            verify_published_keys(replace(KEYS, parties=(one, two, third)))
    verify_published_keys(replace(KEYS, parties=(third, first, second)))


def test_proofs_are_bound_to_covenant_match_key_party_and_key_version() -> None:
    police = KEYS.parties[1]
    for changed in (
        replace(KEYS, scope=replace(SCOPE, covenant="severe-nuisance")),
        replace(KEYS, scope=replace(SCOPE, match_key="person-bsn")),
        replace(KEYS, parties=(replace(police, party="care"),)),
        replace(KEYS, parties=(replace(police, key_version=2),)),
    ):
        with pytest.raises(CeremonyError, match="proof"):
            verify_published_keys(changed)


@pytest.mark.parametrize("scope", [replace(SCOPE, covenant="severe-nuisance"), replace(SCOPE, match_key="person-bsn")])
def test_each_proof_by_itself_is_bound_to_its_scope_even_under_the_same_scalars(scope: KeyScope) -> None:
    parties = {party: (1, FOUNDED.keys[party], FOUNDED.conversions[party]) for party in PARTIES}
    elsewhere = publish(scope, FOUNDED.holder.public, FOUNDED.b, parties, seeded(8))
    verify_published_keys(elsewhere)
    with pytest.raises(CeremonyError, match="proof of B and T"):
        verify_published_keys(replace(KEYS, proof=elsewhere.proof))
    moved = replace(KEYS.parties[0], proof=elsewhere.parties[0].proof)
    with pytest.raises(CeremonyError, match="proof of D"):
        verify_published_keys(replace(KEYS, parties=(moved,)))


def test_one_key_cannot_stand_for_two_parties_nor_one_party_twice() -> None:
    police, conversion, random = FOUNDED.keys["police"], FOUNDED.conversions["police"], seeded(5)
    twin = {"police": (1, police, conversion), "twin": (1, police, conversion)}
    with pytest.raises(CeremonyError, match="twice"):
        verify_published_keys(publish(SCOPE, FOUNDED.holder.public, FOUNDED.b, twin, random))
    with pytest.raises(CeremonyError, match="twice"):
        verify_published_keys(replace(KEYS, parties=(*KEYS.parties, KEYS.parties[0])))
    housing = FOUNDED.keys["housing"], FOUNDED.conversions["housing"]
    other_version = publish(SCOPE, FOUNDED.holder.public, FOUNDED.b, {"police": (2, *housing)}, random)
    with pytest.raises(CeremonyError, match="party is published twice"):
        verify_published_keys(replace(KEYS, parties=(KEYS.parties[1], other_version.parties[0])))


def test_a_secret_of_one_is_refused_although_its_proofs_hold() -> None:
    random, h_point = seeded(6), FOUNDED.holder.public
    with pytest.raises(CeremonyError, match="generator"):
        verify_published_keys(publish(SCOPE, h_point, ONE, {}, random))
    with pytest.raises(CeremonyError, match="generator"):
        verify_published_keys(publish(SCOPE, GENERATOR, FOUNDED.b, {}, random))
    trivial = PartyKey(ONE, GENERATOR, FOUNDED.holder.secret)
    parties = {"police": (1, trivial, scalar_multiply(FOUNDED.b, FOUNDED.holder.secret))}
    with pytest.raises(CeremonyError, match="generator"):
        verify_published_keys(publish(SCOPE, h_point, FOUNDED.b, parties, random))


# -- successions anybody refuses


def test_a_succession_that_changes_what_must_stay_is_refused() -> None:
    random = seeded(7)
    h_point, b = FOUNDED.holder.public, FOUNDED.b
    kept = {p: (1, FOUNDED.keys[p], FOUNDED.conversions[p]) for p in PARTIES}
    new = draw_party_key(FOUNDED.holder.secret, random)
    rotated = (2, new, accept_share(b, new.share, new.public, h_point))
    twice = publish(SCOPE, h_point, b, kept | {"police": rotated}, random)
    verify_succession(KEYS, KEYS)
    verify_succession(KEYS, twice)

    police = kept["police"][1:]
    elsewhere = KeyScope("severe-nuisance", "address-bag")
    for before, after, reason in (
        (KEYS, found(SCOPE, random).published, "H changed"),
        (KEYS, publish(elsewhere, h_point, b, kept, random), "another covenant"),
        (KEYS, publish(SCOPE, h_point, b, kept | {"police": (1, *rotated[1:])}, random), "without a new version"),
        (KEYS, publish(SCOPE, h_point, b, kept | {"police": (2, *police)}, random), "used again"),
        (KEYS, publish(SCOPE, h_point, b, {"care": (1, *police)}, random), "used again"),
        (twice, KEYS, "went back"),
        (KEYS, replace(KEYS, proof=bytes(64)), "proof"),
    ):
        with pytest.raises(CeremonyError, match=reason):
            verify_succession(before, after)
