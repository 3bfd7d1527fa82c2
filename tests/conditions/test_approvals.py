"""What parties must approve first: by kind, for a subject and a purpose, until it is taken back."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from service.disclosure.conditions.upkeep import carry_on
from tests.kit.disclosure import Answer, World, address


@pytest.fixture
def world(conditions: World) -> World:
    return conditions


def approve(world: World, party: str, anchor: UUID, purpose: str = "nuisance") -> Answer:
    return world.ask(party, "POST", "/approvals", {"purpose": purpose, "anchor": {"signalId": str(anchor)}})


def take_back(world: World, party: str, approval: str) -> int:
    target = f"/v1/covenants/{world.stage.covenant.id}/approvals/{approval}"
    return world.stage.send(world.stage.members[party], "DELETE", target).status_code


def threats(world: World, number: int = 1) -> tuple[UUID, UUID]:
    """The landlord's anchor, and the police's signal that police and municipality must approve of telling."""
    return world.submit("north", address(number), "noise"), world.submit("police", address(number), "threat")


def seen(world: World, party: str = "north") -> set[str]:
    found: dict[str, Any] = {}
    for event in world.hits(party).body["events"]:
        if event.get("hit", {}).get("category") == "threat":
            found[event["hit"]["signalId"]] = event
    return set(found)


def test_every_kind_that_a_rule_names_must_approve(world: World) -> None:
    mine, theirs = threats(world)
    own = world.submit("municipality", address(1))
    assert seen(world) == set()
    assert approve(world, "police", theirs).status == 200
    assert seen(world) == set()
    assert approve(world, "municipality", own).status == 200
    assert seen(world) == {str(theirs)}
    shown = {hit["hit"]["signalId"] for hit in world.disclose("north", mine).body["hits"]}
    assert str(theirs) in shown


def test_an_approval_is_about_one_subject_and_one_purpose(world: World) -> None:
    _, first = threats(world, 1)
    _, second = threats(world, 2)
    municipality = [world.submit("municipality", address(n), purposes=["nuisance", "safety"]) for n in (1, 2)]
    approve(world, "police", first)
    approve(world, "police", second)
    approve(world, "municipality", municipality[0])
    approve(world, "municipality", municipality[1], "safety")
    assert seen(world) == {str(first)}


def test_an_approval_is_taken_back_at_once(world: World) -> None:
    mine, theirs = threats(world)
    approve(world, "police", theirs)
    given = approve(world, "municipality", world.submit("municipality", address(1))).body["approvalId"]
    assert seen(world) == {str(theirs)}
    cursor = world.hits("north").body["cursor"]
    assert take_back(world, "municipality", given) == 204
    (event,) = world.hits("north", since=cursor).body["events"]
    assert event["kind"] == "retracted"
    assert str(theirs) not in str(world.disclose("north", mine).body["hits"])
    assert take_back(world, "municipality", given) == 404
    ((_, entry),) = world.entries("approval-taken-back")
    assert entry["purpose"] == "nuisance"


def test_an_approval_is_its_partys_own(world: World) -> None:
    _, theirs = threats(world)
    given = approve(world, "police", theirs).body["approvalId"]
    for party, which in (("municipality", given), ("municipality", str(uuid4())), ("police", str(uuid4()))):
        assert take_back(world, party, which) == 404
    assert [a["approvalId"] for a in world.ask("police", "GET", "/approvals").body["approvals"]] == [given]
    assert world.ask("municipality", "GET", "/approvals").body["approvals"] == []


def test_approving_twice_is_approving_once(world: World) -> None:
    _, theirs = threats(world)
    assert approve(world, "police", theirs).raw == approve(world, "police", theirs).raw
    assert len(world.entries("approval-given")) == 1


def test_an_approval_holds_while_its_party_has_a_signal_there(world: World) -> None:
    _, theirs = threats(world)
    own = world.submit("municipality", address(1))
    approve(world, "police", theirs)
    approve(world, "municipality", own)
    corrected = world.submit("municipality", address(1), replaces=own)
    assert seen(world) == {str(theirs)}
    world.withdraw("municipality", corrected)
    assert seen(world) == set()
    with world.stage.context.database.transaction() as session:
        carry_on(session, world.stage.context.desk, world.stage.covenant.id)
    assert {row.party for row in world.rows("SELECT party FROM approval")} == {"police"}


def test_the_approval_of_a_party_that_is_suspended_counts_no_more(world: World) -> None:
    _, theirs = threats(world)
    approve(world, "police", theirs)
    approve(world, "municipality", world.submit("municipality", address(1)))
    assert seen(world) == {str(theirs)}
    world.stage.suspend("municipality")
    assert seen(world) == set()


def test_what_cannot_be_approved_is_refused_on_record(world: World) -> None:
    mine, theirs = threats(world)
    refused = [
        (approve(world, "north", mine), "approval-not-asked-for"),
        (approve(world, "police", mine), "anchor-not-live"),
        (approve(world, "police", theirs, "safety"), "purpose-not-of-anchor"),
        (approve(world, "police", theirs, "nothing"), "purpose-without-legal-basis"),
    ]
    assert [(answer.status, answer.code) for answer, _ in refused] == [(403, code) for _, code in refused]
    assert [fields["reason"] for _, fields in world.entries("request-refused")] == [code for _, code in refused]
    assert world.count("approval") == 0


def test_no_log_no_approval(world: World) -> None:
    _, theirs = threats(world)
    world.break_log()
    assert approve(world, "police", theirs).status == 503
    assert world.count("approval") == 0
