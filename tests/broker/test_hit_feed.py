"""The hit feed as a list that is read on: cursors, pages, many readers, and what is forgotten of it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import text

from service.disclosure import feed
from service.principals import Principal, Role
from tests.broker.feed import NARROWER, submit_all, told
from tests.kit.disclosure import World, address
from tests.service.cast import amended

# -- cursors and pages


def test_the_cursor_stays_the_same_while_nothing_changes(world: World) -> None:
    world.submit("municipality", address(1))
    world.submit("police", address(1))
    first = world.hits("municipality")
    again = world.hits("municipality", since=first.body["cursor"])
    assert told(again) == []
    assert again.body == {"events": [], "cursor": first.body["cursor"], "more": False}


def test_reading_from_the_start_tells_what_is_and_not_what_was(world: World) -> None:
    world.submit("municipality", address(1))
    gone, stays = world.submit("police", address(1)), world.submit("housing-north", address(1))
    world.hits("municipality")
    world.withdraw("police", gone)
    world.hits("municipality")
    assert told(world.hits("municipality")) == [("appeared", str(stays))]


def test_pages_follow_each_other_without_gap_or_repetition(world: World) -> None:
    theirs = set()
    for number in range(5):
        world.submit("municipality", address(number))
        theirs.add(str(world.submit("police", address(number))))
    seen: list[str] = []
    query: dict[str, str | int] = {"limit": 2}
    sizes = []
    while True:
        page = world.hits("municipality", **query)
        sizes.append(len(page.body["events"]))
        seen += [signal for _, signal in told(page)]
        query["since"] = page.body["cursor"]
        if not page.body["more"]:
            break
    assert sizes == [2, 2, 1]
    assert len(seen) == len(set(seen))
    assert set(seen) == theirs


@pytest.mark.parametrize("spoil", [lambda c: c[:-1] + "A", lambda c: "", lambda c: "AAAA"])
def test_a_cursor_that_was_not_issued_is_a_located_mistake(world: World, spoil: Callable[[str], str]) -> None:
    world.submit("municipality", address(1))
    world.submit("police", address(1))
    answer = world.hits("municipality", since=spoil(world.hits("municipality").body["cursor"]))
    assert answer.status == 400
    assert [error["pointer"] for error in answer.body["errors"]] == ["query/since"]


def test_a_cursor_of_another_party_or_purpose_is_worth_nothing(world: World) -> None:
    world.submit("municipality", address(1))
    world.submit("police", address(1))
    cursor = world.hits("municipality").body["cursor"]
    assert world.hits("police", since=cursor).status == 400
    assert world.hits("municipality", since=cursor, purpose="nuisance").status == 400


def test_a_cursor_from_after_the_backup_that_was_restored_is_refused(world: World) -> None:
    world.submit("municipality", address(1))
    lost = world.submit("police", address(1))
    world.submit("housing-north", address(1))
    cursor = world.hits("municipality").body["cursor"]
    world.withdraw("police", lost)
    with world.stage.context.database.transaction() as session:
        for table in ("hit_state", "hit_feed"):
            session.connection().execute(text(f"DELETE FROM {table}"))
    answer = world.hits("municipality", since=cursor)
    assert (answer.status, answer.code) == (400, "cursor-unknown")


def test_a_long_walk_is_spread_over_polls_and_loses_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "CHUNK", 3)
    monkeypatch.setattr(feed, "WALK", 6)
    submit_all(world, "municipality", 20)
    theirs = set(submit_all(world, "police", 20))
    for document in (None, amended("complex-approach\ntitle: Complex", "complex-approach\ntitle: Less complex")):
        if document is not None:
            world.stage.adopt(document)  # every anchor is decided anew
        seen: list[str] = []
        query: dict[str, str | int] = {}
        polls = 0
        while True:
            page = world.hits("municipality", **query)
            seen += [signal for _, signal in told(page)]
            query["since"] = page.body["cursor"]
            polls += 1
            if not page.body["more"]:
                break
        assert set(seen) == theirs
        assert len(seen) == 20
        assert polls == 4


def test_what_an_unfinished_walk_has_not_reached_is_not_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    submit_all(world, "municipality", 9)
    submit_all(world, "police", 9)
    assert len(told(world.hits("municipality"))) == 9
    monkeypatch.setattr(feed, "CHUNK", 2)
    monkeypatch.setattr(feed, "WALK", 2)
    world.stage.adopt(NARROWER)
    for _ in range(6):
        page = world.hits("municipality")
        assert told(page) == []
        if not page.body["more"]:
            break
    assert not page.body["more"]


def test_a_submission_that_commits_late_is_found(world: World) -> None:
    """Its transaction began before the poll and ended after it: no clock or number tells, the transaction id does."""
    world.submit("municipality", address(1))
    made = world.make("police", address(1))
    context = world.stage.context
    police = Principal("police", Role.PARTY, "police", world.stage.covenant.id)
    batch = world.stage.partner("police").batch([made])
    with context.database.transaction() as session:
        context.submissions.submit(session, world.stage.covenant.id, batch, by=police)
        before = world.hits("municipality")
    assert told(before) == []
    assert told(world.hits("municipality", since=before.body["cursor"])) == [("appeared", str(made.id))]


def test_polls_at_once_tell_the_same_events_once(world: World) -> None:
    submit_all(world, "municipality", 30)
    assert told(world.hits("municipality")) == []  # the feed exists: it is its lock that orders what follows
    submit_all(world, "police", 30)
    with ThreadPoolExecutor(4) as pool:
        pages = list(pool.map(lambda _: world.hits("municipality"), range(4)))
    assert len({page.raw for page in pages}) == 1
    numbers = [event["sequence"] for event in pages[0].body["events"]]
    assert numbers == list(range(1, 31))
    assert world.count("hit_state") == 30


# -- forgetting


def forget(world: World) -> None:
    context, covenant = world.stage.context, world.stage.covenant
    with context.database.transaction() as session:
        context.signals.forget(session, covenant.id)
        context.desk.forget(session, covenant.id)


def test_a_reader_that_stayed_away_too_long_begins_anew_and_keeps_no_stale_hit(world: World) -> None:
    world.submit("municipality", address(1))
    gone, stays = world.submit("police", address(1)), world.submit("housing-north", address(1))
    stale = world.hits("municipality")
    world.withdraw("police", gone)
    retracted = world.hits("municipality", since=stale.body["cursor"])
    world.advance(timedelta(days=31))
    forget(world)
    assert [row.hit is not None for row in world.rows("SELECT hit FROM hit_state")] == [True]
    answer = world.hits("municipality", since=stale.body["cursor"])
    assert (answer.status, answer.code) == (400, "cursor-too-old")
    assert told(world.hits("municipality", since=retracted.body["cursor"])) == []
    assert told(world.hits("municipality")) == [("appeared", str(stays))]


def test_nothing_is_kept_beyond_its_use(world: World) -> None:
    for party in ("municipality", "housing-north"):
        world.submit(party, address(1))
    assert len(world.look_up("police", address(1)).body["hits"]) == 2
    tables = ("disclosure", "lookup_count", "told", "notice")
    forget(world)
    assert [world.count(table) for table in tables] == [1, 1, 2, 2]
    world.advance(timedelta(days=31))
    forget(world)
    assert [world.count(table) for table in tables] == [0, 0, 2, 2]
    world.advance(timedelta(days=340))
    forget(world)
    assert [world.count(table) for table in tables] == [0, 0, 0, 0]
