"""Replay over HTTP: what a draft would change, counted by subject, and never a number that points at one."""

from __future__ import annotations

import secrets
from collections import Counter
from typing import Any
from uuid import UUID

import pytest

from clients.protocol import jws, signatures
from clients.protocol.messages.governance import OfficerEnrolment
from clients.protocol.messages.keyholder import AdministratorEnrolment
from service.disclosure.figures import replays
from service.disclosure.figures.recount import Terms
from tests.conditions.conftest import CONDITIONS, MakeWorld
from tests.kit.disclosure import Answer, World, address
from tests.service.cast import Member, amended

WIDER = amended(
    "    categories: [noise]\n    items: [hit, source, category, period, note.gist]",
    "    categories: [noise]\n    items: [hit, source, category, period, note.gist, note.full]",
    CONDITIONS,
)
"""Who hears of noise reads the whole note."""
NARROWER = amended(
    "    from: all\n    to: all\n    categories: [noise]",
    "    from: all\n    to: [police]\n    categories: [noise]",
    CONDITIONS,
)
"""Of noise, only the police hears."""


@pytest.fixture
def world(conditions: World) -> World:
    return conditions


@pytest.fixture
def steward(world: World) -> Member:
    return enrol(world)


def enrol(world: World, office: str = "administrator") -> Member:
    """An administrator or officer who may ask."""
    name, covenant = f"{office}-who-asks", world.stage.covenant.id
    member = Member(name)
    key = jws.public_jwk(member.authentication)
    if office == "officer":
        world.stage.operate(
            "POST", f"/covenants/{covenant}/officers", OfficerEnrolment(officer=name, authentication_key=key)
        )
    else:
        world.stage.operate(
            "POST",
            f"/covenants/{covenant}/administrators",
            AdministratorEnrolment(
                administrator=name,
                party="police",
                approval_key=signatures.public_key(secrets.token_bytes(32)),
                authentication_key=key,
            ),
        )
    return member


def replay(world: World, who: Member, document: bytes) -> Answer:
    target = f"/v1/covenants/{world.stage.covenant.id}/replays"
    response = world.stage.send(who, "POST", target, {"document": document.decode()})
    return Answer(response.status_code, response.json(), response.content)


def cells(answer: Answer) -> dict[tuple[str, str, str, str], int | None]:
    assert answer.status == 200, answer.body
    return {
        (one["outcome"], one["fromKind"], one["toKind"], one["category"]): one.get("subjects")
        for one in answer.body["cells"]
    }


def pairs(world: World, number: int, **stated: Any) -> None:
    """Noise of the municipality and of the police on so many addresses."""
    for party in ("municipality", "police"):
        world.put(party, *(world.make(party, address(place), **stated) for place in range(number)))


def test_a_draft_that_changes_nothing_keeps_what_there_is(world: World, steward: Member) -> None:
    pairs(world, 4)
    answer = replay(world, steward, CONDITIONS)
    assert cells(answer) == {
        ("kept", "municipality", "police", "noise"): 4,
        ("kept", "police", "municipality", "noise"): 4,
    }
    assert answer.body["totals"] == [{"purpose": "nuisance", "outcome": "kept", "subjects": 8}]
    assert (answer.body["minimum"], answer.body["draftVersion"]) == (3, world.stage.covenant.version)


def test_what_a_draft_takes_away_is_counted_as_lost(world: World, steward: Member) -> None:
    pairs(world, 5)
    assert cells(replay(world, steward, NARROWER)) == {
        ("kept", "municipality", "police", "noise"): 5,
        ("lost", "police", "municipality", "noise"): 5,
    }


def test_an_item_is_gained_where_it_was_sealed(world: World, steward: Member) -> None:
    pairs(world, 3)
    full = {"note.gist": b"at night", "note.full": b"every night"}
    world.put("police", *(world.make("police", address(place), fields=full, mock_seal=True) for place in range(3)))
    found = cells(replay(world, steward, WIDER))
    assert found["gained", "police", "municipality", "noise"] == 3
    assert ("gained", "municipality", "police", "noise") not in found


