"""What a set-up publishes, and what follows on it: anybody refuses what is not proved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clients.protocol.ceremony import (
    KeyScope,
    PartyKey,
    PublishedKeys,
    PublishedParty,
    accept_share,
    draw_party_key,
    verify_published_keys,
    verify_succession,
)
from clients.protocol.errors import CeremonyError
from clients.protocol.group import GENERATOR, scalar_multiply
from tests.protocol.founded import FOUNDED, KEYS, ONE, PARTIES, SCOPE, flipped, found, publish, seeded

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
