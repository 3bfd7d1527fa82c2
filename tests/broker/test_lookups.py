"""Look-ups over HTTP: a question that leaves nothing behind but its record, and tells nothing by its silence."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from clients.protocol.encoding import b64u_encode
from clients.protocol.messages.signals import Token
from tests.kit.disclosure import Answer, World, address
from tests.service.cast import amended

IDS_AND_TIMES = re.compile(rb'[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|"(decidedAt|leafHash|signature)":"[^"]*"')

FEW = amended("nuisance: {police: 50}", "nuisance: {police: 3}")


def seen_by_two(world: World, number: int = 1, landlord: str = "housing-north") -> tuple[str, str]:
    """What art. 5.7 wants before a look-up shows anything."""
    role = {"contact.role": b"caretaker"}
    return (
        str(world.submit("municipality", address(number), fields=role)),
        str(world.submit(landlord, address(number), fields=role)),
    )


def hits(answer: Answer) -> dict[str, Any]:
    assert answer.status == 200, answer.body
    return {one["hit"]["signalId"]: one for one in answer.body["hits"]}


def test_a_look_up_shows_what_its_own_permit_names(world: World) -> None:
    theirs = seen_by_two(world)
    answer = world.look_up("police", address(1))
    assert set(hits(answer)) == set(theirs)
    for one in hits(answer).values():
        assert one["hit"]["items"] == ["hit", "source", "contact.role"]
        assert {g["clause"] for grounds in one["hit"]["grounds"].values() for g in grounds} == {"art. 5.7"}
    assert answer.body["obligations"] == ["notify_source"]
    assert "anchorSignalId" not in answer.body


def test_a_permit_that_does_not_say_look_up_answers_none(world: World) -> None:
    """Art. 5.6 would show a single signal to the police, standing on one of its own."""
    world.submit("municipality", address(1))
    assert hits(world.look_up("police", address(1))) == {}


def test_nothing_there_and_nothing_for_you_are_the_same_bytes(world: World) -> None:
    world.submit("municipality", address(2))  # waits for a second party
    world.submit("care-team", address(3), "waste")  # no permit at all
    world.submit("municipality", address(4), handling_codes=["not-to-police"])
    world.submit("housing-north", address(4), handling_codes=["not-to-police"])
    answers = [world.look_up("police", address(number)) for number in (1, 2, 3, 4)]
    assert {answer.status for answer in answers} == {200}
    assert len({IDS_AND_TIMES.sub(b"", answer.raw) for answer in answers}) == 1
    outcomes = [(fields["outcome"], fields["counts"]) for _, fields in world.entries("look-up-decided")]
    assert outcomes == [("empty", {"hits": 0})] * 4
    assert world.count("told") == 0


def test_a_look_up_never_counts_and_is_no_signal(world: World) -> None:
    world.submit("municipality", address(1))
    before = world.count("signal"), world.count("pseudonym")
    for _ in range(2):
        assert hits(world.look_up("police", address(1))) == {}  # the look-up itself is no second party
    assert world.hits("municipality").body["events"] == []
    assert (world.count("signal"), world.count("pseudonym")) == before


def test_no_row_holds_a_token(world: World) -> None:
    seen_by_two(world)
    world.look_up("police", address(1))
    tokens = [token.token for token in world.stage.partner("police").tokens(address(1))]
    tables = [
        r.table_name
        for r in world.rows("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
    ]
    for table in tables:
        for row in world.rows(f'SELECT to_jsonb(t)::text AS row FROM "{table}" t'):
            for token in tokens:
                assert token.hex() not in row.row
                assert b64u_encode(token) not in row.row


# -- the echo guard


def subletting_of_three(world: World, number: int) -> str:
    """Municipality and police have seen what a landlord sees too; art. 5.8 asks for three. Returns the police's."""
    world.submit("housing-south", address(number), "illegal-subletting")
    world.submit("municipality", address(number), "illegal-subletting")
    return str(world.submit("police", address(number), "illegal-subletting"))


def told(world: World, party: str) -> set[str]:
    return {event["hit"]["signalId"] for event in world.hits(party).body["events"]}


def test_an_echo_of_what_a_party_was_told_counts_for_nobody(world: World) -> None:
    for number in (1, 2):
        seen_by_two(world, number, "housing-south")  # itself the viewer below, so no third party
    assert len(hits(world.look_up("police", address(1)))) == 2
    echo, observation = subletting_of_three(world, 1), subletting_of_three(world, 2)
    seen = told(world, "housing-south")
    assert observation in seen
    assert echo not in seen
    assert world.count("told") == 2  # by each of the two match keys


def test_who_was_told_standing_on_its_own_signal_may_go_on_observing(world: World) -> None:
    seen_by_two(world, 1, "housing-south")
    world.submit("police", address(1))
    assert len(hits(world.look_up("police", address(1)))) == 2
    assert subletting_of_three(world, 1) in told(world, "housing-south")
    assert world.count("told") == 0


def test_a_look_up_that_showed_nothing_taints_nothing(world: World) -> None:
    world.look_up("police", address(1))
    assert subletting_of_three(world, 1) in told(world, "housing-south")


def test_an_echo_is_one_whichever_match_key_finds_it(world: World) -> None:
    """Told by one match key, submitted with two, found by the other."""
    about = address(1)
    bag, postcode = ({key: about[key]} for key in ("address-bag", "address-postcode"))
    seen_by_two(world, 1, "housing-south")
    assert len(hits(world.look_up("police", bag))) == 2
    world.submit("police", about, "illegal-subletting")
    world.submit("housing-south", postcode, "illegal-subletting")
    world.submit("municipality", postcode, "illegal-subletting")
    sources = {event["hit"].get("source") for event in world.hits("housing-south").body["events"]}
    assert "police" not in sources