def test_a_subject_counts_once_however_it_is_known(world: World, steward: Member) -> None:
    """By one match key here and by another there, and with several signals: still one address."""
    pairs(world, 3)
    for place in range(3):
        door = {"address-postcode": address(place)["address-postcode"]}
        home = {"address-bag": address(place)["address-bag"]}
        for about in (door, home, door):
            world.submit("municipality", about)
            world.submit("police", about)
    assert set(cells(replay(world, steward, CONDITIONS)).values()) == {3}


def test_small_numbers_and_the_sums_they_stand_in_are_left_out(world: World, steward: Member) -> None:
    pairs(world, 4)
    world.submit("north", address(0))
    answer = replay(world, steward, CONDITIONS)
    found = cells(answer)
    assert found["kept", "police", "municipality", "noise"] == 4
    assert found["kept", "housing", "police", "noise"] is None
    assert answer.body["totals"] == [{"purpose": "nuisance", "outcome": "kept"}]


def test_conditions_are_replayed_as_they_are_met(world: World, steward: Member) -> None:
    """Independent parties, echoes, releases and approvals: what a disclosure would go by."""
    released = amended(
        "    items: [hit, source, category, period, note.gist]\n    when: {source_released: true}",
        "    items: [hit, source, category, period, note.gist]",
        CONDITIONS,
    )
    for place in range(3):
        world.submit("care-team", address(place), "worry")
        anchor = world.submit("municipality", address(place))
        world.ask(
            "municipality", "POST", "/release-requests", {"purpose": "nuisance", "anchor": {"signalId": str(anchor)}}
        )
    about = ("care", "municipality", "worry")
    assert cells(replay(world, steward, CONDITIONS)).get(("kept", *about)) is None
    assert cells(replay(world, steward, released))["gained", *about] == 3
    for one in world.ask("care-team", "GET", "/release-requests").body["requests"]:
        world.ask("care-team", "POST", f"/release-requests/{one['requestId']}/answer", {"decision": "release"})
    assert cells(replay(world, steward, CONDITIONS))["kept", *about] == 3
    found = cells(replay(world, steward, released))
    assert (found["kept", *about], found.get(("gained", *about))) == (3, None)


def test_approvals_are_replayed_too(world: World, steward: Member) -> None:
    for place in range(3):
        threat = world.submit("police", address(place), "threat")
        own = world.submit("municipality", address(place))
        world.submit("east", address(place))
        for party, anchor in (("police", threat), ("municipality", own)):
            body = {"purpose": "nuisance", "anchor": {"signalId": str(anchor)}}
            assert world.ask(party, "POST", "/approvals", body).status == 200
    unapproved = amended(", approved_by: [police, municipality]}", "}", CONDITIONS)
    about = ("police", "housing", "threat")
    assert cells(replay(world, steward, CONDITIONS))["kept", *about] == 3
    assert cells(replay(world, steward, unapproved))["kept", *about] == 3
    for one in world.ask("police", "GET", "/approvals").body["approvals"]:
        target = f"/v1/covenants/conditions/approvals/{one['approvalId']}"
        world.stage.send(world.stage.members["police"], "DELETE", target)
    assert ("kept", *about) not in cells(replay(world, steward, CONDITIONS))
    assert cells(replay(world, steward, unapproved))["gained", *about] == 3


def test_what_is_withdrawn_or_over_is_not_replayed(world: World, steward: Member) -> None:
    pairs(world, 3)
    gone = [world.submit("police", address(place)) for place in range(10, 13)]
    world.put("municipality", *(world.make("municipality", address(place)) for place in range(10, 13)))
    world.withdraw("police", *gone)
    assert cells(replay(world, steward, CONDITIONS))["kept", "police", "municipality", "noise"] == 3


def test_an_officer_may_replay_and_a_party_may_not(world: World) -> None:
    pairs(world, 3)
    assert len(cells(replay(world, enrol(world, "officer"), CONDITIONS))) == 2
    refused = replay(world, world.stage.members["police"], CONDITIONS)
    assert (refused.status, refused.code) == (403, "role-not-allowed")


