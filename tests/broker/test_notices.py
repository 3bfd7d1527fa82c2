"""What a source is told of disclosures of its signals."""

from __future__ import annotations

from datetime import timedelta

from tests.broker.conftest import MakeWorld
from tests.broker.feed import visible
from tests.kit.disclosure import World, address
from tests.service.cast import amended


def test_a_source_gets_notice_as_far_and_as_soon_as_the_covenant_says(world: World) -> None:
    world.submit("housing-north", address(1), "illegal-subletting")
    world.submit("municipality", address(1), "illegal-subletting")
    theirs = world.submit("police", address(1), "illegal-subletting")
    page = world.hits("housing-north")
    assert str(theirs) in visible(page)
    notices = world.ask("police", "GET", "/notices")
    assert notices.body == {"notices": []}  # art. 5.8 keeps it confidential for thirty days
    world.advance(timedelta(days=30))
    (notice,) = world.ask("police", "GET", "/notices").body["notices"]
    assert notice["signalId"] == str(theirs)
    assert (notice["day"], notice["party"], notice["purpose"]) == ("2026-11-22", "housing-north", "nuisance")
    assert notice["items"] == ["hit", "source", "category", "period"]
    assert world.ask("care-team", "GET", "/notices").body == {"notices": []}
    assert [fields["counts"] for _, fields in world.entries("notices-read")] == [{"notices": n} for n in (0, 1, 0)]


def test_notices_come_in_pages(make_world: MakeWorld) -> None:
    world = make_world(amended(", confidential: P30D}\n\n  # --- Chapter 6", "}\n\n  # --- Chapter 6"))
    for number in range(3):
        for party in ("housing-north", "municipality", "police"):
            world.submit(party, address(number), "illegal-subletting")
    world.hits("housing-north")
    first = world.ask("police", "GET", "/notices?limit=2").body
    second = world.ask("police", "GET", f"/notices?limit=2&cursor={first['nextCursor']}").body
    assert (len(first["notices"]), len(second["notices"])) == (2, 1)
    assert "nextCursor" not in second
    assert len({one["noticeId"] for one in first["notices"] + second["notices"]}) == 3


def test_no_log_no_notices(world: World) -> None:
    world.break_log()
    assert world.ask("police", "GET", "/notices").status == 503
