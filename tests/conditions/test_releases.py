"""What waits for its source: asked for without learning anything, answered, taken back, and always on record."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import uuid4

import pytest

from service.disclosure.disclosures import hold_shown
from service.disclosure.facts import own_subjects
from service.errors import Unavailable
from service.principals import Principal, Role
from tests.conditions.conftest import CONDITIONS, MakeWorld
from tests.conditions.releasing import NOTE, ask, asked, released, reply, seen
from tests.kit.disclosure import World, address
from tests.service.cast import amended


@pytest.fixture
def world(conditions: World) -> World:
    return conditions


MOMENTS = re.compile(rb"\d{4}-\d\d-\d\dT[0-9:.]+Z|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


# -- the way through


def test_a_source_releases_and_the_hit_appears(world: World) -> None:
    mine = world.submit("municipality", address(1))
    theirs = world.submit("care-team", address(1), "worry", fields=NOTE)
    assert seen(world) == {}
    assert ask(world, mine).status == 200
    assert seen(world) == {}
    (request,) = asked(world, "care-team")
    assert (request["signalId"], request["kind"], request["purpose"]) == (str(theirs), "municipality", "nuisance")
    assert (request["state"], request["items"]) == ("pending", ["hit", "source", "category", "period", "note.gist"])
    answered = reply(world, "care-team", request["requestId"])
    assert (answered.status, answered.body["state"]) == (200, "released")
    assert seen(world) == {str(theirs): request["items"]}
    (disclosed,) = world.disclose("municipality", mine).body["hits"]
    assert disclosed["hit"]["signalId"] == str(theirs)


def test_what_is_released_to_one_party_for_one_purpose_is_not_released_to_another(world: World) -> None:
    both = {"purposes": ["nuisance", "safety"]}
    mine = world.submit("municipality", address(1), **both)
    world.submit("police", address(1))
    world.submit("north", address(1), "worry", **both)
    ask(world, mine)
    released(world, "north")
    assert {e["purpose"] for e in world.hits("municipality").body["events"] if "worry" in str(e)} == {"nuisance"}
    assert all("worry" not in str(e) for e in world.hits("police").body["events"])


def test_a_refusal_shows_nothing_and_is_told_to_nobody(world: World) -> None:
    mine = world.submit("municipality", address(1))
    world.submit("care-team", address(1), "worry")
    before = ask(world, mine)
    (request,) = asked(world, "care-team")
    answer = reply(world, "care-team", request["requestId"], "refuse", reason="professional-secrecy")
    assert (answer.body["state"], answer.body["reason"]) == ("refused", "professional-secrecy")
    assert seen(world) == {}
    assert ask(world, mine).raw == before.raw
    assert [r["state"] for r in asked(world, "care-team")] == ["refused"]  # and asking again asks nobody again
    ((party, fields),) = world.entries("source-refused")
    assert (party, fields["reason"]) == ("care-team", "professional-secrecy")
    assert "professional-secrecy" not in str(world.entries("source-asked"))


def test_a_release_is_taken_back_at_once(world: World) -> None:
    mine = world.submit("municipality", address(1))
    theirs = world.submit("care-team", address(1), "worry", fields=NOTE)
    ask(world, mine)
    released(world, "care-team")
    assert set(seen(world)) == {str(theirs)}
    disclosure = world.disclose("municipality", mine).body["disclosureId"]
    cursor = world.hits("municipality").body["cursor"]
    (request,) = asked(world, "care-team")
    assert reply(world, "care-team", request["requestId"], "refuse", reason="no-consent").status == 200
    assert [e["kind"] for e in world.hits("municipality", since=cursor).body["events"]] == ["retracted"]
    assert world.disclose("municipality", mine).body["hits"] == []
    assert world.ask("municipality", "GET", f"/disclosures/{disclosure}").body["hits"] == []
    grant = world.grant("municipality", disclosure, theirs, "note", "gist")
    assert (grant.status, grant.code) == (403, "item-no-longer-shown")
    ((_, fields),) = world.entries("source-took-back")
    assert fields["reason"] == "no-consent"


def test_nothing_is_decided_on_a_release_that_was_taken_back_meanwhile(world: World) -> None:
    mine = world.submit("municipality", address(1))
    theirs = world.submit("care-team", address(1), "worry")
    ask(world, mine)
    released(world, "care-team")
    (request,) = asked(world, "care-team")
    desk, covenant = world.stage.context.desk, world.stage.covenant.id
    viewer = Principal("municipality", Role.PARTY, "municipality", covenant)
    with world.stage.context.database.transaction() as session:
        asking = desk.ask(session, covenant, viewer, None)
        subject = own_subjects(session, asking, (mine,))[mine]
        assert subject.decide(asking, "nuisance").visible
        reply(world, "care-team", request["requestId"], "refuse", reason="other")
        with pytest.raises(Unavailable, match="facts-changed"):
            hold_shown(session, asking, desk, {theirs: "care-team"}, subject, "nuisance")


def test_who_refused_may_release_after_all(world: World) -> None:
    mine = world.submit("municipality", address(1))
    theirs = world.submit("care-team", address(1), "worry")
    ask(world, mine)
    (request,) = asked(world, "care-team")
    reply(world, "care-team", request["requestId"], "refuse", reason="other")
    reply(world, "care-team", request["requestId"])
    assert set(seen(world)) == {str(theirs)}


def test_answering_twice_is_answering_once(world: World) -> None:
    ask_about = world.submit("municipality", address(1))
    world.submit("care-team", address(1), "worry")
    ask(world, ask_about)
    (request,) = asked(world, "care-team")
    assert reply(world, "care-team", request["requestId"]).raw == reply(world, "care-team", request["requestId"]).raw
    assert len(world.entries("source-released")) == 1


# -- asking tells nothing


def test_asking_is_the_same_bytes_whether_there_is_anybody_to_ask(world: World) -> None:
    anchors = [world.submit("municipality", address(number)) for number in range(4)]
    world.submit("care-team", address(1), "worry")
    world.submit("care-team", address(2), "waste")  # waits for parties, not for its source
    world.submit("north", address(3), "worry")
    world.submit("care-team", address(3), "worry")
    answers = [ask(world, anchor) for anchor in anchors]
    assert {answer.status for answer in answers} == {200}
    assert len({MOMENTS.sub(b"", answer.raw) for answer in answers}) == 1
    assert len({len(answer.raw) for answer in answers}) == 1


def test_asking_writes_one_entry_whoever_is_asked(world: World) -> None:
    """The log's size is public: it must not tell how many sources there were."""
    anchors = [world.submit("municipality", address(number)) for number in range(2)]
    world.submit("care-team", address(1), "worry")
    world.submit("north", address(1), "worry")
    sizes = []
    for anchor in anchors:
        before = world.count("audit_entry")
        ask(world, anchor)
        sizes.append(world.count("audit_entry") - before)
    assert sizes == [1, 1]
    (_, nobody), (_, two) = world.entries("source-asked")
    assert "parties" not in nobody
    assert two["parties"] == ["care-team", "north"]
    assert two["sight"]["recipient"] == sorted(["day", "time", "party", "actor", "purpose", "stage"])


