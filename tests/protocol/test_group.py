"""The group wrapper: right answers by the RFCs' vectors, and a refusal for everything libsodium lets through."""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.protocol import group
from clients.protocol.errors import GroupError
from clients.protocol.group import (
    GENERATOR,
    Element,
    Scalar,
    add,
    decode_element,
    decode_scalar,
    expand_message_xmd,
    hash_to_group,
    hash_to_scalar,
    invert_many,
    multiply,
    multiply_base,
    random_scalar,
    scalar_add,
    scalar_invert,
    scalar_multiply,
    scalar_subtract,
    subtract,
)

L = 2**252 + 27742317777372353535851937790883648493
ZERO, ONE = bytes(32), Scalar(b"\x01" + bytes(31))
VECTORS = Path(__file__).parent / "vectors"
RFC9496 = json.loads((VECTORS / "rfc9496_ristretto255.json").read_text())
RFC9380 = json.loads((VECTORS / "rfc9380_expand_message_xmd_sha512.json").read_text())

INVALID = [(kind, encoded) for kind, encodings in RFC9496["invalid_encodings"].items() for encoded in encodings]


def encoded(number: int) -> bytes:
    return number.to_bytes(32, "little")


def number(scalar: Scalar) -> int:
    return int.from_bytes(scalar, "little")


scalars = st.integers(1, L - 1).map(encoded).map(decode_scalar)
elements = scalars.map(multiply_base)


# -- against the RFCs


def test_multiples_of_the_generator_are_those_of_rfc_9496() -> None:
    expected = [bytes.fromhex(text) for text in RFC9496["generator_multiples"]["encodings"]]
    assert expected[0] == GENERATOR
    assert [multiply_base(decode_scalar(encoded(n))) for n in range(1, 16)] == expected
    assert [multiply(decode_scalar(encoded(n)), GENERATOR) for n in range(1, 16)] == expected
    total = GENERATOR
    for multiple in expected[1:]:
        total = add(total, GENERATOR)
        assert total == multiple


@pytest.mark.parametrize("vector", RFC9380["vectors"], ids=lambda v: f"{v['msg'][:4]}-{v['len_in_bytes']}")
def test_message_expansion_is_that_of_rfc_9380(vector: dict[str, str]) -> None:
    expanded = expand_message_xmd(vector["msg"].encode(), RFC9380["DST"].encode(), int(vector["len_in_bytes"]))
    assert expanded.hex() == vector["uniform_bytes"]


# -- arithmetic, with Python integers as the oracle; these scalars are nobody's secret


@given(scalars, scalars)
def test_scalar_arithmetic_agrees_with_integers(a: Scalar, b: Scalar) -> None:
    assert number(scalar_multiply(a, b)) == number(a) * number(b) % L
    assert number(scalar_invert(a)) == pow(number(a), -1, L)
    if (number(a) + number(b)) % L:
        assert number(scalar_add(a, b)) == (number(a) + number(b)) % L
    if a != b:
        assert number(scalar_subtract(a, b)) == (number(a) - number(b)) % L


@given(scalars, scalars)
def test_elements_are_a_group_under_the_scalars(a: Scalar, b: Scalar) -> None:
    assert multiply(a, multiply_base(b)) == multiply_base(scalar_multiply(a, b))
    assert multiply(scalar_invert(a), multiply_base(a)) == GENERATOR
    if (number(a) + number(b)) % L:
        assert add(multiply_base(a), multiply_base(b)) == multiply_base(scalar_add(a, b))
    if a != b:
        assert subtract(multiply_base(a), multiply_base(b)) == multiply_base(scalar_subtract(a, b))


@given(st.lists(scalars, max_size=20))
def test_inverting_many_is_inverting_each(batch: list[Scalar]) -> None:
    assert invert_many(batch) == [scalar_invert(scalar) for scalar in batch]


