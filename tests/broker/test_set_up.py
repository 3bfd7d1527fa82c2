"""The set-up of keys over HTTP: believed only as far as it proves itself, and repeatable."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlmodel import select

from clients.protocol.ceremony import (
    KeyScope,
    PublishedKeys,
    PublishedParty,
    draw_party_key,
    draw_secret,
    verify_published_keys,
)
from clients.protocol.group import GENERATOR, Element, Scalar, random_scalar
from clients.protocol.messages.covenant import CovenantDescription
from clients.protocol.messages.keyholder import CommitmentsAnswer, ConversionShares
from service.audit.tables import AuditEntryRow
from service.broker.keyholder import KeyHolder
from service.errors import Unavailable
from service.signals import matching
from service.signals.keys import PartyKeyId, SignalKeys
from service.signals.tables import PseudonymRow
from service.storage.keystore import KeyMissing
from tests.kit import Holder, Stage, open_stage, subject

C = "complex-approach"
ONE = Scalar((1).to_bytes(32, "little"))


@pytest.fixture
def fresh(database_url: str, tmp_path: Path) -> Iterator[Stage]:
    """A stage where police and municipality are enrolled, and nobody else."""
    with open_stage(database_url, tmp_path, parties=["police", "municipality"]) as stage:
        yield stage


def describe(stage: Stage) -> CovenantDescription:
    return CovenantDescription.model_validate_json(stage.partner("police").get("").content)


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


def attempt(stage: Stage, tampered: Callable[[Holder], dict[str, Any]]) -> httpx.Response:
    """A set-up with an answer of the key holder's changed."""
    answers = tampered(stage.holder)
    stage.context.key_holder._http = httpx.Client(
        base_url="https://keyholder.example", transport=stage.holder.transport(tampered=answers)
    )
    return stage.send(None, "POST", f"/v1/covenants/{C}/set-up")


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


# -- a key holder that errs or lies


def commitments_with(holder: Holder, change: Callable[[CommitmentsAnswer], CommitmentsAnswer]) -> dict[str, Any]:
    return {"commitments": change(holder.commitments())}


def shares_with(holder: Holder, change: Callable[[ConversionShares], ConversionShares]) -> dict[str, Any]:
    return {"conversion-shares": change(holder.conversion_shares())}


def of_first_share(**changes: Any) -> Callable[[ConversionShares], ConversionShares]:
    def change(answer: ConversionShares) -> ConversionShares:
        first, *rest = answer.shares
        return answer.model_copy(update={"shares": (first.model_copy(update=changes), *rest)})

    return change


def another_h(holder: Holder) -> dict[str, Any]:
    holder.secrets["address-bag"] = draw_secret(secrets.token_bytes)
    return {}


def redrawn_under_the_same_version(holder: Holder) -> dict[str, Any]:
    drawn = draw_party_key(holder.secrets["address-bag"].secret, secrets.token_bytes)
    holder.keys["address-bag", "police"] = 1, drawn
    return {}


def older(holder: Holder) -> dict[str, Any]:
    drawn = draw_party_key(holder.secrets["address-bag"].secret, secrets.token_bytes)
    holder.keys["address-bag", "police"] = 0, drawn
    return {}


def key_of_another(holder: Holder) -> dict[str, Any]:
    _, key = holder.keys["address-bag", "municipality"]
    holder.keys["address-bag", "police"] = 2, key
    return {}


def share_for_a_wrong_h(holder: Holder) -> dict[str, Any]:
    version, key = holder.keys["address-bag", "police"]
    drawn = draw_party_key(holder.secrets["address-bag"].secret, secrets.token_bytes)
    holder.keys["address-bag", "police"] = version + 1, replace(drawn, share=key.share)
    return {}


def not_the_partys_match_key(holder: Holder) -> dict[str, Any]:
    drawn = draw_party_key(holder.secrets["person-bsn"].secret, secrets.token_bytes)
    holder.keys["person-bsn", "police"] = 1, drawn
    return {}


def rotated_to(point: bytes, share: Scalar) -> Callable[[Holder], dict[str, Any]]:
    """The police's next key as a key holder would publish it that chose the point itself."""

    def lie(holder: Holder) -> dict[str, Any]:
        version, key = holder.keys["address-bag", "police"]
        holder.keys["address-bag", "police"] = version + 1, replace(key, public=Element(point), share=share)
        return {}

    return lie