def test_asking_again_is_the_same_question(world: World) -> None:
    mine = world.submit("municipality", address(1))
    first = ask(world, mine)
    world.submit("care-team", address(1), "worry")
    world.advance(timedelta(days=3))
    assert ask(world, mine).raw == first.raw
    assert len(asked(world, "care-team")) == 1
    world.advance(timedelta(days=28))
    assert ask(world, mine).body["askedAt"] != first.body["askedAt"]


def test_what_a_source_is_asked_does_not_depend_on_others_signals(world_of: MakeWorld) -> None:
    """Three parties are wanted; the question to a source must not tell it whether there is a third."""
    counted = amended(
        "    items: [hit, source, category, period, note.gist]\n    when: {source_released: true}",
        "    items: [hit, source, category, period, note.gist]\n    when: {source_released: true,"
        " independent_parties: 3}",
        CONDITIONS,
    )
    world = world_of(counted)
    for number in (1, 2):
        mine = world.submit("municipality", address(number))
        world.submit("care-team", address(number), "worry")
        if number == 2:
            world.submit("police", address(number), "worry")
        ask(world, mine)
    one, other = asked(world, "care-team")
    same = ("kind", "purpose", "stage", "items", "state")
    assert [one[name] for name in same] == [other[name] for name in same]
    released(world, "care-team")
    assert seen(world) == {}
    released(world, "police")
    assert len(seen(world)) == 2  # on the second address, the two that make three with the viewer