@given(elements)
def test_what_the_group_computes_decodes_to_itself(element: Element) -> None:
    assert decode_element(element) == element


def test_hashing_separates_messages_and_domains() -> None:
    points = {hash_to_group(message, dst) for message in (b"", b"a", b"b") for dst in (b"one", b"two")}
    numbers = {hash_to_scalar(message, dst) for message in (b"", b"a", b"b") for dst in (b"one", b"two")}
    assert len(points) == len(numbers) == 6


# -- the traps of libsodium

Taker = Callable[[bytes], object]
ELEMENT_TAKERS: dict[str, Taker] = {
    "decode_element": decode_element,
    "multiply": lambda encoding: multiply(ONE, encoding),
    "add, left": lambda encoding: add(Element(encoding), GENERATOR),
    "add, right": lambda encoding: add(GENERATOR, Element(encoding)),
    "subtract, left": lambda encoding: subtract(Element(encoding), GENERATOR),
    "subtract, right": lambda encoding: subtract(GENERATOR, Element(encoding)),
}
SCALAR_TAKERS: dict[str, Taker] = {
    "decode_scalar": decode_scalar,
    "multiply": lambda scalar: multiply(Scalar(scalar), GENERATOR),
    "multiply_base": lambda scalar: multiply_base(Scalar(scalar)),
    "scalar_add": lambda scalar: scalar_add(ONE, Scalar(scalar)),
    "scalar_subtract": lambda scalar: scalar_subtract(Scalar(scalar), ONE),
    "scalar_multiply": lambda scalar: scalar_multiply(Scalar(scalar), ONE),
    "scalar_invert": lambda scalar: scalar_invert(Scalar(scalar)),
    "invert_many": lambda scalar: invert_many([Scalar(scalar)]),
}
takers_of_elements = pytest.mark.parametrize("take", ELEMENT_TAKERS.values(), ids=ELEMENT_TAKERS)
takers_of_scalars = pytest.mark.parametrize("take", SCALAR_TAKERS.values(), ids=SCALAR_TAKERS)


@takers_of_elements
@pytest.mark.parametrize(("kind", "encoding"), INVALID, ids=[f"{kind}-{e[:6]}" for kind, e in INVALID])
def test_an_invalid_encoding_of_rfc_9496_is_refused(kind: str, encoding: str, take: Taker) -> None:
    with pytest.raises(GroupError):
        take(bytes.fromhex(encoding))


@takers_of_elements
def test_the_identity_is_refused(take: Taker) -> None:
    with pytest.raises(GroupError, match="identity"):
        take(ZERO)


@takers_of_elements
def test_a_second_encoding_by_bit_255_is_refused(take: Taker) -> None:
    twice = multiply_base(decode_scalar(encoded(2)))
    take(twice)
    with pytest.raises(GroupError, match="canonically"):
        take(twice[:31] + bytes((twice[31] | 0x80,)))


@takers_of_elements
@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        GENERATOR[:31],
        GENERATOR + b"\0",
        bytearray(GENERATOR),
        memoryview(GENERATOR),
        GENERATOR.hex()[:32],
        32,
        None,
    ],
    ids=["empty", "short", "long", "bytearray", "memoryview", "text", "integer", "none"],
)
def test_only_bytes_of_the_right_length_are_an_element(wrong: bytes, take: Taker) -> None:
    with pytest.raises(GroupError, match="32 bytes"):
        take(wrong)


@takers_of_scalars
@pytest.mark.parametrize(
    "wrong",
    [b"", ONE[:31], ONE + b"\0", bytearray(ONE), memoryview(ONE), "1" * 32, 32, None],
    ids=["empty", "short", "long", "bytearray", "memoryview", "text", "integer", "none"],
)
def test_only_bytes_of_the_right_length_are_a_scalar(wrong: bytes, take: Taker) -> None:
    with pytest.raises(GroupError, match="32 bytes"):
        take(wrong)


