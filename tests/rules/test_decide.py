"""The eleven rules by example, in their order. A covenant has the words of an example and the rules a test gives it.

`shown` asks as the police and tells what it sees; municipality, two housing corporations and the care team are sources.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from covenant_rules.compile import Memory, tables
from covenant_rules.evaluate import decide
from covenant_rules.load import load
from covenant_rules.matrix import Cell, Space, legal_basis, places
from covenant_rules.model import (
    AuditSight,
    Block,
    CaseMembership,
    Conditions,
    Covenant,
    Decision,
    Duration,
    Effect,
    Facts,
    Field,
    HandlingCode,
    LegalBasis,
    LookUp,
    OwnSignal,
    Question,
    Rule,
    Signal,
)
from tests.rules.fragments import EXAMPLES
from tests.rules.generate import NOBODY

WORDS = load((EXAMPLES / "complex-approach.yaml").read_bytes())
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
MINE = Signal("mine", "police", "noise", date(2026, 11, 20), frozenset({"nuisance"}), "v1")
QUESTION = Question("police", "nuisance", "signal", NOW, OwnSignal("mine"))
FIXED = frozenset({"hit", "source", "category", "period"})
NOTES = FIXED | {"note.gist", "note.full"}


def rule(name: str = "permit", effect: Effect = Effect.PERMIT, **changes: Any) -> Rule:
    """A rule of everybody to everybody, at the first stage, about everything, for the fixed items."""
    words = {
        "purpose": "nuisance",
        "stages": frozenset({"signal"}),
        "from_": frozenset(WORDS.kinds),
        "to": frozenset(WORDS.kinds),
        "categories": frozenset(WORDS.categories),
        "items": FIXED,
    }
    return Rule(id=name, effect=effect, clause=f"art. {name}", **{**words, **changes})


def forbid(**changes: Any) -> Rule:
    return rule("forbid", Effect.FORBID, **changes)


def covenant(*rules: Rule, version: str = "v1", **changes: Any) -> Covenant:
    return replace(WORDS, version=version, rules=rules, **changes)


def signal(name: str = "s", party: str = "municipality", category: str = "noise", **changes: Any) -> Signal:
    return replace(Signal(name, party, category, date(2026, 11, 1), frozenset({"nuisance"}), "v1"), **changes)


def shown(
    current: Covenant, *others: Signal, question: Question = QUESTION, mine: Signal = MINE, **changes: Any
) -> Mapping[str, set[str]]:
    return {v.signal: set(v.items) for v in answer(current, *others, question=question, mine=mine, **changes).visible}


def answer(
    current: Covenant, *others: Signal, question: Question = QUESTION, mine: Signal = MINE, **changes: Any
) -> Decision:
    facts = Facts(current, {}, frozenset({mine, *others}), frozenset({*WORDS.parties, NOBODY}))
    return decide(question, replace(facts, **changes))


# -- 1. The answer is empty unless the current version is in force and the viewer is active.


@pytest.mark.parametrize(
    ("time", "sees"),
    [
        (datetime(2025, 12, 31, 22, 59, tzinfo=UTC), False),
        (datetime(2025, 12, 31, 23, 0, tzinfo=UTC), True),
        (datetime(2028, 12, 31, 22, 59, tzinfo=UTC), True),
        (datetime(2028, 12, 31, 23, 0, tzinfo=UTC), False),
        (datetime(2026, 11, 22, 12), False),
    ],
)
def test_1_a_covenant_is_in_force_from_midnight_to_midnight_in_amsterdam(time: datetime, sees: bool) -> None:
    assert bool(shown(covenant(rule()), signal(), question=replace(QUESTION, time=time))) is sees


def test_1_only_an_active_party_is_answered() -> None:
    assert shown(covenant(rule()), signal()) == {"s": FIXED}
    assert shown(covenant(rule()), signal(), active=frozenset({"municipality"})) == {}
    assert answer(covenant(rule()), active=frozenset()) == Decision("v1")


# -- 2. Anchor: the viewer's own live signal, its own audited look-up, or its membership of a case.


def test_2_a_signal_of_another_purpose_is_no_anchor() -> None:
    elsewhere = replace(MINE, purposes=frozenset({"support"}))
    assert shown(covenant(rule()), signal(), mine=elsewhere) == {}


def test_2_membership_of_the_case_is_an_anchor() -> None:
    asked = replace(QUESTION, anchor=CaseMembership())
    assert shown(covenant(rule()), signal(), question=asked) == {}
    assert shown(covenant(rule()), signal(), question=asked, case_member=True) == {"s": FIXED}


def test_2_a_look_up_is_answered_where_a_permit_says_so() -> None:
    asked = replace(QUESTION, anchor=LookUp())
    assert shown(covenant(rule()), signal(), question=asked) == {}
    wider = covenant(rule(), rule("lookup", lookup=True, items=frozenset({"hit"})))
    assert shown(wider, signal(), question=asked) == {"s": {"hit"}}


# -- 3. Candidates: live signals of others, for this purpose, of an active source; both with a legal basis.


@pytest.mark.parametrize(
    "changes",
    [
        {"party": "police"},
        {"purposes": frozenset({"support"})},
        {"category": "care-concern"},
        {"party": NOBODY},
        {"category": NOBODY},
        {"version": NOBODY},
    ],
)
def test_3_other_signals_are_skipped(changes: dict[str, Any]) -> None:
    assert shown(covenant(rule()), signal(**changes), signal("t")) == {"t": FIXED}


def test_3_both_versions_ask_for_a_legal_basis() -> None:
    now = covenant(rule())
    purpose = WORDS.purposes["nuisance"]
    bases = {**purpose.legal_basis, "municipality": LegalBasis("none", frozenset())}
    then = covenant(rule(), version="v0", purposes={"nuisance": replace(purpose, legal_basis=bases)})
    versions = {"v0": then}
    assert shown(now, signal(version="v0"), versions=versions) == {}
    assert shown(now, signal(version="v0", party="care-team"), versions=versions) == {"s": FIXED}


# -- 4. Implication.


def test_4_a_note_without_its_source_is_not_shown() -> None:
    assert shown(covenant(rule(items=NOTES - {"source"})), signal()) == {"s": {"hit", "category", "period"}}


def test_4_forbidding_the_gist_forbids_the_full_note() -> None:
    assert shown(covenant(rule(items=NOTES), forbid(items=frozenset({"note.gist"}))), signal()) == {"s": FIXED}


def test_4_forbidding_the_hit_forbids_everything() -> None:
    assert shown(covenant(rule(items=NOTES), forbid(items=frozenset({"hit"}))), signal()) == {}


def test_4_a_variant_that_one_version_does_not_know_is_not_shown_nor_what_implies_it() -> None:
    note = WORDS.fields["note"]
    coarse = covenant(rule(items=NOTES), version="v0", fields={"note": replace(note, variants=("full",))})
    now = covenant(rule(items=NOTES))
    assert shown(now, signal(version="v0"), versions={"v0": coarse}) == {"s": FIXED}
    assert shown(coarse, signal(version="v1"), mine=MINE, versions={"v1": now}) == {"s": FIXED}


# -- 5. Some permit names the item and no forbid does: for source and every origin, in both versions.


def test_5_what_either_version_forbids_is_not_shown() -> None:
    versions = {"v0": covenant(rule(), forbid(items=frozenset({"period"})), version="v0")}
    assert shown(covenant(rule()), signal(version="v0"), versions=versions) == {"s": FIXED - {"period"}}
    narrow = covenant(rule(items=FIXED - {"category"}))
    assert shown(narrow, signal(version="v0"), versions=versions) == {"s": {"hit", "source"}}


def test_5_a_derived_signal_shows_what_its_origin_may_too() -> None:
    current = covenant(
        rule("first", from_=frozenset({"municipality"}), items=NOTES), rule("second", from_=frozenset({"care"}))
    )
    derived = signal(origins=frozenset({"care-team"}))
    assert shown(current, signal()) == {"s": NOTES}
    assert shown(current, derived) == {"s": FIXED}
    assert shown(current, replace(derived, origins=frozenset({"care-team", "housing-north"}))) == {}


def test_5_a_derived_signal_of_a_suspended_origin_is_not_shown() -> None:
    active = frozenset(WORDS.parties) - {"care-team"}
    assert shown(covenant(rule()), signal(origins=frozenset({"care-team"})), active=active) == {}


def test_5_an_item_that_the_current_version_does_not_know_opens_nothing_else() -> None:
    """A permit of then that names it alone is no permit for the hit, which another one names but does not open."""
    field = Field("photo", "Photo", ("full",))
    open_, closed = rule(items=frozenset({"photo.full"})), rule("closed", when=Conditions(case_member=True))
    then = covenant(open_, closed, version="v0", fields={"photo": field})
    assert shown(covenant(rule()), signal(version="v0"), versions={"v0": then}) == {}


# -- 6. Handling codes.


def coded(*to: str, item: str = "source") -> dict[str, HandlingCode]:
    return {"code": HandlingCode("code", "Code", (Block(frozenset(to), frozenset({item})),))}


def test_6_a_handling_code_hides_items_on_its_signal_alone() -> None:
    current = covenant(rule(items=NOTES), handling_codes=coded("police"))
    marked = signal(handling_codes=frozenset({"code"}))
    assert shown(current, marked, signal("t")) == {"s": {"hit", "category", "period"}, "t": NOTES}


def test_6_a_handling_code_hides_from_the_kinds_it_names() -> None:
    current = covenant(rule(), handling_codes=coded("housing", "care", item="hit"))
    assert shown(current, signal(handling_codes=frozenset({"code"}))) == {"s": FIXED}


def test_6_both_versions_block() -> None:
    then = covenant(rule(), version="v0", handling_codes=coded("police"))
    now = covenant(rule(), handling_codes=coded("police", item="period"))
    marked = signal(version="v0", handling_codes=frozenset({"code"}))
    assert shown(now, marked, versions={"v0": then}) == {"s": {"hit", "category"}}
    forgotten = covenant(rule(), handling_codes={})
    assert shown(forgotten, marked, versions={"v0": then}) == {"s": {"hit", "category", "period"}}


def test_6_a_code_that_nobody_knows_hides_all() -> None:
    assert shown(covenant(rule()), signal(handling_codes=frozenset({NOBODY}))) == {}


# -- 7. Conditions.


@pytest.mark.parametrize(("days", "sees"), [(0, True), (29, True), (30, False), (-1, False)])
def test_7_within_counts_back_from_today(days: int, sees: bool) -> None:
    recent = covenant(rule(when=Conditions(within=Duration(days=30))))
    assert bool(shown(recent, signal(day=NOW.date() - timedelta(days)))) is sees


@pytest.mark.parametrize(
    ("changes", "sees"),
    [
        ({}, True),
        ({"category": "waste"}, False),
        ({"tainted": True}, False),
        ({"origins": frozenset({"housing-north"})}, False),
    ],
)
def test_7_the_viewer_has_observed_something_of_the_kind_itself(changes: dict[str, Any], sees: bool) -> None:
    current = covenant(rule(when=Conditions(viewer_has=frozenset({"noise", "violence"}))))
    assert bool(shown(current, signal(category="waste"), mine=replace(MINE, **changes))) is sees


@pytest.mark.parametrize(
    ("when", "met"),
    [
        (Conditions(source_released=True), {"released": frozenset({"s"})}),
        (Conditions(case_member=True), {"case_member": True}),
        (
            Conditions(approved_by=frozenset({"municipality", "care"})),
            {"approvals": frozenset({"municipality", "care", "police"})},
        ),
    ],
)
def test_7_what_is_not_known_to_hold_does_not_hold(when: Conditions, met: dict[str, Any]) -> None:
    assert shown(covenant(rule(when=when)), signal()) == {}
    assert shown(covenant(rule(when=when)), signal(), **met) == {"s": FIXED}


def test_7_one_approval_of_two_is_none() -> None:
    current = covenant(rule(when=Conditions(approved_by=frozenset({"municipality", "care"}))))
    assert shown(current, signal(), approvals=frozenset({"care"})) == {}


def test_7_all_conditions_of_a_permit_hold_together() -> None:
    current = covenant(rule(when=Conditions(source_released=True, case_member=True)))
    assert shown(current, signal(), case_member=True) == {}
    assert shown(current, signal(), case_member=True, released=frozenset({"s"})) == {"s": FIXED}


# -- 8. The largest closed set of items that pass in both versions.


def test_8_items_of_several_permits_make_one_answer() -> None:
    current = covenant(
        rule("hits", items=frozenset({"hit"})),
        rule("sources", items=frozenset({"source"}), when=Conditions(case_member=True)),
        rule("notes", items=frozenset({"note.gist"})),
    )
    assert shown(current, signal()) == {"s": {"hit"}}
    assert shown(current, signal(), case_member=True) == {"s": {"hit", "source", "note.gist"}}


# -- 9. Counting independent parties.

THREE = covenant(rule(when=Conditions(independent_parties=3)))


def test_9_the_viewer_counts_with_the_others() -> None:
    assert shown(THREE, signal()) == {}
    assert set(shown(THREE, signal(), signal("t", "care-team"))) == {"s", "t"}


def test_9_a_look_up_and_a_case_do_not_count() -> None:
    permit = rule(when=Conditions(independent_parties=3), lookup=True)
    for anchor in (LookUp(), CaseMembership()):
        asked = replace(QUESTION, anchor=anchor)
        two = (signal(), signal("t", "care-team"))
        assert shown(covenant(permit), *two, question=asked, case_member=True) == {}
        assert len(shown(covenant(permit), *two, signal("u", "housing-north"), question=asked, case_member=True)) == 3


@pytest.mark.parametrize("changes", [{"tainted": True}, {"origins": frozenset({"housing-north"})}])
def test_9_derived_and_tainted_signals_do_not_count_nor_does_such_an_anchor(changes: dict[str, Any]) -> None:
    assert shown(THREE, signal(), signal("t", "care-team", **changes)) == {}
    assert shown(THREE, signal(), signal("t", "care-team"), mine=replace(MINE, **changes)) == {}


def test_9_parties_of_one_group_count_once() -> None:
    parties = {**WORDS.parties, "care-team": replace(WORDS.parties["care-team"], group="municipality")}
    together = covenant(*THREE.rules, parties=parties)
    assert shown(together, signal(), signal("t", "care-team")) == {}


def test_9_parties_are_counted_within_the_window_of_the_permit() -> None:
    current = covenant(rule(when=Conditions(independent_parties=3, within=Duration(days=30))))
    long_ago = date(2026, 10, 1)
    assert len(shown(current, signal(), signal("t", "care-team"))) == 2
    assert shown(current, signal(), signal("t", "care-team", day=long_ago)) == {}
    assert shown(current, signal(), signal("t", "care-team"), mine=replace(MINE, day=long_ago)) == {}


def test_9_a_signal_that_is_not_shown_does_not_count() -> None:
    current = covenant(*THREE.rules, forbid(from_=frozenset({"care"}), items=frozenset({"hit"})))
    assert shown(current, signal(), signal("t", "care-team")) == {}


# -- 10. Counts shrink until what is shown bears them out.


def test_10_what_falls_away_takes_others_along() -> None:
    current = covenant(
        rule("three", from_=frozenset({"municipality", "care"}), when=Conditions(independent_parties=3)),
        rule("four", from_=frozenset({"care"}), when=Conditions(independent_parties=4), items=FIXED | {"note.gist"}),
        rule("five", from_=frozenset({"housing"}), when=Conditions(independent_parties=5)),
    )
    # Housing wants five and there are four: without it there are three, enough for hits of three but for no gist.
    everyone = (signal(), signal("t", "care-team"), signal("u", "housing-north"))
    assert shown(current, *everyone) == {"s": FIXED, "t": FIXED}
    alone = covenant(*(replace(r, when=Conditions(independent_parties=4)) for r in current.rules[:2]), current.rules[2])
    assert shown(alone, *everyone) == {}


def test_10_counts_may_differ_by_window_and_version() -> None:
    month, year = (Conditions(independent_parties=3, within=d) for d in (Duration(months=1), Duration(years=1)))
    now = covenant(rule(when=year), rule("notes", items=frozenset({"note.gist"}), when=month))
    old = signal("t", "care-team", day=date(2026, 6, 1))
    assert shown(now, signal(), old) == {"s": FIXED, "t": FIXED}
    assert shown(now, signal(), old, signal("u", "housing-north")) == {
        "s": FIXED | {"note.gist"},
        "t": FIXED,
        "u": FIXED | {"note.gist"},
    }
    then = covenant(rule(when=month), version="v0")
    assert shown(now, signal(version="v0"), replace(old, version="v0"), versions={"v0": then}) == {}


# -- 11. Obligations unite; audit sight intersects.


def test_11_the_terms_of_all_permits_used_hold() -> None:
    current = covenant(
        rule(audit=AuditSight(frozenset({"day", "party"}), frozenset({"day"}), Duration(days=30))),
        rule(
            "more",
            items=frozenset({"note.gist"}),
            obligations=frozenset({"notify_source"}),
            audit=AuditSight(frozenset({"day", "items"}), frozenset({"day", "rule"}), Duration(months=2)),
        ),
        rule("unused", to=frozenset({"care"}), audit=AuditSight()),
        rule("closed", when=Conditions(case_member=True), audit=AuditSight()),
    )
    decision = answer(current, signal())
    assert decision.obligations == {"notify_source"}
    assert decision.audit == AuditSight(frozenset({"day"}), frozenset({"day"}), Duration(months=2))
    assert [ground.rule for ground in decision.visible[0].grounds["hit"]] == ["permit"]
    assert [ground.rule for ground in decision.visible[0].grounds["note.gist"]] == ["more"]


def test_11_an_open_permit_of_which_nothing_is_visible_gives_no_terms() -> None:
    gist = rule("gist", items=frozenset({"note.gist"}), obligations=frozenset({"notify_source"}), audit=AuditSight())
    current = covenant(
        rule(audit=AuditSight(frozenset({"day"}))), gist, handling_codes=coded("police", item="note.gist")
    )
    decision = answer(current, signal(handling_codes=frozenset({"code"})))
    assert decision.visible
    assert decision.obligations == frozenset()
    assert decision.audit.source == {"day"}


def test_11_the_longest_term_is_the_one_that_ends_last() -> None:
    month, days = (AuditSight(confidential=d) for d in (Duration(months=1), Duration(days=60)))
    rules = [rule(f"r{n}", audit=audit) for n, audit in enumerate((month, days))]
    assert answer(covenant(*rules), signal()).audit.confidential == Duration(days=60)


def test_11_of_terms_that_end_together_the_same_one_is_told() -> None:
    month, days = (AuditSight(confidential=d) for d in (Duration(months=1), Duration(days=30)))
    for audits in ((month, days), (days, month)):
        rules = [rule(f"r{n}", audit=audit) for n, audit in enumerate(audits)]
        assert answer(covenant(*rules), signal()).audit.confidential == Duration(months=1)


def test_11_the_permits_of_an_origin_give_terms_and_no_grounds() -> None:
    current = covenant(
        rule("source", from_=frozenset({"municipality"})),
        rule("origin", from_=frozenset({"care"}), obligations=frozenset({"notify_source"})),
    )
    decision = answer(current, signal(origins=frozenset({"care-team"})))
    assert decision.obligations == {"notify_source"}
    assert {g.rule for grounds in decision.visible[0].grounds.values() for g in grounds} == {"source"}


def test_11_a_ground_cites_clause_and_the_legal_basis_of_both() -> None:
    (ground,) = answer(covenant(rule()), signal()).visible[0].grounds["hit"]
    bases = WORDS.purposes["nuisance"].legal_basis
    assert (ground.rule, ground.clause) == ("permit", "art. permit")
    assert (ground.source_basis, ground.viewer_basis) == (bases["municipality"].article, bases["police"].article)


def test_11_an_answer_is_its_own_and_may_be_kept() -> None:
    current = covenant(rule())
    first = answer(current, signal())
    first.visible[0].grounds.clear()  # type: ignore[attr-defined]
    assert answer(current, signal()).visible[0].grounds


# -- what is remembered between questions


def test_a_memory_that_is_full_starts_anew() -> None:
    asked: list[int] = []

    def double(number: int) -> int:
        asked.append(number)
        return 2 * number

    memory = Memory(double, most=2)
    assert [memory[n] for n in (1, 1, 2, 3, 1)] == [2, 2, 4, 6, 2]
    assert asked == [1, 2, 3, 1]


def test_tables_are_made_once_for_two_covenants() -> None:
    now, then = covenant(rule()), covenant(rule(), version="v0")
    assert tables(now, then) is tables(now, then)
    other = covenant(version="v0")
    assert tables(now, other).submitted is other


def test_unknown_words_have_no_legal_basis_and_no_cell() -> None:
    assert legal_basis(WORDS, NOBODY, "police", "noise") is None
    assert legal_basis(WORDS, "nuisance", "police", NOBODY) is None
    space = Space.of(WORDS)
    cell = Cell("nuisance", "case", "care", "police", "waste")
    index = space.index(cell)
    assert index is not None
    assert list(space.cells(1 << index)) == [cell]
    assert space.index(cell._replace(stage=NOBODY)) is None
    assert list(places(0)) == []