# -- whom the source is told of


def test_the_party_is_named_only_where_a_permit_lets_the_source_know_it(world: World) -> None:
    mine = world.submit("municipality", address(1))
    world.submit("care-team", address(1), "worry")
    world.submit("north", address(1), "worry")
    ask(world, mine)
    assert "party" not in asked(world, "care-team")[0]
    assert asked(world, "north")[0]["party"] == "municipality"
    released(world, "care-team")
    released(world, "north")
    by_source = dict(world.entries("source-released"))
    assert "parties" not in by_source["care-team"]
    assert by_source["north"]["parties"] == ["municipality"]


def test_a_question_to_another_source_is_unknown(world: World) -> None:
    mine = world.submit("municipality", address(1))
    world.submit("care-team", address(1), "worry")
    ask(world, mine)
    (request,) = asked(world, "care-team")
    for answer in (reply(world, "north", request["requestId"]), reply(world, "north", str(uuid4()))):
        assert (answer.status, answer.code) == (404, "request-unknown")


# -- refusals


def test_a_question_that_cannot_be_asked_is_refused_on_record(world: World) -> None:
    mine = world.submit("municipality", address(1))
    theirs = world.submit("care-team", address(1), "worry")
    refused = [
        (ask(world, theirs), "anchor-not-live"),
        (ask(world, uuid4()), "anchor-not-live"),
        (ask(world, mine, purpose="safety"), "purpose-not-of-anchor"),
        (ask(world, mine, purpose="nothing"), "purpose-without-legal-basis"),
        (ask(world, mine, stage="case"), "stage-not-reached"),
    ]
    assert [(answer.status, answer.code) for answer, _ in refused] == [(403, code) for _, code in refused]
    assert [fields["reason"] for _, fields in world.entries("request-refused")] == [code for _, code in refused]
    assert world.count("release_ask") == 0


def test_a_refusal_has_a_reason_of_the_list_and_a_release_has_none(world: World) -> None:
    request = str(uuid4())
    for body in (
        {"decision": "refuse"},
        {"decision": "release", "reason": "other"},
        {"decision": "refuse", "reason": "mrs Jansen said no"},
        {"decision": "perhaps"},
    ):
        answer = world.ask("care-team", "POST", f"/release-requests/{request}/answer", body)
        assert answer.status == 400, body
        assert "Jansen" not in answer.raw.decode()


def test_no_log_no_question_and_no_answer(world: World) -> None:
    mine = world.submit("municipality", address(1))
    world.submit("care-team", address(1), "worry")
    ask(world, mine)
    (request,) = asked(world, "care-team")
    world.break_log()
    for answer in (ask(world, mine), reply(world, "care-team", request["requestId"])):
        assert (answer.status, answer.code) == (503, "audit-unavailable")
    assert world.ask("care-team", "GET", "/release-requests").status == 503
    assert [r.state for r in world.rows("SELECT state FROM source_release")] == ["pending"]


# -- derived signals


def test_a_derived_signal_is_released_by_its_source_and_by_its_origin(world: World) -> None:
    mine = world.submit("municipality", address(1))
    world.submit("police", address(1), "worry")
    derived = str(world.submit("care-team", address(1), "worry", origins=["police"]))
    ask(world, mine)
    released(world, "care-team")
    assert seen(world) == {}
    released(world, "police")
    assert derived in seen(world)
    (request,) = asked(world, "police")
    reply(world, "police", request["requestId"], "refuse", reason="running-investigation")
    assert seen(world) == {}


def test_what_an_origin_can_no_longer_release_stays_closed(world: World) -> None:
    mine = world.submit("municipality", address(1))
    world.submit("care-team", address(1), "worry", origins=["police"])
    ask(world, mine)
    released(world, "care-team")
    assert seen(world) == {}