@pytest.mark.parametrize("value", [L, L + 1, 2 * L, 2**252 + 2**251, 1 + 2**255, 2**256 - 1])
def test_a_scalar_at_or_above_the_order_is_refused(value: int) -> None:
    with pytest.raises(GroupError, match="canonically"):
        decode_scalar(encoded(value))
    assert number(decode_scalar(encoded(L - 1))) == L - 1


def test_a_scalar_of_zero_is_refused() -> None:
    for take in (
        decode_scalar,
        SCALAR_TAKERS["multiply"],
        SCALAR_TAKERS["multiply_base"],
        SCALAR_TAKERS["scalar_invert"],
    ):
        with pytest.raises(GroupError):
            take(ZERO)


def test_inverting_the_order_is_refused_and_does_not_give_zero() -> None:
    with pytest.raises(GroupError, match="zero"):
        scalar_invert(Scalar(encoded(L)))


@pytest.mark.parametrize("zero", [ZERO, encoded(L)], ids=["zero", "the order"])
@pytest.mark.parametrize("index", [0, 1, 4])
def test_a_zero_among_many_to_invert_is_located(zero: bytes, index: int) -> None:
    batch = [decode_scalar(encoded(n)) for n in range(1, 6)]
    batch[index] = Scalar(zero)
    with pytest.raises(GroupError) as caught:
        invert_many(batch)
    assert caught.value.index == index


@given(scalars)
def test_a_result_of_zero_or_identity_is_refused(a: Scalar) -> None:
    minus_a = decode_scalar(encoded(L - number(a)))
    with pytest.raises(GroupError):
        scalar_subtract(a, a)
    with pytest.raises(GroupError):
        scalar_add(a, minus_a)
    with pytest.raises(GroupError):
        subtract(multiply_base(a), multiply_base(a))
    with pytest.raises(GroupError):
        add(multiply_base(a), multiply_base(minus_a))


@pytest.mark.parametrize(
    "source",
    [bytes, lambda n: encoded(L) + bytes(n - 32), lambda n: os.urandom(n - 1), lambda n: bytearray(os.urandom(n))],
    ids=["only zeros", "zero modulo L", "too short", "not bytes"],
)
def test_a_broken_source_of_randomness_is_refused(source: Callable[[int], bytes]) -> None:
    with pytest.raises(GroupError):
        random_scalar(source)


@given(st.binary(min_size=64, max_size=64))
def test_a_random_scalar_is_all_64_bytes_modulo_the_order(drawn: bytes) -> None:
    expected = int.from_bytes(drawn, "little") % L
    if expected:
        assert number(random_scalar(lambda n: drawn)) == expected


@pytest.mark.parametrize(("dst", "length"), [(b"", 64), (bytes(256), 64), (b"tag", 0), (b"tag", 255 * 64 + 1)])
def test_an_expansion_outside_its_limits_is_refused(dst: bytes, length: int) -> None:
    with pytest.raises(GroupError):
        expand_message_xmd(b"message", dst, length)


def refusal(take: Taker, data: bytes) -> str:
    try:
        take(data)
    except GroupError as error:
        return repr(error)
    return ""


@given(st.binary(min_size=32, max_size=32))
def test_no_error_repeats_what_was_read(data: bytes) -> None:
    for take in (*ELEMENT_TAKERS.values(), decode_scalar):
        said = refusal(take, data)
        assert data.hex() not in said
        assert repr(data) not in said


def test_no_other_module_of_the_product_imports_rbcl() -> None:
    root = Path(group.__file__).parents[2]
    importers = set()
    for package in ("clients", "covenant_rules", "service"):
        for path in (root / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_bytes())):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                if isinstance(node, ast.ImportFrom):
                    names = [node.module or ""]
                if any(name.split(".")[0] == "rbcl" for name in names):
                    importers.add(path)
    assert importers == {Path(group.__file__)}
