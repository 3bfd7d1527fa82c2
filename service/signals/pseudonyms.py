"""From a party's tokens to what the broker keeps of a subject. The token ends here; the pseudonym leaves sealed.

    t = d_A·t_A          d_A of the party's current key for the match key
    index                HMAC(pepper, κ/normalisation version ‖ epoch ‖ t)
    handle               HMAC(audit key, κ ‖ t)
    sealed               AES-256-GCM(sealing key, t), bound to its row

Whoever is asked to log or raise in this module must do without `token` and `pseudonym`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from clients.protocol.encoding import lp
from clients.protocol.errors import GroupError
from clients.protocol.group import Element, Scalar
from clients.protocol.tokens import pseudonym_index, rekey, rekey_many, subject_handle
from service.signals.keys import SubjectKeys

__all__ = ["Conversion", "Kept", "Recognised", "Pseudonymiser", "TokenRefusal", "refusal_of"]

NONCE_BYTES = 12
_SEAL_TAG = "covenant-broker/v1 stored pseudonym"
_IDENTITY = bytes(32)


@dataclass(frozen=True, slots=True)
class Conversion:
    """d_A of one party's current key for one match key."""

    match_key: str
    key_version: int
    epoch: int
    scalar: Scalar = field(repr=False)


@dataclass(frozen=True, slots=True)
class TokenRefusal:
    """Why a token is none: a code, and words without the token."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Recognised:
    """A subject by one match key: `index` finds it, `handle` names it in the audit log."""

    match_key: str
    index: bytes
    handle: bytes


@dataclass(frozen=True, slots=True)
class Kept:
    """All that is kept of a signal's token. `sealed` is bound to the signal."""

    subject: Recognised
    sealed: bytes


def refusal_of(token: bytes) -> TokenRefusal:
    """Which of the strict encoding's rules (RFC 9496 §4.3.1) a refused token breaks."""
    if token == _IDENTITY:
        return TokenRefusal("token-identity", "the token is the identity of the group")
    if token[-1] & 0x80:
        return TokenRefusal("token-not-canonical", "bit 255 of the token is set")
    return TokenRefusal("token-not-an-element", "the token is no canonical encoding of a ristretto255 element")


class Pseudonymiser:
    """Turns tokens of one party of one covenant into what is kept of them.

    `conversions` are those of the party by match key; `pool` shares out large batches, and sees the scalars.
    """

    def __init__(
        self,
        covenant_id: str,
        keys: SubjectKeys,
        conversions: Mapping[str, Conversion],
        random: Callable[[int], bytes],
        pool: Executor | None = None,
    ) -> None:
        self._covenant_id = covenant_id
        self._keys = keys
        self._conversions = conversions
        self._random = random
        self._pool = pool
        self._cipher = AESGCM(keys.sealing)

    def keep(
        self, match_key: str, normalisation_version: str, tokens: Sequence[tuple[UUID, bytes]]
    ) -> list[Kept | TokenRefusal]:
        """What is kept of each (signal id, token) of one match key; a refused token stops no other.

        Raises KeyError for a match key without a conversion.
        """
        conversion = self._conversions[match_key]
        made = rekey_many(conversion.scalar, [token for _, token in tokens], pool=self._pool)
        place = self._place(conversion, normalisation_version)
        recognised = self._recogniser(conversion, normalisation_version)
        nonces = self._random(NONCE_BYTES * len(tokens))
        kept: list[Kept | TokenRefusal] = []
        for number, ((signal_id, token), pseudonym) in enumerate(zip(tokens, made, strict=True)):
            if isinstance(pseudonym, GroupError):
                kept.append(refusal_of(token))
                continue
            nonce = nonces[number * NONCE_BYTES : (number + 1) * NONCE_BYTES]
            sealed = nonce + self._cipher.encrypt(nonce, pseudonym, place + signal_id.bytes)
            kept.append(Kept(recognised(pseudonym), sealed))
        return kept

    def recognise(self, match_key: str, normalisation_version: str, token: bytes) -> Recognised | TokenRefusal:
        """Whom a look-up asks about; nothing of it is kept. Raises KeyError for a match key without a conversion."""
        conversion = self._conversions[match_key]
        try:
            pseudonym = rekey(conversion.scalar, token)
        except GroupError:
            return refusal_of(token)
        return self._recogniser(conversion, normalisation_version)(pseudonym)

    def _recogniser(self, conversion: Conversion, normalisation_version: str) -> Callable[[Element], Recognised]:
        match_key = conversion.match_key
        # No match key has a slash in it, so key and version cannot be confused.
        scope = f"{match_key}/{normalisation_version}"
        index = pseudonym_index(self._keys.pepper, scope, conversion.epoch)
        handle = subject_handle(self._keys.audit, match_key)
        return lambda pseudonym: Recognised(match_key, index(pseudonym), handle(pseudonym))

    def _place(self, conversion: Conversion, normalisation_version: str) -> bytes:
        """What a sealed pseudonym is bound to, before the 16 bytes of the signal's id: elsewhere it does not open."""
        return lp(_SEAL_TAG, self._covenant_id, conversion.match_key, normalisation_version, str(conversion.epoch))
