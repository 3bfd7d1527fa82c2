"""From identifiers to the party's own tokens, with the key holder's blind help.

The key holder sees blinded elements only. It signs a receipt for each batch; a proof that it used the published key is
verified for every batch of a small job, and for a random part of the batches of a large one: the key holder learns
which only after it has answered.

A key may be rotated at any time, also in the middle of a job. Either service then refuses what was made with the old
one, and `Tokeniser.carry_on` fetches and verifies the keys anew and asks again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from functools import partial
from typing import TypeVar

from clients.protocol.errors import ProtocolError
from clients.protocol.group import Element
from clients.protocol.messages.keyholder import MAXIMUM_EVALUATIONS, EvaluationAnswer
from clients.protocol.messages.signals import Token
from clients.protocol.normalise import NORMALISATION_VERSION
from clients.protocol.receipts import Receipt, SignedReceipt, verify_receipt
from clients.protocol.tokens import TokenContext, blind_values, unblind, verify_evaluation
from clients.sdk.agreement import Agreement
from clients.sdk.errors import ClientError, Stale, VerificationError
from clients.sdk.services import KeyHolder

Answer = TypeVar("Answer")

SMALL_JOB = 1000
"""Values up to which every batch is proved."""
PROVED_SHARE = 10
"""Of the batches of a larger job, one in so many is proved, at random."""
PADDED_TO = 16
"""Elements that a smaller batch is padded to, so that its size tells the key holder less."""


class Tokeniser:
    """Turns normalised match key values into tokens; remembers within one run what it has asked.

    `renew` fetches the agreement anew, once a key of it turns out to be stale.
    """

    def __init__(
        self,
        key_holder: KeyHolder,
        agreement: Agreement,
        party: str,
        random: Callable[[int], bytes],
        pool: Executor | None = None,
        *,
        renew: Callable[[], Agreement],
    ) -> None:
        self._key_holder, self._agreement, self._party = key_holder, agreement, party
        self._random, self._pool, self._renew = random, pool, renew
        self._tokens: dict[tuple[str, bytes], Element] = {}
        self._asked = 0

    def tokens(self, match_key: str, values: Iterable[bytes]) -> dict[bytes, Token]:
        """The token of each value, all of one key. Raises VerificationError, ClientError, Refused or Unreachable."""
        wanted = list(dict.fromkeys(values))
        while missing := [value for value in wanted if (match_key, value) not in self._tokens]:
            part = missing[:MAXIMUM_EVALUATIONS]
            made = self.carry_on(partial(self._evaluate, match_key, part))
            self._tokens |= {(match_key, value): token for value, token in made}
        version = self._agreement.keys[match_key].version if wanted else 0
        return {
            value: Token(match_key=match_key, key_version=version, token=self._tokens[match_key, value])
            for value in wanted
        }

    def carry_on(self, ask: Callable[[], Answer], again: Callable[[], Answer] | None = None) -> Answer:
        """The answer to a question that rests on our keys; if one has been rotated since, it is asked once more.

        `ask` has to take its tokens from here each time; or else `again` does, which is asked then with tokens made
        anew. Raises what they raise; ClientError where the services are not done with the rotation, or the covenant has
        another version by now.
        """
        try:
            return ask()
        except Stale as stale:
            if stale.code != "stale-key-version" or not (self._take_new_keys() or again):
                raise
        return (again or ask)()

    def _take_new_keys(self) -> bool:
        """Fetches the keys anew, and forgets the tokens of those that are others now; False if none is."""
        before, after = self._agreement, self._renew()
        if after.covenant.version != before.covenant.version:
            raise ClientError("the covenant has a new version since this began: begin anew")
        rotated = {match_key for match_key, key in before.keys.items() if after.keys.get(match_key) != key}
        self._agreement = after
        self._tokens = {place: token for place, token in self._tokens.items() if place[0] not in rotated}
        return bool(rotated)

    def _evaluate(self, match_key: str, values: list[bytes]) -> Iterator[tuple[bytes, Element]]:
        key = self._agreement.keys.get(match_key)
        if key is None and match_key in self._agreement.rotating:
            raise ClientError(
                f"this party's key for '{match_key}' was rotated at the key holder, and the broker has not taken the "
                "new one in: ask its operator to run the set-up, then repeat"
            )
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
