"""Every way one signal of a batch can be wrong: told with its place, no other stopped, and nothing said back."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any

import pytest

from clients.protocol.encoding import b64u_decode, b64u_encode
from tests.broker.spoiling import IDENTIFIER, Json, assert_echoes_nothing, refusals, sent, stored, three, unchanged
from tests.kit import Stage, subject

IDENTITY = bytes(32)
NOT_CANONICAL = bytes.fromhex("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f")  # p, which is 0
NEGATIVE = b"\x01" + bytes(31)  # RFC 9496 appendix A.3: odd
NO_SQUARE = bytes.fromhex("26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371")  # RFC 9496 appendix A.3
NORMALISATION = "normalisationVersion"


def token_of(encoded: bytes) -> Callable[[Json], None]:
    def spoil(signal: Json) -> None:
        signal["tokens"][0]["token"] = b64u_encode(encoded)

    return spoil


def put(path: str, value: Any) -> Callable[[Json], None]:
    """Sets the member at a pointer."""

    def spoil(signal: Json) -> None:
        *way, last = path.strip("/").split("/")
        at: Any = signal
        for step in way:
            at = at[int(step)] if isinstance(at, list) else at[step]
        at[int(last) if isinstance(at, list) else last] = value

    return spoil


def bit_255(signal: Json) -> None:
    raw = bytearray(b64u_decode(signal["tokens"][0]["token"]))
    raw[31] |= 0x80
    signal["tokens"][0]["token"] = b64u_encode(bytes(raw))


def padded(signal: Json) -> None:
    raw = b64u_decode(signal["tokens"][0]["token"])
    signal["tokens"][0]["token"] = urlsafe_b64encode(raw).decode()


def same_match_key_twice(signal: Json) -> None:
    signal["tokens"][1] = dict(signal["tokens"][0])


def other_salt(signal: Json) -> None:
    signal["salts"]["day"] = b64u_encode(bytes(16))


def one_absent_less(signal: Json) -> None:
    signal["absent"] = signal["absent"][1:]


def itself(signal: Json) -> None:
    signal["replaces"] = signal["signalId"]


def field_twice(signal: Json) -> None:
    signal["fields"].append(dict(signal["fields"][0]))


def without(member: str) -> Callable[[Json], None]:
    def spoil(signal: Json) -> None:
        del signal[member]

    return spoil


BAD: list[tuple[str, Callable[[Json], None], str, str]] = [
    ("a token that is the identity", token_of(IDENTITY), "/tokens/0/token", "token-identity"),
    ("a token with bit 255 set", bit_255, "/tokens/0/token", "token-not-canonical"),
    ("a token that is not canonical", token_of(NOT_CANONICAL), "/tokens/0/token", "token-not-an-element"),
    ("a token that is negative", token_of(NEGATIVE), "/tokens/0/token", "token-not-an-element"),
    ("a token that is no point", token_of(NO_SQUARE), "/tokens/0/token", "token-not-an-element"),
    ("a token of 31 bytes", token_of(bytes(31)), "/tokens/0/token", "value-error"),
    ("a padded token", padded, "/tokens/0/token", "value-error"),
    ("a token that is an identifier", put("tokens/0/token", IDENTIFIER), "/tokens/0/token", "value-error"),
    ("a token that is a number", put("tokens/0/token", 7), "/tokens/0/token", "value-error"),
    ("key version zero", put("tokens/0/keyVersion", 0), "/tokens/0/keyVersion", "greater-than-equal"),
    ("key version in words", put("tokens/0/keyVersion", IDENTIFIER), "/tokens/0/keyVersion", "int-type"),
    ("key version as text", put("tokens/0/keyVersion", "1"), "/tokens/0/keyVersion", "int-type"),
    ("key version with a fraction of nothing", put("tokens/0/keyVersion", 1.0), "/tokens/0/keyVersion", "int-type"),
    ("key version true", put("tokens/0/keyVersion", True), "/tokens/0/keyVersion", "int-type"),
    ("a match key of others", put("tokens/0/matchKey", "person-bsn"), "/tokens/0/matchKey", "match-key-not-allowed"),
    ("an unknown match key", put("tokens/0/matchKey", "dna"), "/tokens/0/matchKey", "match-key-not-allowed"),
    ("a match key twice", same_match_key_twice, "/tokens/1/matchKey", "match-key-repeated"),
    ("no token", put("tokens", []), "/tokens", "too-short"),
    ("tokens that are text", put("tokens", IDENTIFIER), "/tokens", "tuple-type"),
    ("a member that is ours nowhere", put("address", IDENTIFIER), "/address", "extra-forbidden"),
    ("a member named after a person", put(IDENTIFIER, 1), "/?", "extra-forbidden"),
    ("a member missing", without("salts"), "/salts", "missing"),
    ("an unknown category", put("category", "gossip"), "/category", "category-unknown"),
    ("a category that is an identifier", put("category", IDENTIFIER), "/category", "string-pattern-mismatch"),
    ("a category without legal basis", put("category", "care-concern"), "/purposes/0", "no-legal-basis"),
    ("an unknown purpose", put("purposes", ["profit"]), "/purposes/0", "name-unknown"),
    ("a purpose twice", put("purposes", ["nuisance", "nuisance"]), "/purposes/1", "name-repeated"),
    ("a purpose for other subjects", put("purposes", ["support"]), "/purposes/0", "purpose-not-for-subject"),
    ("no purpose", put("purposes", []), "/purposes", "too-short"),
    ("an unknown subject kind", put("subjectKind", "vehicle"), "/subjectKind", "literal-error"),
    ("an unknown origin", put("origins", ["press"]), "/origins/0", "name-unknown"),
    ("an origin that is oneself", put("origins", ["police"]), "/origins/0", "origin-own"),
    ("an unknown handling code", put("handlingCodes", ["burn"]), "/handlingCodes/0", "name-unknown"),
    ("a day to come", put("day", "2026-11-23"), "/day", "day-in-future"),
    ("a day past its retention", put("day", "2025-11-21"), "/day", "retention-over"),
    ("a day that is none", put("day", "2026-02-30"), "/day", "date-from-datetime-parsing"),
    ("a day that is a number", put("day", 0), "/day", "value-error"),
    ("another way to normalise", put(NORMALISATION, "2"), f"/{NORMALISATION}", "normalisation-version-unknown"),
    ("an id that is none", put("signalId", IDENTIFIER), "/signalId", "uuid-parsing"),
    ("a correction of itself", itself, "/replaces", "replaces-itself"),
    ("an unknown field", put("fields/0/field", "diary"), "/fields/0", "field-unknown"),
    ("an unknown variant", put("fields/0/variant", "juicy"), "/fields/0", "field-unknown"),
    ("a field twice", field_twice, "/fields/1", "field-repeated"),
    ("a short ciphertext", put("fields/0/ciphertext", "AAAA"), "/fields/0/ciphertext", "ciphertext-length"),
    ("a field in the clear", put("fields/0/ciphertext", IDENTIFIER), "/fields/0/ciphertext", "value-error"),
    ("a short wrapped key", put("fields/0/wrappedKey", "AAAA"), "/fields/0/wrappedKey", "wrapped-key-length"),
    ("another month", put("fields/0/retentionMonth", "2027-10"), "/fields/0/retentionMonth", "retention-month"),
    ("another salt than was signed", other_salt, "", "leaf-mismatch"),
    ("another category than was signed", put("category", "violence"), "", "leaf-mismatch"),
    ("slots left open", one_absent_less, "", "items-incomplete"),
]  # fmt: skip


def test_each_bad_signal_is_located_and_stops_no_other(stage: Stage) -> None:
    # One stage for all: every case brings two good signals, which must be stored in spite of the third.
    police = stage.partner("police")
    for count, (name, spoil, pointer, code) in enumerate(BAD):
        made = three(police)
        before = len(refusals(stage))
        response, document = sent(police, made, spoil)
        assert response.status_code == 200, (name, response.text)
        answer = response.json()
        assert (answer["accepted"], answer["repeated"], answer["rejected"]) == (2, 0, 1), (name, answer)
        bad = answer["results"][1]
        assert bad["status"] == "rejected", name
        assert (f"/signals/1{pointer}", code) in [(f["pointer"], f["code"]) for f in bad["faults"]], (name, bad)
        assert_echoes_nothing(response, document)
        assert stored(stage)["signal"] == 2 * (count + 1), name
        assert len(refusals(stage)) == before + 1, name


@pytest.mark.parametrize("raw", ["text", 7, None, [], True])
def test_a_signal_that_is_no_object_is_located(stage: Stage, raw: Any) -> None:
    police = stage.partner("police")
    made = three(police)
    document = police.batch(made).model_dump(mode="json")
    document["signals"][1] = raw
    answer = police.post("/signals", document).json()
    assert (answer["accepted"], answer["rejected"]) == (2, 1)
    assert answer["results"][1]["faults"][0]["pointer"] == "/signals/1"
    assert "signalId" not in answer["results"][1]


def test_every_fault_of_a_signal_is_told_at_once(stage: Stage) -> None:
    police = stage.partner("police")

    def spoil(signal: Json) -> None:
        signal |= {"category": "gossip", "handlingCodes": ["burn"], "day": "2030-01-01"}
        signal["tokens"][0]["matchKey"] = "person-bsn"

    response, _ = sent(police, three(police), spoil)
    pointers = {fault["pointer"] for fault in response.json()["results"][1]["faults"]}
    assert pointers == {"/signals/1/category", "/signals/1/handlingCodes/0", "/signals/1/tokens/0/matchKey"}


def test_after_a_rotation_tokens_of_the_old_key_stop_the_batch_each_at_its_place(stage: Stage) -> None:
    police = stage.partner("police")
    known, old = police.signal(subject("flat 1")), police.signal(subject("flat 2"))
    police.submit(known)
    stage.holder.rotate("address-bag", "police")
    stage.set_up()
    before, new = stored(stage), police.signal(subject("flat 3"))
    response = police.post("/signals", police.batch([known, new, old]))
    problem = response.json()
    assert (response.status_code, problem["type"]) == (409, "/problems/stale-key-version")
    assert [(fault["pointer"], fault["code"]) for fault in problem["errors"]] == [
        ("/signals/2/tokens/0/keyVersion", "stale-key-version")
    ]
    assert problem["parameters"] == {"address-bag": "2"}
    unchanged(stage, before)
    assert refusals(stage) == ["stale-key-version"]
    again = old.changed(tokens=police.tokens(subject("flat 2")))
    result = police.submit(known, new, again)
    assert [one.status.value for one in result.results] == ["repeated", "accepted", "accepted"]


def test_a_key_version_that_the_set_up_has_not_taken_in_is_stale_too(stage: Stage) -> None:
    police = stage.partner("police")
    stage.holder.rotate("address-bag", "police")
    response = police.post("/signals", police.batch([police.signal(subject("flat 1"))]))
    assert (response.status_code, response.json()["type"]) == (409, "/problems/stale-key-version")
