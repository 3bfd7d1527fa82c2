"""A recipient verifies what the source signed of origins and handling codes, whatever the broker says of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from clients.protocol.messages.disclosure import DisclosedHit, Disclosure
from clients.sdk import Session, VerificationError, making
from clients.sdk.opening import NotOpened, Opened, Opener
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


@pytest.fixture
def two_fields(town: Town, monkeypatch: pytest.MonkeyPatch) -> tuple[Session, Disclosure]:
    """What the municipality is handed of a signal of the police with two fields, of which one is no text."""
    seal = making.seal_field
    monkeypatch.setattr(making, "seal_field", lambda value, *rest: seal(b"\xff" if value == b"?" else value, *rest))
    town.submit("municipality", record("M-1", 1))
    town.submit("police", record("P-1", 1, **{"note.gist": "?", "contact.role": "desk"}))
    session = town.session("municipality")
    (hit,) = session.hits()
    assert hit.own is not None
    return session, session.disclose(hit.own.signal_id, "nuisance")


def test_a_field_that_is_no_text_stops_no_other(two_fields: tuple[Session, Disclosure]) -> None:
    session, disclosure = two_fields
    told = {one.item: one for one in session.open_fields(disclosure)}
    text, other = told["contact.role"], told["note.gist"]
    assert isinstance(text, Opened)
    assert (text.source, text.value, text.clause) == ("police", "desk", "art. 5.1")
    assert isinstance(other, NotOpened)
    assert other.reason == "what the source sealed is no text"


def test_a_field_without_a_ground_is_not_opened(two_fields: tuple[Session, Disclosure]) -> None:
    session, disclosure = two_fields
    (hit,) = disclosure.hits
    bent = hit.model_copy(update={"hit": hit.hit.model_copy(update={"grounds": {"hit": hit.hit.grounds["hit"]}})})
    told = list(session.open_fields(disclosure.model_copy(update={"hits": (bent,)})))
    assert {one.reason for one in told if isinstance(one, NotOpened)} == {
        "the broker gives a sealed field and no ground for it"
    }
    assert len(told) == 2


@pytest.mark.parametrize("lie", ["entry", "leaf", "moment", "signature"])
def test_a_broker_that_does_not_sign_for_the_entry_is_not_believed(
    two_fields: tuple[Session, Disclosure], lie: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, told = two_fields
    promise = told.leaf_promise
    bent: dict[str, Any] = {
        "entry": {"audit_entry_id": uuid4()},
        "leaf": {"leaf_promise": promise.model_copy(update={"leaf_hash": bytes(32)})},
        "moment": {"decided_at": told.decided_at + timedelta(seconds=1)},
        "signature": {"leaf_promise": promise.model_copy(update={"signature": bytes(64)})},
    }
    monkeypatch.setattr(session.broker, "disclose", lambda _: told.model_copy(update=bent[lie]))
    with pytest.raises(VerificationError, match="does not sign for the entry"):
        session.disclose(uuid4(), "nuisance")
