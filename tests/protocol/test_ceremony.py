"""The set-up: one pseudonym for one subject whoever asks, none shared by two scopes, no share taken unproved."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.protocol.ceremony import (
    KeyScope,
    accept_share,
    draw_party_key,
    rotate_epoch,
    verify_published_keys,
    verify_succession,
)
from clients.protocol.errors import CeremonyError
from clients.protocol.group import GENERATOR, multiply, multiply_base, scalar_multiply
from clients.protocol.tokens import rekey
from tests.protocol.founded import FOUNDED, KEYS, ONE, PARTIES, SCOPE, few, flipped, found, publish, seeded, token

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
