"""RFC 9497, appendix A.1: every vector of the suite ristretto255-SHA512, proofs byte for byte.

The modes OPRF and POPRF, and Finalize, are not part of the product: they live here, built from its parts, because
their vectors test those parts. POPRF proves for the tweaked key, with the sides of the statement exchanged.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha512
from pathlib import Path
from typing import Any

import pytest

from clients.protocol.encoding import lp
from clients.protocol.errors import GroupError, ProofError
from clients.protocol.group import (
    Element,
    Scalar,
    add,
    decode_element,
    decode_scalar,
    hash_to_scalar,
    multiply,
    multiply_base,
    scalar_add,
    scalar_invert,
)
from clients.protocol.oprf import MAX_BATCH, blind, evaluate, generate_proof, input_point, unblind, verify_proof
from tests.protocol.shared_data import shared

TRANSCRIPT = Path(__file__).parent / "vectors" / "rfc9497_ristretto255_sha512.json"
OPRF, VOPRF, POPRF = sorted(json.loads(TRANSCRIPT.read_text())["suites"], key=lambda suite: int(suite["mode"]))


def cases(suite: dict[str, Any]) -> list[Any]:
    return [pytest.param(vector, id=f"{i}-batch-of-{vector['Batch']}") for i, vector in enumerate(suite["vectors"])]


def context(suite: dict[str, Any]) -> bytes:
    """CreateContextString (§3.1)."""
    return b"OPRFV1-" + bytes((suite["mode"],)) + b"-" + str(suite["identifier"]).encode()


def many(text: str) -> list[bytes]:
    return [bytes.fromhex(part) for part in text.split(",")]


def fixed(scalar: bytes) -> Callable[[int], bytes]:
    """A source of randomness from which `random_scalar` draws just this scalar."""
    return lambda length: scalar + bytes(length - len(scalar))


def derived_key(suite: dict[str, Any]) -> Scalar:
    """DeriveKeyPair (§3.2.1); the first counter succeeds but for one seed in 2^252."""
    seed, info = bytes.fromhex(suite["seed"]), bytes.fromhex(suite["keyInfo"])
    return hash_to_scalar(seed + lp(info) + b"\0", b"DeriveKeyPair" + context(suite))


def finalize(message: bytes, element: Element, *, info: bytes | None = None) -> bytes:
    """The hash that ends Finalize (§3.3.1, §3.3.3)."""
    parts = (message, element) if info is None else (message, info, element)
    return sha512(lp(*parts) + b"Finalize").digest()


def blinded_as_given(suite: dict[str, Any], vector: dict[str, Any]) -> tuple[list[Scalar], list[Element]]:
    pairs = [
        blind(input_point(message, context(suite)), fixed(scalar))
        for message, scalar in zip(many(vector["Input"]), many(vector["Blind"]), strict=True)
    ]
    blinds, blinded = [scalar for scalar, _ in pairs], [element for _, element in pairs]
    assert blinds == many(vector["Blind"])
    assert blinded == many(vector["BlindedElement"])
    return blinds, blinded


@pytest.mark.parametrize("suite", [OPRF, VOPRF, POPRF], ids=["OPRF", "VOPRF", "POPRF"])
def test_keys_and_domains_are_those_of_the_rfc(suite: dict[str, Any]) -> None:
    key = derived_key(suite)
    assert key.hex() == suite["skSm"]
    assert "pkSm" not in suite or multiply_base(key).hex() == suite["pkSm"]
    assert (b"HashToGroup-" + context(suite)).hex() == suite["groupDST"]


@pytest.mark.parametrize("vector", cases(OPRF))
def test_oprf(vector: dict[str, Any]) -> None:
    blinds, blinded = blinded_as_given(OPRF, vector)
    evaluated = evaluate(decode_scalar(bytes.fromhex(OPRF["skSm"])), blinded)
    assert evaluated == many(vector["EvaluationElement"])
    points = unblind(blinds, evaluated)
    assert [finalize(m, p) for m, p in zip(many(vector["Input"]), points, strict=True)] == many(vector["Output"])


@pytest.mark.parametrize("vector", cases(VOPRF))
def test_voprf(vector: dict[str, Any]) -> None:
    key, public_key = decode_scalar(bytes.fromhex(VOPRF["skSm"])), decode_element(bytes.fromhex(VOPRF["pkSm"]))
    blinds, blinded = blinded_as_given(VOPRF, vector)
    evaluated = evaluate(key, blinded)
    assert evaluated == many(vector["EvaluationElement"])

    nonce = fixed(bytes.fromhex(vector["Proof"]["r"]))
    proof = generate_proof(key, public_key, blinded, evaluated, context=context(VOPRF), random=nonce)
    assert proof.hex() == vector["Proof"]["proof"]
    verify_proof(public_key, blinded, evaluated, proof, context=context(VOPRF))

    points = unblind(blinds, evaluated)
    assert [finalize(m, p) for m, p in zip(many(vector["Input"]), points, strict=True)] == many(vector["Output"])
    assert points == [multiply(key, input_point(message, context(VOPRF))) for message in many(vector["Input"])]


@pytest.mark.parametrize("vector", cases(POPRF))
def test_poprf(vector: dict[str, Any]) -> None:
    key, public_key = decode_scalar(bytes.fromhex(POPRF["skSm"])), decode_element(bytes.fromhex(POPRF["pkSm"]))
    info = bytes.fromhex(vector["Info"])
    tweak = hash_to_scalar(b"Info" + lp(info), b"HashToScalar-" + context(POPRF))
    tweaked, tweaked_key = scalar_add(key, tweak), add(public_key, multiply_base(tweak))
    blinds, blinded = blinded_as_given(POPRF, vector)
    evaluated = evaluate(scalar_invert(tweaked), blinded)
    assert evaluated == many(vector["EvaluationElement"])

    nonce = fixed(bytes.fromhex(vector["Proof"]["r"]))
    proof = generate_proof(tweaked, tweaked_key, evaluated, blinded, context=context(POPRF), random=nonce)
    assert proof.hex() == vector["Proof"]["proof"]
    verify_proof(tweaked_key, evaluated, blinded, proof, context=context(POPRF))

    points = unblind(blinds, evaluated)
    outputs = [finalize(m, p, info=info) for m, p in zip(many(vector["Input"]), points, strict=True)]
    assert outputs == many(vector["Output"])


def test_the_transcript_is_the_published_file() -> None:
    published = json.loads(shared("crypto/rfc9497_allVectors.json").read_text())
    assert [suite for suite in published if suite["identifier"] == "ristretto255-SHA512"] == [OPRF, VOPRF, POPRF]


# -- what a proof must not cover

KEY, PUBLIC = decode_scalar(bytes.fromhex(VOPRF["skSm"])), decode_element(bytes.fromhex(VOPRF["pkSm"]))
BATCH = VOPRF["vectors"][2]
INPUTS, OUTPUTS = many(BATCH["BlindedElement"]), many(BATCH["EvaluationElement"])
PROOF, CONTEXT = bytes.fromhex(BATCH["Proof"]["proof"]), context(VOPRF)
OTHER = multiply_base(decode_scalar(b"\x07" + bytes(31)))
Statement = tuple[Element, list[bytes], list[bytes], bytes, bytes]

FALSE_STATEMENTS: dict[str, Statement] = {
    "another key": (OTHER, INPUTS, OUTPUTS, PROOF, CONTEXT),
    "another input": (PUBLIC, [OTHER, INPUTS[1]], OUTPUTS, PROOF, CONTEXT),
    "another output": (PUBLIC, INPUTS, [OUTPUTS[0], OTHER], PROOF, CONTEXT),
    "outputs exchanged": (PUBLIC, INPUTS, OUTPUTS[::-1], PROOF, CONTEXT),
    "both sides in another order": (PUBLIC, INPUTS[::-1], OUTPUTS[::-1], PROOF, CONTEXT),
    "inputs and outputs exchanged": (PUBLIC, OUTPUTS, INPUTS, PROOF, CONTEXT),
    "part of the batch": (PUBLIC, INPUTS[:1], OUTPUTS[:1], PROOF, CONTEXT),
    "more than the batch": (PUBLIC, [*INPUTS, INPUTS[0]], [*OUTPUTS, OUTPUTS[0]], PROOF, CONTEXT),
    "another context": (PUBLIC, INPUTS, OUTPUTS, PROOF, CONTEXT + b"2"),
    "fewer outputs": (PUBLIC, INPUTS, OUTPUTS[:1], PROOF, CONTEXT),
    "nothing": (PUBLIC, [], [], PROOF, CONTEXT),
    "challenge and response exchanged": (PUBLIC, INPUTS, OUTPUTS, PROOF[32:] + PROOF[:32], CONTEXT),
    "short": (PUBLIC, INPUTS, OUTPUTS, PROOF[:63], CONTEXT),
    "long": (PUBLIC, INPUTS, OUTPUTS, PROOF + b"\0", CONTEXT),
    "only zeros": (PUBLIC, INPUTS, OUTPUTS, bytes(64), CONTEXT),
}


@pytest.mark.parametrize("statement", FALSE_STATEMENTS.values(), ids=FALSE_STATEMENTS)
def test_a_proof_holds_for_its_own_statement_only(statement: Statement) -> None:
    public_key, inputs, outputs, proof, ctx = statement
    with pytest.raises(ProofError):
        verify_proof(public_key, inputs, outputs, proof, context=ctx)


def test_a_proof_with_any_bit_changed_does_not_hold() -> None:
    for bit in range(512):
        mutated = bytearray(PROOF)
        mutated[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ProofError):
            verify_proof(PUBLIC, INPUTS, OUTPUTS, bytes(mutated), context=CONTEXT)


def test_a_proof_has_one_encoding() -> None:
    order = 2**252 + 27742317777372353535851937790883648493
    for start in (0, 32):
        larger = (int.from_bytes(PROOF[start : start + 32], "little") + order).to_bytes(32, "little")
        with pytest.raises(ProofError):
            verify_proof(PUBLIC, INPUTS, OUTPUTS, PROOF[:start] + larger + PROOF[start + 32 :], context=CONTEXT)


@pytest.mark.parametrize("bad", [bytes(32), b"\x01" + bytes(31), INPUTS[1][:31]], ids=["identity", "invalid", "short"])
def test_an_element_that_is_none_is_located(bad: bytes) -> None:
    calls: list[Callable[[], object]] = [
        lambda: evaluate(KEY, [INPUTS[0], bad]),
        lambda: unblind([KEY, KEY], [OUTPUTS[0], bad]),
        lambda: generate_proof(KEY, PUBLIC, [INPUTS[0], bad], OUTPUTS, context=CONTEXT, random=fixed(KEY)),
        lambda: verify_proof(PUBLIC, [INPUTS[0], bad], OUTPUTS, PROOF, context=CONTEXT),
        lambda: verify_proof(PUBLIC, INPUTS, [OUTPUTS[0], bad], PROOF, context=CONTEXT),
    ]
    for call in calls:
        with pytest.raises(GroupError) as caught:
            call()
        assert caught.value.index == 1


def test_a_proof_covers_no_more_than_its_index_can_count() -> None:
    too_many = [OTHER] * (MAX_BATCH + 1)
    with pytest.raises(ProofError, match="65535"):
        generate_proof(KEY, PUBLIC, too_many, too_many, context=CONTEXT, random=fixed(KEY))
    with pytest.raises(ProofError, match="65535"):
        verify_proof(PUBLIC, too_many, too_many, PROOF, context=CONTEXT)


def test_unblinding_wants_as_many_elements_as_were_sent() -> None:
    with pytest.raises(GroupError, match="as many"):
        unblind([KEY, KEY], OUTPUTS[:1])
