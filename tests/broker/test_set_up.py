"""The set-up of keys over HTTP: it convinces a stranger, and may be repeated."""

from __future__ import annotations

import secrets

import httpx
import pytest
from sqlmodel import select

from clients.protocol.ceremony import KeyScope, PublishedKeys, PublishedParty, verify_published_keys
from clients.protocol.group import random_scalar
from service.audit.tables import AuditEntryRow
from service.broker.keyholder import KeyHolder
from service.errors import Unavailable
from service.signals import matching
from service.signals.keys import PartyKeyId, SignalKeys
from service.signals.tables import PseudonymRow
from service.storage.keystore import KeyMissing
from tests.broker.setting_up import C, describe
from tests.kit import Stage, subject


def keys_of(stage: Stage) -> SignalKeys:
    return SignalKeys(stage.keys, secrets.token_bytes)


def published(stage: Stage, match_key: str) -> PublishedKeys:
    """What both services published, as a client puts it together."""
    (ours,) = (key for key in describe(stage).keys if key.match_key == match_key)
    (theirs,) = (key for key in stage.holder.commitments().keys if key.match_key == match_key)
    points = {(one.party, one.key_version): one.point for one in theirs.parties}
    return PublishedKeys(
        KeyScope(stage.covenant.id, match_key),
        theirs.point,
        ours.broker_point,
        ours.joint_point,
        ours.proof,
        tuple(
            PublishedParty(one.party, one.key_version, points[one.party, one.key_version], one.point, one.proof)
            for one in ours.parties
        ),
    )


def test_what_is_published_convinces_a_stranger(stage: Stage) -> None:
    description = describe(stage)
    assert {key.match_key for key in description.keys} == set(stage.holder.secrets)
    for key in description.keys:
        verify_published_keys(published(stage, key.match_key))
    assert description.version == stage.covenant.version
    assert description.document == stage.document.decode()
    assert set(description.active_parties) == set(stage.covenant.parties)


def test_only_parties_that_may_use_a_match_key_have_a_conversion_for_it(stage: Stage) -> None:
    (bsn,) = (key for key in describe(stage).keys if key.match_key == "person-bsn")
    assert {one.party for one in bsn.parties} == {"municipality", "care-team"}


def test_whoever_a_token_came_from_the_pseudonym_is_the_same(stage: Stage) -> None:
    about = subject("flat 1")
    for party in ("police", "municipality", "housing-north"):
        partner = stage.partner(party)
        assert partner.submit(partner.signal(about)).accepted == 1
    with stage.context.database.transaction() as session:
        indexes = {(row.match_key, row.index_) for row in session.exec(select(PseudonymRow))}
    assert len(indexes) == 2


def test_a_repetition_changes_nothing(stage: Stage) -> None:
    before = describe(stage)
    answer = stage.set_up().json()
    assert (answer["accepted"], answer["unchanged"]) == (0, 17)
    assert describe(stage) == before


def test_a_party_that_joins_later_is_taken_in_by_the_next_run(fresh: Stage) -> None:
    before = {key.match_key: key for key in describe(fresh).keys}
    fresh.enrol("housing-north")
    housing, police = fresh.partner("housing-north"), fresh.partner("police")
    made = housing.signal(subject("flat 1"))
    assert {f.code for f in housing.submit(made).results[0].faults} == {"key-not-set-up"}
    assert fresh.set_up().json()["accepted"] == 3
    assert housing.submit(made).accepted == 1
    after = {key.match_key: key for key in describe(fresh).keys}
    for match_key, key in before.items():
        assert after[match_key].joint_point == key.joint_point
        verify_published_keys(published(fresh, match_key))
    police.submit(police.signal(subject("flat 1")))


def test_a_party_enrolled_at_the_key_holder_alone_waits(fresh: Stage) -> None:
    fresh.holder.enrol("care-team")
    assert fresh.set_up().json()["accepted"] == 0
    assert "care-team" not in {one.party for key in describe(fresh).keys for one in key.parties}