# -- allowance


def test_the_allowance_is_per_day_and_its_end_is_on_record(world: World) -> None:
    world.stage.adopt(FEW)
    world.submit("municipality", address(1))
    assert [world.look_up("police", address(1)).status for _ in range(3)] == [200, 200, 200]
    spent = world.look_up("police", address(1))
    assert (spent.status, spent.code) == (429, "look-ups-spent")
    ((party, fields),) = world.entries("look-up-refused")
    assert (party, fields["reason"], fields["purpose"]) == ("police", "look-ups-spent", "nuisance")
    world.advance(timedelta(days=1))
    assert world.look_up("police", address(1)).status == 200


def test_look_ups_at_once_do_not_exceed_the_allowance(world: World) -> None:
    world.stage.adopt(FEW)
    with ThreadPoolExecutor(6) as pool:
        statuses = sorted(pool.map(lambda number: world.look_up("police", address(number)).status, range(6)))
    assert statuses == [200, 200, 200, 429, 429, 429]


def test_without_an_allowance_there_are_no_look_ups(world: World) -> None:
    answer = world.look_up("municipality", address(1))
    assert (answer.status, answer.code) == (403, "look-up-not-allowed")
    ((party, fields),) = world.entries("look-up-refused")
    assert (party, fields["reason"]) == ("municipality", "look-up-not-allowed")


def test_a_mistaken_look_up_costs_nothing(world: World) -> None:
    world.stage.adopt(FEW)
    for _ in range(4):
        assert world.look_up("police", address(1), tokens=[]).status == 400
    assert world.look_up("police", address(1)).status == 200


# -- refusals and mistakes


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"purpose": "no-such-purpose"}, 403, "purpose-without-legal-basis"),
        ({"stage": "weighing"}, 403, "stage-not-reached"),
    ],
)
def test_what_cannot_be_decided_is_refused_on_record(
    world: World, changes: dict[str, str], status: int, code: str
) -> None:
    answer = world.look_up("police", address(1), **changes)
    assert (answer.status, answer.code) == (status, code)
    assert [fields["reason"] for _, fields in world.entries("look-up-refused")] == [code]


def test_every_fault_of_the_tokens_is_located(world: World) -> None:
    bag, postcode = world.stage.partner("police").tokens(address(1))
    person = Token(match_key="person-bsn", key_version=1, token=bag.token)
    answer = world.look_up("police", address(1), tokens=[bag, person, bag], normalisationVersion="9")
    assert answer.status == 400
    assert {(fault["pointer"], fault["code"]) for fault in answer.body["errors"]} == {
        ("/normalisationVersion", "normalisation-version-unknown"),
        ("/tokens/1/matchKey", "match-key-not-allowed"),
        ("/tokens/2/matchKey", "match-key-repeated"),
    }
    spoilt = [
        token.model_copy(update={"token": token_bytes})
        for token, token_bytes in (
            (bag, bytes(32)),
            (postcode, postcode.token[:-1] + bytes([postcode.token[-1] | 0x80])),
        )
    ]
    answer = world.look_up("police", address(1), tokens=spoilt)
    assert {(fault["pointer"], fault["code"]) for fault in answer.body["errors"]} == {
        ("/tokens/0/token", "token-identity"),
        ("/tokens/1/token", "token-not-canonical"),
    }


def test_a_purpose_is_asked_about_its_own_kind_of_subject(world: World) -> None:
    answer = world.look_up("police", address(1), subject_kind="person")
    assert ("/subjectKind", "purpose-not-for-subject") in {(f["pointer"], f["code"]) for f in answer.body["errors"]}


def test_a_token_under_a_stale_key_is_a_conflict(world: World) -> None:
    stale = world.stage.partner("police").tokens(address(1))
    for token in stale:
        world.stage.holder.rotate(token.match_key, "police")
    world.stage.set_up()
    answer = world.look_up("police", address(1), tokens=stale)
    assert (answer.status, answer.code) == (409, "stale-key-version")
    assert world.look_up("police", address(1)).status == 200


# -- repetition, notice, record


def test_a_repetition_gets_the_same_answer_and_costs_nothing(world: World) -> None:
    world.stage.adopt(FEW)
    seen_by_two(world)
    key = uuid4()
    answers = [world.look_up("police", address(1), key=key) for _ in range(4)]
    assert len({answer.raw for answer in answers}) == 1
    assert len(hits(answers[0])) == 2
    assert answers[0].body["disclosureId"] == str(key)
    other = world.look_up("police", address(2), key=key)
    assert (other.status, other.code) == (409, "idempotency-key-used")
    assert [row.count for row in world.rows("SELECT count FROM lookup_count")] == [1]


def test_two_parties_may_use_one_key_and_learn_nothing_by_it(world: World) -> None:
    key = uuid4()
    anchor = world.submit("municipality", address(1))
    assert world.look_up("police", address(1), key=key).status == 200
    assert world.disclose("municipality", anchor, key=key).status == 200


def test_sources_are_told_that_they_were_found(world: World) -> None:
    municipality, _ = seen_by_two(world)
    world.look_up("police", address(1))
    (notice,) = world.ask("municipality", "GET", "/notices").body["notices"]
    assert notice["signalId"] == municipality
    assert (notice["party"], notice["purpose"]) == ("police", "nuisance")
    assert notice["items"] == ["hit", "source", "contact.role"]


def test_no_log_no_look_up(world: World) -> None:
    seen_by_two(world)
    world.break_log()
    answer = world.look_up("police", address(1))
    assert (answer.status, answer.code) == (503, "audit-unavailable")
    assert world.look_up("municipality", address(1)).status == 503  # the refusal, too, must be on record
    for table in ("disclosure", "lookup_count", "told", "notice"):
        assert world.count(table) == 0, table
