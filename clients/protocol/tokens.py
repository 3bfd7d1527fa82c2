"""From an identifier to a token, and from a token to the pseudonym the broker matches on.

    client       P = hash_to_group(context ‖ value), sends r·P          blind_values
    key holder   k_A·r·P                                                evaluate, prove_evaluation
    client       t_A = k_A·P, its own token                             verify_evaluation, unblind
    broker       t = d_A·t_A = b·h·P, the covenant's pseudonym          rekey
                 the index to find it by, the handle to log it by       pseudonym_index, subject_handle

Multiplications are all the cost. Functions over a batch take a `pool`, an executor of whoever calls, and share large
batches out over it; order and errors are those without one. Give them processes: four on four cores do three times the
work of one. Threads do one and a half, although libsodium runs without Python's global lock: at 50 µs a call they wait
for each other to hand it over. What goes to a pool includes scalars, so trust its workers as this process is trusted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from clients.protocol import oprf
from clients.protocol.encoding import lp
from clients.protocol.errors import GroupError
from clients.protocol.group import Element, Scalar, multiply, multiply_base, random_scalar
from clients.protocol.keyed_hash import keyed_hash
from clients.protocol.oprf import Proof

__all__ = [
    "BlindedBatch",
    "TokenContext",
    "blind_values",
    "evaluate",
    "prove_evaluation",
    "pseudonym_index",
    "rekey",
    "rekey_many",
    "subject_handle",
    "unblind",
    "verify_evaluation",
]

Given = TypeVar("Given")
Made = TypeVar("Made")

PROTOCOL = "covenant-broker/v1"
CONTEXT = b"covenant-broker/v1-evaluation-ristretto255-SHA512"
"""Stands where RFC 9497 has its own contextString."""

_ELEMENT_LENGTH = (32).to_bytes(2, "big")
SHARE = 256
"""Elements a worker of the pool takes at a time: some 15 ms of work, beside which sending them is nothing."""


@dataclass(frozen=True, slots=True)
class TokenContext:
    """What a value is an identifier of. Equal values in two contexts have unrelated tokens."""

    covenant: str
    match_key: str
    normalisation_version: str

    def point(self, value: bytes) -> Element:
        """P for one normalised match key value. Raises EncodingError for a value above 65,535 bytes."""
        message = lp(PROTOCOL, self.covenant, self.match_key, self.normalisation_version, value)
        return oprf.input_point(message, CONTEXT)


@dataclass(frozen=True, slots=True)
class BlindedBatch:
    """`blinded` goes to the key holder; `blinds` stay here, for the values only: what follows them is padding."""

    blinded: tuple[Element, ...]
    blinds: tuple[Scalar, ...] = field(repr=False)


def blind_values(
    context: TokenContext,
    values: Sequence[bytes],
    random: Callable[[int], bytes],
    *,
    pad_to: int = 0,
    pool: Executor | None = None,
) -> BlindedBatch:
    """Blind each value. A batch smaller than `pad_to` is filled up with random elements, to hide how small it is.

    `random` is called here, never in the pool. Raises EncodingError for a value above 65,535 bytes.
    """
    blinds = [random_scalar(random) for _ in values]
    blinded = _shared_out(partial(_blind, context), list(zip(values, blinds, strict=True)), pool)
    padding = [multiply_base(random_scalar(random)) for _ in range(pad_to - len(values))]
    return BlindedBatch((*blinded, *padding), tuple(blinds))


def evaluate(key: Scalar, blinded: Sequence[bytes], *, pool: Executor | None = None) -> list[Element]:
    """k_A · each element, as it came from outside. Raises GroupError with the index of the first that is none."""
    return _shared_out(partial(oprf.evaluate, key), blinded, pool)


def prove_evaluation(
    key: Scalar,
    public_key: Element,
    blinded: Sequence[bytes],
    evaluated: Sequence[bytes],
    random: Callable[[int], bytes],
) -> Proof:
    """Proof that a batch of up to 65,535 was evaluated with the key behind `public_key`."""
    return oprf.generate_proof(key, public_key, blinded, evaluated, context=CONTEXT, random=random)


def verify_evaluation(public_key: Element, blinded: Sequence[bytes], evaluated: Sequence[bytes], proof: bytes) -> None:
    """Check that proof against the published K_A. Raises ProofError, and GroupError with an index."""
    oprf.verify_proof(public_key, blinded, evaluated, proof, context=CONTEXT)


def unblind(batch: BlindedBatch, evaluated: Sequence[bytes], *, pool: Executor | None = None) -> list[Element]:
    """The tokens of the batch's values, in order; what came back for padding is dropped.

    Verify a proof first, or later for a part of the batches: a token of another key finds nothing.
    Raises GroupError where another number of elements came back than was sent, and with the index of one that is none.
    """
    if len(evaluated) != len(batch.blinded):
        raise GroupError("as many elements must come back as were sent")
    return _shared_out(_unblind, list(zip(batch.blinds, evaluated, strict=False)), pool)


def rekey(conversion: Scalar, token: bytes) -> Element:
    """The pseudonym t = d_A·t_A of a token as it came from outside; or t' = Δ·t at a new epoch.

    Raises GroupError for the identity and for whatever else is not one canonical element.
    """
    return multiply(conversion, token)


def rekey_many(
    conversion: Scalar, tokens: Sequence[bytes], *, pool: Executor | None = None
) -> list[Element | GroupError]:
    """`rekey` of each; in the place of a token that is refused, the refusal, so that it stops no other."""
    made = _shared_out(partial(_rekey_each, conversion), tokens, pool)
    return [item.at(index) if isinstance(item, GroupError) else item for index, item in enumerate(made)]


def pseudonym_index(pepper: bytes, match_key: str, epoch: int) -> Callable[[Element], bytes]:
    """What the broker's database finds pseudonyms by: gives 32 bytes for each, HMAC-SHA-256(pepper, κ ‖ epoch ‖ t).

    Raises EncodingError for a pepper that is not 32 bytes long.
    """
    return keyed_hash(pepper, lp(match_key, str(epoch)) + _ELEMENT_LENGTH)


def subject_handle(audit_key: bytes, match_key: str) -> Callable[[Element], bytes]:
    """What the audit log names subjects by: gives 32 bytes for each, HMAC-SHA-256(audit key, κ ‖ t).

    Raises EncodingError for a key that is not 32 bytes long.
    """
    return keyed_hash(audit_key, lp(match_key) + _ELEMENT_LENGTH)


# -- shares of a batch: functions of the module, so that they can be sent to another process


def _blind(context: TokenContext, pairs: Sequence[tuple[bytes, Scalar]]) -> list[Element]:
    return [multiply(scalar, context.point(value)) for value, scalar in pairs]


def _unblind(pairs: Sequence[tuple[Scalar, bytes]]) -> list[Element]:
    return oprf.unblind([scalar for scalar, _ in pairs], [element for _, element in pairs])


def _rekey_each(conversion: Scalar, tokens: Sequence[bytes]) -> list[Element | GroupError]:
    made: list[Element | GroupError] = []
    for token in tokens:
        try:
            made.append(rekey(conversion, token))
        except GroupError as error:
            made.append(error)
    return made


def _shared_out(
    work: Callable[[Sequence[Given]], list[Made]], items: Sequence[Given], pool: Executor | None
) -> list[Made]:
    """`work` on all items, or on shares of them in the pool. An index that `work` reports is made the batch's own."""
    if pool is None or len(items) <= SHARE:
        return work(items)
    starts = range(0, len(items), SHARE)
    pending = [pool.submit(work, items[start : start + SHARE]) for start in starts]
    made: list[Made] = []
    for start, future in zip(starts, pending, strict=True):
        try:
            made += future.result()
        except GroupError as error:
            for other in pending:
                other.cancel()
            raise error if error.index is None else error.at(start + error.index) from None
    return made
