"""The source's signature: it covers every item, proves any choice of them, and tells nothing of the rest."""

from __future__ import annotations

import random as pseudo
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.protocol.encoding import lp
from clients.protocol.errors import SignatureError
from clients.protocol.merkle import Tree
from clients.protocol.signatures import public_key
from clients.protocol.signed_items import (
    PLAIN_ITEMS,
    CommittedSignal,
    DisclosedItems,
    SignalIdentity,
    commit_signal,
    item_digests,
    item_slots,
    plain_items,
    sealed_item,
    sign_batch,
    signal_leaf,
    verify_batch,
    verify_disclosed,
)

random = pseudo.Random(7).randbytes

PRIVATE = bytes(range(32))
PUBLIC = public_key(PRIVATE)
SLOTS = item_slots([("note", "gist"), ("note", "full"), ("contact", "full")])
COVENANT, VERSION, PARTY = "complex-approach", "a" * 64, "housing"


def identity(number: int) -> SignalIdentity:
    return SignalIdentity(COVENANT, VERSION, PARTY, number.to_bytes(16, "big"))


def items(number: int) -> dict[str, bytes]:
    plain = plain_items(
        category="noise", day=f"2026-11-{number + 1:02}", purposes=["nuisance"], origins=[], handling_codes=[]
    )
    return plain | {"note.gist": sealed_item(random(32), random(272), random(1168))}


ITEMS = [items(number) for number in range(7)]
SIGNALS: list[CommittedSignal] = [commit_signal(identity(number), SLOTS, ITEMS[number], random) for number in range(7)]
LEAVES = [signal.leaf for signal in SIGNALS]
BATCH = sign_batch(COVENANT, VERSION, PARTY, LEAVES, PRIVATE)
TREE = Tree(LEAVES)


def disclosed(number: int, shown: set[str]) -> DisclosedItems:
    return DisclosedItems(
        identity=identity(number),
        slots=SLOTS,
        items={name: value for name, value in ITEMS[number].items() if name in shown},
        salts={name: salt for name, salt in SIGNALS[number].salts.items() if name in shown},
        digests=SIGNALS[number].digests,
        leaf_index=number,
        batch_size=BATCH.size,
        path=tuple(TREE.inclusion_proof(number)),
        signature=BATCH.signature,
    )


EVERYTHING = {*PLAIN_ITEMS, "note.gist"}
SHOWN = disclosed(3, EVERYTHING)


@given(st.integers(0, 6), st.sets(st.sampled_from(sorted(EVERYTHING))))
def test_any_choice_of_items_of_any_signal_is_proved(number: int, shown: set[str]) -> None:
    verify_disclosed(disclosed(number, shown), PUBLIC)


def test_the_broker_recomputes_the_leaf_from_what_was_submitted() -> None:
    signal = SIGNALS[2]
    digests = item_digests(SLOTS, ITEMS[2], signal.salts, signal.absent)
    assert digests == signal.digests
    assert signal_leaf(identity(2), digests) == signal.leaf


def test_the_digests_and_the_leaf_are_what_the_design_says() -> None:
    signal = SIGNALS[2]
    filled = {
        name: sha256(lp("covenant-broker/v1 item", name) + signal.salts[name] + value).digest()
        for name, value in ITEMS[2].items()
    }
    absent = iter(signal.absent)
    digests = tuple(filled.get(slot) or next(absent) for slot in SLOTS)
    assert digests == signal.digests
    head = lp("covenant-broker/v1 signal", (2).to_bytes(16, "big"), PARTY, COVENANT, VERSION, b"\x00\x08")
    assert signal.leaf == sha256(b"\x00" + head + b"".join(digests)).digest()


@pytest.mark.parametrize(
    "change",
    [
        {"identity": replace(SHOWN.identity, covenant="another")},
        {"identity": replace(SHOWN.identity, version="b" * 64)},
        {"identity": replace(SHOWN.identity, party="police")},
        {"identity": replace(SHOWN.identity, signal_id=bytes(16))},
        {"identity": replace(SHOWN.identity, signal_id=bytes(15))},
        {"items": {**SHOWN.items, "category": b"drugs"}},
        {"items": {**SHOWN.items, "day": b"2026-11-05"}},
        {"items": {**SHOWN.items, "note.gist": sealed_item(bytes(32), b"", b"")}},
        {"salts": {**SHOWN.salts, "day": bytes(16)}},
        {"salts": {**SHOWN.salts, "day": b""}},
        {"salts": {}},
        {"items": {**SHOWN.items, "unknown": b""}, "salts": {**SHOWN.salts, "unknown": bytes(16)}},
        {"items": {**SHOWN.items, "note.full": b"x"}, "salts": {**SHOWN.salts, "note.full": bytes(16)}},
        {"slots": SLOTS[:-1]},
        {"slots": (*SLOTS[:-2], SLOTS[-1], SLOTS[-2]), "digests": (*SHOWN.digests[:-2], *SHOWN.digests[:-3:-1])},
        {"digests": SHOWN.digests[:-1]},
        {"digests": (*SHOWN.digests[:-1], bytes(32))},
        {"digests": SIGNALS[4].digests},
        {"leaf_index": 4},
        {"leaf_index": 7},
        {"batch_size": 8},
        {"path": SHOWN.path[:-1]},
        {"path": SHOWN.path[::-1]},
        {"signature": bytes(64)},
        {"signature": BATCH.signature[:63]},
    ],
)
def test_what_was_not_signed_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(SignatureError):
        verify_disclosed(replace(SHOWN, **change), PUBLIC)


