"""What is read of a batch in one pass is what the strict reading reads; whatever is doubtful is left to that one."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from clients.protocol.encoding import b64u_encode
from clients.protocol.errors import EncodingError
from clients.protocol.messages.signals import SignalBatch, SignalSubmission
from clients.protocol.strict_json import parse_json
from service.signals.quick_reading import read_batch


def of_bytes(length: int) -> st.SearchStrategy[str]:
    return st.binary(min_size=length, max_size=length).map(b64u_encode)


IDENTIFIERS = st.from_regex(r"\A[a-z][a-z0-9-]{0,8}\Z")
SALTS = st.fixed_dictionaries(
    dict.fromkeys(("category", "day", "purposes", "origins", "handlingCodes"), of_bytes(16)),
)
TOKENS = st.fixed_dictionaries(
    {"matchKey": IDENTIFIERS, "keyVersion": st.integers(1, 2**53 - 1), "token": of_bytes(32)},
)
SEALED = st.fixed_dictionaries(
    {
        "field": IDENTIFIERS,
        "variant": IDENTIFIERS,
        "salt": of_bytes(16),
        "ciphertext": st.binary(max_size=40).map(b64u_encode),
        "commitment": of_bytes(32),
        "wrappedKey": st.binary(max_size=40).map(b64u_encode),
        "retentionMonth": st.just("2027-03"),
    }
)
SIGNALS = st.fixed_dictionaries(
    {
        "signalId": st.uuids().map(str),
        "subjectKind": st.sampled_from(["address", "person"]),
        "category": IDENTIFIERS,
        "day": st.dates().map(str),
        "purposes": st.lists(IDENTIFIERS, min_size=1, max_size=2),
        "normalisationVersion": st.just("1"),
        "tokens": st.lists(TOKENS, min_size=1, max_size=2),
        "salts": SALTS,
    },
    optional={
        "origins": st.lists(IDENTIFIERS, max_size=2),
        "handlingCodes": st.lists(IDENTIFIERS, max_size=2),
        "fields": st.lists(SEALED, max_size=2),
        "absent": st.lists(of_bytes(32), max_size=2),
        "replaces": st.none() | st.uuids().map(str),
    },
)
BATCHES = st.fixed_dictionaries(
    {
        "covenantVersion": st.just("0f" * 32),
        "leaves": st.lists(of_bytes(32), min_size=1, max_size=2),
        "signature": of_bytes(64),
        "signals": st.lists(SIGNALS, min_size=1, max_size=2),
    }
)
WRITTEN = st.tuples(BATCHES, st.sampled_from([None, 1]), st.sampled_from([":", " : "])).map(
    lambda given: json.dumps(given[0], indent=given[1], separators=(",", given[2])).encode()
)
NAMES = st.sampled_from(
    [
        *("covenantVersion", "leaves", "signature", "signals", "signalId", "signal_id", "subjectKind", "category"),
        *("day", "purposes", "tokens", "matchKey", "keyVersion", "token", "salts", "salt", "ciphertext", "variant"),
    ]
)
VALUES = st.sampled_from([b'"a"', b'"a:b"', b"1", b"[]", b"null", b'{"a": 1}', b'"address"', b'["noise"]'])
SIGNS = st.sampled_from([bytes([sign]) for sign in b'+/=\\:"{}[],.- \n019aAzZeE_\x00\xc3\xff'])


def strictly(raw: bytes) -> SignalBatch | None:
    """The batch as it is read step by step; None where a step finds a fault."""
    try:
        batch = SignalBatch.model_validate(parse_json(raw))
        signals = [SignalSubmission.model_validate(signal) for signal in batch.signals]
    except (EncodingError, ValueError):
        return None
    return batch.model_copy(update={"signals": signals})


def require_the_same(raw: bytes) -> None:
    quick = read_batch(raw)
    if quick is not None:
        strict = strictly(raw)
        assert strict is not None
        assert dict(quick) == dict(strict)


@given(WRITTEN)
def test_a_batch_without_fault_is_read_as_strictly(raw: bytes) -> None:
    assert read_batch(raw) is not None
    require_the_same(raw)


@given(WRITTEN, st.data())
def test_a_batch_with_one_sign_changed_is_read_as_strictly_or_not_at_all(raw: bytes, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(raw) - 1))
    kept = data.draw(st.sampled_from([0, 1]))
    require_the_same(raw[:place] + data.draw(SIGNS) + raw[place + 1 - kept :])


@given(WRITTEN, st.data())
def test_a_batch_with_one_name_more_is_read_as_strictly_or_not_at_all(raw: bytes, data: st.DataObject) -> None:
    opened = [place + 1 for place, sign in enumerate(raw) if sign == ord("{")]
    place = data.draw(st.sampled_from(opened))
    member = b'"' + data.draw(NAMES).encode() + b'":' + data.draw(VALUES) + b","
    require_the_same(raw[:place] + member + raw[place:])


def batch(**changes: Any) -> dict[str, Any]:
    signal = {
        "signalId": str(UUID(int=7)),
        "subjectKind": "address",
        "category": "noise",
        "day": "2026-11-20",
        "purposes": ["nuisance"],
        "normalisationVersion": "1",
        "tokens": [{"matchKey": "address-bag", "keyVersion": 1, "token": b64u_encode(b"\xfb" * 32)}],
        "salts": dict.fromkeys(("category", "day", "purposes", "origins", "handlingCodes"), b64u_encode(b"\xff" * 16)),
    }
    return {
        "covenantVersion": "0f" * 32,
        "leaves": [b64u_encode(b"\xff" * 32)],
        "signature": b64u_encode(bytes(64)),
        "signals": [signal | changes],
    }


def written(**changes: Any) -> bytes:
    return json.dumps(batch(**changes)).encode()


def of_signals(signals: list[Any]) -> bytes:
    return json.dumps(batch() | {"signals": signals}).encode()


PLAIN = written()
KEY = b64u_encode(b"\xfb" * 32).encode()


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(PLAIN.replace(b'"day"', b'"day": "2026-11-19", "day"'), id="a name twice"),
        pytest.param(PLAIN.replace(b'"day":', b'"day": "a:b", "day"\n:'), id="a name twice, and apart from its colon"),
        pytest.param(PLAIN.replace(KEY, KEY.translate(bytes.maketrans(b"-_", b"+/"))), id="the other alphabet"),
        pytest.param(PLAIN.replace(KEY, KEY + b"="), id="padding"),
        pytest.param(PLAIN.replace(KEY, KEY[:-1] + bytes([KEY[-1] + 1])), id="bits after the last byte"),
        pytest.param(PLAIN.replace(KEY, b"\\u002d" + KEY[1:]), id="an escape"),
        pytest.param(PLAIN.replace(b'"keyVersion": 1', b'"keyVersion": 9007199254740993'), id="an inexact integer"),
        pytest.param(PLAIN.replace(b'"keyVersion": 1', b'"keyVersion": 1.0'), id="a fraction"),
        pytest.param(PLAIN.replace(b'"keyVersion": 1', b'"keyVersion": NaN'), id="no number"),
        pytest.param(b"\xef\xbb\xbf" + PLAIN, id="a byte order mark"),
        pytest.param(PLAIN + b"{}", id="more than one text"),
        pytest.param(PLAIN.replace(b"noise", b"noise\xff"), id="not UTF-8"),
        pytest.param(PLAIN.replace(b'"salts"', b'"else": 1, "salts"'), id="an unknown name"),
        pytest.param(written(day=0), id="a day that is none"),
        pytest.param(written(tokens=[]), id="no token"),
        pytest.param(of_signals([]), id="no signal"),
        pytest.param(of_signals(batch()["signals"] * 1001), id="a signal too many"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_what_could_be_read_otherwise_is_left_to_the_strict_reading(raw: bytes) -> None:
    assert read_batch(PLAIN) is not None
    assert raw != PLAIN
    assert read_batch(raw) is None


@pytest.mark.parametrize(
    ("given", "few", "many"),
    [
        ({"absent": [b64u_encode(bytes(32))] * 64}, 790, 840),
        ({"tokens": batch()["signals"][0]["tokens"] * 8}, 790, 840),
    ],
    ids=["values", "objects"],
)
def test_a_body_of_very_many_parts_is_left_to_the_strict_reading(given: dict[str, Any], few: int, many: int) -> None:
    signals = batch(**given)["signals"]
    assert read_batch(of_signals(signals * few)) is not None
    assert read_batch(of_signals(signals * many)) is None
    assert strictly(of_signals(signals * many)) is not None


@given(st.binary(max_size=40) | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps))
@example("[" * 5000)
def test_what_is_no_batch_at_all_is_left_to_the_strict_reading(given: bytes | str) -> None:
    assert read_batch(given.encode() if isinstance(given, str) else given) is None