def test_after_a_rotation_the_pseudonyms_stay_and_the_old_scalar_is_gone(stage: Stage) -> None:
    police, housing = stage.partner("police"), stage.partner("housing-north")
    about = subject("flat 1")
    police.submit(before := police.signal(about))
    old = PartyKeyId(C, "address-bag", "police", 1, 1)
    keys_of(stage).conversion(old)
    stage.holder.rotate("address-bag", "police")
    assert stage.set_up().json()["accepted"] == 1
    with stage.context.database.transaction() as session:
        rows = session.exec(select(AuditEntryRow).where(AuditEntryRow.event == "party-key-rotated"))
        [entry] = [row.fields for row in rows]
    assert (entry["parties"], entry["match_keys"], entry["key_version"]) == (["police"], ["address-bag"], 2)
    with pytest.raises(KeyMissing):
        keys_of(stage).conversion(old)
    police.submit(after := police.signal(about))
    housing.submit(theirs := housing.signal(about))
    with stage.context.database.transaction() as session:
        near = matching.neighbours(session, C, "housing-north", [theirs.id])
    met = {n.signal.signal_id: {m.match_key for m in n.matches} for n in near}
    assert met[before.id] == met[after.id] == {"address-bag", "address-postcode"}
    verify_published_keys(published(stage, "address-bag"))


def test_a_scalar_left_by_a_set_up_that_did_not_commit_is_replaced(fresh: Stage) -> None:
    fresh.enrol("housing-north")
    stale = PartyKeyId(C, "address-bag", "housing-north", 1, 1)
    keys_of(fresh).keep_conversion(stale, random_scalar(secrets.token_bytes))
    fresh.set_up()
    police, housing = fresh.partner("police"), fresh.partner("housing-north")
    about = {"address-bag": b"the same flat"}
    police.submit(mine := police.signal(about))
    housing.submit(theirs := housing.signal(about))
    with fresh.context.database.transaction() as session:
        near = matching.neighbours(session, C, "police", [mine.id])
    assert {n.signal.signal_id for n in near} == {mine.id, theirs.id}


def test_no_key_holder_no_set_up(fresh: Stage) -> None:
    fresh.holder.down = True
    response = fresh.send(None, "POST", f"/v1/covenants/{C}/set-up")
    assert (response.status_code, response.json()["type"]) == (503, "/problems/key-holder-unavailable")


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(httpx.Response(404, json={}), id="a refusal"),
        pytest.param(httpx.Response(200, content=b"{"), id="no JSON"),
        pytest.param(httpx.Response(200, json={"covenantId": C}), id="no message"),
        pytest.param(httpx.Response(200, content=b'{"covenantId":"c","covenantId":"d"}'), id="a name twice"),
        pytest.param(httpx.Response(302, headers={"Location": "https://elsewhere.example"}), id="a redirection"),
    ],
)
def test_what_is_no_answer_of_a_key_holder_is_none(stage: Stage, answer: httpx.Response) -> None:
    asked: list[httpx.Request] = []

    def respond(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return answer

    holder = KeyHolder(
        "https://keyholder.example",
        issuer="https://keyholder.example",
        name="broker",
        private_key=stage.operator_key,
        clock=stage.clock,
        random=secrets.token_bytes,
        transport=httpx.MockTransport(respond),
    )
    with pytest.raises(Unavailable):
        holder.commitments(C)
    assert len(asked) == 1
    assert asked[0].headers["authorization"].startswith("Bearer ")


def test_only_an_operator_runs_it(stage: Stage) -> None:
    response = stage.partner("police").post("/set-up", None)
    assert (response.status_code, response.json()["type"]) == (403, "/problems/role-not-allowed")


def test_an_unknown_covenant_is_none(stage: Stage) -> None:
    assert stage.send(None, "POST", "/v1/covenants/nowhere/set-up").status_code == 404
    assert stage.send(None, "GET", "/v1/covenants/nowhere").status_code == 404
    assert stage.send(None, "GET", "/v1/covenants/nowhere/parties").status_code == 404
