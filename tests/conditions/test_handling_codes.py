"""Handling codes and origins travel: shown with the source, and carried on with what is derived."""

from __future__ import annotations

from typing import Any

import pytest

from tests.kit.disclosure import World, address
from tests.kit.partner import Made

CODES = ["no-notes"]


@pytest.fixture
def world(conditions: World) -> World:
    return conditions


def told(world: World, party: str = "municipality") -> dict[str, Any]:
    """The party's hits by the other's signal."""
    return {e["hit"]["signalId"]: e["hit"] for e in world.hits(party).body["events"] if "hit" in e}


def faults(world: World, party: str, made: Made) -> list[tuple[str, str]]:
    (result,) = world.stage.partner(party).submit(made).results
    return [(fault.pointer, fault.code) for fault in result.faults]


DROPPED = [("/signals/0/handlingCodes", "handling-codes-dropped")]


# -- shown


def test_a_hit_shows_codes_and_origins_with_its_source(world: World) -> None:
    world.submit("municipality", address(1))
    theirs = world.submit("care-team", address(1), origins=["police"], handling_codes=CODES)
    plain = world.submit("north", address(1))
    assert (told(world)[str(theirs)]["origins"], told(world)[str(theirs)]["handlingCodes"]) == (["police"], CODES)
    assert (told(world)[str(plain)]["origins"], told(world)[str(plain)]["handlingCodes"]) == ([], [])


def test_where_the_source_is_withheld_so_are_its_codes_and_origins(world: World) -> None:
    mine = world.submit("municipality", address(1))
    theirs = world.submit(
        "care-team", address(1), origins=["police"], handling_codes=["source-withheld", "not-to-landlords"]
    )
    for raw in (world.hits("municipality").raw, world.disclose("municipality", mine).raw):
        assert str(theirs).encode() in raw
        for hidden in (b"police", b"care", b"not-to-landlords", b"source-withheld"):
            assert hidden not in raw


def test_other_purposes_of_a_signal_stay_with_the_broker(world: World) -> None:
    """Origins are proved, and for what else the signal serves is not told."""
    mine = world.submit("municipality", address(1))
    world.submit("north", address(1), purposes=["nuisance", "safety"])
    answer = world.disclose("municipality", mine)
    assert set(answer.body["hits"][0]["evidence"]["salts"]) == {"category", "day", "origins", "handling-codes"}
    assert b"safety" not in answer.raw


# -- carried on


def test_what_is_derived_carries_the_codes_of_what_its_origin_told(world: World) -> None:
    world.submit("municipality", address(1))
    world.submit("care-team", address(1), handling_codes=CODES)
    told(world)
    derive = {"origins": ["care-team"]}
    assert faults(world, "municipality", world.make("municipality", address(1), **derive)) == DROPPED
    carried = world.make("municipality", address(1), **derive, handling_codes=[*CODES, "not-to-landlords"])
    assert faults(world, "municipality", carried) == []
    ((_, entry),) = world.entries("submission-refused")
    assert entry["reason"] == "handling-codes-dropped"


@pytest.mark.parametrize("by", ["disclosure", "look-up"])
def test_however_it_was_told(world: World, by: str) -> None:
    world.submit("care-team", address(1), handling_codes=CODES)
    if by == "look-up":
        assert world.look_up("municipality", address(1)).body["hits"]
    else:
        assert world.disclose("municipality", world.submit("municipality", address(1))).body["hits"]
    assert faults(world, "municipality", world.make("municipality", address(1), origins=["care-team"])) == DROPPED


def test_one_match_key_is_enough(world: World) -> None:
    world.submit("care-team", address(1), handling_codes=CODES)
    world.look_up("municipality", address(1))
    door = {"address-postcode": address(1)["address-postcode"]}
    assert faults(world, "municipality", world.make("municipality", door, origins=["care-team"])) == DROPPED


def test_the_codes_are_those_of_the_origins_on_this_subject(world: World) -> None:
    for number in (1, 2):
        world.submit("municipality", address(number))
        world.submit("north", address(number))
    world.submit("care-team", address(1), handling_codes=CODES)
    told(world)
    for about, origins in ((address(1), ["north"]), (address(2), ["care-team"]), (address(1), [])):
        assert faults(world, "municipality", world.make("municipality", about, origins=origins)) == []


def test_who_was_not_told_owes_nothing_and_learns_nothing(world: World) -> None:
    """A refusal would tell that there is a signal, or whose it is."""
    world.submit("municipality", address(1))
    world.submit("care-team", address(1), "waste", handling_codes=CODES)
    world.submit("municipality", address(2))
    withheld = world.submit("police", address(2), handling_codes=["source-withheld"])
    assert set(told(world)) == {str(withheld)}  # waste is seen when three parties have seen it
    for number, origin in ((1, "care-team"), (2, "police")):
        assert faults(world, "municipality", world.make("municipality", address(number), origins=[origin])) == []


def test_codes_are_owed_while_anything_is_left_of_the_signal(world: World) -> None:
    world.submit("municipality", address(1))
    theirs = world.submit("care-team", address(1), handling_codes=CODES)
    told(world)
    world.withdraw("care-team", theirs)
    assert faults(world, "municipality", world.make("municipality", address(1), origins=["care-team"])) == DROPPED
