"""The verifiable oblivious PRF of RFC 9497 in the suite ristretto255-SHA512: blind, evaluate, prove, unblind.

The client holds a point P and learns k·P; the key holder holds k and learns nothing about P; a proof shows that the
same k was used for a whole batch, and that it is the one behind the published key k·G. Where RFC 9497 hashes the
result once more (Finalize) this protocol keeps the group element: the broker has to multiply it again.

A *context* separates the uses of one group: it ends every domain separation tag, in the place of RFC 9497's
`contextString` (§3.1). Proofs made in one context do not hold in another.

Elements that come from outside need no decoding before they come here: each is multiplied, and `group.multiply`
refuses what is not a canonical element other than the identity. A refusal in a batch names its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha512
from hmac import compare_digest
from typing import NewType

from clients.protocol.encoding import lp
from clients.protocol.errors import GroupError, ProofError
from clients.protocol.group import (
    Element,
    Scalar,
    add,
    decode_scalar,
    hash_to_group,
    hash_to_scalar,
    invert_many,
    multiply,
    multiply_base,
    random_scalar,
    scalar_multiply,
    scalar_subtract,
)

__all__ = ["MAX_BATCH", "Proof", "blind", "evaluate", "generate_proof", "input_point", "unblind", "verify_proof"]

Proof = NewType("Proof", bytes)
"""Challenge and response, two scalars: 64 bytes."""

MAX_BATCH = 0xFFFF
"""Elements one proof can cover: their index is written in two bytes (RFC 9497 §2.2.1)."""


def input_point(message: bytes, context: bytes) -> Element:
    """The element that stands for a private input (RFC 9497 §3.3.1)."""
    return hash_to_group(message, b"HashToGroup-" + context)


def blind(point: Element, random: Callable[[int], bytes]) -> tuple[Scalar, Element]:
    """A fresh blind r and the blinded element r·P (RFC 9497 §3.3.1, Blind)."""
    scalar = random_scalar(random)
    return scalar, multiply(scalar, point)


def evaluate(key: Scalar, blinded: Iterable[bytes]) -> list[Element]:
    """k·C for each C, blinded or not (BlindEvaluate without its proof).

    Raises GroupError with the index of the first that is not an element.
    """
    evaluated: list[Element] = []
    for index, element in enumerate(blinded):
        try:
            evaluated.append(multiply(key, element))
        except GroupError as error:
            raise error.at(index) from None
    return evaluated


def unblind(blinds: Sequence[Scalar], evaluated: Sequence[bytes]) -> list[Element]:
    """k·P for each: the evaluated element over its blind. The blinds are inverted together.

    Raises GroupError with the index of the first that is not an element, and where the numbers differ.
    """
    if len(blinds) != len(evaluated):
        raise GroupError("as many elements must come back as were sent")
    points: list[Element] = []
    for index, (inverse, element) in enumerate(zip(invert_many(blinds), evaluated, strict=True)):
        try:
            points.append(multiply(inverse, element))
        except GroupError as error:
            raise error.at(index) from None
    return points


def generate_proof(
    key: Scalar,
    public_key: Element,
    inputs: Sequence[bytes],
    outputs: Sequence[bytes],
    *,
    context: bytes,
    random: Callable[[int], bytes],
) -> Proof:
    """Proof that `outputs[i]` = k · `inputs[i]` for all i, with k the logarithm of `public_key` (RFC 9497 §2.2.1).

    It does not check the statement: a proof of a false one simply does not hold. Raises GroupError with the index of
    an input that is not an element, ProofError for a batch that is empty, uneven or above MAX_BATCH.
    """
    weights = _weights(public_key, inputs, outputs, context)
    composite_input = _weighted_sum(weights, inputs)
    composite_output = multiply(key, composite_input)  # ComputeCompositesFast: who knows k saves half the work
    nonce = random_scalar(random)
    challenge = _challenge(
        public_key,
        composite_input,
        composite_output,
        multiply_base(nonce),
        multiply(nonce, composite_input),
        context,
    )
    response = scalar_subtract(nonce, scalar_multiply(challenge, key))
    return Proof(challenge + response)


def verify_proof(
    public_key: Element, inputs: Sequence[bytes], outputs: Sequence[bytes], proof: bytes, *, context: bytes
) -> None:
    """Check a proof of `generate_proof` (RFC 9497 §2.2.2).

    Raises ProofError where it does not hold or is not two canonical scalars, GroupError with the index of an input or
    output that is not an element.
    """
    weights = _weights(public_key, inputs, outputs, context)
    composite_input = _weighted_sum(weights, inputs)
    composite_output = _weighted_sum(weights, outputs)
    try:
        challenge, response = decode_scalar(proof[:32]), decode_scalar(proof[32:])
        expected = _challenge(
            public_key,
            composite_input,
            composite_output,
            add(multiply_base(response), multiply(challenge, public_key)),
            add(multiply(response, composite_input), multiply(challenge, composite_output)),
            context,
        )
    except GroupError:  # not two scalars, or a commitment at the identity, which no honest prover makes
        raise ProofError("proof does not hold") from None
    if not compare_digest(expected, challenge):
        raise ProofError("proof does not hold")


def _weights(public_key: Element, inputs: Sequence[bytes], outputs: Sequence[bytes], context: bytes) -> list[Scalar]:
    """The coefficients d_i of ComputeComposites: nobody can choose elements to fit them."""
    if len(inputs) != len(outputs):
        raise ProofError("a proof covers as many outputs as inputs")
    if not 0 < len(inputs) <= MAX_BATCH:
        raise ProofError(f"a proof covers 1 to {MAX_BATCH} elements")
    seed = lp(sha512(lp(public_key, b"Seed-" + context)).digest())
    dst = b"HashToScalar-" + context
    return [
        hash_to_scalar(seed + index.to_bytes(2, "big") + lp(given, returned) + b"Composite", dst)
        for index, (given, returned) in enumerate(zip(inputs, outputs, strict=True))
    ]


def _weighted_sum(weights: Sequence[Scalar], elements: Sequence[bytes]) -> Element:
    total: Element | None = None
    for index, (weight, element) in enumerate(zip(weights, elements, strict=True)):
        try:
            term = multiply(weight, element)
            total = term if total is None else add(total, term)
        except GroupError as error:
            raise error.at(index) from None
    if total is None:
        raise ProofError("a proof covers at least one element")
    return total


def _challenge(
    public_key: Element,
    composite_input: Element,
    composite_output: Element,
    commitment_to_base: Element,
    commitment_to_input: Element,
    context: bytes,
) -> Scalar:
    transcript = lp(public_key, composite_input, composite_output, commitment_to_base, commitment_to_input)
    return hash_to_scalar(transcript + b"Challenge", b"HashToScalar-" + context)
