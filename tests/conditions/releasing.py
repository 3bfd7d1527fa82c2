"""Asking sources for the release of what waits for them, and answering as a source."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from service.disclosure.conditions.upkeep import carry_on
from tests.kit.disclosure import Answer, World

NOTE = {"note.gist": b"she has not been seen for days"}


def ask(world: World, anchor: UUID, party: str = "municipality", **changes: Any) -> Answer:
    body = {"purpose": "nuisance", "anchor": {"signalId": str(anchor)}} | changes
    return world.ask(party, "POST", "/release-requests", body)


def asked(world: World, source: str, query: str = "") -> list[dict[str, Any]]:
    """What the source is asked."""
    answer = world.ask(source, "GET", f"/release-requests{query}")
    assert answer.status == 200, answer.body
    requests: list[dict[str, Any]] = answer.body["requests"]
    return requests


def reply(world: World, source: str, request: str, decision: str = "release", **reason: str) -> Answer:
    return world.ask(source, "POST", f"/release-requests/{request}/answer", {"decision": decision} | reason)


def released(world: World, source: str) -> None:
    """The source releases everything it is asked for."""
    for request in asked(world, source, "?state=pending"):
        assert reply(world, source, request["requestId"]).status == 200


def seen(world: World, party: str = "municipality") -> dict[str, list[str]]:
    """Items by the other's signal."""
    return {e["hit"]["signalId"]: e["hit"]["items"] for e in world.hits(party).body["events"] if "hit" in e}


def carry(world: World) -> int:
    with world.stage.context.database.transaction() as session:
        return carry_on(session, world.stage.context.desk, world.stage.covenant.id)