def test_another_party_s_key_proves_nothing() -> None:
    with pytest.raises(SignatureError):
        verify_disclosed(SHOWN, public_key(bytes(32)))


@pytest.mark.parametrize(
    ("covenant", "version", "party", "leaves"),
    [
        ("another", VERSION, PARTY, LEAVES),
        (COVENANT, "b" * 64, PARTY, LEAVES),
        (COVENANT, VERSION, "police", LEAVES),
        (COVENANT, VERSION, PARTY, LEAVES[:-1]),
        (COVENANT, VERSION, PARTY, LEAVES[::-1]),
        (COVENANT, VERSION, PARTY, [*LEAVES, LEAVES[-1]]),
        (COVENANT, VERSION, PARTY, []),
        (COVENANT, VERSION, PARTY, [bytes(31)]),
    ],
)
def test_a_batch_is_signed_as_a_whole_and_in_its_place(
    covenant: str, version: str, party: str, leaves: list[bytes]
) -> None:
    with pytest.raises(SignatureError):
        verify_batch(covenant, version, party, leaves, BATCH.signature, PUBLIC)


def test_the_digests_do_not_tell_how_many_fields_there_are() -> None:
    plain = {name: ITEMS[0][name] for name in PLAIN_ITEMS}
    bare = commit_signal(identity(8), SLOTS, plain, random)
    assert len(bare.digests) == len(SIGNALS[0].digests) == len(SLOTS)
    assert len(set(bare.digests)) == len(SLOTS)
    assert (len(bare.absent), len(SIGNALS[0].absent)) == (3, 2)


def test_equal_items_of_two_signals_have_different_digests() -> None:
    again = commit_signal(identity(0), SLOTS, ITEMS[0], random)
    assert not set(again.digests) & set(SIGNALS[0].digests)


@pytest.mark.parametrize(
    ("change", "absent"),
    [
        ({}, 1),
        ({}, 3),
        ({"unknown": b""}, 1),
        ({"category": None}, 3),
    ],
)
def test_what_does_not_fill_the_slots_exactly_is_refused(change: dict[str, bytes | None], absent: int) -> None:
    filled = {name: value for name, value in (ITEMS[0] | change).items() if value is not None}
    salts = {name: bytes(16) for name in filled}
    if "category" in change:
        salts["category"] = bytes(16)
    with pytest.raises(SignatureError):
        item_digests(SLOTS, filled, salts, [bytes(32)] * absent)


def test_absent_digests_and_salts_have_their_lengths() -> None:
    signal = SIGNALS[0]
    for salts, absent in (
        (signal.salts, [bytes(31), bytes(32)]),
        (dict.fromkeys(signal.salts, bytes(15)), signal.absent),
    ):
        with pytest.raises(SignatureError):
            item_digests(SLOTS, ITEMS[0], salts, absent)


def test_an_item_without_a_slot_is_not_committed() -> None:
    with pytest.raises(SignatureError):
        commit_signal(identity(0), SLOTS, {"photo.full": b""}, random)


def test_a_slot_stands_once() -> None:
    with pytest.raises(SignatureError):
        item_slots([("note", "gist"), ("note", "gist")])


def test_lists_know_no_order_and_each_is_an_item_of_its_own() -> None:
    def items(purposes: list[str], origins: list[str]) -> dict[str, bytes]:
        return plain_items(category="c", day="2026-11-22", purposes=purposes, origins=origins, handling_codes=[])

    assert items(["a", "b"], ["c", "d"]) == items(["b", "a"], ["d", "c"])
    assert items(["a", "b"], [])["purposes"] != items(["ab"], [])["purposes"]
    assert items(["a"], ["c"])["origins"] == items(["b"], ["c"])["origins"]


def test_a_sealed_item_covers_commitment_ciphertext_and_wrapped_key() -> None:
    whole = sealed_item(bytes(32), b"c", b"w")
    assert len(whole) == 96
    assert len({whole, sealed_item(b"\1" * 32, b"c", b"w"), sealed_item(bytes(32), b"d", b"w")}) == 3
    assert sealed_item(bytes(32), b"c", b"v") != whole
    with pytest.raises(SignatureError):
        sealed_item(bytes(31), b"c", b"w")
