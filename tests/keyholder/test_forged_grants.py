"""Grants that open nothing: not the broker's, or the broker's and outside what the covenant allows."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from clients.protocol import jws
from clients.protocol.encoding import b64u_decode, b64u_encode
from clients.protocol.grants import TYP, Grant, sign_grant
from clients.protocol.messages.keyholder import ReleaseAnswer
from clients.protocol.sealing import SealedField, WrapInfo
from tests.keyholder.house import House, read
from tests.keyholder.refusing import assert_refused

# -- grants that are none


def refuse_grant(house: House, token: str, sealed: SealedField) -> None:
    assert_refused(house, house.release(token, sealed.wrapped_key), "grant-invalid")
    [entry] = house.entries("release-refused")
    assert "grant" not in entry, "nothing of an unverified grant is believed, not even for the log"


def test_a_grant_that_the_broker_did_not_sign(house: House, field: tuple[WrapInfo, SealedField]) -> None:
    info, sealed = field
    refuse_grant(house, sign_grant(house.grant(info, sealed.wrapped_key), jws.generate_key()), sealed)


def test_a_grant_in_the_name_of_another_broker(house: House, field: tuple[WrapInfo, SealedField]) -> None:
    info, sealed = field
    grant = house.grant(info, sealed.wrapped_key, broker="https://another.example")
    refuse_grant(house, sign_grant(grant, house.broker.granting), sealed)


def test_a_grant_under_the_brokers_other_key(house: House, field: tuple[WrapInfo, SealedField]) -> None:
    info, sealed = field
    refuse_grant(house, sign_grant(house.grant(info, sealed.wrapped_key), house.broker.authentication), sealed)


def test_a_grant_under_a_borrowed_key_id(house: House, field: tuple[WrapInfo, SealedField]) -> None:
    info, sealed = field
    genuine = sign_grant(house.grant(info, sealed.wrapped_key), house.broker.granting)
    forged = sign_grant(house.grant(info, sealed.wrapped_key), jws.generate_key())
    refuse_grant(house, ".".join([genuine.split(".")[0], *forged.split(".")[1:]]), sealed)


def test_a_grant_whose_claims_were_changed(house: House, field: tuple[WrapInfo, SealedField]) -> None:
    info, sealed = field
    head, payload, signature = sign_grant(house.grant(info, sealed.wrapped_key), house.broker.granting).split(".")
    changed = b64u_encode(b64u_decode(payload).replace(b'"gist"', b'"full"'))
    assert changed != payload
    refuse_grant(house, f"{head}.{changed}.{signature}", sealed)


def test_a_grant_for_another_key_holder(house: House, field: tuple[WrapInfo, SealedField]) -> None:
    info, sealed = field
    grant = house.grant(info, sealed.wrapped_key, key_holder="https://another.example")
    refuse_grant(house, sign_grant(grant, house.broker.granting), sealed)


def test_a_token_of_another_type(house: House, field: tuple[WrapInfo, SealedField]) -> None:
    info, sealed = field
    token = sign_grant(house.grant(info, sealed.wrapped_key), house.broker.granting)
    head = b64u_encode(b64u_decode(token.split(".")[0]).replace(TYP.encode(), b"covenant-request+jwt"))
    refuse_grant(house, ".".join([head, *token.split(".")[1:]]), sealed)


def test_an_expired_grant_even_if_it_was_used_in_time(house: House, field: tuple[WrapInfo, SealedField]) -> None:
    info, sealed = field
    token = sign_grant(house.grant(info, sealed.wrapped_key), house.broker.granting)
    read(house.release(token, sealed.wrapped_key), ReleaseAnswer)
    house.clock.advance(timedelta(seconds=126))
    assert_refused(house, house.release(token, sealed.wrapped_key), "grant-invalid", before=1)


def test_a_grant_that_lives_too_long(house: House, field: tuple[WrapInfo, SealedField]) -> None:
    info, sealed = field
    claims = house.grant(info, sealed.wrapped_key)
    token = sign_grant(claims, house.broker.granting)
    payload = b64u_decode(token.split(".")[1])
    longer = payload.replace(
        f'"exp":{int(claims.expires_at.timestamp())}'.encode(),
        f'"exp":{int(claims.expires_at.timestamp()) + 1}'.encode(),
    )
    assert longer != payload
    signed = jws.sign(json.loads(longer), house.broker.granting, typ=TYP, kid=jws.thumbprint(house.broker.granting))
    refuse_grant(house, signed, sealed)


# -- genuine grants of a broker that is wrong, or dishonest

Change = Callable[[House, Grant], Grant]


def changed_info(**changes: Any) -> Change:
    return lambda house, grant: replace(grant, info=replace(grant.info, **changes))


def changed(**changes: Any) -> Change:
    return lambda house, grant: replace(grant, **changes)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (changed(recipient="housing-north"), "grant-of-another"),
        (changed_info(covenant="severe-nuisance"), "grant-of-another"),
        (changed(wrapped_key_digest=bytes(32)), "wrapped-key-mismatch"),
        (changed(current_version="ab" * 32), "version-not-current"),
        (changed_info(version="ab" * 32), "version-unknown"),
        (changed_info(party="municipality"), "recipient-is-source"),
        (changed_info(party="tax-office"), "party-not-active"),
        (changed_info(origins=("tax-office",)), "party-not-active"),
        (changed(purpose="support"), "purpose-not-of-signal"),
        (changed_info(purposes=("support",)), "purpose-not-of-signal"),
        (changed_info(variant="summary"), "item-unknown"),
        (changed_info(field="photo"), "item-unknown"),
        (changed_info(variant="full"), "not-in-matrix"),
        (changed_info(field="contact", variant="name"), "not-in-matrix"),
        (changed_info(category="drug-dealing"), "not-in-matrix"),
        (changed_info(category="unheard-of"), "not-in-matrix"),
        (changed(stage="closed"), "not-in-matrix"),
        (changed(stage="unheard-of"), "not-in-matrix"),
        (changed_info(origins=("municipality",)), "not-in-matrix"),
        (changed(rule="landlord-sees-recent-nuisance"), "rule-not-a-ground"),
        (changed(rule="no-criminal-data-to-landlords"), "rule-not-a-ground"),
        (changed_info(handling_codes=("not-invented-here",)), "handling-code-unknown"),
        (changed_info(handling_codes=("source-withheld",)), "handling-code-blocks"),
        (changed_info(retention_month="2026-10"), "retention-over"),
        # From here on the matrix has nothing against it, and the wrapped key does not open.
        (changed(stage="weighing"), None),
        (changed_info(signal_id=bytes(16)), "field-key-unreadable"),
        (changed_info(party="housing-north"), "field-key-unreadable"),
        (changed_info(category="waste"), "field-key-unreadable"),
        (changed_info(match_keys=("address-postcode",)), "field-key-unreadable"),
        (changed_info(purposes=("nuisance", "support")), "field-key-unreadable"),
        (changed_info(handling_codes=("not-to-landlords",)), "field-key-unreadable"),
        (changed_info(origins=("housing-north",)), "field-key-unreadable"),
        (changed_info(field="contact", variant="role"), "field-key-unreadable"),
        (changed_info(retention_month="2027-10"), "field-key-unreadable"),
        (changed_info(retention_month="2031-01"), "field-key-unreadable"),
    ],
)
def test_a_grant_opens_exactly_what_was_sealed_and_only_inside_the_matrix(
    house: House, field: tuple[WrapInfo, SealedField], change: Change, code: str | None
) -> None:
    info, sealed = field
    house.sealing_key("2027-10")
    grant = house.recorded(change(house, house.grant(info, sealed.wrapped_key)))
    response = house.release(grant, sealed.wrapped_key)
    if code is None:
        assert response.status_code == 200
        return
    assert_refused(house, response, code)


def test_a_refusal_says_the_clause_that_forbids(house: House) -> None:
    info, sealed = house.sealed(party="care-team")
    grant = house.grant(info, sealed.wrapped_key, recipient="police", rule="police-sees-nuisance")
    response = house.release(grant, sealed.wrapped_key, by="police")
    assert_refused(house, response, "not-in-matrix")
    assert response.json()["clause"] == "art. 8.2"
    [entry] = house.entries("release-refused")
    assert (entry["grant"], entry["items"], entry["parties"]) == (grant.jti, ["note.gist"], ["care-team"])


def test_what_an_origin_may_not_show_is_not_shown_through_another(house: House) -> None:
    info, sealed = house.sealed(party="housing-north", origins=("care-team",))
    grant = house.grant(info, sealed.wrapped_key, recipient="police", rule="police-sees-nuisance")
    assert_refused(house, house.release(grant, sealed.wrapped_key, by="police"), "not-in-matrix")


def test_every_way_of_not_opening_has_the_same_words(house: House, field: tuple[WrapInfo, SealedField]) -> None:
    info, sealed = field
    flipped = bytes([sealed.wrapped_key[0] ^ 1]) + sealed.wrapped_key[1:]
    wrong = [
        (info, flipped),
        (info, sealed.wrapped_key[:-1]),
        (info, b""),
        (replace(info, retention_month="2031-01"), sealed.wrapped_key),
        (replace(info, signal_id=bytes(16)), sealed.wrapped_key),
    ]
    answers = []
    for context, wrapped_key in wrong:
        problem = house.release(house.grant(context, wrapped_key), wrapped_key).json()
        del problem["traceId"]
        answers.append(problem)
    assert all(answer == answers[0] for answer in answers)
    assert {entry["reason"] for entry in house.entries("release-refused")} == {"field-key-unreadable"}


def test_another_party_cannot_use_the_recipients_grant(house: House, field: tuple[WrapInfo, SealedField]) -> None:
    info, sealed = field
    response = house.release(house.grant(info, sealed.wrapped_key), sealed.wrapped_key, by="care-team")
    assert_refused(house, response, "grant-of-another")


def test_another_wrapped_key_than_the_grants(house: House, field: tuple[WrapInfo, SealedField]) -> None:
    info, sealed = field
    _, other = house.sealed()
    response = house.release(house.grant(info, sealed.wrapped_key), other.wrapped_key)
    assert_refused(house, response, "wrapped-key-mismatch")


@pytest.mark.parametrize("suspended", ["police", "municipality", "housing-north"])
def test_no_suspended_party_asks_shows_or_stands_behind_what_is_shown(house: House, suspended: str) -> None:
    info, sealed = house.sealed(origins=("housing-north",))
    grant = house.grant(info, sealed.wrapped_key)
    house.suspend(suspended)
    assert_refused(house, house.release(grant, sealed.wrapped_key), "party-not-active")


def test_a_retry_after_a_suspension_is_refused(house: House, field: tuple[WrapInfo, SealedField]) -> None:
    info, sealed = field
    token = sign_grant(house.grant(info, sealed.wrapped_key), house.broker.granting)
    read(house.release(token, sealed.wrapped_key), ReleaseAnswer)
    house.suspend("police")
    assert_refused(house, house.release(token, sealed.wrapped_key), "party-not-active", before=1)
