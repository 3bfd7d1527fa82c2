"""Sealed fields: opened by whom the grant names, about whom they say, and by nobody and nothing else."""

from __future__ import annotations

import hmac
import random as pseudo
from dataclasses import fields, replace
from hashlib import sha256
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from clients.protocol.encoding import lp
from clients.protocol.errors import SealError
from clients.protocol.hybrid import (
    PRIVATE_KEY_BYTES,
    PUBLIC_KEY_BYTES,
    SUITE_NAME,
    HybridPrivateKey,
    HybridPublicKey,
)
from clients.protocol.sealing import (
    LONGEST_VALUE,
    WRAPPED_KEY_BYTES,
    FieldPlace,
    ReleaseInfo,
    SealedField,
    WrapInfo,
    check_commitment,
    open_field,
    receive_key,
    reseal_key,
    seal_field,
    unwrap_key,
)

random = pseudo.Random(6).randbytes

HOLDER = HybridPrivateKey.generate(random)
RECIPIENT = HybridPrivateKey.generate(random)
STRANGER = HybridPrivateKey.generate(random)
SUBJECT = {"address-bag": b"0003200000133985", "address-postcode": b"1234AB|12|"}
INFO = WrapInfo(
    covenant="complex-approach",
    version="0" * 64,
    party="housing",
    signal_id=bytes(range(16)),
    match_keys=("address-postcode", "address-bag"),
    category="noise",
    purposes=("nuisance", "safety"),
    handling_codes=("not-to-landlords",),
    origins=(),
    field="note",
    variant="gist",
    retention_month="2027-11",
)
VALUE = b"Loud music at night"


def sealed(value: bytes = VALUE, info: WrapInfo = INFO) -> SealedField:
    return seal_field(value, SUBJECT, info, HOLDER.public_key(), random)


SEALED = sealed()
KEY = unwrap_key(HOLDER, SEALED.wrapped_key, INFO)
RELEASE = ReleaseInfo("0123456789abcdef", "municipality", INFO.place)


