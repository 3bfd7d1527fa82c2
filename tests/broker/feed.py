"""How a page of the hit feed reads, and other versions of the covenant than the one that tests begin with."""

from __future__ import annotations

from typing import Any

from tests.kit.disclosure import Answer, World, address
from tests.service.cast import amended

NARROWER = amended(
    "    from: [police, housing, care]\n    to: [municipality]", "    from: [housing, care]\n    to: [municipality]"
)
WIDER = amended(
    "    items: [hit, source, contact.role]\n    when: {independent_parties: 2, within: P90D}\n    audit:",
    "    items: [hit, source, category, contact.role]\n    when: {independent_parties: 2, within: P90D}\n    audit:",
)


def submit_all(world: World, party: str, number: int) -> list[str]:
    """A signal of the party on each of so many addresses, in one batch."""
    made = [world.make(party, address(place)) for place in range(number)]
    world.put(party, *made)
    return [str(one.id) for one in made]


def told(answer: Answer) -> list[tuple[str, str]]:
    """(kind, signal or hit id) of each event, in order."""
    assert answer.status == 200, answer.body
    return [(e["kind"], e["hit"]["signalId"] if "hit" in e else e["hitId"]) for e in answer.body["events"]]


def visible(answer: Answer) -> dict[str, Any]:
    """The hits of a page by the other's signal."""
    assert answer.status == 200, answer.body
    return {e["hit"]["signalId"]: e["hit"] for e in answer.body["events"] if "hit" in e}
