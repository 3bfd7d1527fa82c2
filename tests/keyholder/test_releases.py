"""Releases over HTTP: what opens, and everything that does not, each refusal with its entry in the log."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text

from clients.protocol import jws
from clients.protocol.encoding import b64u_decode, b64u_encode
from clients.protocol.grants import TYP, Grant, sign_grant
from clients.protocol.messages.keyholder import ReleaseAnswer
from clients.protocol.sealing import ReleaseInfo, SealedField, WrapInfo, open_field, receive_key
from service.keyholder.upkeep import upkeep
from tests.keyholder.house import MEMBERS, House, read
from tests.service.cast import COVENANT, amended

GROUP_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of P-256."""


def opened(answer: ReleaseAnswer, grant: Grant, sealed: SealedField) -> bytes:
    """What the recipient reads, with its own private key."""
    info = ReleaseInfo(grant.jti, grant.recipient, grant.info.place)
    key = receive_key(MEMBERS[grant.recipient].encryption, answer.sealed_key, info)
    return open_field(sealed.ciphertext, sealed.commitment, key, grant.info.place).value


def assert_refused(house: House, response: httpx.Response, code: str, *, before: int = 0) -> None:
    """Refused with this code, one entry about it, and nothing released."""
    assert response.status_code == 403, response.text
    problem = response.json()
    assert problem["type"] == f"/problems/{code}"
    assert [(error["pointer"], error["code"]) for error in problem["errors"]] in (
        [("/grant", code)],
        [("/wrappedKey", code)],
    )
    refusals = house.entries("release-refused")
    assert len(refusals) == 1
    assert refusals[0]["reason"] == code
    assert refusals[0]["party"] is not None
    assert len(house.entries("field-released")) == before


@pytest.fixture
def field(house: House) -> tuple[WrapInfo, SealedField]:
    return house.sealed()


def test_a_granted_field_opens_for_its_recipient_and_is_logged(
    house: House, field: tuple[WrapInfo, SealedField]
) -> None:
    info, sealed = field
    grant = house.grant(info, sealed.wrapped_key)
    answer = read(house.release(grant, sealed.wrapped_key), ReleaseAnswer)
    assert opened(answer, grant, sealed) == b"shouting at night"
    [entry] = house.entries("field-released")
    assert entry["release"] == str(answer.release_id)
    assert entry["grant"] == grant.jti
    assert entry["entry"] == grant.audit_entry
    assert entry["signals"] == [str(UUID(bytes=info.signal_id))]
    assert (entry["party"], entry["actor"], entry["parties"]) == ("municipality", "e-1203", ["police"])
    assert (entry["items"], entry["rules"]) == (["note.gist"], ["municipality-sees-nuisance"])
    assert (entry["version"], entry["submitted"]) == (COVENANT.version, COVENANT.version)


def test_an_identical_retry_gets_the_identical_answer(house: House, field: tuple[WrapInfo, SealedField]) -> None:
    info, sealed = field
    token = sign_grant(house.grant(info, sealed.wrapped_key), house.broker.granting)
    first = house.release(token, sealed.wrapped_key)
    assert first.status_code == 200
    for _ in range(2):
        assert house.release(token, sealed.wrapped_key).content == first.content
    assert len(house.entries("field-released")) == 1
    assert len(house.entries("release-repeated")) == 2


def test_retries_at_the_same_moment_get_one_answer(house: House, field: tuple[WrapInfo, SealedField]) -> None:
    info, sealed = field
    token = sign_grant(house.grant(info, sealed.wrapped_key), house.broker.granting)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: house.release(token, sealed.wrapped_key), range(4)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert len(house.entries("field-released")) == 1
    assert len(house.entries("release-repeated")) == 3


def test_of_two_uses_of_a_jti_at_the_same_moment_one_is_answered(
    house: House, field: tuple[WrapInfo, SealedField]
) -> None:
    info, sealed = field
    first = house.grant(info, sealed.wrapped_key)
    tokens = [
        sign_grant(one, house.broker.granting)
        for one in (first, house.recorded(replace(first, audit_entry=str(uuid4()))))
    ]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda token: house.release(token, sealed.wrapped_key), tokens * 2))
    released = [[answer.status_code for answer in answers[which::2]] for which in (0, 1)]
    assert sorted(released) == [[200, 200], [403, 403]]
    assert len(house.entries("field-released")) == 1


# -- the same grant, otherwise


def test_a_used_grant_serves_no_other_wrapped_key(house: House, field: tuple[WrapInfo, SealedField]) -> None:
    info, sealed = field
    grant = house.grant(info, sealed.wrapped_key)
    read(house.release(grant, sealed.wrapped_key), ReleaseAnswer)
    _, other = house.sealed(signal_id=info.signal_id)
    response = house.release(house.grant(info, other.wrapped_key, jti=grant.jti), other.wrapped_key)
    assert_refused(house, response, "grant-used", before=1)


def test_a_used_jti_serves_no_other_grant(house: House, field: tuple[WrapInfo, SealedField]) -> None:
    info, sealed = field
    grant = house.grant(info, sealed.wrapped_key)
    read(house.release(grant, sealed.wrapped_key), ReleaseAnswer)
    response = house.release(house.recorded(replace(grant, audit_entry=str(uuid4()))), sealed.wrapped_key)
    assert_refused(house, response, "grant-used", before=1)


