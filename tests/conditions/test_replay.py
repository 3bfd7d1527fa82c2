"""Replay over HTTP: what a draft would change, counted by subject, and never a number that points at one."""

from __future__ import annotations

import secrets
from collections import Counter
from datetime import timedelta
from hashlib import sha256
from random import Random
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from clients.protocol import jws, signatures
from clients.protocol.encoding import b64u_encode
from clients.protocol.messages.governance import OfficerEnrolment
from clients.protocol.messages.keyholder import AdministratorEnrolment
from covenant_rules.replay import Group, Outcome
from service.disclosure.figures import replays
from service.disclosure.figures.recount import Terms
from tests.conditions.conftest import CONDITIONS, MakeWorld
from tests.kit.disclosure import TODAY, Answer, World, address
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


Row = tuple[str, str, str]
"""From, to, category."""


def told(answer: Answer, outcome: str, purpose: str = "nuisance") -> dict[Row, int]:
    """The numbers of one outcome that are told."""
    assert answer.status == 200, answer.body
    return {
        (one["fromKind"], one["toKind"], one["category"]): one[outcome]
        for one in answer.body["rows"]
        if outcome in one and one["purpose"] == purpose
    }


def pairs(world: World, number: int, **stated: Any) -> None:
    """Noise of the municipality and of the police on so many addresses."""
    for party in ("municipality", "police"):
        world.put(party, *(world.make(party, address(place), **stated) for place in range(number)))


HEARS, TELLS = ("police", "municipality", "noise"), ("municipality", "police", "noise")
"""What the municipality hears of the police, and what it tells it."""


def test_a_draft_that_changes_nothing_keeps_what_there_is(world: World, steward: Member) -> None:
    pairs(world, 3)
    answer = replay(world, steward, CONDITIONS)
    assert told(answer, "kept") == {HEARS: 3, TELLS: 3}
    assert told(answer, "gained") == told(answer, "lost") == {}
    assert (answer.body["minimum"], answer.body["draftVersion"]) == (3, world.stage.covenant.version)


def test_what_a_draft_takes_away_is_counted_as_lost(world: World, steward: Member) -> None:
    pairs(world, 6)
    answer = replay(world, steward, NARROWER)
    assert (told(answer, "kept"), told(answer, "lost")) == ({TELLS: 6}, {HEARS: 6})


def test_an_item_is_gained_where_it_was_sealed(world: World, steward: Member) -> None:
    pairs(world, 3)
    full = {"note.gist": b"at night", "note.full": b"every night"}
    world.put("police", *(world.make("police", address(place), fields=full, mock_seal=True) for place in range(3)))
    assert told(replay(world, steward, WIDER), "gained") == {HEARS: 3}


def test_a_subject_counts_once_however_it_is_known(world: World, steward: Member) -> None:
    """By one match key here and by another there, and with several signals: still one address."""
    pairs(world, 3)
    for place in range(3):
        door = {"address-postcode": address(place)["address-postcode"]}
        home = {"address-bag": address(place)["address-bag"]}
        for about in (door, home, door):
            world.submit("municipality", about)
            world.submit("police", about)
    assert set(told(replay(world, steward, CONDITIONS), "kept").values()) == {3}


def test_a_few_are_told_as_none_and_all_others_as_a_multiple_of_the_minimum(world: World, steward: Member) -> None:
    pairs(world, 4)
    before = replay(world, steward, CONDITIONS)
    world.submit("north", address(0))
    after = replay(world, steward, CONDITIONS)
    assert told(after, "kept") == {HEARS: 3, TELLS: 3}
    assert after.body["rows"] == before.body["rows"]


def test_a_draft_about_a_single_signal_does_not_tell_what_others_have_there(world: World, steward: Member) -> None:
    """Who has one leak, on one address, drafts a rule for who has leaks: with or without noise there, all is alike."""
    curious = amended(
        "    to: all\n    categories: [noise]\n    items: [hit, source, category, period, note.gist]",
        "    to: all\n    categories: [noise]\n    items: [hit, source, category, period, note.gist]\n"
        "    when: {viewer_has: [leak]}",
        CONDITIONS,
    )
    world.submit("municipality", address(1), "leak")
    before = replay(world, steward, curious)
    world.submit("police", address(1))
    assert replay(world, steward, curious).body == before.body


def test_what_a_draft_keeps_for_less_long_is_lost(world: World, steward: Member) -> None:
    pairs(world, 3, day=TODAY - timedelta(days=60))
    shorter = amended("noise: P1Y", "noise: P1M", CONDITIONS)
    answer = replay(world, steward, shorter)
    assert (told(answer, "kept"), told(answer, "lost")) == ({}, {HEARS: 3, TELLS: 3})


