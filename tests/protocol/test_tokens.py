"""From identifier to pseudonym: what must agree, what must never, and what one bad item may do to its batch."""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from hashlib import sha256
from multiprocessing import get_context

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.protocol.encoding import lp
from clients.protocol.errors import EncodingError, GroupError, ProofError
from clients.protocol.group import Element, hash_to_group, multiply, multiply_base, random_scalar
from clients.protocol.tokens import (
    SHARE,
    TokenContext,
    blind_values,
    evaluate,
    prove_evaluation,
    pseudonym_index,
    rekey,
    rekey_many,
    subject_handle,
    unblind,
    verify_evaluation,
)

CONTEXT = TokenContext("complex-approach", "address-bag", "1")
KEY = random_scalar(os.urandom)
PUBLIC = multiply_base(KEY)
IDENTITY = bytes(32)


@pytest.fixture(scope="module", params=["threads", "processes"])
def pool(request: pytest.FixtureRequest) -> Iterator[Executor]:
    if request.param == "threads":
        with ThreadPoolExecutor(2) as threads:
            yield threads
    else:
        with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as processes:
            yield processes


def test_the_subject_point_is_the_one_the_design_fixes() -> None:
    message = b"".join(
        len(part).to_bytes(2, "big") + part
        for part in (b"covenant-broker/v1", b"complex-approach", b"address-bag", b"1", b"0344200000012345")
    )
    expected = hash_to_group(message, b"HashToGroup-covenant-broker/v1-evaluation-ristretto255-SHA512")
    assert CONTEXT.point(b"0344200000012345") == expected
    # Any change here changes every token ever made.
    assert expected.hex() == "ec9ddf779d47a8d761e6d2fadf4a71b52fa83ca663bc65aa01326deb0bf69430"


@given(st.lists(st.binary(max_size=40), max_size=6))
def test_a_token_is_the_key_times_the_point_whatever_the_blinds(values: list[bytes]) -> None:
    batch = blind_values(CONTEXT, values, os.urandom)
    tokens = unblind(batch, evaluate(KEY, batch.blinded))
    assert tokens == [multiply(KEY, CONTEXT.point(value)) for value in values]


def test_blinded_elements_of_equal_values_differ_each_time() -> None:
    batches = [blind_values(CONTEXT, [b"same", b"same"], os.urandom) for _ in range(2)]
    assert len({element for batch in batches for element in batch.blinded}) == 4


@given(st.text(max_size=8), st.text(max_size=8), st.text(max_size=8), st.binary(max_size=8))
def test_no_two_contexts_and_values_share_a_point(covenant: str, match_key: str, version: str, value: bytes) -> None:
    context = TokenContext(covenant, match_key, version)
    shifted = [
        TokenContext(covenant + "x", match_key, version).point(value),
        TokenContext(covenant, match_key + "x", version).point(value),
        TokenContext(covenant, match_key, version + "x").point(value),
        TokenContext(covenant, match_key, version).point(value + b"x"),
        TokenContext(covenant + match_key, "", version).point(value) if match_key else None,
        TokenContext(covenant, match_key + version, "").point(value) if version else None,
        TokenContext(covenant, match_key, version + value.hex()).point(b"") if value else None,
    ]
    assert context.point(value) not in shifted


def test_padding_hides_the_size_of_a_small_batch_and_leaves_no_trace_in_its_tokens() -> None:
    batch = blind_values(CONTEXT, [b"one", b"two"], os.urandom, pad_to=16)
    assert len(set(batch.blinded)) == 16
    evaluated = evaluate(KEY, batch.blinded)
    proof = prove_evaluation(KEY, PUBLIC, batch.blinded, evaluated, os.urandom)
    verify_evaluation(PUBLIC, batch.blinded, evaluated, proof)
    assert unblind(batch, evaluated) == [multiply(KEY, CONTEXT.point(value)) for value in (b"one", b"two")]
    assert len(blind_values(CONTEXT, [b"one"] * 3, os.urandom, pad_to=2).blinded) == 3


