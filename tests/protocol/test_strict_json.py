"""JSON: official vectors, one form for each value, and every way to have two refused."""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.protocol.errors import EncodingError
from clients.protocol.strict_json import canonical_json, parse_json
from tests.protocol.shared_data import shared

VECTORS = json.loads((Path(__file__).parent / "vectors" / "rfc8785.json").read_text())

texts = st.text(st.characters(codec="utf-8"))
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False).filter(lambda x: not 2**53 <= abs(x) < 1e21)
    | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("case", sorted(VECTORS["cases"]))
def test_canonical_json_matches_the_reference_vectors(case: str) -> None:
    vector = VECTORS["cases"][case]
    assert canonical_json(parse_json(vector["input"].encode())).hex() == vector["canonical_hex"]


@pytest.mark.parametrize(("bits", "text"), sorted(VECTORS["numbers"].items()))
def test_numbers_are_written_as_rfc_8785_appendix_b_says(bits: str, text: str) -> None:
    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    assert canonical_json(number) == text.encode()


def test_the_transcribed_vectors_are_those_of_the_shared_file() -> None:
    for case, vector in json.loads(shared("crypto/rfc8785_jcs_vectors.json").read_text()).items():
        assert VECTORS["cases"][case]["input"] == vector["input"]
        assert bytes.fromhex(VECTORS["cases"][case]["canonical_hex"]) == bytes.fromhex(vector["outhex"])


@given(json_values)
def test_canonical_json_is_read_back_and_written_the_same(value: object) -> None:
    written = canonical_json(value)
    assert canonical_json(parse_json(written)) == written
    assert json.loads(written) == value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_written_number_is_the_same_number(number: float) -> None:
    assert float(canonical_json(number)) == number  # the sign of zero apart, which RFC 8785 drops


@given(st.dictionaries(texts, st.none()))
def test_names_are_sorted_by_utf_16_code_unit(names: dict[str, None]) -> None:
    written = list(json.loads(canonical_json(names)))
    assert written == sorted(names, key=lambda name: name.encode("utf-16-be"))


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, 2**53, -(2**53), {1: 2}, b"x", {1, 2}, "\ud800", {"\udfff": 1}, object()]
)
def test_what_json_cannot_say_exactly_is_not_written(value: object) -> None:
    with pytest.raises(EncodingError):
        canonical_json(value)


@pytest.mark.parametrize(
    ("text", "pointer"),
    [
        ('{"a":{"b":[1,{"c":1,"c":2}]}}', "/a/b/1/c"),
        ('{"a":1,"\\u0061":2}', "/a"),
        ('{"911111110":{"x":1,"x":2}}', "/?/x"),
        ('{"x":NaN}', "/x"),
        ("[-Infinity]", "/0"),
        ("[0,1e999]", "/1"),
        ("[1.5e18]", "/0"),
        ('{"x":[9007199254740992]}', "/x/0"),
        ('["\\ud800"]', "/0"),
        ("[" * 33 + "]" * 33, "/0" * 32),
    ],
)
def test_json_that_two_readers_may_read_differently_is_refused_in_place(text: str, pointer: str) -> None:
    with pytest.raises(EncodingError) as refusal:
        parse_json(text.encode())
    assert refusal.value.pointer == pointer


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"1 2", b"\xff", b"\xef\xbb\xbf1", '"é"'.encode("utf-16"), b"[" * 100_000, b"9" * 100_000, b"'a'"],
)
def test_what_is_no_json_text_is_refused(raw: bytes) -> None:
    with pytest.raises(EncodingError):
        parse_json(raw)


class Members(list[tuple[str, object]]):
    """An object as it is written, of which a name may stand twice."""


names = st.sampled_from(["a", "b", 'c"', "\\", "é", ""]) | texts
written_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | texts,
    lambda inner: (
        st.lists(inner, max_size=3) | st.lists(st.tuples(names, inner), max_size=3).map(Members)  # type: ignore[arg-type]
    ),
    max_leaves=12,
)


def rendered(value: object, escaped: bool, space: str) -> str:
    if isinstance(value, Members):
        inner = [f"{rendered(n, escaped, space)}{space}:{space}{rendered(v, escaped, space)}" for n, v in value]
        return "{" + f"{space},{space}".join(inner) + "}"
    if isinstance(value, list):
        return "[" + f"{space},{space}".join(rendered(v, escaped, space) for v in value) + "]"
    return json.dumps(value, ensure_ascii=escaped)


def repeats(value: object) -> bool:
    inner = [member for _, member in value] if isinstance(value, Members) else value
    twice = isinstance(value, Members) and len({name for name, _ in value}) < len(value)
    return twice or (isinstance(inner, list) and any(map(repeats, inner)))


@given(written_values, st.booleans(), st.sampled_from(["", " ", "\n\t"]))
def test_a_name_that_stands_twice_is_refused_however_it_is_written(value: object, escaped: bool, space: str) -> None:
    raw = rendered(value, escaped, space).encode()
    if repeats(value):
        with pytest.raises(EncodingError, match="duplicate name"):
            parse_json(raw)
    else:
        assert parse_json(raw) == json.loads(raw)


def test_a_refusal_does_not_repeat_what_was_read() -> None:
    with pytest.raises(EncodingError) as refusal:
        parse_json(b'{"bsn 911111110": ["911111110", NaN]}')
    assert "911111110" not in str(refusal.value)


def test_brackets_inside_text_are_not_nesting() -> None:
    assert parse_json(b'["' + b"[{" * 100 + b'"]') == ["[{" * 100]
