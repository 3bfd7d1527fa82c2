"""The examples are covenants: they load, keep what they promise, and say what their comments say."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from covenant_rules.evaluate import decide
from covenant_rules.load import load
from covenant_rules.matrix import Matrix
from covenant_rules.model import Anchor, Facts, LookUp, OwnSignal, Question, Signal
from covenant_rules.queries import broken, can
from tests.rules.fragments import EXAMPLES

COVENANTS = {path.stem: load(path.read_bytes(), path.name) for path in sorted(EXAMPLES.glob("*.yaml"))}


@pytest.mark.parametrize("name", COVENANTS)
def test_an_example_keeps_its_promises(name: str) -> None:
    assert COVENANTS[name].id == name
    assert COVENANTS[name].never
    assert broken(COVENANTS[name]) == ()


@pytest.mark.parametrize("name", COVENANTS)
def test_an_example_names_what_inspired_it(name: str) -> None:
    text = (EXAMPLES / f"{name}.yaml").read_text("utf-8")
    assert "not legal advice" in text
    cited = [line for line in text.splitlines() if line.startswith("#   [")]
    assert len(cited) >= 3
    assert all(any(f"{year}" in line for year in range(2010, 2027)) or "[wpg-20]" in line for line in cited)


def test_complex_approach_has_the_five_parties_of_the_demo() -> None:
    parties = {party.id: party.kind for party in COVENANTS["complex-approach"].parties.values()}
    assert parties == {
        "municipality": "municipality",
        "police": "police",
        "housing-north": "housing",
        "housing-south": "housing",
        "care-team": "care",
    }


def test_complex_approach_is_of_use_from_the_first_stage_on() -> None:
    covenant = COVENANTS["complex-approach"]
    first = [rule for rule in covenant.rules if "signal" in rule.stages]
    assert any(rule.lookup and rule.to == {"police"} for rule in first)
    assert {rule.when.independent_parties for rule in first} >= {None, 2, 3}
    assert any("notify_source" in rule.obligations for rule in first)
    cells = {
        (cell.purpose, cell.from_kind, cell.to_kind) for cell, _ in Matrix(covenant).cells() if cell.stage == "signal"
    }
    assert ("nuisance", "police", "housing") in cells
    assert ("support", "care", "municipality") in cells


def test_only_those_whom_a_law_allows_it_use_the_citizen_service_number() -> None:
    keys = COVENANTS["complex-approach"].match_keys["person"].kinds
    assert {kind for kind, used in keys.items() if "person-bsn" in used} == {"municipality", "care"}


def test_in_severe_nuisance_police_reports_reach_the_designated_unit_alone() -> None:
    covenant = COVENANTS["severe-nuisance"]
    reached = {kind for kind in covenant.kinds if can(covenant, from_="police", to=kind, item="hit").allowed}
    assert reached == {"designated-unit"}
    assert covenant.parties["nuisance-unit"].group == "municipality"


def test_in_the_care_and_safety_house_only_the_one_that_brings_the_case_may_ask() -> None:
    permits = [rule for rule in COVENANTS["care-and-safety-house"].rules if rule.effect == "permit"]
    assert permits
    assert all(permit.when.viewer_has == {"case-referral"} for permit in permits)
    assert not any(permit.lookup for permit in permits)


@pytest.mark.parametrize(("name", "kind"), [("drug-premises", "prosecution"), ("temporary-housing", "residents")])
def test_an_observer_takes_part_in_no_sharing(name: str, kind: str) -> None:
    cells = [cell for cell, _ in Matrix(COVENANTS[name]).cells()]
    assert cells
    assert not any(kind in (cell.from_kind, cell.to_kind) for cell in cells)


def test_residents_see_area_figures() -> None:
    assert COVENANTS["temporary-housing"].statistics.to == {"municipality", "residents"}


def asked(viewer: str, purpose: str, anchor: Anchor, *signals: tuple[str, str]) -> dict[str, tuple[str, ...]]:
    """What `viewer` sees at the first stage of a subject with these signals of (party, category), by their source."""
    covenant = COVENANTS["complex-approach"]
    facts = Facts(
        current=covenant,
        versions={},
        signals=frozenset(
            Signal(party, party, category, date(2026, 11, 1), frozenset({purpose}), covenant.version)
            for party, category in signals
        ),
        active=frozenset(covenant.parties),
    )
    decision = decide(Question(viewer, purpose, "signal", datetime(2026, 11, 22, 12, tzinfo=UTC), anchor), facts)
    return {visible.signal: visible.items for visible in decision.visible}


def test_criminal_data_show_from_the_third_party_on_and_never_to_the_landlord() -> None:
    two = [("municipality", "noise"), ("police", "drug-dealing")]
    three = [*two, ("housing-north", "noise")]
    assert asked("municipality", "nuisance", OwnSignal("municipality"), *two) == {}
    seen = asked("municipality", "nuisance", OwnSignal("municipality"), *three)
    assert seen["police"] == ("hit", "source", "category", "period")
    assert set(asked("housing-north", "nuisance", OwnSignal("housing-north"), *three)) == {"municipality"}


def test_a_look_up_answers_only_where_two_others_have_seen_something() -> None:
    one = [("municipality", "noise")]
    assert asked("police", "nuisance", LookUp(), *one) == {}
    assert set(asked("police", "nuisance", LookUp(), *one, ("housing-south", "waste"))) == {
        "municipality",
        "housing-south",
    }


def test_organisations_at_one_door_learn_of_each_other_from_the_third_on() -> None:
    visits = [(party, "home-visit") for party in ("care-team", "housing-north", "police")]
    assert asked("care-team", "support", OwnSignal("care-team"), *visits[:2]) == {}
    seen = asked("care-team", "support", OwnSignal("care-team"), *visits)
    assert seen == dict.fromkeys(("housing-north", "police"), ("hit", "source", "contact.role"))


def test_the_police_see_that_care_has_something_and_not_what_it_noted() -> None:
    seen = asked("police", "nuisance", OwnSignal("police"), ("police", "noise"), ("care-team", "noise"))
    assert seen == {"care-team": ("hit", "source", "category", "period")}
