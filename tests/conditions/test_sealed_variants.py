"""An item is shown where a rule lets it be seen and the source has sealed it: never a promise of what is not there."""

from __future__ import annotations

from typing import Any

from tests.kit.disclosure import World, address

FIXED = ["hit", "source", "category", "period"]


def told(world: World) -> dict[str, Any]:
    """The municipality's hits by the other's signal."""
    return {event["hit"]["signalId"]: event for event in world.hits("municipality").body["events"]}


def test_a_hit_lists_only_the_variants_that_its_source_sealed(world: World) -> None:
    mine = world.submit("municipality", address(1))
    bare = world.submit("police", address(1))
    noted = world.submit("police", address(1), fields={"note.gist": b"at night", "note.full": b"every night"})
    called = world.submit("housing-north", address(1), fields={"contact.role": b"caretaker"})
    expected = {
        str(bare): FIXED,
        str(noted): [*FIXED, "note.gist"],  # note.full is sealed, and no rule lets it be seen
        str(called): [*FIXED, "contact.role"],
    }
    events = told(world)
    disclosed = {one["hit"]["signalId"]: one for one in world.disclose("municipality", mine).body["hits"]}
    for signal, items in expected.items():
        explained = world.ask("municipality", "GET", f"/hits/{events[signal]['hitId']}").body
        for hit in (events[signal]["hit"], disclosed[signal]["hit"], explained["hit"]):
            assert hit["items"] == items
            assert set(hit["grounds"]) == set(items)
        sealed = [f"{one['field']}.{one['variant']}" for one in disclosed[signal]["sealed"]]
        assert sealed == [item for item in items if "." in item]


def test_the_log_says_of_each_signal_what_was_shown_and_no_more(world: World) -> None:
    mine = world.submit("municipality", address(1))
    theirs = world.submit("police", address(1), fields={"note.gist": b"at night"})
    world.hits("municipality")
    world.disclose("municipality", mine)
    for event in ("hits-told", "disclosure-decided"):
        ((_, fields),) = world.entries(event)
        assert fields["shown"][str(theirs)]["items"] == sorted([*FIXED, "note.gist"])


def test_a_look_up_promises_nothing_that_is_not_there(world: World) -> None:
    world.submit("municipality", address(1), fields={"contact.role": b"desk"})
    world.submit("housing-north", address(1))
    hits = {one["hit"]["source"]: one["hit"] for one in world.look_up("police", address(1)).body["hits"]}
    assert hits["municipality"]["items"] == ["hit", "source", "contact.role"]
    assert hits["housing-north"]["items"] == ["hit", "source"]
