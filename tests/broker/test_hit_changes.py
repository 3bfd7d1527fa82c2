"""The hit feed as signals and parties come and go."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from clients.protocol.messages.signals import Withdrawal
from service.principals import Principal, Role
from tests.broker.feed import told, visible
from tests.kit.disclosure import TODAY, World, address


def test_a_withdrawn_signal_is_retracted(world: World) -> None:
    world.submit("municipality", address(1))
    theirs = world.submit("police", address(1))
    first = world.hits("municipality")
    world.withdraw("police", theirs)
    later = world.hits("municipality", since=first.body["cursor"])
    assert told(later) == [("retracted", first.body["events"][0]["hitId"])]
    assert "hit" not in later.body["events"][0]


def test_a_withdrawal_that_comes_first_is_not_overtaken_by_a_page(world: World) -> None:
    """The feed was brought up to date before; the page waits for the withdrawal under way, and then does not tell."""
    world.submit("municipality", address(1))
    theirs = world.submit("police", address(1))
    assert len(told(world.hits("municipality"))) == 1
    context, covenant = world.stage.context, world.stage.covenant
    police = Principal("police", Role.PARTY, "police", covenant.id)
    withdrawal = Withdrawal(signal_ids=(theirs,), reason="mistaken")
    with ThreadPoolExecutor(1) as pool:
        with context.database.transaction() as session:
            context.signals.withdraw(session, covenant.id, withdrawal, by=police)
            asked = pool.submit(world.hits, "municipality")
            world.wait_for_a_lock()
            assert not asked.done()
        assert told(asked.result(timeout=10)) == []
    assert told(world.hits("municipality")) == []


def test_a_suspension_that_comes_first_is_not_overtaken_by_a_page(world: World) -> None:
    world.submit("municipality", address(1))
    world.submit("police", address(1))
    first = world.hits("municipality")
    assert len(told(first)) == 1
    context, covenant = world.stage.context, world.stage.covenant
    operator = Principal("operator-1", Role.OPERATOR)
    with ThreadPoolExecutor(1) as pool:
        with context.database.transaction() as session:
            context.parties.suspend(session, covenant.id, "police", reason="its keys were stolen", by=operator)
            asked = pool.submit(world.hits, "municipality")
            world.wait_for_a_lock()
            assert not asked.done()
        assert told(asked.result(timeout=10)) == []
    later = world.hits("municipality", since=first.body["cursor"])
    assert [kind for kind, _ in told(later)] == ["retracted"]


def test_what_stood_on_a_withdrawn_anchor_is_retracted(world: World) -> None:
    mine = world.submit("municipality", address(1))
    world.submit("police", address(1))
    first = world.hits("municipality")
    world.withdraw("municipality", mine)
    assert [kind for kind, _ in told(world.hits("municipality", since=first.body["cursor"]))] == ["retracted"]


def test_what_was_forgotten_before_the_next_poll_is_retracted_all_the_same(world: World) -> None:
    mine = world.submit("municipality", address(1))
    world.submit("police", address(1))
    first = world.hits("municipality")
    world.withdraw("municipality", mine)
    world.advance(timedelta(days=31))
    with world.stage.context.database.transaction() as session:
        assert world.stage.context.signals.forget(session, world.stage.covenant.id) == 1
    assert [kind for kind, _ in told(world.hits("municipality", since=first.body["cursor"]))] == ["retracted"]


def test_a_signal_is_gone_when_its_retention_is_over_whenever_it_is_erased(world: World) -> None:
    world.submit("municipality", address(1))
    theirs = world.submit("police", address(1), day=TODAY - timedelta(days=364))
    first = world.hits("municipality")
    assert list(visible(first)) == [str(theirs)]
    world.advance(timedelta(days=2))
    assert [kind for kind, _ in told(world.hits("municipality", since=first.body["cursor"]))] == ["retracted"]


def test_a_correction_takes_the_place_of_what_it_corrects(world: World) -> None:
    world.submit("municipality", address(1))
    wrong = world.submit("police", address(1), day=TODAY - timedelta(days=9))
    first = world.hits("municipality")
    right = world.submit("police", address(1), day=TODAY - timedelta(days=8), replaces=wrong)
    later = world.hits("municipality", since=first.body["cursor"])
    assert sorted(kind for kind, _ in told(later)) == ["appeared", "retracted"]
    assert list(visible(world.hits("municipality"))) == [str(right)]


def test_a_suspended_source_is_retracted_and_comes_back(world: World) -> None:
    world.submit("municipality", address(1))
    theirs = world.submit("police", address(1))
    first = world.hits("municipality")
    world.stage.suspend("police")
    gone = world.hits("municipality", since=first.body["cursor"])
    assert [kind for kind, _ in told(gone)] == ["retracted"]
    world.stage.reinstate("police")
    back = world.hits("municipality", since=gone.body["cursor"])
    assert told(back) == [("appeared", str(theirs))]
    assert back.body["events"][0]["hitId"] == first.body["events"][0]["hitId"]


def test_a_suspended_viewer_is_refused_and_the_refusal_is_on_record(world: World) -> None:
    world.submit("municipality", address(1))
    world.submit("police", address(1))
    world.stage.suspend("municipality")
    answer = world.hits("municipality")
    assert (answer.status, answer.code) == (403, "party-not-active")
    ((party, fields),) = world.entries("hits-refused")
    assert (party, fields["reason"]) == ("municipality", "party-not-active")
    assert world.count("hit_state") == 0
    world.stage.reinstate("municipality")
    assert len(told(world.hits("municipality"))) == 1
