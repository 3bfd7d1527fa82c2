"""What a caller cannot sign, because no service would take it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from clients.protocol import jws
from clients.protocol.errors import TokenError
from clients.protocol.request_token import sign_request, verify_request

KEY = jws.generate_key()
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ABOUT = {"audience": "https://broker.example", "method": "GET", "target": "/v1/x", "body": b"", "now": NOW}


def signed(actor: str | None) -> str:
    return sign_request(KEY, principal="police", jti="one", actor=actor, **ABOUT)  # type: ignore[arg-type]


@pytest.mark.parametrize("actor", ["", "j.de vries", "j@politie.nl", "de-Vriës", "x" * 65, "desk\n7"])
def test_an_actor_that_is_no_pseudonym_is_not_signed(actor: str) -> None:
    with pytest.raises(TokenError, match="an actor is"):
        signed(actor)


@pytest.mark.parametrize("actor", [None, "desk-7", "e_1203.a", "x" * 64])
def test_an_actor_travels_as_it_was_given(actor: str | None) -> None:
    keys = {jws.thumbprint(KEY): KEY.public_key()}
    assert verify_request(signed(actor), keys, **ABOUT).actor == actor  # type: ignore[arg-type]
