"""The hit feed over HTTP: what each party is told of others' signals, when, and never more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

import covenant_rules
from clients.protocol.messages.signals import Withdrawal
from service.broker.tables import metadata
from service.disclosure import feed
from service.principals import Principal, Role
from tests.kit.disclosure import TODAY, Answer, World, address
from tests.kit.partner import subject
from tests.kit.stage import Stage, open_stage
from tests.service.cast import amended
from tests.service.conftest import FreshDatabase

EXAMPLES = Path(covenant_rules.__file__).parent / "examples"


MakeWorld = Callable[[bytes], World]


@pytest.fixture
def world(stage: Stage) -> World:
    return World(stage)


@pytest.fixture
def make_world(fresh_database: FreshDatabase, tmp_path: Path) -> Iterator[MakeWorld]:
    """A world under another covenant than the usual one."""
    with ExitStack() as stack:

        def make(document: bytes) -> World:
            url = fresh_database(metadata).engine.url.render_as_string(hide_password=False)
            return World(stack.enter_context(open_stage(url, tmp_path / "other", document=document)))

        yield make


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


# -- what is a hit


def test_a_signal_of_another_party_on_the_same_address_is_a_hit(world: World) -> None:
    mine = world.submit("municipality", address(1))
    theirs = world.submit("police", address(1), day=TODAY - timedelta(days=3))
    (event,) = world.hits("municipality").body["events"]
    assert (event["kind"], event["purpose"], event["stage"]) == ("appeared", "nuisance", "signal")
    assert event["anchorSignalId"] == str(mine)
    hit = event["hit"]
    assert hit["signalId"] == str(theirs)
    assert hit["matchedOn"] == ["address-bag", "address-postcode"]
    assert (hit["source"], hit["category"], hit["day"]) == ("police", "noise", "2026-11-19")
    assert {ground["clause"] for grounds in hit["grounds"].values() for ground in grounds} == {"art. 5.1"}
    assert set(hit["grounds"]) == set(hit["items"])


def test_only_what_a_permit_names_is_in_a_hit(world: World) -> None:
    world.submit("care-team", address(1))
    theirs = world.submit("housing-north", address(1), fields={"contact.role": b"caretaker", "note.gist": b"noise"})
    hit = visible(world.hits("care-team"))[str(theirs)]
    assert hit["items"] == ["hit", "source", "contact.role"]
    assert "category" not in hit
    assert "day" not in hit


def test_where_the_source_is_withheld_its_legal_basis_is_too(world: World) -> None:
    world.submit("municipality", address(1))
    theirs = world.submit("police", address(1), handling_codes=["source-withheld"])
    hit = visible(world.hits("municipality"))[str(theirs)]
    assert hit["items"] == ["hit", "category", "period"]
    assert "source" not in hit
    assert {ground["sourceBasis"] for grounds in hit["grounds"].values() for ground in grounds} == {""}


def test_a_partys_own_signals_never_make_a_hit_for_itself(world: World) -> None:
    world.submit("municipality", address(1))
    world.submit("municipality", address(1), "waste")
    assert told(world.hits("municipality")) == []


def test_another_address_is_no_hit(world: World) -> None:
    world.submit("municipality", address(1))
    world.submit("police", address(2))
    assert told(world.hits("municipality")) == []


def test_what_meets_a_hit_is_not_met_by_the_anchor(world: World) -> None:
    """No transitive closure: the second match key of a hit leads no further."""
    world.submit("municipality", {"address-bag": b"home 1"})
    near = world.submit("police", {"address-bag": b"home 1", "address-postcode": b"door 9"})
    far = world.submit("housing-north", {"address-postcode": b"door 9"})
    page = world.hits("municipality")
    assert list(visible(page)) == [str(near)]
    assert visible(page)[str(near)]["matchedOn"] == ["address-bag"]
    world.submit("municipality", {"address-postcode": b"door 9"})
    assert set(visible(world.hits("municipality"))) == {str(near), str(far)}


def test_a_signal_for_another_purpose_is_no_hit(world: World) -> None:
    world.submit("municipality", subject("person 1"), "home-visit", purposes=["support"], subject_kind="person")
    world.submit("care-team", subject("person 1"), "home-visit", purposes=["support"], subject_kind="person")
    assert [e["purpose"] for e in world.hits("municipality").body["events"]] == ["support"]
    assert told(world.hits("municipality", purpose="nuisance")) == []


# -- conditions, prohibitions, handling codes


def test_a_pattern_shows_from_the_third_independent_party_on(world: World) -> None:
    """Two corporations are two groups; a second signal of the same party counts once."""
    world.submit("housing-north", address(1), "illegal-subletting")
    police = world.submit("police", address(1), "illegal-subletting")
    world.submit("police", address(1), "illegal-subletting")
    assert told(world.hits("housing-north")) == []
    world.submit("municipality", address(1), "illegal-subletting")
    assert str(police) in visible(world.hits("housing-north"))


def test_what_is_too_old_is_neither_shown_nor_counted(world: World) -> None:
    world.submit("housing-north", address(1))
    old = world.submit("police", address(1), day=TODAY - timedelta(days=180))
    new = world.submit("police", address(1), day=TODAY - timedelta(days=179))
    assert set(visible(world.hits("housing-north"))) == {str(new)}
    assert old != new


def test_a_hit_grows_old_overnight(world: World) -> None:
    world.submit("housing-north", address(1))
    theirs = world.submit("police", address(1), day=TODAY - timedelta(days=179))
    first = world.hits("housing-north")
    assert list(visible(first)) == [str(theirs)]
    world.advance(timedelta(days=1))
    later = world.hits("housing-north", since=first.body["cursor"])
    assert told(later) == [("retracted", first.body["events"][0]["hitId"])]


def test_a_prohibition_beats_every_permit(world: World) -> None:
    world.submit("housing-north", address(1), "illegal-subletting")
    world.submit("municipality", address(1), "illegal-subletting")
    drugs = world.submit("police", address(1), "drug-dealing")
    world.submit("police", address(1), "illegal-subletting")
    assert str(drugs) not in visible(world.hits("housing-north"))
    assert str(drugs) in visible(world.hits("municipality"))


def test_a_handling_code_hides_its_signal_from_whom_it_names(world: World) -> None:
    for party in ("housing-north", "municipality"):
        world.submit(party, address(1))
    theirs = world.submit("police", address(1), handling_codes=["not-to-landlords"])
    assert str(theirs) not in visible(world.hits("housing-north"))
    assert str(theirs) in visible(world.hits("municipality"))


def test_a_condition_on_the_viewer_opens_with_its_own_signal(world: World) -> None:
    world.submit("housing-north", address(1), "waste")
    theirs = world.submit("municipality", address(1), "illegal-subletting")
    first = world.hits("housing-north")
    assert told(first) == []
    world.submit("housing-north", address(1), "illegal-subletting")
    after = world.hits("housing-north", since=first.body["cursor"])
    assert {event["hit"]["signalId"] for event in after.body["events"]} == {str(theirs)}
    assert len(after.body["events"]) == 2  # for each of the two anchors


def test_a_derived_signal_completes_no_pattern(world: World) -> None:
    world.submit("housing-north", address(1), "illegal-subletting")
    world.submit("municipality", address(1), "illegal-subletting")
    derived = world.submit("police", address(1), "illegal-subletting", origins=["municipality"])
    assert str(derived) not in visible(world.hits("housing-north"))


# -- versions


NARROWER = amended(
    "    from: [police, housing, care]\n    to: [municipality]", "    from: [housing, care]\n    to: [municipality]"
)
WIDER = amended(
    "    items: [hit, source, contact.role]\n    when: {independent_parties: 2, within: P90D}\n    audit:",
    "    items: [hit, source, category, contact.role]\n    when: {independent_parties: 2, within: P90D}\n    audit:",
)


def test_a_narrower_version_takes_back_what_it_no_longer_permits(world: World) -> None:
    world.submit("municipality", address(1))
    world.submit("police", address(1))
    first = world.hits("municipality")
    assert len(told(first)) == 1
    world.stage.adopt(NARROWER)
    assert [kind for kind, _ in told(world.hits("municipality", since=first.body["cursor"]))] == ["retracted"]
    assert told(world.hits("municipality")) == []


def test_a_wider_version_shows_more_only_of_what_is_submitted_under_it(world: World) -> None:
    world.submit("care-team", address(1))
    old = world.submit("housing-north", address(1))
    world.stage.adopt(WIDER)
    assert "category" not in visible(world.hits("care-team"))[str(old)]
    affirmed = world.submit("housing-north", address(1), replaces=old)
    hits = visible(world.hits("care-team"))
    assert hits[str(affirmed)]["category"] == "noise"
    assert str(old) not in hits


def test_an_expired_covenant_shows_nothing(world: World) -> None:
    document = amended("until: 2028-12-31", "until: 2026-11-23")
    world.stage.adopt(document)
    world.submit("municipality", address(1))
    world.submit("police", address(1))
    first = world.hits("municipality")
    assert len(told(first)) == 1
    world.advance(timedelta(days=2))
    assert [kind for kind, _ in told(world.hits("municipality", since=first.body["cursor"]))] == ["retracted"]


# -- coming and going


def test_a_withdrawn_signal_is_retracted(world: World) -> None:
    world.submit("municipality", address(1))
    theirs = world.submit("police", address(1))
    first = world.hits("municipality")
    world.withdraw("police", theirs)
    later = world.hits("municipality", since=first.body["cursor"])
    assert told(later) == [("retracted", first.body["events"][0]["hitId"])]
    assert "hit" not in later.body["events"][0]


def test_a_withdrawal_that_comes_first_is_not_overtaken_by_a_page(world: World) -> None:
    """The feed was brought up to date before; the page waits for the withdrawal under way, and then does not tell."""
    world.submit("municipality", address(1))
    theirs = world.submit("police", address(1))
    assert len(told(world.hits("municipality"))) == 1
    context, covenant = world.stage.context, world.stage.covenant
    police = Principal("police", Role.PARTY, "police", covenant.id)
    withdrawal = Withdrawal(signal_ids=(theirs,), reason="mistaken")
    with ThreadPoolExecutor(1) as pool:
        with context.database.transaction() as session:
            context.signals.withdraw(session, covenant.id, withdrawal, by=police)
            asked = pool.submit(world.hits, "municipality")
            world.wait_for_a_lock()
            assert not asked.done()
        assert told(asked.result(timeout=10)) == []
    assert told(world.hits("municipality")) == []


def test_a_suspension_that_comes_first_is_not_overtaken_by_a_page(world: World) -> None:
    world.submit("municipality", address(1))
    world.submit("police", address(1))
    first = world.hits("municipality")
    assert len(told(first)) == 1
    context, covenant = world.stage.context, world.stage.covenant
    operator = Principal("operator-1", Role.OPERATOR)
    with ThreadPoolExecutor(1) as pool:
        with context.database.transaction() as session:
            context.parties.suspend(session, covenant.id, "police", reason="its keys were stolen", by=operator)
            asked = pool.submit(world.hits, "municipality")
            world.wait_for_a_lock()
            assert not asked.done()
        assert told(asked.result(timeout=10)) == []
    later = world.hits("municipality", since=first.body["cursor"])
    assert [kind for kind, _ in told(later)] == ["retracted"]


def test_what_stood_on_a_withdrawn_anchor_is_retracted(world: World) -> None:
    mine = world.submit("municipality", address(1))
    world.submit("police", address(1))
    first = world.hits("municipality")
    world.withdraw("municipality", mine)
    assert [kind for kind, _ in told(world.hits("municipality", since=first.body["cursor"]))] == ["retracted"]


def test_what_was_forgotten_before_the_next_poll_is_retracted_all_the_same(world: World) -> None:
    mine = world.submit("municipality", address(1))
    world.submit("police", address(1))
    first = world.hits("municipality")
    world.withdraw("municipality", mine)
    world.advance(timedelta(days=31))
    with world.stage.context.database.transaction() as session:
        assert world.stage.context.signals.forget(session, world.stage.covenant.id) == 1
    assert [kind for kind, _ in told(world.hits("municipality", since=first.body["cursor"]))] == ["retracted"]


def test_a_signal_is_gone_when_its_retention_is_over_whenever_it_is_erased(world: World) -> None:
    world.submit("municipality", address(1))
    theirs = world.submit("police", address(1), day=TODAY - timedelta(days=364))
    first = world.hits("municipality")
    assert list(visible(first)) == [str(theirs)]
    world.advance(timedelta(days=2))
    assert [kind for kind, _ in told(world.hits("municipality", since=first.body["cursor"]))] == ["retracted"]


def test_a_correction_takes_the_place_of_what_it_corrects(world: World) -> None:
    world.submit("municipality", address(1))
    wrong = world.submit("police", address(1), day=TODAY - timedelta(days=9))
    first = world.hits("municipality")
    right = world.submit("police", address(1), day=TODAY - timedelta(days=8), replaces=wrong)
    later = world.hits("municipality", since=first.body["cursor"])
    assert sorted(kind for kind, _ in told(later)) == ["appeared", "retracted"]
    assert list(visible(world.hits("municipality"))) == [str(right)]


def test_a_suspended_source_is_retracted_and_comes_back(world: World) -> None:
    world.submit("municipality", address(1))
    theirs = world.submit("police", address(1))
    first = world.hits("municipality")
    world.stage.suspend("police")
    gone = world.hits("municipality", since=first.body["cursor"])
    assert [kind for kind, _ in told(gone)] == ["retracted"]
    world.stage.reinstate("police")
    back = world.hits("municipality", since=gone.body["cursor"])
    assert told(back) == [("appeared", str(theirs))]
    assert back.body["events"][0]["hitId"] == first.body["events"][0]["hitId"]


def test_a_suspended_viewer_is_refused_and_the_refusal_is_on_record(world: World) -> None:
    world.submit("municipality", address(1))
    world.submit("police", address(1))
    world.stage.suspend("municipality")
    answer = world.hits("municipality")
    assert (answer.status, answer.code) == (403, "party-not-active")
    ((party, fields),) = world.entries("hits-refused")
    assert (party, fields["reason"]) == ("municipality", "party-not-active")
    assert world.count("hit_state") == 0
    world.stage.reinstate("municipality")
    assert len(told(world.hits("municipality"))) == 1


def test_a_purpose_without_legal_basis_is_refused_like_one_that_is_not_there(make_world: MakeWorld) -> None:
    world = make_world((EXAMPLES / "temporary-housing.yaml").read_bytes())
    answers = [world.hits("landlord-east", purpose=purpose) for purpose in ("guidance", "no-such-purpose")]
    assert [(answer.status, answer.code) for answer in answers] == [(403, "purpose-without-legal-basis")] * 2
    assert [fields["purpose"] for _, fields in world.entries("hits-refused")] == ["guidance", "no-such-purpose"]
    assert world.hits("landlord-east", purpose="safe-living").status == 200


# -- cursors and pages


def test_the_cursor_stays_the_same_while_nothing_changes(world: World) -> None:
    world.submit("municipality", address(1))
    world.submit("police", address(1))
    first = world.hits("municipality")
    again = world.hits("municipality", since=first.body["cursor"])
    assert told(again) == []
    assert again.body == {"events": [], "cursor": first.body["cursor"], "more": False}


def test_reading_from_the_start_tells_what_is_and_not_what_was(world: World) -> None:
    world.submit("municipality", address(1))
    gone, stays = world.submit("police", address(1)), world.submit("housing-north", address(1))
    world.hits("municipality")
    world.withdraw("police", gone)
    world.hits("municipality")
    assert told(world.hits("municipality")) == [("appeared", str(stays))]


def test_pages_follow_each_other_without_gap_or_repetition(world: World) -> None:
    theirs = set()
    for number in range(5):
        world.submit("municipality", address(number))
        theirs.add(str(world.submit("police", address(number))))
    seen: list[str] = []
    query: dict[str, str | int] = {"limit": 2}
    sizes = []
    while True:
        page = world.hits("municipality", **query)
        sizes.append(len(page.body["events"]))
        seen += [signal for _, signal in told(page)]
        query["since"] = page.body["cursor"]
        if not page.body["more"]:
            break
    assert sizes == [2, 2, 1]
    assert len(seen) == len(set(seen))
    assert set(seen) == theirs


@pytest.mark.parametrize("spoil", [lambda c: c[:-1] + "A", lambda c: "", lambda c: "AAAA"])
def test_a_cursor_that_was_not_issued_is_a_located_mistake(world: World, spoil: Callable[[str], str]) -> None:
    world.submit("municipality", address(1))
    world.submit("police", address(1))
    answer = world.hits("municipality", since=spoil(world.hits("municipality").body["cursor"]))
    assert answer.status == 400
    assert [error["pointer"] for error in answer.body["errors"]] == ["query/since"]


def test_a_cursor_of_another_party_or_purpose_is_worth_nothing(world: World) -> None:
    world.submit("municipality", address(1))
    world.submit("police", address(1))
    cursor = world.hits("municipality").body["cursor"]
    assert world.hits("police", since=cursor).status == 400
    assert world.hits("municipality", since=cursor, purpose="nuisance").status == 400


def test_a_cursor_from_after_the_backup_that_was_restored_is_refused(world: World) -> None:
    world.submit("municipality", address(1))
    lost = world.submit("police", address(1))
    world.submit("housing-north", address(1))
    cursor = world.hits("municipality").body["cursor"]
    world.withdraw("police", lost)
    with world.stage.context.database.transaction() as session:
        for table in ("hit_state", "hit_feed"):
            session.connection().execute(text(f"DELETE FROM {table}"))
    answer = world.hits("municipality", since=cursor)
    assert (answer.status, answer.code) == (400, "cursor-unknown")


def test_a_long_walk_is_spread_over_polls_and_loses_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "CHUNK", 3)
    monkeypatch.setattr(feed, "WALK", 6)
    submit_all(world, "municipality", 20)
    theirs = set(submit_all(world, "police", 20))
    for document in (None, amended("complex-approach\ntitle: Complex", "complex-approach\ntitle: Less complex")):
        if document is not None:
            world.stage.adopt(document)  # every anchor is decided anew
        seen: list[str] = []
        query: dict[str, str | int] = {}
        polls = 0
        while True:
            page = world.hits("municipality", **query)
            seen += [signal for _, signal in told(page)]
            query["since"] = page.body["cursor"]
            polls += 1
            if not page.body["more"]:
                break
        assert set(seen) == theirs
        assert len(seen) == 20
        assert polls == 4


def test_what_an_unfinished_walk_has_not_reached_is_not_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    submit_all(world, "municipality", 9)
    submit_all(world, "police", 9)
    assert len(told(world.hits("municipality"))) == 9
    monkeypatch.setattr(feed, "CHUNK", 2)
    monkeypatch.setattr(feed, "WALK", 2)
    world.stage.adopt(NARROWER)
    for _ in range(6):
        page = world.hits("municipality")
        assert told(page) == []
        if not page.body["more"]:
            break
    assert not page.body["more"]


def test_a_submission_that_commits_late_is_found(world: World) -> None:
    """Its transaction began before the poll and ended after it: no clock or number tells, the transaction id does."""
    world.submit("municipality", address(1))
    made = world.make("police", address(1))
    context = world.stage.context
    police = Principal("police", Role.PARTY, "police", world.stage.covenant.id)
    batch = world.stage.partner("police").batch([made])
    with context.database.transaction() as session:
        context.submissions.submit(session, world.stage.covenant.id, batch, by=police)
        before = world.hits("municipality")
    assert told(before) == []
    assert told(world.hits("municipality", since=before.body["cursor"])) == [("appeared", str(made.id))]


def test_polls_at_once_tell_the_same_events_once(world: World) -> None:
    submit_all(world, "municipality", 30)
    assert told(world.hits("municipality")) == []  # the feed exists: it is its lock that orders what follows
    submit_all(world, "police", 30)
    with ThreadPoolExecutor(4) as pool:
        pages = list(pool.map(lambda _: world.hits("municipality"), range(4)))
    assert len({page.raw for page in pages}) == 1
    numbers = [event["sequence"] for event in pages[0].body["events"]]
    assert numbers == list(range(1, 31))
    assert world.count("hit_state") == 30


# -- forgetting


def forget(world: World) -> None:
    context, covenant = world.stage.context, world.stage.covenant
    with context.database.transaction() as session:
        context.signals.forget(session, covenant.id)
        context.desk.forget(session, covenant.id)


def test_a_reader_that_stayed_away_too_long_begins_anew_and_keeps_no_stale_hit(world: World) -> None:
    world.submit("municipality", address(1))
    gone, stays = world.submit("police", address(1)), world.submit("housing-north", address(1))
    stale = world.hits("municipality")
    world.withdraw("police", gone)
    retracted = world.hits("municipality", since=stale.body["cursor"])
    world.advance(timedelta(days=31))
    forget(world)
    assert [row.hit is not None for row in world.rows("SELECT hit FROM hit_state")] == [True]
    answer = world.hits("municipality", since=stale.body["cursor"])
    assert (answer.status, answer.code) == (400, "cursor-too-old")
    assert told(world.hits("municipality", since=retracted.body["cursor"])) == []
    assert told(world.hits("municipality")) == [("appeared", str(stays))]


def test_nothing_is_kept_beyond_its_use(world: World) -> None:
    for party in ("municipality", "housing-north"):
        world.submit(party, address(1))
    assert len(world.look_up("police", address(1)).body["hits"]) == 2
    tables = ("disclosure", "lookup_count", "told", "notice")
    forget(world)
    assert [world.count(table) for table in tables] == [1, 1, 2, 2]
    world.advance(timedelta(days=31))
    forget(world)
    assert [world.count(table) for table in tables] == [0, 0, 2, 2]
    world.advance(timedelta(days=340))
    forget(world)
    assert [world.count(table) for table in tables] == [0, 0, 0, 0]


# -- on record


def test_each_subject_that_was_told_of_has_an_entry(world: World) -> None:
    anchors = [world.submit("municipality", address(number)) for number in (1, 2)]
    theirs = [world.submit("police", address(number)) for number in (1, 1, 2)]
    page = world.hits("municipality")
    entries = [fields for _, fields in world.entries("hits-told")]
    assert len(entries) == 2
    by_anchor = {fields["anchor"]: fields for fields in entries}
    assert set(by_anchor) == {str(anchor) for anchor in anchors}
    one = by_anchor[str(anchors[0])]
    assert set(one["shown"]) == {str(signal) for signal in theirs[:2]}
    assert one["counts"] == {"appeared": 2}
    assert one["outcome"] == "shown"
    assert one["rules"] == ["municipality-sees-nuisance"]
    assert one["sight"]["source"] == ["day", "items", "party", "purpose"]
    handles = world.rows("SELECT DISTINCT encode(handle, 'hex') AS h FROM pseudonym WHERE match_key = 'address-bag'")
    assert len(handles) == 2
    world.hits("municipality", since=page.body["cursor"])
    ((party, nothing),) = world.entries("hits-read-empty")
    assert (party, nothing["purposes"]) == ("municipality", ["nuisance", "support"])


def test_a_source_that_is_withheld_from_the_viewer_stands_in_the_log(world: World) -> None:
    world.submit("municipality", address(1))
    theirs = world.submit("police", address(1), handling_codes=["source-withheld"])
    world.hits("municipality")
    ((_, fields),) = world.entries("hits-told")
    assert fields["shown"][str(theirs)]["source"] == "police"


def test_no_log_no_hits(world: World) -> None:
    world.submit("municipality", address(1))
    world.submit("police", address(1))
    world.break_log()
    for query in ({}, {"purpose": "nuisance"}):
        answer = world.hits("municipality", **query)
        assert (answer.status, answer.code) == (503, "audit-unavailable")
    assert world.count("hit_state") == 0
    assert world.hits("municipality", purpose="no-such-purpose").status == 503  # an unlogged refusal is none


def test_nothing_new_is_not_told_without_a_log_either(world: World) -> None:
    world.break_log()
    assert world.hits("municipality").status == 503


# -- notices


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


# -- one hit, explained


def explain(world: World, party: str, hit: str | UUID, language: str | None = None) -> Answer:
    return world.ask(party, "GET", f"/hits/{hit}", headers={"Accept-Language": language} if language else None)


def test_a_hit_is_explained_in_the_language_asked_for(world: World) -> None:
    world.submit("police", address(1))
    theirs = world.submit("municipality", address(1))
    (event,) = world.hits("police").body["events"]
    english = explain(world, "police", event["hitId"]).body
    dutch = explain(world, "police", event["hitId"], "nl-NL,nl;q=0.9,en;q=0.5").body
    assert english["hit"] == dutch["hit"] == event["hit"]
    assert english["hit"]["signalId"] == str(theirs)
    codes = [reason["code"] for reason in english["reasons"]]
    assert codes == [reason["code"] for reason in dutch["reasons"]]
    assert [reason["parameters"] for reason in english["reasons"]] == [r["parameters"] for r in dutch["reasons"]]
    assert all(one["text"] != other["text"] for one, other in zip(english["reasons"], dutch["reasons"], strict=True))
    assert {"shown", "asks-own-signal"} <= set(codes)
    assert any("art. 5.6" in reason["text"] for reason in english["reasons"] if reason["code"] == "shown")
    assert len(world.entries("explanation-given")) == 2


def test_the_explanation_of_one_hit_tells_of_no_other_and_of_no_withheld_source(world: World) -> None:
    world.submit("municipality", address(1))
    theirs = world.submit("police", address(1), handling_codes=["source-withheld"])
    other = world.submit("housing-north", address(1))
    hit = next(e for e in world.hits("municipality").body["events"] if e["hit"]["signalId"] == str(theirs))
    answer = explain(world, "municipality", hit["hitId"])
    assert answer.status == 200
    assert str(other).encode() not in answer.raw
    assert b"police" not in answer.raw.lower()
    assert b"politie" not in answer.raw.lower()


def test_a_hit_that_is_gone_is_answered_like_one_that_never_was(world: World) -> None:
    world.submit("municipality", address(1))
    theirs = world.submit("police", address(1))
    (event,) = world.hits("municipality").body["events"]
    never = explain(world, "municipality", uuid4())
    others = explain(world, "police", event["hitId"])
    world.withdraw("police", theirs)  # and no poll since
    gone = explain(world, "municipality", event["hitId"])
    assert {answer.status for answer in (never, others, gone)} == {404}
    bodies = [{k: v for k, v in answer.body.items() if k != "traceId"} for answer in (never, others, gone)]
    assert bodies[0] == bodies[1] == bodies[2]
    assert len(world.entries("hits-refused")) == 3


def test_no_log_no_explanation(world: World) -> None:
    world.submit("municipality", address(1))
    world.submit("police", address(1))
    (event,) = world.hits("municipality").body["events"]
    world.break_log()
    assert explain(world, "municipality", event["hitId"]).status == 503
    assert explain(world, "municipality", uuid4()).status == 503