def rotated_to_h(holder: Holder) -> dict[str, Any]:
    return rotated_to(holder.secrets["address-bag"].public, ONE)(holder)


def rotated_to_g(holder: Holder) -> dict[str, Any]:
    return rotated_to(GENERATOR, holder.secrets["address-bag"].secret)(holder)  # c·K = H holds


def rotated_to_itself(holder: Holder) -> dict[str, Any]:
    _, key = holder.keys["address-bag", "police"]
    return rotated_to(key.public, key.share)(holder)


LIES = [
    ("a key rotated to the identity", rotated_to(bytes(32), ONE), "identity"),
    ("a key rotated to G", rotated_to_g, "is the generator"),
    ("a key rotated to H", rotated_to_h, "is the generator, H"),
    ("a key rotated to itself", rotated_to_itself, "a key used before"),
    ("a key rotated to no element", rotated_to(b"\xff" * 32, ONE), "K: "),
    (
        "another covenant",
        lambda h: commitments_with(h, lambda a: a.model_copy(update={"covenant_id": "other"})),
        "about another covenant",
    ),
    (
        "shares of another covenant",
        lambda h: shares_with(h, lambda a: a.model_copy(update={"covenant_id": "other"})),
        "about another covenant",
    ),
    (
        "a match key twice",
        lambda h: commitments_with(h, lambda a: a.model_copy(update={"keys": (*a.keys, a.keys[0])})),
        "a match key twice",
    ),
    (
        "no match key at all",
        lambda h: commitments_with(h, lambda a: a.model_copy(update={"keys": ()})),
        "no keys for this covenant",
    ),
    ("H changed", another_h, "H changed"),
    ("the key changed, not its version", redrawn_under_the_same_version, "its key changed"),
    ("the version went back", older, "version went back"),
    ("the key of another party", key_of_another, "a key used before"),
    ("a share for another key", share_for_a_wrong_h, "does not lead from K to H"),
    ("a match key the party may not have", not_the_partys_match_key, "does not give this party the match key"),
    ("a share of another version", lambda h: shares_with(h, of_first_share(key_version=7)), "no published K"),
    ("a share of no published key", lambda h: shares_with(h, of_first_share(commitment=GENERATOR)), "no published K"),
]


@pytest.mark.parametrize(("lie", "words"), [pytest.param(lie, words, id=name) for name, lie, words in LIES])
def test_an_answer_that_does_not_fit_changes_nothing(
    stage: Stage, lie: Callable[[Holder], dict[str, Any]], words: str
) -> None:
    before, files = describe(stage), stage.keys.names("conversion/")
    response = attempt(stage, lie)
    assert (response.status_code, response.json()["type"]) == (409, "/problems/set-up-refused"), response.text
    assert words in response.json()["detail"]
    assert describe(stage) == before
    assert stage.keys.names("conversion/") == files
    with stage.context.database.transaction() as session:
        rows = session.exec(select(AuditEntryRow).where(AuditEntryRow.event == "set-up-completed"))
        assert len(list(rows)) == 1


def test_a_share_that_was_tampered_with_does_not_open(fresh: Stage) -> None:
    fresh.enrol("housing-north")

    def tampered(holder: Holder) -> dict[str, Any]:
        answer = holder.conversion_shares()
        last = answer.shares[-1]
        spoilt = bytearray(last.sealed_share)
        spoilt[-1] ^= 1
        changed = last.model_copy(update={"sealed_share": bytes(spoilt)})
        return {"conversion-shares": answer.model_copy(update={"shares": (*answer.shares[:-1], changed)})}

    before = describe(fresh)
    response = attempt(fresh, tampered)
    problem = response.json()
    assert (response.status_code, problem["type"]) == (409, "/problems/set-up-refused")
    assert problem["parameters"] == {"matchKey": "person-name-birthdate", "party": "housing-north"}
    assert describe(fresh) == before


def test_only_an_operator_runs_it(stage: Stage) -> None:
    response = stage.partner("police").post("/set-up", None)
    assert (response.status_code, response.json()["type"]) == (403, "/problems/role-not-allowed")


def test_an_unknown_covenant_is_none(stage: Stage) -> None:
    assert stage.send(None, "POST", "/v1/covenants/nowhere/set-up").status_code == 404
    assert stage.send(None, "GET", "/v1/covenants/nowhere").status_code == 404
    assert stage.send(None, "GET", "/v1/covenants/nowhere/parties").status_code == 404
