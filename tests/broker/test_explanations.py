"""One hit, explained to the party that sees it."""

from __future__ import annotations

from uuid import UUID, uuid4

from tests.kit.disclosure import Answer, World, address


def explain(world: World, party: str, hit: str | UUID, language: str | None = None) -> Answer:
    return world.ask(party, "GET", f"/hits/{hit}", headers={"Accept-Language": language} if language else None)


def test_a_hit_is_explained_in_the_language_asked_for(world: World) -> None:
    world.submit("police", address(1))
    theirs = world.submit("municipality", address(1))
    (event,) = world.hits("police").body["events"]
    english = explain(world, "police", event["hitId"]).body
    dutch = explain(world, "police", event["hitId"], "nl-NL,nl;q=0.9,en;q=0.5").body
    assert english["hit"] == dutch["hit"] == event["hit"]
    assert english["hit"]["signalId"] == str(theirs)
    codes = [reason["code"] for reason in english["reasons"]]
    assert codes == [reason["code"] for reason in dutch["reasons"]]
    assert [reason["parameters"] for reason in english["reasons"]] == [r["parameters"] for r in dutch["reasons"]]
    assert all(one["text"] != other["text"] for one, other in zip(english["reasons"], dutch["reasons"], strict=True))
    assert {"shown", "asks-own-signal"} <= set(codes)
    assert any("art. 5.6" in reason["text"] for reason in english["reasons"] if reason["code"] == "shown")
    assert len(world.entries("explanation-given")) == 2


def test_the_explanation_of_one_hit_tells_of_no_other_and_of_no_withheld_source(world: World) -> None:
    world.submit("municipality", address(1))
    theirs = world.submit("police", address(1), handling_codes=["source-withheld"])
    other = world.submit("housing-north", address(1))
    hit = next(e for e in world.hits("municipality").body["events"] if e["hit"]["signalId"] == str(theirs))
    answer = explain(world, "municipality", hit["hitId"])
    assert answer.status == 200
    assert str(other).encode() not in answer.raw
    assert b"police" not in answer.raw.lower()
    assert b"politie" not in answer.raw.lower()


def test_a_hit_that_is_gone_is_answered_like_one_that_never_was(world: World) -> None:
    world.submit("municipality", address(1))
    theirs = world.submit("police", address(1))
    (event,) = world.hits("municipality").body["events"]
    never = explain(world, "municipality", uuid4())
    others = explain(world, "police", event["hitId"])
    world.withdraw("police", theirs)  # and no poll since
    gone = explain(world, "municipality", event["hitId"])
    assert {answer.status for answer in (never, others, gone)} == {404}
    bodies = [{k: v for k, v in answer.body.items() if k != "traceId"} for answer in (never, others, gone)]
    assert bodies[0] == bodies[1] == bodies[2]
    assert len(world.entries("hits-refused")) == 3


def test_no_log_no_explanation(world: World) -> None:
    world.submit("municipality", address(1))
    world.submit("police", address(1))
    (event,) = world.hits("municipality").body["events"]
    world.break_log()
    assert explain(world, "municipality", event["hitId"]).status == 503
    assert explain(world, "municipality", uuid4()).status == 503
