"""The set-up with a key holder that errs or lies: believed only as far as it proves itself."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlmodel import select

from clients.protocol.ceremony import draw_party_key, draw_secret
from clients.protocol.group import GENERATOR, Element, Scalar
from clients.protocol.messages.keyholder import CommitmentsAnswer, ConversionShares
from service.audit.tables import AuditEntryRow
from tests.broker.setting_up import attempt, describe
from tests.kit import Holder, Stage

ONE = Scalar((1).to_bytes(32, "little"))


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
