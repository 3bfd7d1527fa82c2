"""The conversion share c_A on its way from key holder to broker: sealed, because it links two parties' tokens.

HPKE to the broker's registered key; `info` names what the share is for, so that a share under another covenant, match
key, party or K_A does not open.
"""

from __future__ import annotations

from clients.protocol.ceremony import KeyScope
from clients.protocol.encoding import lp
from clients.protocol.errors import GroupError, SealError
from clients.protocol.group import Element, Scalar, decode_scalar
from clients.protocol.hybrid import SUITE_NAME, HybridPrivateKey, HybridPublicKey

__all__ = ["open_share", "seal_share"]

_TAG = "covenant-broker/v1 conversion share"


def seal_share(
    share: Scalar, broker_key: HybridPublicKey, scope: KeyScope, party: str, key_version: int, public: Element
) -> bytes:
    """Seal the c_A that belongs to K_A = `public`. Raises SealError for a key nothing can be sealed to."""
    return broker_key.seal(share, _info(scope, party, key_version, public))


def open_share(
    sealed: bytes, private_key: HybridPrivateKey, scope: KeyScope, party: str, key_version: int, public: Element
) -> Scalar:
    """c_A, at the broker; `ceremony.accept_share` checks that it fits. Raises SealError for what is no such share."""
    try:
        return decode_scalar(private_key.open(sealed, _info(scope, party, key_version, public)))
    except GroupError:
        raise SealError("what was sealed is no scalar") from None


def _info(scope: KeyScope, party: str, key_version: int, public: Element) -> bytes:
    return lp(_TAG, SUITE_NAME, scope.covenant, scope.match_key, party, str(key_version), public)