def test_a_rewritten_signature_is_another_use(house: House, field: tuple[WrapInfo, SealedField]) -> None:
    info, sealed = field
    token = sign_grant(house.grant(info, sealed.wrapped_key), house.broker.granting)
    read(house.release(token, sealed.wrapped_key), ReleaseAnswer)
    head, payload, signature = token.split(".")
    raw = b64u_decode(signature)
    flipped = (GROUP_ORDER - int.from_bytes(raw[32:], "big")).to_bytes(32, "big")
    rewritten = f"{head}.{payload}.{b64u_encode(raw[:32] + flipped)}"
    assert_refused(house, house.release(rewritten, sealed.wrapped_key), "grant-used", before=1)


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


# -- versions


NARROWER = amended("items: [hit, source, category, period, contact.role, note.gist]\n    audit: {source: [day, party, purpose, items]}\n\n  - permit: landlord-sees-recent-nuisance", "items: [hit, source, category, period, contact.role]\n    audit: {source: [day, party, purpose, items]}\n\n  - permit: landlord-sees-recent-nuisance")  # fmt: skip  # noqa: E501


def test_a_version_that_permits_no_longer_closes_what_was_submitted_before(
    house: House, field: tuple[WrapInfo, SealedField]
) -> None:
    info, sealed = field
    version = house.adopt(NARROWER)
    stale = house.grant(info, sealed.wrapped_key)
    assert house.release(stale, sealed.wrapped_key).json()["type"] == "/problems/version-not-current"
    current = house.grant(info, sealed.wrapped_key, current_version=version)
    assert house.release(current, sealed.wrapped_key).json()["type"] == "/problems/not-in-matrix"
    assert not house.entries("field-released")


def test_a_wider_version_opens_nothing_submitted_under_the_narrower_one(house: House) -> None:
    narrower = house.adopt(NARROWER)
    wider = house.adopt(amended("Complex approach Vogelplein", "Complex approach Vogelplein 2"))
    info, sealed = house.sealed(version=narrower)
    grant = house.grant(info, sealed.wrapped_key, current_version=wider)
    assert_refused(house, house.release(grant, sealed.wrapped_key), "not-in-matrix")
    affirmed, again = house.sealed(version=wider)
    grant = house.grant(affirmed, again.wrapped_key, current_version=wider)
    assert opened(read(house.release(grant, again.wrapped_key), ReleaseAnswer), grant, again) == b"shouting at night"


def test_nothing_opens_when_the_covenant_is_over(house: House) -> None:
    version = house.adopt(amended("until: 2028-12-31", "until: 2026-12-31"))
    info, sealed = house.sealed(version=version)
    house.clock.advance(timedelta(days=60))
    grant = house.grant(info, sealed.wrapped_key, current_version=version)
    assert_refused(house, house.release(grant, sealed.wrapped_key), "covenant-not-in-force")


def test_a_field_whose_month_is_over_is_gone(house: House, field: tuple[WrapInfo, SealedField]) -> None:
    info, sealed = field
    house.clock.advance(timedelta(days=400))
    upkeep(house.holder)
    assert_refused(house, house.release(house.grant(info, sealed.wrapped_key), sealed.wrapped_key), "retention-over")
    # Nor does it help a broker to name a later month.
    later = house.grant(replace(info, retention_month="2028-01"), sealed.wrapped_key)
    assert house.release(later, sealed.wrapped_key).json()["type"] == "/problems/field-key-unreadable"


# -- no log, no release


@pytest.mark.parametrize("table", ["audit_entry", "audit_leaf", "release"])
def test_what_cannot_be_recorded_is_not_released(house: House, field: tuple[WrapInfo, SealedField], table: str) -> None:
    info, sealed = field
    token = sign_grant(house.grant(info, sealed.wrapped_key), house.broker.granting)
    with house.holder.database.transaction() as session:
        session.connection().execute(
            text(
                f"CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'full'; END$$;"
                f"CREATE TRIGGER refuse BEFORE INSERT ON {table} EXECUTE FUNCTION refuse()"
            )
        )
    response = house.release(token, sealed.wrapped_key)
    assert response.status_code == (500 if table == "release" else 503)
    assert "sealedKey" not in response.text
    with house.holder.database.transaction() as session:
        session.connection().execute(text(f"DROP TRIGGER refuse ON {table}"))
        assert session.connection().execute(text("SELECT count(*) FROM release")).scalar_one() == 0
    assert not house.entries("field-released")
    assert house.release(token, sealed.wrapped_key).status_code == 200


def test_a_refusal_that_cannot_be_recorded_is_not_told(house: House, field: tuple[WrapInfo, SealedField]) -> None:
    info, sealed = field
    grant = house.grant(info, sealed.wrapped_key, stage="closed")
    with house.holder.database.transaction() as session:
        session.connection().execute(text("ALTER TABLE audit_leaf RENAME TO gone"))
    response = house.release(grant, sealed.wrapped_key)
    assert (response.status_code, response.json()["type"]) == (503, "/problems/audit-unavailable")


def test_answers_are_forgotten_once_nobody_can_ask_for_them(house: House, field: tuple[WrapInfo, SealedField]) -> None:
    info, sealed = field
    read(house.release(house.grant(info, sealed.wrapped_key), sealed.wrapped_key), ReleaseAnswer)

    def kept() -> int:
        with house.holder.database.transaction() as session:
            return int(session.connection().execute(text("SELECT count(*) FROM release")).scalar_one())

    upkeep(house.holder)
    assert kept() == 1
    house.clock.advance(timedelta(hours=2))
    upkeep(house.holder)
    assert kept() == 0
