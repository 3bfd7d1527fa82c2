"""A conversion share reaches the broker, and opens as nothing but itself."""

from __future__ import annotations

import secrets

import pytest

from clients.protocol.ceremony import KeyScope, draw_party_key, draw_secret
from clients.protocol.errors import SealError
from clients.protocol.hybrid import HybridPrivateKey
from clients.protocol.shares import open_share, seal_share

SCOPE = KeyScope("complex-approach", "address-bag")


def test_a_share_opens_for_the_broker_it_was_sealed_to_as_what_it_is_and_as_nothing_else() -> None:
    broker, other = (HybridPrivateKey.generate(secrets.token_bytes) for _ in range(2))
    h = draw_secret(secrets.token_bytes)
    key = draw_party_key(h.secret, secrets.token_bytes)
    sealed = seal_share(key.share, broker.public_key(), SCOPE, "police", 1, key.public)
    assert open_share(sealed, broker, SCOPE, "police", 1, key.public) == key.share
    for wrong in (
        (other, SCOPE, "police", 1, key.public),
        (broker, KeyScope("complex-approach", "address-postcode"), "police", 1, key.public),
        (broker, KeyScope("severe-nuisance", "address-bag"), "police", 1, key.public),
        (broker, SCOPE, "housing", 1, key.public),
        (broker, SCOPE, "police", 2, key.public),
        (broker, SCOPE, "police", 1, h.public),
    ):
        with pytest.raises(SealError):
            open_share(sealed, *wrong)


def test_what_was_sealed_must_be_a_scalar() -> None:
    broker = HybridPrivateKey.generate(secrets.token_bytes)
    key = draw_party_key(draw_secret(secrets.token_bytes).secret, secrets.token_bytes)
    sealed = seal_share(b"\xff" * 32, broker.public_key(), SCOPE, "police", 1, key.public)  # type: ignore[arg-type]
    with pytest.raises(SealError, match="no scalar"):
        open_share(sealed, broker, SCOPE, "police", 1, key.public)
