"""Area figures: who is named under `statistics.to` reads how much there was of what, and nothing else."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

import covenant_rules
from covenant_rules.rounding import rounded
from tests.conditions.conftest import CONDITIONS, MakeWorld
from tests.conditions.test_replay import enrol
from tests.kit.disclosure import Answer, World, address
from tests.service.cast import amended

HOUSING = (Path(covenant_rules.__file__).parent / "examples" / "temporary-housing.yaml").read_bytes()
"""Residents' own organisation is a party that sees area figures only. The minimum is twenty."""
FEW = amended("statistics: {minimum_cell: 20,", "statistics: {minimum_cell: 3,", HOUSING)
OCTOBER, SEPTEMBER = date(2026, 10, 15), date(2026, 9, 15)


@pytest.fixture
def world(world_of: MakeWorld) -> World:
    """Temporary housing with a minimum of three, in November."""
    return world_of(FEW)


def figures(world: World, party: str = "residents", purpose: str = "safe-living") -> Answer:
    return world.ask(party, "GET", f"/statistics?purpose={purpose}")


def told(answer: Answer) -> dict[tuple[str, str], tuple[int, int]]:
    """Signals and subjects by month and category."""
    assert answer.status == 200, answer.body
    return {(one["month"], one["category"]): (one["signals"], one["subjects"]) for one in answer.body["figures"]}


def put(world: World, party: str, number: int, category: str = "noise", day: date = OCTOBER, first: int = 0) -> None:
    world.put(
        party,
        *(
            world.make(party, address(place), category, day=day, purposes=["safe-living"])
            for place in range(first, first + number)
        ),
    )


def test_residents_read_figures_rounded_down_and_none_of_a_few(world: World) -> None:
    put(world, "landlord-east", 4)
    put(world, "site-manager", 4)
    put(world, "landlord-students", 2, "intimidation")
    put(world, "landlord-east", 3, "common-rooms", SEPTEMBER)
    answer = figures(world)
    assert told(answer) == {("2026-10", "noise"): (6, 3), ("2026-09", "common-rooms"): (3, 3)}
    assert answer.body["minimum"] == 3


def test_residents_see_nothing_else(world: World) -> None:
    """Figures are all there is for them: no hits, no questions, no signals, no approvals and no replays."""
    put(world, "landlord-east", 3)
    put(world, "site-manager", 3)
    assert told(figures(world))
    assert world.hits("residents").body["events"] == []
    theirs = world.rows("SELECT signal_id FROM signal LIMIT 1")[0].signal_id
    anchor = {"kind": "signal", "signalId": str(theirs)}
    for path, body in (
        ("/approvals", {"purpose": "safe-living", "anchor": anchor}),
        ("/release-requests", {"purpose": "safe-living", "anchor": anchor}),
        ("/replays", {"document": FEW.decode()}),
    ):
        assert world.ask("residents", "POST", path, body).status in (403, 404)
    assert world.disclose("residents", theirs, purpose="safe-living").status == 403
    assert world.ask("residents", "GET", "/signals").body["signals"] == []
    assert world.ask("residents", "GET", "/notices").body["notices"] == []


def test_whom_the_covenant_does_not_name_is_refused_and_on_record(world: World) -> None:
    put(world, "landlord-east", 3)
    for party in ("landlord-east", "site-manager"):
        answer = figures(world, party)
        assert (answer.status, answer.code) == (403, "figures-not-allowed")
    assert [party for party, _ in world.entries("request-refused")] == ["landlord-east", "site-manager"]
    assert world.count("area_figure") == 0
    assert told(figures(world, "municipality")) == {("2026-10", "noise"): (3, 3)}


def test_an_officer_may_read_them_and_an_administrator_may_not(world: World) -> None:
    put(world, "landlord-east", 3)
    target = f"/v1/covenants/{world.stage.covenant.id}/statistics?purpose=safe-living"
    for office, status in (("officer", 200), ("administrator", 403)):
        assert world.stage.send(enrol(world, office), "GET", target).status_code == status


def test_a_purpose_the_covenant_does_not_know_has_no_figures(world: World) -> None:
    answer = figures(world, purpose="gossip")
    assert (answer.status, answer.code) == (403, "purpose-unknown")


def test_each_reading_is_on_record_or_does_not_happen(world: World) -> None:
    put(world, "landlord-east", 3)
    figures(world)
    ((party, fields),) = world.entries("statistics-read")
    assert (party, fields["purpose"], fields["counts"]) == ("residents", "safe-living", {"figures": 1})
    world.break_log()
    answer = figures(world)
    assert (answer.status, answer.code) == (503, "audit-unavailable")


def test_what_was_told_of_a_month_is_told_unchanged_whatever_happens_after(world: World) -> None:
    """Who subtracts yesterday's figures from today's finds nothing: no signal that came in late, and none that left."""
    put(world, "landlord-east", 3)
    late = world.make("site-manager", address(1), day=OCTOBER, purposes=["safe-living"])
    before = figures(world).body
    put(world, "landlord-east", 9, first=20)
    world.put("site-manager", late)
    mine = [row.signal_id for row in world.rows("SELECT signal_id FROM signal WHERE party = 'landlord-east'")]
    world.withdraw("landlord-east", *mine[:3])
    assert figures(world).body == before


def test_a_month_is_told_when_a_week_has_passed_since(world: World) -> None:
    put(world, "landlord-east", 3, day=date(2026, 11, 20))
    assert told(figures(world)) == {}
    world.advance(timedelta(days=15))  # the seventh of December
    assert told(figures(world)) == {}
    world.advance(timedelta(days=1))
    assert told(figures(world)) == {("2026-11", "noise"): (3, 3)}


def test_a_subject_counts_once_however_many_parties_know_it_by_whatever(world: World) -> None:
    put(world, "landlord-east", 3)
    for place in range(3):
        for match_key in ("address-bag", "address-postcode"):
            about = {match_key: address(place)[match_key]}
            world.submit("site-manager", about, day=OCTOBER, purposes=["safe-living"])
    assert told(figures(world)) == {("2026-10", "noise"): (9, 3)}


def test_what_is_derived_from_others_is_not_counted(world_of: MakeWorld) -> None:
    world = world_of(CONDITIONS)
    for place in range(3):
        world.submit("north", address(place), day=OCTOBER)
        world.submit("north", address(place + 10), day=OCTOBER, origins=["police"])
    assert told(figures(world, "north", "nuisance")) == {("2026-10", "noise"): (3, 3)}


def test_the_covenants_own_minimum_holds(world_of: MakeWorld) -> None:
    world = world_of(HOUSING)
    put(world, "landlord-east", 19)
    put(world, "site-manager", 25, "common-rooms")
    assert told(figures(world)) == {("2026-10", "common-rooms"): (20, 20)}
    assert rounded(19, 20) is None


def test_one_who_is_suspended_reads_nothing(world: World) -> None:
    put(world, "landlord-east", 3)
    world.stage.suspend("residents")
    assert figures(world).status == 403