def flipped(raw: bytes, bit: int) -> bytes:
    changed = bytearray(raw)
    changed[bit // 8 % len(raw)] ^= 1 << bit % 8
    return bytes(changed)


def test_a_field_goes_from_source_over_key_holder_to_recipient() -> None:
    released = reseal_key(unwrap_key(HOLDER, SEALED.wrapped_key, INFO), RECIPIENT.public_key(), RELEASE)
    key = receive_key(RECIPIENT, released, RELEASE)
    opened = open_field(SEALED.ciphertext, SEALED.commitment, key, INFO.place)
    assert opened.value == VALUE
    assert opened.check_subject(SUBJECT) == ("address-bag", "address-postcode")
    assert (len(SEALED.wrapped_key), len(released), WRAPPED_KEY_BYTES) == (1168, 1168, 1168)


OTHERWISE: dict[str, Any] = {
    "covenant": "another",
    "version": "1" * 64,
    "party": "police",
    "signal_id": bytes(16),
    "match_keys": ("address-bag",),
    "category": "drugs",
    "purposes": ("nuisance",),
    "handling_codes": (),
    "origins": ("police",),
    "field": "remark",
    "variant": "full",
    "retention_month": "2027-12",
}


@pytest.mark.parametrize("component", [component.name for component in fields(WrapInfo)])
def test_a_key_wrapped_under_one_context_does_not_unwrap_under_another(component: str) -> None:
    with pytest.raises(SealError):
        unwrap_key(HOLDER, SEALED.wrapped_key, replace(INFO, **{component: OTHERWISE[component]}))


def test_the_order_of_a_context_s_lists_does_not_matter_but_moving_a_name_between_them_does() -> None:
    assert unwrap_key(HOLDER, SEALED.wrapped_key, replace(INFO, purposes=("safety", "nuisance"))) == KEY
    moved = replace(INFO, handling_codes=(), origins=("not-to-landlords",))
    assert moved.encode() != INFO.encode()


def test_the_context_is_encoded_as_the_design_lists_it() -> None:
    assert INFO.encode() == lp(
        SUITE_NAME,
        "complex-approach",
        "0" * 64,
        "housing",
        bytes(range(16)),
        lp("address-bag", "address-postcode"),
        "noise",
        lp("nuisance", "safety"),
        lp("not-to-landlords"),
        b"",
        "note",
        "gist",
        "2027-11",
    )


@given(st.integers(0, 8 * WRAPPED_KEY_BYTES - 1))
def test_no_bit_of_a_wrapped_or_released_key_may_change(bit: int) -> None:
    with pytest.raises(SealError):
        unwrap_key(HOLDER, flipped(SEALED.wrapped_key, bit), INFO)
    released = reseal_key(KEY, RECIPIENT.public_key(), RELEASE)
    with pytest.raises(SealError):
        receive_key(RECIPIENT, flipped(released, bit), RELEASE)


@given(st.integers(0, 8 * 272 - 1))
def test_no_bit_of_ciphertext_commitment_or_key_may_change(bit: int) -> None:
    for ciphertext, commitment, key in (
        (flipped(SEALED.ciphertext, bit), SEALED.commitment, KEY),
        (SEALED.ciphertext, flipped(SEALED.commitment, bit), KEY),
        (SEALED.ciphertext, SEALED.commitment, flipped(KEY, bit)),
    ):
        with pytest.raises(SealError):
            open_field(ciphertext, commitment, key, INFO.place)


@pytest.mark.parametrize("component", [component.name for component in fields(FieldPlace)])
def test_a_ciphertext_does_not_open_as_another_field_s(component: str) -> None:
    elsewhere = replace(INFO.place, **{component: OTHERWISE[component]})
    with pytest.raises(SealError):
        open_field(SEALED.ciphertext, SEALED.commitment, KEY, elsewhere)
    released = reseal_key(KEY, RECIPIENT.public_key(), replace(RELEASE, place=elsewhere))
    with pytest.raises(SealError):
        receive_key(RECIPIENT, released, RELEASE)


def test_a_released_key_serves_one_grant_and_one_recipient() -> None:
    released = reseal_key(KEY, RECIPIENT.public_key(), RELEASE)
    for private_key, info in (
        (STRANGER, RELEASE),
        (RECIPIENT, replace(RELEASE, jti="another")),
        (RECIPIENT, replace(RELEASE, recipient="police")),
    ):
        with pytest.raises(SealError):
            receive_key(private_key, released, info)


def test_a_wrapped_key_passed_off_as_a_released_one_is_refused() -> None:
    with pytest.raises(SealError):
        receive_key(HOLDER, SEALED.wrapped_key, RELEASE)


@pytest.mark.parametrize("length", [0, 1, 31, 33, 1167, 1169])
def test_keys_of_other_lengths_are_refused(length: int) -> None:
    for attempt in (
        lambda: unwrap_key(HOLDER, bytes(length), INFO),
        lambda: reseal_key(bytes(length), RECIPIENT.public_key(), RELEASE),
        lambda: check_commitment(bytes(length), SEALED.commitment, INFO.place),
        lambda: open_field(bytes(length), SEALED.commitment, KEY, INFO.place),
        lambda: unwrap_key(HOLDER, HOLDER.public_key().seal(bytes(length), INFO.encode()), INFO),
    ):
        with pytest.raises(SealError):
            attempt()


@settings(max_examples=40)
@given(st.binary(max_size=3000), st.binary(max_size=3000))
def test_a_ciphertext_s_length_tells_its_bucket_and_nothing_more(one: bytes, other: bytes) -> None:
    lengths = {len(sealed(value).ciphertext) for value in (one, other)}
    assert lengths <= {bucket + 16 for bucket in (256, 1024, 4096)}
    if max(len(one), len(other)) <= 64:
        assert lengths == {272}


@pytest.mark.parametrize("length", [0, 1, 60, 119, 120, 121, 122, 123, 124, 886, 890, 894, 16_000, LONGEST_VALUE])
def test_a_value_of_any_length_comes_back_whole(length: int) -> None:
    for value in (b"\x80" * length, bytes(length)):  # both bytes that padding is made of
        field = sealed(value)
        key = unwrap_key(HOLDER, field.wrapped_key, INFO)
        assert open_field(field.ciphertext, field.commitment, key, INFO.place).value == value


def test_a_value_above_the_limit_is_refused() -> None:
    with pytest.raises(SealError):
        sealed(bytes(LONGEST_VALUE + 1))


def test_the_same_value_sealed_twice_has_nothing_in_common() -> None:
    one, other = sealed(), sealed()
    assert one.ciphertext != other.ciphertext
    assert one.commitment != other.commitment
    assert one.wrapped_key != other.wrapped_key


def test_a_field_about_another_subject_is_found_out() -> None:
    opened = open_field(SEALED.ciphertext, SEALED.commitment, KEY, INFO.place)
    assert opened.check_subject({"address-bag": SUBJECT["address-bag"], "address-postcode": b"x"}) == ("address-bag",)
    for own in ({"address-bag": b"0003200000133986"}, {"person-bsn": b"999990019"}, {}):
        with pytest.raises(SealError):
            opened.check_subject(own)
    # A value under another match key than its own is another statement.
    with pytest.raises(SealError):
        opened.check_subject({"address-postcode": SUBJECT["address-bag"]})


def test_the_payload_holds_what_the_design_says() -> None:
    opened = open_field(SEALED.ciphertext, SEALED.commitment, KEY, INFO.place)
    assert len(opened.salt) == 16
    assert opened.subject == {
        key: sha256(lp("covenant-broker/v1 subject") + opened.salt + lp(key) + value).digest()
        for key, value in SUBJECT.items()
    }
    assert SEALED.commitment == hmac.digest(KEY, lp("covenant-broker/v1 key commitment") + INFO.place.encode(), sha256)


WELL_FORMED = (b"covenant-broker/v1 field", b"value", bytes(16), b"address-bag", bytes(32))


@pytest.mark.parametrize(
    "payload",
    [
        lp(*WELL_FORMED) + b"\x81",
        lp(*WELL_FORMED),
        lp(*WELL_FORMED) + b"\x00\x05abc\x80",
        lp(*WELL_FORMED) + b"\x00\x80",
        lp(*WELL_FORMED[:2]) + b"\x80",
        lp(*WELL_FORMED[:3]) + b"\x80",
        lp(*WELL_FORMED[:4]) + b"\x80",
        lp(b"another tag", *WELL_FORMED[1:]) + b"\x80",
        lp(*WELL_FORMED[:2], bytes(15), *WELL_FORMED[3:]) + b"\x80",
        lp(*WELL_FORMED[:4], bytes(31)) + b"\x80",
        lp(*WELL_FORMED[:3], b"\xff", bytes(32)) + b"\x80",
        lp(*WELL_FORMED, *WELL_FORMED[3:]) + b"\x80",
        b"",
    ],
)
def test_a_payload_out_of_form_is_refused_though_rightly_sealed(payload: bytes) -> None:
    place = INFO.place.encode()

    def opened(payload: bytes) -> bytes:
        ciphertext = AESGCM(KEY).encrypt(bytes(12), payload + bytes(256 - len(payload)), place)
        return open_field(ciphertext, SEALED.commitment, KEY, INFO.place).value

    assert opened(lp(*WELL_FORMED) + b"\x80") == b"value"
    with pytest.raises(SealError):
        opened(payload)


def test_a_subject_is_sealed_only_under_the_signal_s_match_keys() -> None:
    for subject in ({}, {"person-bsn": b"999990019"}):
        with pytest.raises(SealError):
            seal_field(VALUE, subject, INFO, HOLDER.public_key(), random)


def test_a_context_that_is_out_of_form_is_refused() -> None:
    changes: tuple[dict[str, Any], ...] = (
        {"signal_id": bytes(15)},
        {"retention_month": "2027-13"},
        {"retention_month": "2027-1"},
        {"purposes": ("nuisance", "nuisance")},
    )
    for change in changes:
        with pytest.raises(SealError):
            replace(INFO, **change)
    with pytest.raises(SealError):
        replace(INFO, category="x" * 70_000).encode()


def test_an_opened_field_does_not_print_its_contents() -> None:
    opened = open_field(SEALED.ciphertext, SEALED.commitment, KEY, INFO.place)
    assert "Loud" not in repr(opened)
    assert repr(HOLDER.raw)[2:20] not in repr(HOLDER)


def test_hybrid_keys_have_one_encoding() -> None:
    assert len(HOLDER.raw) == PRIVATE_KEY_BYTES == 96
    assert len(HOLDER.public_key().raw) == PUBLIC_KEY_BYTES == 1216
    assert HybridPrivateKey(HOLDER.raw).public_key() == HOLDER.public_key()
    assert HybridPublicKey(HOLDER.public_key().raw) == HOLDER.public_key() != STRANGER.public_key()
    assert HybridPrivateKey.generate(pseudo.Random(1).randbytes).raw == pseudo.Random(1).randbytes(96)


@pytest.mark.parametrize(
    "raw",
    [b"", bytes(1215), bytes(1217), b"\xff" * 1216, HOLDER.public_key().raw[:1184] + b""],
)
def test_what_is_no_hybrid_public_key_is_refused(raw: bytes) -> None:
    with pytest.raises(SealError):
        HybridPublicKey(raw)


@pytest.mark.parametrize("length", [0, 32, 95, 97])
def test_what_is_no_hybrid_private_key_is_refused(length: int) -> None:
    with pytest.raises(SealError):
        HybridPrivateKey(bytes(length))


def test_a_public_key_with_an_x25519_half_of_small_order_seals_nothing() -> None:
    key = HybridPublicKey(HOLDER.public_key().raw[:1184] + bytes(32))
    with pytest.raises(SealError):
        key.seal(b"x", b"")


@pytest.mark.parametrize("half", [slice(0, 64), slice(64, 96)])
def test_opening_takes_both_halves_of_the_private_key(half: slice) -> None:
    mixed = bytearray(HOLDER.raw)
    mixed[half] = STRANGER.raw[half]
    with pytest.raises(SealError):
        unwrap_key(HybridPrivateKey(bytes(mixed)), SEALED.wrapped_key, INFO)