def test_a_draft_with_mistakes_is_answered_with_their_places(world: World, steward: Member) -> None:
    answer = replay(world, steward, CONDITIONS.replace(b"to: [municipality]", b"to: [nobody]"))
    assert answer.status == 400
    assert {error["code"] for error in answer.body["errors"]} >= {"cr301"}
    other = replay(world, steward, CONDITIONS.replace(b"covenant: conditions", b"covenant: another"))
    assert (other.status, other.code) == (400, "covenant-differs")


def test_each_replay_is_on_record_with_the_hash_of_the_draft(world: World, steward: Member) -> None:
    pairs(world, 3)
    replay(world, steward, NARROWER)
    ((_, fields),) = world.entries("draft-replayed")
    assert (fields["principal"], fields["counts"]) == (steward.party, {"cells": 2, "shown": 2})
    world.break_log()
    refused = replay(world, steward, NARROWER)
    assert (refused.status, refused.code) == (503, "audit-unavailable")


def test_one_replay_of_a_covenant_goes_on_at_a_time(world: World, steward: Member) -> None:
    with world.stage.context.database.transaction() as session:
        replays._hold(session, world.stage.covenant.id)
        refused = replay(world, steward, CONDITIONS)
        assert (refused.status, refused.code) == (409, "replay-under-way")
    assert replay(world, steward, CONDITIONS).status == 200


def test_other_processes_count_the_same(world: World) -> None:
    pairs(world, 6)
    world.submit("north", address(1), "leak")
    context = world.stage.context
    with context.database.transaction(isolation="REPEATABLE READ") as session:
        terms = Terms(NARROWER, CONDITIONS, (CONDITIONS,), frozenset(world.stage.covenant.parties), context.clock())
        alone = replays.recount(session, world.stage.covenant.id, terms, processes=1)
    with context.database.transaction(isolation="REPEATABLE READ") as session:
        together = replays.recount(session, world.stage.covenant.id, terms, processes=2)
    assert alone == together
    assert sum(alone.values()) > 0


def test_a_replay_agrees_with_what_parties_are_told(world_of: MakeWorld) -> None:
    """A crowded neighbourhood, replayed under the version in force: what is kept is what the hit feeds hold."""
    world = world_of(CONDITIONS)
    steward = enrol(world)
    crowd(world)
    told: Counter[tuple[str, str, str, str]] = Counter()
    seen: set[tuple[tuple[str, str, str, str], str]] = set()
    of = {row.signal_id: row for row in world.rows("SELECT signal_id, party, category FROM signal")}
    kinds = {party.id: party.kind for party in world.stage.covenant.parties.values()}
    place = {
        row.signal_id: row.handle
        for row in world.rows("SELECT signal_id, handle FROM pseudonym WHERE match_key = 'address-bag'")
    }
    for party in kinds:
        for event in world.hits(party, limit=1000).body["events"]:
            theirs = UUID(event["hit"]["signalId"])
            key = (event["purpose"], kinds[of[theirs].party], kinds[party], of[theirs].category)
            seen.add((key, place[theirs]))
    told.update(key for key, _ in seen)
    answer = replay(world, steward, CONDITIONS)
    counted = {
        (one["purpose"], one["fromKind"], one["toKind"], one["category"]): one.get("subjects")
        for one in answer.body["cells"]
        if one["outcome"] == "kept"
    }
    assert counted == {key: number if number >= 3 else None for key, number in told.items()}
    assert len(counted) > 15


def crowd(world: World) -> None:
    from random import Random

    random = Random(7)
    for party in world.stage.covenant.parties:
        allowed = ["noise", "waste", "leak", "worry"] + (["threat"] if party in ("police", "municipality") else [])
        made = []
        for place in range(14):
            for category in random.sample(allowed, k=random.choice((0, 1, 1, 2))):
                origins = ["police"] if party != "police" and random.random() < 0.1 else []
                codes = random.choice(([], [], [], ["source-withheld"], ["not-to-landlords"]))
                purposes = (
                    ["nuisance", "safety"]
                    if party in ("municipality", "north", "police") and category == "noise"
                    else ["nuisance"]
                )
                made.append(
                    world.make(
                        party, address(place), category, origins=origins, handling_codes=codes, purposes=purposes
                    )
                )
        world.put(party, *made)
