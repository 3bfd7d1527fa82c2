"""The hit feed over HTTP: what each party is told of others' signals, and never more."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import covenant_rules
from tests.broker.conftest import MakeWorld
from tests.broker.feed import NARROWER, WIDER, told, visible
from tests.kit.disclosure import TODAY, World, address
from tests.kit.partner import subject
from tests.service.cast import amended

EXAMPLES = Path(covenant_rules.__file__).parent / "examples"


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


# -- purposes


def test_a_purpose_without_legal_basis_is_refused_like_one_that_is_not_there(make_world: MakeWorld) -> None:
    world = make_world((EXAMPLES / "temporary-housing.yaml").read_bytes())
    answers = [world.hits("landlord-east", purpose=purpose) for purpose in ("guidance", "no-such-purpose")]
    assert [(answer.status, answer.code) for answer in answers] == [(403, "purpose-without-legal-basis")] * 2
    assert [fields["purpose"] for _, fields in world.entries("hits-refused")] == ["guidance", "no-such-purpose"]
    assert world.hits("landlord-east", purpose="safe-living").status == 200


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
