"""Each condition and obligation of the language at work in the broker, over HTTP."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.conditions.conftest import CONDITIONS, MakeWorld
from tests.kit.disclosure import TODAY, World, address
from tests.service.cast import amended

BOTH = ["nuisance", "safety"]


@pytest.fixture
def world(conditions: World) -> World:
    return conditions


def told(world: World, party: str = "municipality", **query: str) -> dict[str, Any]:
    """The party's hits by the other's signal."""
    page = world.hits(party, **query).body
    return {event["hit"]["signalId"]: event for event in page["events"] if "hit" in event}


# -- enough parties that are independent of each other (art. 3.1: three, within 90 days)


def test_two_parties_are_not_three(world: World) -> None:
    world.submit("municipality", address(1), "waste")
    world.submit("police", address(1), "waste")
    assert told(world) == {}
    world.submit("care-team", address(1), "waste")
    assert len(told(world)) == 2


def test_parties_of_one_group_count_once(world: World) -> None:
    world.submit("municipality", address(1), "waste")
    world.submit("north", address(1), "waste")
    world.submit("south", address(1), "waste")  # the same board
    assert told(world) == {}
    world.submit("east", address(1), "waste")
    assert len(told(world)) == 3


def test_a_party_counts_once_however_often_it_submits(world: World) -> None:
    world.submit("municipality", address(1), "waste")
    for _ in range(3):
        world.submit("police", address(1), "waste")
    assert told(world) == {}


def test_what_is_too_old_neither_shows_nor_counts(world: World) -> None:
    world.submit("municipality", address(1), "waste")
    world.submit("police", address(1), "waste")
    old = world.submit("care-team", address(1), "waste", day=TODAY - timedelta(days=90))
    assert told(world) == {}
    last_day = world.submit("care-team", address(1), "waste", day=TODAY - timedelta(days=89))
    assert str(last_day) in told(world)
    assert str(old) not in told(world)
    world.advance(timedelta(days=1))  # nobody did anything
    assert [event["kind"] for event in world.hits("municipality").body["events"]] == []


def test_a_derived_signal_makes_nobody_a_third(world: World) -> None:
    world.submit("municipality", address(1), "waste")
    world.submit("police", address(1), "waste")
    world.submit("east", address(1), "waste", origins=["police"])
    assert told(world) == {}


def test_a_signal_under_an_alias_counts_for_nobody_either(world: World) -> None:
    """By another match key of the same subject."""
    door = {"address-postcode": address(1)["address-postcode"]}
    world.submit("municipality", address(1), "waste")
    world.submit("police", address(1), "waste")
    world.submit("police", door, "waste")
    assert told(world) == {}


# -- the echo guard


def echoes(world: World, **stated: Any) -> set[str]:
    """The care team was told of the police's noise, and then says it has seen waste; police and municipality have."""
    world.submit("police", address(1), "waste")
    world.submit("municipality", address(1), "waste")
    world.submit("care-team", address(1), "waste", **stated)
    return set(told(world))


def test_what_is_said_after_being_told_makes_nobody_a_third(world: World) -> None:
    world.submit("police", address(1))
    assert world.look_up("care-team", address(1)).body["hits"]
    assert not [s for s, e in ((s, told(world)[s]) for s in echoes(world)) if e["hit"]["category"] == "waste"]


def test_what_is_said_without_having_been_told_does(world: World) -> None:
    assert len(echoes(world)) == 2


def test_who_stands_on_what_it_was_told_is_told_and_proves_nothing(world: World) -> None:
    """An anchor that was derived from another's signal is no evidence of one's own: what follows is an echo."""
    world.submit("police", address(1))
    world.submit("care-team", address(1), origins=["police"])
    assert told(world, "care-team")
    assert not [e for e in (told(world)[s] for s in echoes(world)) if e["hit"]["category"] == "waste"]
    assert world.count("told") == 2


def test_who_stands_on_its_own_observation_is_believed_afterwards(world: World) -> None:
    world.submit("police", address(1))
    world.submit("care-team", address(1))
    assert told(world, "care-team")
    assert len([s for s in echoes(world) if told(world)[s]["hit"]["category"] == "waste"]) == 2
    assert world.count("told") == 0


# -- who has seen it itself (art. 4.1)


def test_only_who_has_seen_it_itself_hears_of_it(world: World) -> None:
    world.submit("municipality", address(1))
    theirs = world.submit("north", address(1), "leak")
    assert told(world) == {}
    own = world.submit("municipality", address(1), "leak")
    assert str(theirs) in told(world)
    world.withdraw("municipality", own)
    assert told(world) == {}


def test_what_was_derived_from_others_has_not_been_seen_by_oneself(world: World) -> None:
    world.submit("north", address(1), "leak")
    world.submit("municipality", address(1), "leak", origins=["north"])
    assert told(world) == {}


# -- notification of the source


