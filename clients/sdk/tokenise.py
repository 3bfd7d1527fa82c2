"""From identifiers to the party's own tokens, with the key holder's blind help.

The key holder sees blinded elements only. It signs a receipt for each batch; a proof that it used the published key is
verified for every batch of a small job, and for a random part of the batches of a large one: the key holder learns
which only after it has answered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor

from clients.protocol.errors import ProtocolError
from clients.protocol.group import Element
from clients.protocol.messages.keyholder import MAXIMUM_EVALUATIONS, EvaluationAnswer
from clients.protocol.normalise import NORMALISATION_VERSION
from clients.protocol.receipts import Receipt, SignedReceipt, verify_receipt
from clients.protocol.tokens import TokenContext, blind_values, unblind, verify_evaluation
from clients.sdk.agreement import Agreement
from clients.sdk.errors import ClientError, VerificationError
from clients.sdk.services import KeyHolder

SMALL_JOB = 1000
"""Values up to which every batch is proved."""
PROVED_SHARE = 10
"""Of the batches of a larger job, one in so many is proved, at random."""
PADDED_TO = 16
"""Elements that a smaller batch is padded to, so that its size tells the key holder less."""


class Tokeniser:
    """Turns normalised match key values into tokens; remembers within one run what it has asked."""

    def __init__(
        self,
        key_holder: KeyHolder,
        agreement: Agreement,
        party: str,
        random: Callable[[int], bytes],
        pool: Executor | None = None,
    ) -> None:
        self._key_holder, self._agreement, self._party = key_holder, agreement, party
        self._random, self._pool = random, pool
        self._tokens: dict[tuple[str, bytes], Element] = {}
        self._asked = 0

    def tokens(self, match_key: str, values: Iterable[bytes]) -> dict[bytes, Element]:
        """The token of each value. Raises VerificationError, ClientError, Refused or Unreachable."""
        wanted = list(dict.fromkeys(values))
        missing = [value for value in wanted if (match_key, value) not in self._tokens]
        for start in range(0, len(missing), MAXIMUM_EVALUATIONS):
            part = missing[start : start + MAXIMUM_EVALUATIONS]
            self._tokens |= {(match_key, value): token for value, token in self._evaluate(match_key, part)}
        return {value: self._tokens[match_key, value] for value in wanted}

    def _evaluate(self, match_key: str, values: list[bytes]) -> Iterator[tuple[bytes, Element]]:
        key = self._agreement.keys.get(match_key)
        if key is None:
            raise ClientError(f"this party has no key for match key '{match_key}'; ask the operators to run the set-up")
        context = TokenContext(self._agreement.covenant.id, match_key, NORMALISATION_VERSION)
        batch = blind_values(context, values, self._random, pad_to=PADDED_TO, pool=self._pool)
        self._asked += len(values)
        always = self._asked <= SMALL_JOB
        answer = self._key_holder.evaluate(match_key, key.version, batch.blinded, prove=always)
        receipt = answer.receipt
        try:
            verify_receipt(
                self._agreement.receipt_key,
                SignedReceipt(
                    Receipt(
                        receipt.receipt_id,
                        receipt.party,
                        receipt.covenant_id,
                        receipt.match_key,
                        receipt.key_version,
                        receipt.count,
                        receipt.digest,
                    ),
                    receipt.signature,
                ),
                party=self._party,
                covenant=self._agreement.covenant.id,
                match_key=match_key,
                key_version=key.version,
                blinded=batch.blinded,
                evaluated=answer.evaluated,
            )
            if always or int.from_bytes(self._random(4), "big") % PROVED_SHARE == 0:
                proof = self._proof(answer, batch.blinded)
                verify_evaluation(key.public, batch.blinded, answer.evaluated, proof)
            tokens = unblind(batch, answer.evaluated, pool=self._pool)
        except ProtocolError as error:
            raise VerificationError(f"the key holder's evaluation does not hold: {error}") from None
        return zip(values, tokens, strict=True)

    def _proof(self, answer: EvaluationAnswer, blinded: tuple[Element, ...]) -> bytes:
        if answer.proof is not None:
            proof: bytes = answer.proof
            return proof
        return self._key_holder.prove(answer.receipt, blinded, answer.evaluated)