def test_a_match_key_that_a_draft_withdraws_matches_no_more(world: World, steward: Member) -> None:
    """Addresses that the police knows by their postcode alone."""
    withdrawn = amended("police: [address-bag, address-postcode]", "police: [address-bag]", CONDITIONS)
    for place in range(3):
        world.submit("police", {"address-postcode": address(place)["address-postcode"]})
        world.submit("municipality", address(place))
    answer = replay(world, steward, withdrawn)
    assert (told(answer, "kept"), told(answer, "lost")) == ({}, {HEARS: 3, TELLS: 3})
    pairs(world, 3)
    assert told(replay(world, steward, withdrawn), "kept") == {HEARS: 3, TELLS: 3}


def test_releases_are_replayed_as_they_were_given(world: World, steward: Member) -> None:
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
    assert about not in told(replay(world, steward, CONDITIONS), "kept")
    assert told(replay(world, steward, released), "gained")[about] == 3
    for one in world.ask("care-team", "GET", "/release-requests").body["requests"]:
        world.ask("care-team", "POST", f"/release-requests/{one['requestId']}/answer", {"decision": "release"})
    assert told(replay(world, steward, CONDITIONS), "kept")[about] == 3
    answer = replay(world, steward, released)
    assert told(answer, "kept")[about] == 3
    assert about not in told(answer, "gained")


def test_approvals_are_replayed_as_they_stand(world: World, steward: Member) -> None:
    for place in range(3):
        threat = world.submit("police", address(place), "threat")
        own = world.submit("municipality", address(place))
        world.submit("east", address(place))
        for party, anchor in (("police", threat), ("municipality", own)):
            body = {"purpose": "nuisance", "anchor": {"signalId": str(anchor)}}
            assert world.ask(party, "POST", "/approvals", body).status == 200
    # Without any approval, and for that with so many parties that the hit alone discloses nothing
    fewer = amended("approved_by: [police, municipality]}", "approved_by: [municipality]}", CONDITIONS)
    about = ("police", "housing", "threat")
    assert told(replay(world, steward, CONDITIONS), "kept")[about] == 3
    assert told(replay(world, steward, fewer), "kept")[about] == 3
    for one in world.ask("police", "GET", "/approvals").body["approvals"]:
        target = f"/v1/covenants/conditions/approvals/{one['approvalId']}"
        world.stage.send(world.stage.members["police"], "DELETE", target)
    assert about not in told(replay(world, steward, CONDITIONS), "kept")
    assert told(replay(world, steward, fewer), "gained")[about] == 3


def test_what_is_withdrawn_is_not_replayed(world: World, steward: Member) -> None:
    pairs(world, 3)
    gone = [world.submit("police", address(place)) for place in range(10, 13)]
    world.put("municipality", *(world.make("municipality", address(place)) for place in range(10, 13)))
    world.withdraw("police", *gone)
    assert told(replay(world, steward, CONDITIONS), "kept")[HEARS] == 3


def test_signals_come_in_while_a_replay_looks_at_how_it_was(world: World) -> None:
    pairs(world, 3)
    context, covenant = world.stage.context, world.stage.covenant.id
    terms = Terms(CONDITIONS, CONDITIONS, (CONDITIONS,), frozenset(world.stage.covenant.parties), context.clock())
    with context.database.transaction(isolation="REPEATABLE READ") as session:
        before = replays.recount(session, covenant, terms)
    with context.database.transaction(isolation="REPEATABLE READ") as session:
        session.connection().execute(text("SELECT 1 FROM signal LIMIT 1"))
        pairs(world, 9)
        world.withdraw("police", world.submit("police", address(1)))
        assert replays.recount(session, covenant, terms) == before


def test_an_officer_may_replay_and_a_party_may_not(world: World) -> None:
    pairs(world, 3)
    assert told(replay(world, enrol(world, "officer"), CONDITIONS), "kept") == {HEARS: 3, TELLS: 3}
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
    assert (fields["principal"], fields["digest"]) == (steward.party, b64u_encode(sha256(NARROWER).digest()))
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
    crowd(world)
    seen: set[tuple[Group, bytes]] = set()
    of = {row.signal_id: row for row in world.rows("SELECT signal_id, party, category FROM signal")}
    kinds = {party.id: party.kind for party in world.stage.covenant.parties.values()}
    place = {
        row.signal_id: row.handle
        for row in world.rows("SELECT signal_id, handle FROM pseudonym WHERE match_key = 'address-bag'")
    }
    for party in kinds:
        for event in world.hits(party, limit=1000).body["events"]:
            theirs = UUID(event["hit"]["signalId"])
            group = Group(event["purpose"], kinds[of[theirs].party], kinds[party], of[theirs].category)
            seen.add((group, place[theirs]))
    context = world.stage.context
    terms = Terms(CONDITIONS, CONDITIONS, (CONDITIONS,), frozenset(kinds), context.clock())
    with context.database.transaction(isolation="REPEATABLE READ") as session:
        tally = replays.recount(session, world.stage.covenant.id, terms)
    assert tally == Counter((group, Outcome.KEPT) for group, _ in seen)
    assert len(tally) > 10


def crowd(world: World) -> None:
    """Fourteen addresses of which most parties have something to say."""
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
