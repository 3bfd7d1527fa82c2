"""Questions to sources in the course of time: reminded, waited for no more, put again, and gone with their signal."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.conditions.conftest import CONDITIONS
from tests.conditions.releasing import ask, asked, carry, released, reply, seen
from tests.kit.disclosure import World, address
from tests.service.cast import amended


@pytest.fixture
def world(conditions: World) -> World:
    return conditions


def test_a_source_that_does_not_answer_is_reminded_and_then_waited_for_no_more(world: World) -> None:
    mine = world.submit("municipality", address(1))
    world.submit("care-team", address(1), "worry")
    ask(world, mine)
    assert carry(world) == 0
    world.advance(timedelta(days=8))
    assert carry(world) == 1
    (request,) = asked(world, "care-team")
    assert request["remindedAt"] > request["requestedAt"]
    assert carry(world) == 0
    world.advance(timedelta(days=7))
    assert carry(world) == 1
    world.advance(timedelta(days=16))
    carry(world)
    (lapsed,) = asked(world, "care-team")
    assert lapsed["state"] == "expired"
    late = reply(world, "care-team", lapsed["requestId"])
    assert (late.status, late.code) == (409, "request-expired")
    assert seen(world) == {}
    assert len(world.entries("source-reminded")) == 2
    ((_, fields),) = world.entries("source-not-heard")
    assert fields["parties"] == ["care-team"]


def test_after_its_term_a_question_may_be_asked_again(world: World) -> None:
    mine = world.submit("municipality", address(1))
    world.submit("care-team", address(1), "worry")
    ask(world, mine)
    (request,) = asked(world, "care-team")
    reply(world, "care-team", request["requestId"], "refuse", reason="not-necessary")
    world.advance(timedelta(days=31))
    carry(world)
    ask(world, mine)
    (again,) = asked(world, "care-team")
    assert (again["requestId"], again["state"]) == (request["requestId"], "pending")
    assert "reason" not in again


def test_a_standing_question_is_put_to_the_sources_of_later_signals(world: World) -> None:
    mine = world.submit("municipality", address(1))
    ask(world, mine)
    world.submit("care-team", address(1), "worry")
    assert asked(world, "care-team") == []
    assert carry(world) == 1
    assert carry(world) == 0
    released(world, "care-team")
    assert len(seen(world)) == 1
    asker, broker = (fields["role"] for _, fields in world.entries("source-asked"))
    assert (asker, broker) == ("party", "service")


def test_a_question_ends_with_its_anchor(world: World) -> None:
    mine = world.submit("municipality", address(1))
    ask(world, mine)
    world.withdraw("municipality", mine)
    world.submit("care-team", address(1), "worry")
    assert carry(world) == 0


def test_a_release_goes_with_its_signal_when_it_is_affirmed_and_not_when_it_is_corrected(world: World) -> None:
    mine = world.submit("municipality", address(1))
    theirs = world.submit("care-team", address(1), "worry")
    ask(world, mine)
    released(world, "care-team")
    world.stage.adopt(amended("title: Every condition at work", "title: Every condition, again", CONDITIONS))
    affirmed = world.submit("care-team", address(1), "worry", replaces=theirs)
    assert set(seen(world)) == {str(affirmed)}
    carry(world)
    world.advance(timedelta(days=2))
    carry(world)
    assert set(seen(world)) == {str(affirmed)}
    world.submit("care-team", address(1), "worry", replaces=affirmed)
    assert seen(world) == {}


def test_nothing_is_left_of_a_question_when_the_signal_is_gone(world: World) -> None:
    mine = world.submit("municipality", address(1))
    theirs = world.submit("care-team", address(1), "worry")
    ask(world, mine)
    world.withdraw("care-team", theirs)
    assert asked(world, "care-team") == []
    world.advance(timedelta(days=31))
    carry(world)
    assert (world.count("source_release"), world.count("release_ask")) == (0, 0)


def test_questions_come_page_by_page(world: World) -> None:
    for number in range(5):
        mine = world.submit("municipality", address(number))
        world.submit("care-team", address(number), "worry")
        ask(world, mine)
    first = world.ask("care-team", "GET", "/release-requests?limit=3").body
    second = world.ask("care-team", "GET", f"/release-requests?limit=3&cursor={first['nextCursor']}").body
    assert len({r["requestId"] for r in first["requests"] + second["requests"]}) == 5
    assert "nextCursor" not in second
    foreign = world.ask("north", "GET", f"/release-requests?limit=3&cursor={first['nextCursor']}")
    assert foreign.status == 400
