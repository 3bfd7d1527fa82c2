"""Disclosures over HTTP: decided, committed, on record, and proved to whoever receives them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from clients.protocol.encoding import b64u_decode
from clients.protocol.errors import SignatureError
from clients.protocol.leaf_promise import verify_promise
from clients.protocol.messages.disclosure import Disclosure
from clients.protocol.messages.signals import Withdrawal
from clients.protocol.signatures import public_key
from clients.protocol.signed_items import (
    DisclosedItems,
    SignalIdentity,
    item_slots,
    plain_items,
    sealed_item,
    verify_disclosed,
)
from service.principals import Principal, Role
from tests.kit.disclosure import RECENT, Answer, World, address
from tests.service.cast import amended

NOTES = {"note.gist": b"noise at night", "note.full": b"noise at night, every night", "contact.role": b"desk officer"}


def hits(answer: Answer) -> dict[str, Any]:
    assert answer.status == 200, answer.body
    return {one["hit"]["signalId"]: one for one in answer.body["hits"]}


def pair(world: World, **stated: Any) -> tuple[UUID, UUID]:
    """The municipality's anchor and the police's signal on one address."""
    return world.submit("municipality", address(1)), world.submit("police", address(1), **stated)


def test_a_disclosure_hands_over_what_was_decided(world: World) -> None:
    mine, theirs = pair(world, fields=NOTES)
    answer = world.disclose("municipality", mine)
    (one,) = hits(answer).values()
    assert one["hit"]["items"] == ["hit", "source", "category", "period", "note.gist", "contact.role"]
    assert {(sealed["field"], sealed["variant"]) for sealed in one["sealed"]} == {
        ("note", "gist"),
        ("contact", "role"),
    }
    assert one["hit"]["signalId"] == str(theirs)
    assert answer.body["anchorSignalId"] == str(mine)
    assert answer.body["covenantVersion"] == world.stage.covenant.version
    ((party, fields),) = world.entries("disclosure-decided")
    assert party == "municipality"
    assert fields["disclosure"] == fields["request"] == answer.body["disclosureId"]
    assert fields["shown"] == {str(theirs): {"source": "police", "items": sorted(one["hit"]["items"])}}
    (row,) = world.rows("SELECT entry_id FROM audit_entry WHERE event = 'disclosure-decided'")
    assert str(row.entry_id) == answer.body["auditEntryId"]


def test_a_decision_comes_with_the_logs_word_that_it_stands_in_it(world: World) -> None:
    mine, _ = pair(world)
    key = uuid4()
    told = Disclosure.model_validate(world.disclose("municipality", mine, key=key).body)
    described = world.ask("municipality", "GET", "/log").body
    promise = told.leaf_promise

    def verify(**changes: Any) -> None:
        said = {"entry_id": told.audit_entry_id, "leaf": promise.leaf_hash, "at": told.decided_at} | changes
        verify_promise(b64u_decode(described["publicKey"]), described["origin"], **said, signature=promise.signature)

    verify()
    for lie in ({"entry_id": uuid4()}, {"leaf": bytes(32)}, {"at": told.decided_at + timedelta(microseconds=1)}):
        with pytest.raises(SignatureError):
            verify(**lie)
    world.stage.witness()
    (row,) = world.rows(
        "SELECT leaf_hash, leaf_index FROM audit_leaf WHERE entry_id = :entry", entry=told.audit_entry_id
    )
    assert (row.leaf_hash, row.leaf_index is not None) == (promise.leaf_hash, True)
    again = Disclosure.model_validate(world.ask("municipality", "GET", f"/disclosures/{key}").body)
    assert again.leaf_promise == promise


def test_the_evidence_proves_the_visible_items_and_holds_no_other_salt(world: World) -> None:
    mine = world.submit("municipality", address(1))
    made = [world.make("police", address(number), fields=NOTES) for number in (1, 2, 3)]
    world.put("police", *made)
    (one,) = hits(world.disclose("municipality", mine)).values()
    evidence, covenant = one["evidence"], world.stage.covenant
    proved = {"category", "day", "origins", "handling-codes"}
    assert set(evidence["salts"]) == proved
    plain = plain_items(
        category=one["hit"]["category"],
        day=one["hit"]["day"],
        purposes=(),
        origins=one["hit"]["origins"],
        handling_codes=one["hit"]["handlingCodes"],
    )
    items = {name: plain[name] for name in proved}
    salts = {name: b64u_decode(salt) for name, salt in evidence["salts"].items()}
    for sealed in one["sealed"]:
        slot = f"{sealed['field']}.{sealed['variant']}"
        items[slot] = sealed_item(*(b64u_decode(sealed[name]) for name in ("commitment", "ciphertext", "wrappedKey")))
        salts[slot] = b64u_decode(sealed["salt"])

    def disclosed(**changes: Any) -> DisclosedItems:
        return DisclosedItems(
            **{
                "identity": SignalIdentity(
                    covenant.id, evidence["covenantVersion"], evidence["party"], UUID(one["hit"]["signalId"]).bytes
                ),
                "slots": item_slots([(f.id, variant) for f in covenant.fields.values() for variant in f.variants]),
                "items": items,
                "salts": salts,
                "digests": tuple(b64u_decode(digest) for digest in evidence["digests"]),
                "leaf_index": evidence["leafIndex"],
                "batch_size": evidence["batchSize"],
                "path": tuple(b64u_decode(node) for node in evidence["path"]),
                "signature": b64u_decode(evidence["signature"]),
                **changes,
            }
        )

    key = public_key(world.stage.members["police"].signing)
    verify_disclosed(disclosed(), key)
    with pytest.raises(SignatureError):
        verify_disclosed(disclosed(items=items | {"category": b"waste"}), key)
    assert evidence["batchSize"] == 3


def test_where_the_source_may_not_be_seen_nothing_names_it(world: World) -> None:
    mine, _ = pair(world, fields=NOTES, handling_codes=["source-withheld"])
    answer = world.disclose("municipality", mine)
    (one,) = hits(answer).values()
    assert one["hit"]["items"] == ["hit", "category", "period"]
    assert "evidence" not in one
    assert one["sealed"] == []
    assert b"police" not in answer.raw.lower()


def test_an_empty_answer_is_an_answer_on_record(world: World) -> None:
    mine = world.submit("municipality", address(1))
    assert hits(world.disclose("municipality", mine)) == {}
    ((_, fields),) = world.entries("disclosure-decided")
    assert (fields["outcome"], fields["counts"]) == ("empty", {"hits": 0})


def test_a_signal_under_a_narrower_version_than_now_shows_only_what_both_permit(world: World) -> None:
    mine, theirs = pair(world)
    world.stage.adopt(
        amended(
            "items: [hit, source, category, period, contact.role, note.gist]\n    audit: {source: [day, party, purpose,"
            " items]}\n\n  - permit: landlord-sees-recent",
            "items: [hit, source]\n    audit: {source: [day, party, purpose, items]}\n\n"
            "  - permit: landlord-sees-recent",
        )
    )
    assert hits(world.disclose("municipality", mine))[str(theirs)]["hit"]["items"] == ["hit", "source"]


# -- refusals


def test_what_cannot_be_decided_is_refused_on_record(world: World) -> None:
    mine, theirs = pair(world)
    gone = world.submit("municipality", address(2))
    world.withdraw("municipality", gone)
    asked = [
        (world.disclose("municipality", mine, purpose="no-such-purpose"), "purpose-without-legal-basis"),
        (world.disclose("municipality", mine, purpose="support"), "purpose-not-of-anchor"),
        (world.disclose("municipality", mine, stage="weighing"), "stage-not-reached"),
        (world.disclose("municipality", theirs), "anchor-not-live"),
        (world.disclose("municipality", uuid4()), "anchor-not-live"),
        (world.disclose("municipality", gone), "anchor-not-live"),
    ]
    assert [(answer.status, answer.code) for answer, _ in asked] == [(403, code) for _, code in asked]
    assert [fields["reason"] for _, fields in world.entries("disclosure-refused")] == [code for _, code in asked]
    assert world.count("disclosure") == 0


def test_anothers_signal_is_refused_like_none_at_all(world: World) -> None:
    _, theirs = pair(world)
    answers = [world.disclose("municipality", anchor) for anchor in (theirs, uuid4())]
    bodies = [{name: value for name, value in answer.body.items() if name != "traceId"} for answer in answers]
    assert bodies[0] == bodies[1]


def test_a_party_suspended_between_two_questions_gets_no_second_answer(world: World) -> None:
    mine, _ = pair(world)
    answer = world.disclose("municipality", mine)
    world.stage.suspend("municipality")
    for refused in (
        world.disclose("municipality", mine),
        world.ask("municipality", "GET", f"/disclosures/{answer.body['disclosureId']}"),
        world.grant("municipality", answer.body["disclosureId"], uuid4(), "note", "gist"),
        world.ask("municipality", "GET", "/notices"),
    ):
        assert (refused.status, refused.code) == (403, "party-not-active")


def test_a_suspended_source_shows_nothing_from_the_moment_on(world: World) -> None:
    mine, _ = pair(world, fields=NOTES)
    answer = world.disclose("municipality", mine)
    world.stage.suspend("police")
    assert hits(world.disclose("municipality", mine)) == {}
    assert hits(world.ask("municipality", "GET", f"/disclosures/{answer.body['disclosureId']}")) == {}


# -- repetition


def test_a_repetition_gets_the_committed_answer(world: World) -> None:
    mine, _ = pair(world, fields=NOTES)
    key = uuid4()
    first = world.disclose("municipality", mine, key=key)
    world.submit("housing-north", address(1))
    assert world.disclose("municipality", mine, key=key).raw == first.raw
    assert world.ask("municipality", "GET", f"/disclosures/{key}").raw == first.raw
    assert len(hits(world.disclose("municipality", mine))) == 2
    assert len(world.entries("disclosure-decided")) == 2
    assert len(world.entries("disclosure-read")) == 2


def test_another_request_under_the_same_key_is_a_conflict(world: World) -> None:
    mine, _ = pair(world)
    other = world.submit("municipality", address(2))
    key = uuid4()
    assert world.disclose("municipality", mine, key=key).status == 200
    conflict = world.disclose("municipality", other, key=key)
    assert (conflict.status, conflict.code) == (409, "idempotency-key-used")


def test_repetitions_at_once_are_decided_once(world: World) -> None:
    mine, _ = pair(world, fields=NOTES)
    key = uuid4()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: world.disclose("municipality", mine, key=key), range(4)))
    assert {answer.status for answer in answers} == {200}
    assert len({answer.raw for answer in answers}) == 1
    assert len(world.entries("disclosure-decided")) == 1


def test_what_was_withdrawn_since_is_not_handed_over_again(world: World) -> None:
    mine, theirs = pair(world, fields=NOTES)
    answer = world.disclose("municipality", mine)
    assert len(hits(answer)) == 1
    world.withdraw("police", theirs)
    assert hits(world.ask("municipality", "GET", f"/disclosures/{answer.body['disclosureId']}")) == {}


def test_a_disclosure_is_its_askers_own(world: World) -> None:
    mine, _ = pair(world)
    disclosure = world.disclose("municipality", mine).body["disclosureId"]
    answers = [world.ask("police", "GET", f"/disclosures/{which}") for which in (disclosure, uuid4())]
    assert [(answer.status, answer.code) for answer in answers] == [(404, "disclosure-unknown")] * 2
    assert [fields["reason"] for _, fields in world.entries("disclosure-refused")] == ["disclosure-unknown"] * 2


def test_without_an_idempotency_key_nothing_is_decided(world: World) -> None:
    mine, _ = pair(world)
    body = {"purpose": "nuisance", "anchor": {"signalId": str(mine)}}
    answer = world.ask("municipality", "POST", "/disclosures", body)
    assert answer.status == 400
    assert [error["pointer"] for error in answer.body["errors"]] == ["header/Idempotency-Key"]


# -- at the same moment


def test_a_withdrawal_that_comes_first_is_not_overtaken(world: World) -> None:
    """The question reads the signal as live while its withdrawal is under way: it waits, and then does not show it."""
    mine, theirs = pair(world, fields=NOTES)
    context, covenant = world.stage.context, world.stage.covenant
    withdrawal = Withdrawal(signal_ids=(theirs,), reason="mistaken")
    police = Principal("police", Role.PARTY, "police", covenant.id)
    with ThreadPoolExecutor(1) as pool:
        with context.database.transaction() as session:
            context.signals.withdraw(session, covenant.id, withdrawal, by=police)
            asked = pool.submit(world.disclose, "municipality", mine)
            world.wait_for_a_lock()
            assert not asked.done()
        answer = asked.result(timeout=10)
    assert (answer.status, answer.code) == (503, "facts-changed")
    assert world.count("disclosure") == 0
    assert hits(world.disclose("municipality", mine)) == {}


def test_a_suspension_of_the_source_that_comes_first_is_not_overtaken(world: World) -> None:
    mine, _ = pair(world, fields=NOTES)
    context, covenant = world.stage.context, world.stage.covenant
    operator = Principal("operator-1", Role.OPERATOR)
    with ThreadPoolExecutor(1) as pool:
        with context.database.transaction() as session:
            context.parties.suspend(session, covenant.id, "police", reason="keys were stolen", by=operator)
            asked = pool.submit(world.disclose, "municipality", mine)
            world.wait_for_a_lock()
            assert not asked.done()
        answer = asked.result(timeout=10)
    assert (answer.status, answer.code) == (503, "facts-changed")
    assert world.count("disclosure") == 0
    assert hits(world.disclose("municipality", mine)) == {}


# -- what comes with it


def test_sources_get_notice_only_where_a_permit_obliges(world: World) -> None:
    mine, _ = pair(world)
    world.disclose("municipality", mine)
    assert world.count("notice") == 0
    person = {"day": RECENT, "purposes": ["support"], "subject_kind": "person"}
    about = address(9)
    anchor = world.submit("municipality", about, "home-visit", **person)
    for party in ("police", "housing-north"):
        world.submit(party, about, "home-visit", **person)
    answer = world.disclose("municipality", anchor, purpose="support")
    assert {one["hit"]["source"] for one in hits(answer).values()} == {"police", "housing-north"}
    assert answer.body["obligations"] == ["notify_source"]
    for party in ("police", "housing-north"):
        (notice,) = world.ask(party, "GET", "/notices").body["notices"]
        assert notice["party"] == "municipality"


def test_a_notice_holds_no_more_than_the_permit_lets_the_source_know(world: World) -> None:
    world.stage.adopt(
        amended(
            "    audit: {source: [day, party, purpose, items]}\n\n  - permit: helpers-tell",
            "    audit: {source: [day]}\n\n  - permit: helpers-tell",
        )
    )
    person = {"day": RECENT, "purposes": ["support"], "subject_kind": "person"}
    signals = [world.submit(party, address(9), "home-visit", **person) for party in ("care-team", "police")]
    anchor = world.submit("housing-north", address(9), "home-visit", **person)
    world.disclose("housing-north", anchor, purpose="support")
    (notice,) = world.ask("police", "GET", "/notices").body["notices"]
    assert set(notice) == {"noticeId", "signalId", "day"}
    assert notice["signalId"] == str(signals[1])


def test_the_answer_depends_on_the_day_in_amsterdam(world: World) -> None:
    """Half past eleven in the evening, UTC, is tomorrow in Amsterdam: the signal has become too old."""
    mine = world.submit("housing-north", address(1))
    world.submit("police", address(1), day=RECENT - timedelta(days=177))
    assert len(hits(world.disclose("housing-north", mine))) == 1
    world.advance(timedelta(hours=14))
    assert hits(world.disclose("housing-north", mine)) == {}


# -- no log, no disclosure


def test_no_log_no_disclosure(world: World) -> None:
    mine, _ = pair(world, fields=NOTES)
    disclosure = world.disclose("municipality", mine).body["disclosureId"]
    before = world.count("disclosure")
    world.break_log()
    for answer in (
        world.disclose("municipality", mine),
        world.disclose("municipality", uuid4()),  # a refusal must be on record too
        world.ask("municipality", "GET", f"/disclosures/{disclosure}"),
        world.ask("municipality", "GET", f"/disclosures/{uuid4()}"),
    ):
        assert (answer.status, answer.code) == (503, "audit-unavailable")
    assert world.count("disclosure") == before
