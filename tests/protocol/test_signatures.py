"""Ed25519 with domains: the RFC's vectors, and what a signature must not stretch to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.protocol.errors import SignatureError
from clients.protocol.signatures import check_public_key, public_key, sign, sign_raw, verify, verify_raw

PRIVATE = bytes(range(32))
PUBLIC = public_key(PRIVATE)
GROUP_ORDER = 2**252 + 27742317777372353535851937790883648493


@pytest.mark.parametrize(
    ("private", "public", "message", "signature"),
    [  # RFC 8032 §7.1, TEST 1 to 3
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            (
                "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
                "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
            ),
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            (
                "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
                "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
            ),
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            (
                "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
                "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
            ),
        ),
    ],
)
def test_vectors_of_rfc_8032(private: str, public: str, message: str, signature: str) -> None:
    assert public_key(bytes.fromhex(private)).hex() == public
    assert sign_raw(bytes.fromhex(private), bytes.fromhex(message)).hex() == signature
    verify_raw(bytes.fromhex(public), bytes.fromhex(message), bytes.fromhex(signature))


@given(st.text(st.characters(codec="ascii"), max_size=20), st.binary(max_size=60), st.integers(0, 511))
def test_a_signature_holds_for_its_domain_and_message_and_for_no_changed_bit(
    domain: str, message: bytes, bit: int
) -> None:
    signature = sign(PRIVATE, domain, message)
    verify(PUBLIC, domain, message, signature)
    changed = bytearray(signature)
    changed[bit // 8] ^= 1 << bit % 8
    for wrong_domain, wrong_message, wrong_signature in (
        (domain + "x", message, signature),
        (domain, message + b"\0", signature),
        (domain, message, bytes(changed)),
        (domain, message, signature[:63]),
    ):
        with pytest.raises(SignatureError):
            verify(PUBLIC, wrong_domain, wrong_message, wrong_signature)


def test_moving_bytes_from_domain_to_message_is_another_statement() -> None:
    with pytest.raises(SignatureError):
        verify(PUBLIC, "ab", b"c", sign(PRIVATE, "a", b"bc"))


def test_a_response_above_the_group_order_is_refused() -> None:
    signature = sign(PRIVATE, "d", b"m")
    response = int.from_bytes(signature[32:], "little") + GROUP_ORDER
    with pytest.raises(SignatureError):
        verify(PUBLIC, "d", b"m", signature[:32] + response.to_bytes(32, "little"))


def test_a_key_of_small_order_that_signs_everything_is_refused() -> None:
    identity = (1).to_bytes(32, "little")
    forged = identity + bytes(32)  # R = identity, s = 0: holds for any message under this key
    with pytest.raises(SignatureError):
        verify_raw(identity, b"anything", forged)


@pytest.mark.parametrize(
    "encoded",
    [
        bytes(32),
        bytes(31),
        bytes(33),
        (2**255 - 19).to_bytes(32, "little"),  # zero, written otherwise
        (2**255 - 18).to_bytes(32, "little"),  # one, written otherwise
        ((1 << 255) | (2**255 - 18)).to_bytes(32, "little"),
        bytes.fromhex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
        bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85"),
        bytes.fromhex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"),
        bytes.fromhex("0100000000000000000000000000000000000000000000000000000000000080"),
    ],
)
def test_other_spellings_and_small_order_are_no_public_keys(encoded: bytes) -> None:
    with pytest.raises(SignatureError):
        check_public_key(encoded)


def test_private_keys_have_one_length() -> None:
    with pytest.raises(SignatureError):
        sign(bytes(31), "d", b"")
