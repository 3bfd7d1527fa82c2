"""Releases over HTTP: a grant opens its field, to its recipient, once, and on record."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from clients.protocol.encoding import b64u_decode, b64u_encode
from clients.protocol.grants import Grant, sign_grant
from clients.protocol.messages.keyholder import ReleaseAnswer
from clients.protocol.sealing import ReleaseInfo, SealedField, WrapInfo, open_field, receive_key
from service.keyholder.upkeep import upkeep
from tests.keyholder.house import MEMBERS, House, read
from tests.keyholder.refusing import assert_refused
from tests.service.cast import COVENANT, amended

GROUP_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of P-256."""


def opened(answer: ReleaseAnswer, grant: Grant, sealed: SealedField) -> bytes:
    """What the recipient reads, with its own private key."""
    info = ReleaseInfo(grant.jti, grant.recipient, grant.info.place)
    key = receive_key(MEMBERS[grant.recipient].encryption, answer.sealed_key, info)
    return open_field(sealed.ciphertext, sealed.commitment, key, grant.info.place).value


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
