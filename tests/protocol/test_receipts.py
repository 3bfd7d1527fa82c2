"""A receipt stands for one evaluation, and for nothing beside it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.protocol import signatures
from clients.protocol.errors import EncodingError, ReceiptError, SignatureError
from clients.protocol.group import multiply_base, random_scalar
from clients.protocol.receipts import DOMAIN, Receipt, SignedReceipt, batch_digest, issue_receipt, verify_receipt
from clients.protocol.tokens import TokenContext, blind_values, evaluate, prove_evaluation, verify_evaluation

SIGNING_KEY = bytes(range(32))
PUBLIC_KEY = signatures.public_key(SIGNING_KEY)
RECEIPT_ID = UUID("018f3f6e-0000-7000-8000-000000000001")
KEY = random_scalar(os.urandom)
BATCH = blind_values(TokenContext("complex-approach", "address-bag", "1"), [b"one", b"two", b"three"], os.urandom)
EVALUATION: dict[str, Any] = {
    "party": "police",
    "covenant": "complex-approach",
    "match_key": "address-bag",
    "key_version": 2,
    "blinded": BATCH.blinded,
    "evaluated": tuple(evaluate(KEY, BATCH.blinded)),
}
SIGNED = issue_receipt(SIGNING_KEY, RECEIPT_ID, **EVALUATION)

OTHERS: dict[str, dict[str, Any]] = {
    "party": {"party": "housing"},
    "covenant": {"covenant": "severe-nuisance"},
    "match key": {"match_key": "address-postcode"},
    "key version": {"key_version": 1},
    "count": {"blinded": BATCH.blinded[:2], "evaluated": EVALUATION["evaluated"][:2]},
    "digest": {"blinded": BATCH.blinded[::-1]},
}


def test_a_receipt_holds_for_its_own_evaluation() -> None:
    verify_receipt(PUBLIC_KEY, SIGNED, **EVALUATION)
    assert SIGNED.receipt.count == 3
    assert len(SIGNED.signature) == 64


def test_a_proof_may_be_asked_for_a_receipted_batch_afterwards() -> None:
    verify_receipt(PUBLIC_KEY, SIGNED, **EVALUATION)
    sides = EVALUATION["blinded"], EVALUATION["evaluated"]
    proof = prove_evaluation(KEY, multiply_base(KEY), *sides, os.urandom)
    verify_evaluation(multiply_base(KEY), *sides, proof)


@pytest.mark.parametrize("name", OTHERS)
def test_a_genuine_receipt_of_something_else_is_refused(name: str) -> None:
    with pytest.raises(ReceiptError, match=name):
        verify_receipt(PUBLIC_KEY, SIGNED, **(EVALUATION | OTHERS[name]))


def test_blinded_and_evaluated_elements_cannot_change_places() -> None:
    with pytest.raises(ReceiptError, match="digest"):
        verify_receipt(
            PUBLIC_KEY,
            SIGNED,
            **(EVALUATION | {"blinded": EVALUATION["evaluated"], "evaluated": EVALUATION["blinded"]}),
        )


CHANGES: dict[str, Callable[[Receipt], Receipt]] = {
    "receipt_id": lambda receipt: replace(receipt, receipt_id=UUID(int=1)),
    "party": lambda receipt: replace(receipt, party="housing"),
    "covenant": lambda receipt: replace(receipt, covenant="severe-nuisance"),
    "match_key": lambda receipt: replace(receipt, match_key="person-bsn"),
    "key_version": lambda receipt: replace(receipt, key_version=3),
    "count": lambda receipt: replace(receipt, count=30),
    "digest": lambda receipt: replace(receipt, digest=bytes(32)),
}


@pytest.mark.parametrize("name", [field.name for field in fields(Receipt)])
def test_every_field_is_signed(name: str) -> None:
    with pytest.raises(SignatureError):
        verify_receipt(PUBLIC_KEY, replace(SIGNED, receipt=CHANGES[name](SIGNED.receipt)), **EVALUATION)


@given(st.integers(0, 511))
def test_a_signature_with_any_bit_changed_is_refused(bit: int) -> None:
    changed = bytearray(SIGNED.signature)
    changed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(SignatureError):
        verify_receipt(PUBLIC_KEY, SignedReceipt(SIGNED.receipt, bytes(changed)), **EVALUATION)


def test_a_signature_of_another_signer_or_domain_is_refused() -> None:
    encoded = SIGNED.receipt.encode()
    for signature in (
        signatures.sign(bytes(32), DOMAIN, encoded),
        signatures.sign(SIGNING_KEY, DOMAIN + " ", encoded),
        signatures.sign_raw(SIGNING_KEY, encoded),
    ):
        with pytest.raises(SignatureError):
            verify_receipt(PUBLIC_KEY, SignedReceipt(SIGNED.receipt, signature), **EVALUATION)


texts = st.text(st.sampled_from("ab1"), max_size=3)


@given(st.tuples(texts, texts, texts, st.integers(1, 99), st.integers(1, 99)), st.data())
def test_two_receipts_have_one_encoding_only_if_they_are_equal(
    one: tuple[str, str, str, int, int], data: st.DataObject
) -> None:
    other = data.draw(st.tuples(texts, texts, texts, st.integers(1, 99), st.integers(1, 99)))
    first, second = (Receipt(RECEIPT_ID, *values, bytes(32)) for values in (one, other))
    assert (first.encode() == second.encode()) == (one == other)


def test_a_batch_that_could_have_no_receipt_is_refused() -> None:
    blinded, evaluated = EVALUATION["blinded"], EVALUATION["evaluated"]
    for one, other in ((blinded, evaluated[:2]), ((*blinded[:1], b"short"), evaluated[:2])):
        with pytest.raises(EncodingError):
            batch_digest(one, other)
    with pytest.raises(EncodingError):
        issue_receipt(SIGNING_KEY, RECEIPT_ID, **(EVALUATION | {"blinded": (), "evaluated": ()}))
    with pytest.raises(EncodingError):
        replace(SIGNED.receipt, key_version=0)
    with pytest.raises(EncodingError):
        replace(SIGNED.receipt, digest=bytes(31))