def test_a_source_is_told_when_and_as_far_as_the_permit_says(world: World) -> None:
    for party in ("municipality", "police", "care-team"):
        world.submit(party, address(1), "waste")
    assert len(told(world)) == 2
    assert world.ask("police", "GET", "/notices").body["notices"] == []  # confidential for 30 days
    world.advance(timedelta(days=30))
    (notice,) = world.ask("police", "GET", "/notices").body["notices"]
    assert (notice["party"], notice["purpose"], notice["day"]) == ("municipality", "nuisance", TODAY.isoformat())
    assert notice["items"] == ["hit", "source", "category", "period"]


def test_each_hit_is_notified_once(world: World) -> None:
    for party in ("municipality", "police", "care-team"):
        world.submit(party, address(1), "waste")
    told(world)
    told(world)
    assert world.count("notice") == 2


def test_a_look_up_notifies_its_sources(world: World) -> None:
    world.submit("north", address(1), purposes=BOTH)
    assert world.look_up("police", address(1), purpose="safety").body["obligations"] == ["notify_source"]
    (notice,) = world.ask("north", "GET", "/notices").body["notices"]
    assert set(notice) == {"noticeId", "signalId", "day"}


# -- allowances


def test_look_ups_are_allowed_by_party_and_purpose(world: World) -> None:
    def ask(party: str, purpose: str) -> int:
        return world.look_up(party, address(1), purpose=purpose).status

    assert [ask("police", "nuisance") for _ in range(3)] == [200, 200, 429]
    assert [ask("police", "safety") for _ in range(2)] == [200, 429]
    assert [ask("municipality", "nuisance") for _ in range(2)] == [200, 429]
    assert [ask("north", "nuisance"), ask("south", "nuisance"), ask("north", "nuisance")] == [200, 200, 429]
    assert ask("north", "safety") == 403  # a legal basis, and no allowance
    refused = [(party, f["purpose"], f["reason"]) for party, f in world.entries("look-up-refused")]
    assert refused == [
        ("police", "nuisance", "look-ups-spent"),
        ("police", "safety", "look-ups-spent"),
        ("municipality", "nuisance", "look-ups-spent"),
        ("north", "nuisance", "look-ups-spent"),
        ("north", "safety", "look-up-not-allowed"),
    ]
    world.advance(timedelta(days=1))
    assert ask("police", "safety") == 200


# -- several purposes in one covenant


def test_each_purpose_is_answered_by_its_own_rules(world: World) -> None:
    world.submit("municipality", address(1), purposes=BOTH)
    theirs = str(world.submit("north", address(1), purposes=BOTH))
    by_purpose = {e["purpose"]: e["hit"]["items"] for e in world.hits("municipality").body["events"]}
    assert by_purpose == {"nuisance": ["hit", "source", "category", "period"], "safety": ["hit", "source"]}
    assert set(told(world, purpose="safety")) == {theirs}


def test_what_was_submitted_for_one_purpose_serves_no_other(world: World) -> None:
    mine = world.submit("municipality", address(1), purposes=BOTH)
    theirs = str(world.submit("north", address(1), purposes=["nuisance"]))
    assert {e["purpose"] for e in world.hits("municipality").body["events"]} == {"nuisance"}
    assert world.disclose("municipality", mine, purpose="safety").body["hits"] == []
    assert [one["hit"]["signalId"] for one in world.disclose("municipality", mine).body["hits"]] == [theirs]


def test_a_party_without_a_legal_basis_for_a_purpose_neither_asks_nor_shows(world: World) -> None:
    world.submit("municipality", address(1), purposes=BOTH)
    made = world.make("care-team", address(1), purposes=BOTH)
    (result,) = world.stage.partner("care-team").submit(made).results
    assert [fault.code for fault in result.faults] == ["no-legal-basis"]
    refused = world.hits("care-team", purpose="safety")
    assert (refused.status, refused.code) == (403, "purpose-without-legal-basis")


def test_counts_of_one_purpose_are_none_of_another(world_of: MakeWorld) -> None:
    both = amended(
        "    from: [municipality, housing]\n    to: [police, municipality]\n    categories: [noise]\n"
        "    items: [hit, source]\n    lookup: true",
        "    from: [municipality, housing, police]\n    to: [police, municipality]\n    categories: [noise]\n"
        "    items: [hit, source]\n    when: {independent_parties: 3}",
        CONDITIONS,
    )
    both = amended("    safety: {police: 1, municipality: 1}\n", "", both)
    world = world_of(both)
    world.submit("municipality", address(1), purposes=BOTH)
    world.submit("north", address(1), purposes=BOTH)
    world.submit("police", address(1), purposes=["nuisance"])
    assert {e["purpose"] for e in world.hits("municipality").body["events"]} == {"nuisance"}
    world.submit("police", address(1), purposes=["safety"])
    assert {e["purpose"] for e in world.hits("municipality").body["events"]} == set(BOTH)
