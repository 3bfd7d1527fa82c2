"""No answer is used before the broker's log has given its word that the decision stands in it.

A disclosure comes with the log's signature over the leaf of its audit entry (`clients.protocol.leaf_promise`). Until a
head covers the leaf, that is what binds the log: a broker that answers and leaves the entry out has signed for it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from clients.protocol.errors import SignatureError
from clients.protocol.leaf_promise import verify_promise
from clients.protocol.logs import log_origin
from clients.protocol.messages.disclosure import Disclosure
from clients.sdk.errors import VerificationError
from clients.sdk.log_keys import LOG_KEYS, kept_keys
from clients.sdk.profile import Profile
from clients.sdk.services import Broker, KeyHolder

__all__ = ["OnRecord"]


class OnRecord:
    """For one party, in one sitting."""

    def __init__(self, profile: Profile, broker: Broker, key_holder: KeyHolder) -> None:
        self._directory = profile.directory
        self._origin = log_origin(profile.broker.issuer, profile.covenant)
        self._services = broker, key_holder

    def told(self, ask: Callable[[], Disclosure]) -> Disclosure:
        """What the broker answers when it is asked. Raises VerificationError if its log does not sign for the entry.

        The log's key is first: where the services do not tell the same, the broker is asked nothing.
        """
        key = self._key
        disclosure = ask()
        promise = disclosure.leaf_promise
        try:
            verify_promise(
                key,
                self._origin,
                disclosure.audit_entry_id,
                promise.leaf_hash,
                disclosure.decided_at,
                promise.signature,
            )
        except SignatureError:
            raise VerificationError(
                "the broker does not sign for the entry of its decision with the key of its log in "
                f"{self._directory / LOG_KEYS}"
            ) from None
        return disclosure

    @cached_property
    def _key(self) -> bytes:
        """By which the broker's log signs, as both services told when it was first needed."""
        log, _ = kept_keys(self._directory, *self._services)
        return log.public_key
