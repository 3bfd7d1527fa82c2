"""A recipient verifies what the source signed of origins and handling codes, whatever the broker says of them."""

from __future__ import annotations

from typing import Any

import pytest

from clients.protocol.messages.broker import DisclosedHit, Disclosure
from clients.sdk import VerificationError
from clients.sdk.opening import Opener
from tests.governance.conftest import founded, postgres, town
from tests.governance.town import Town, record

__all__ = ["founded", "postgres", "town"]


@pytest.fixture
def disclosed(town: Town) -> tuple[Opener, Disclosure]:
    """What the municipality is handed of a signal of the care team that came from the police."""
    town.submit("municipality", record("M-1", 1))
    town.submit("care-team", record("C-1", 1, origins="police", handling_codes="not-to-landlords"))
    session = town.session("municipality")
    (hit,) = session.hits()
    assert hit.own is not None
    disclosure = session.disclose(hit.own.signal_id, "nuisance")
    opener = Opener(session.profile, session.agreement, session.broker, session.key_holder, session.version)
    return opener, disclosure


def test_a_recipient_verifies_origins_and_codes(disclosed: tuple[Opener, Disclosure]) -> None:
    opener, disclosure = disclosed
    (hit,) = disclosure.hits
    assert (hit.hit.origins, hit.hit.handling_codes) == (("police",), ("not-to-landlords",))
    opener.verify(hit)


@pytest.mark.parametrize(
    "lie",
    [
        {"origins": ()},
        {"origins": ("municipality",)},
        {"handling_codes": ()},
        {"handling_codes": ("not-to-landlords", "not-to-police")},
        {"origins": None},
        {"handling_codes": None},
    ],
)
def test_a_broker_that_hides_or_invents_one_is_found_out(
    disclosed: tuple[Opener, Disclosure], lie: dict[str, Any]
) -> None:
    opener, disclosure = disclosed
    (hit,) = disclosure.hits
    bent = DisclosedHit(hit=hit.hit.model_copy(update=lie), sealed=hit.sealed, evidence=hit.evidence)
    with pytest.raises(VerificationError):
        opener.verify(bent)