def test_an_evaluation_with_another_key_is_refused() -> None:
    batch = blind_values(CONTEXT, [b"one", b"two"], os.urandom)
    other = random_scalar(os.urandom)
    tampered = [*evaluate(KEY, batch.blinded[:1]), *evaluate(other, batch.blinded[1:])]
    for key, public in ((KEY, PUBLIC), (other, multiply_base(other))):
        proof = prove_evaluation(key, public, batch.blinded, tampered, os.urandom)
        with pytest.raises(ProofError):
            verify_evaluation(public, batch.blinded, tampered, proof)


def test_fewer_or_more_elements_than_were_sent_are_refused() -> None:
    batch = blind_values(CONTEXT, [b"one", b"two"], os.urandom, pad_to=4)
    evaluated = evaluate(KEY, batch.blinded)
    for wrong in (evaluated[:2], evaluated[:3], [*evaluated, evaluated[0]], []):
        with pytest.raises(GroupError, match="as many"):
            unblind(batch, wrong)


@pytest.mark.parametrize(
    "bad",
    [IDENTITY, b"\x01" + bytes(31), PUBLIC[:31], PUBLIC[:31] + bytes((PUBLIC[31] | 0x80,))],
    ids=["identity", "not canonical", "too short", "bit 255"],
)
def test_a_bad_token_is_refused_in_its_place_and_stops_no_other(bad: bytes) -> None:
    tokens: list[bytes] = [multiply(KEY, CONTEXT.point(value)) for value in (b"one", b"two", b"three")]
    expected = [rekey(KEY, token) for token in tokens]
    tokens[1] = bad
    first, refused, last = rekey_many(KEY, tokens)
    assert [first, last] == [expected[0], expected[2]]
    assert isinstance(refused, GroupError)
    assert refused.index == 1
    with pytest.raises(GroupError):
        rekey(KEY, bad)


def test_a_pool_changes_neither_tokens_nor_order_nor_errors(pool: Executor) -> None:
    values = [str(number).encode() for number in range(2 * SHARE + 5)]
    batch = blind_values(CONTEXT, values, os.urandom, pool=pool)
    evaluated = evaluate(KEY, batch.blinded, pool=pool)
    tokens = unblind(batch, evaluated, pool=pool)
    assert [tokens[i] for i in (0, SHARE, 2 * SHARE + 4)] == [
        multiply(KEY, CONTEXT.point(values[i])) for i in (0, SHARE, 2 * SHARE + 4)
    ]
    assert tokens == unblind(batch, evaluated)

    late = SHARE + 3
    spoiled: list[bytes] = list(evaluated)
    spoiled[late] = spoiled[-1] = IDENTITY
    refusals: list[Callable[[], object]] = [
        lambda: evaluate(KEY, spoiled, pool=pool),
        lambda: unblind(batch, spoiled, pool=pool),
    ]
    for refuse in refusals:
        with pytest.raises(GroupError, match="identity") as caught:
            refuse()
        assert caught.value.index == late
    rekeyed = rekey_many(KEY, spoiled, pool=pool)
    assert [item.index for item in rekeyed if isinstance(item, GroupError)] == [late, len(spoiled) - 1]
    assert sum(not isinstance(item, GroupError) for item in rekeyed) == len(spoiled) - 2


def test_blinds_do_not_show_in_a_representation() -> None:
    batch = blind_values(CONTEXT, [b"one"], os.urandom)
    assert repr(batch.blinds[0])[2:-1] not in repr(batch)


def test_index_and_handle_are_keyed_hashes_of_just_their_inputs() -> None:
    pseudonym, pepper = Element(PUBLIC), b"p" * 32
    index, handle = pseudonym_index(pepper, "address-bag", 3), subject_handle(pepper, "address-bag")
    for point in (pseudonym, multiply(KEY, pseudonym), pseudonym):
        assert index(point) == hmac.digest(pepper, lp("address-bag", "3", point), sha256)
        assert handle(point) == hmac.digest(pepper, lp("address-bag", point), sha256)
    results = {
        pseudonym_index(key, match_key, epoch)(point)
        for key in (pepper, b"q" * 32)
        for match_key in ("address-bag", "person-bsn")
        for epoch in (0, 1)
        for point in (pseudonym, multiply(KEY, pseudonym))
    }
    assert len(results) == 16
    for short in (b"", pepper[:31]):
        with pytest.raises(EncodingError):
            pseudonym_index(short, "address-bag", 0)
        with pytest.raises(EncodingError):
            subject_handle(short, "address-bag")
