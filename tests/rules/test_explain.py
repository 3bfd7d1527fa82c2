"""Explanations: complete for the auditor, confined for the asker, true for the source, and in two languages."""

from __future__ import annotations

import string
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covenant_rules.evaluate import decide
from covenant_rules.explain import CODES, LANGUAGES, Reason, for_asker, for_auditor, for_source, render
from covenant_rules.explain.auditor import AGAINST
from covenant_rules.explain.words import _SENTENCES
from covenant_rules.load import load
from covenant_rules.matrix import Cell, legal_basis, names
from covenant_rules.model import CaseMembership, Decision, Effect, Facts, LookUp, OwnSignal, Question, Signal
from tests.rules import generate
from tests.rules.effort import examples
from tests.rules.fragments import EXAMPLES
from tests.rules.generate import NOBODY

seeds = st.integers(0, 2**32 - 1)
many = examples(300)
COMPLEX = load((EXAMPLES / "complex-approach.yaml").read_bytes())
DAY = date(2026, 11, 22)


def signal(name: str, source: str, about: str = "noise", **changes: object) -> Signal:
    made = Signal(name, source, about, DAY, frozenset({"nuisance", "support"}), COMPLEX.version)
    return replace(made, **changes)  # type: ignore[arg-type]


def facts(*signals: Signal, **changes: object) -> Facts:
    made = Facts(COMPLEX, {}, frozenset(signals), frozenset(COMPLEX.parties))
    return replace(made, **changes)  # type: ignore[arg-type]


def question(viewer: str, anchor: object, purpose: str = "nuisance", stage: str = "signal") -> Question:
    return Question(viewer, purpose, stage, datetime(2026, 11, 22, 12, tzinfo=UTC), anchor)  # type: ignore[arg-type]


# -- for the auditor


@many
@given(seeds)
def test_an_item_is_hidden_exactly_where_something_speaks_against_it(seed: int) -> None:
    _, known, asked = generate.some_triple(Random(seed))
    examination = for_auditor(asked, known)
    assert examination.decision == decide(asked, known)
    visible = {(v.signal, item) for v in examination.decision.visible for item in v.items}
    assert {(f.signal, f.item) for f in examination.findings if f.visible} == visible
    for finding in examination.findings:
        against = {reason.code for reason in finding.reasons} & AGAINST
        assert finding.visible == (finding.item is not None and not against)
        assert finding.reasons


@many
@given(seeds)
def test_every_signal_is_looked_at_or_the_question_refused(seed: int) -> None:
    _, known, asked = generate.some_triple(Random(seed))
    examination = for_auditor(asked, known)
    if examination.refused:
        assert not examination.findings
        assert examination.decision == Decision(known.current.version)
    else:
        assert {finding.signal for finding in examination.findings} == {signal.id for signal in known.signals}


@many
@given(seeds)
def test_a_visible_item_has_its_open_permits_with_both_legal_bases(seed: int) -> None:
    _, known, asked = generate.some_triple(Random(seed))
    examination = for_auditor(asked, known)
    for visible in examination.decision.visible:
        (seen,) = [one for one in known.signals if one.id == visible.signal]
        for item, grounds in visible.grounds.items():
            (finding,) = [f for f in examination.findings if (f.signal, f.item) == (visible.signal, item)]
            told = [
                (
                    r.parameters["rule"],
                    r.parameters["clause"],
                    r.parameters["source_basis"],
                    r.parameters["viewer_basis"],
                )
                for r in finding.reasons
                if r.code == "permit-open"
                and r.parameters["version"] == "current"
                and r.parameters["party"] == seen.party
            ]
            assert told == [(g.rule, g.clause, g.source_basis, g.viewer_basis) for g in grounds]


@pytest.mark.parametrize(
    ("day", "in_force"),
    [("2025-12-31", False), ("2026-01-01", True), ("2028-12-31", True), ("2029-01-01", False)],
)
def test_the_auditor_is_told_when_the_covenant_is_not_in_force(day: str, in_force: bool) -> None:
    own = signal("mine", "police")
    asked = replace(question("police", OwnSignal("mine")), time=datetime.fromisoformat(f"{day}T12:00:00+00:00"))
    reason = Reason("not-in-force", {"from": "2026-01-01", "until": "2028-12-31", "day": day})
    assert for_auditor(asked, facts(own)).refused == (() if in_force else (reason,))


def test_the_auditor_is_told_all_that_is_wrong_with_a_question() -> None:
    asked = Question(NOBODY, NOBODY, NOBODY, datetime(2026, 11, 22, 12), OwnSignal("mine"))
    assert for_auditor(asked, facts()).refused == (
        Reason("no-moment", {}),
        Reason("viewer-not-active", {"party": NOBODY}),
        Reason("party-unknown", {"version": "current", "party": NOBODY}),
        Reason("purpose-unknown", {"version": "current", "purpose": NOBODY}),
        Reason("stage-unknown", {"version": "current", "stage": NOBODY}),
        Reason("no-anchor", {"party": NOBODY}),
    )


def test_the_auditor_is_told_what_spoke_for_and_against_an_item() -> None:
    """The police have seen violence there and so may see noise of the care team, but no note of it."""
    own, other = signal("mine", "police", "violence"), signal("other", "care-team", day=date(2026, 5, 1))
    told = {f.item: f for f in for_auditor(question("police", OwnSignal("mine")), facts(own, other)).findings}
    bases = {kind: COMPLEX.purposes["nuisance"].legal_basis[kind].article for kind in ("care", "police")}
    about = {"version": "current", "party": "care-team"}
    cited = {"rule": "police-sees-nuisance", "clause": "art. 5.6"}
    categories = ("drug-dealing", "noise", "violence")
    assert told["hit"].visible
    assert told["hit"].reasons == (
        Reason(
            "permit-open",
            {**about, "item": "hit", **cited, "source_basis": bases["care"], "viewer_basis": bases["police"]},
        ),
        Reason("met-anchor", {**about, "item": "hit", **cited}),
        Reason("met-own-signal", {**about, "item": "hit", **cited, "categories": categories}),
    )
    assert not told["note.gist"].visible
    forbidden = {"rule": "no-care-notes-to-police", "clause": "art. 8.2", "forbidden": ("note.gist",)}
    assert told["note.gist"].reasons[-1] == Reason("forbidden", {**about, "item": "note.gist", **forbidden})
    assert told["note.full"].reasons == (
        Reason("no-permit", {**about, "item": "note.full"}),
        Reason("forbidden", {**about, "item": "note.full", **forbidden}),
        Reason("implied-hidden", {"version": "current", "item": "note.full", "implied": "note.gist"}),
    )


def test_the_auditor_is_told_once_of_each_word_that_a_submitted_version_lacks() -> None:
    def without(section: str, *words: str) -> dict[str, object]:
        return {section: {name: one for name, one in getattr(COMPLEX, section).items() if name not in words}}

    old = replace(COMPLEX, version="old", **without("parties", "police", "care-team"), **without("stages", "weighing"))
    derived = signal("s", "municipality", version="old", origins=frozenset({"police", "care-team"}))
    known = facts(derived, signal("mine", "police"), versions={"old": old})
    asked = question("police", OwnSignal("mine"), stage="weighing")
    told = {f.signal: f.reasons for f in for_auditor(asked, known).findings}
    assert told["s"] == (
        Reason("party-unknown", {"version": "submitted", "party": "police"}),
        Reason("stage-unknown", {"version": "submitted", "stage": "weighing"}),
        Reason("party-unknown", {"version": "submitted", "party": "care-team"}),
    )
    older = replace(COMPLEX, version="old", **without("purposes", "nuisance"))
    about = {"version": "submitted", "purpose": "nuisance"}
    told = {f.signal: f.reasons for f in for_auditor(asked, replace(known, versions={"old": older})).findings}
    assert told["s"] == (
        Reason("purpose-unknown", about),
        *(
            Reason("no-legal-basis", {**about, "party": party, "category": "noise"})
            for party in ("municipality", "care-team", "police")
        ),
    )


def test_the_auditor_is_told_of_codes_and_versions_that_nobody_knows() -> None:
    odd = signal("odd", "municipality", version="lost", handling_codes=frozenset({"not-to-police", NOBODY}))
    told = {f.signal: f for f in for_auditor(question("police", LookUp()), facts(odd)).findings}["odd"]
    assert (told.item, told.visible) == (None, False)
    assert told.reasons == (Reason("code-unknown", {"code": NOBODY}), Reason("version-unknown", {"version": "lost"}))


def test_the_auditor_is_told_what_a_code_hides_from_this_viewer_by_either_version() -> None:
    old = replace(COMPLEX, version="old")
    codes = frozenset({"source-withheld", "not-to-landlords"})
    coded = signal("s", "municipality", version="old", handling_codes=codes)
    known = facts(coded, signal("mine", "police"), versions={"old": old})
    findings = for_auditor(question("police", OwnSignal("mine")), known).findings
    told = [(f.item, r.parameters) for f in findings for r in f.reasons if r.code == "code-hides"]
    about = {"code": "source-withheld", "item": "source"}
    assert told == [("source", {"version": version, **about}) for version in ("current", "submitted")]


def test_the_auditor_is_told_whose_approval_is_missing() -> None:
    known = facts(signal("s", "police", "violence"), case_member=True, approvals=frozenset({"police"}))
    asked = question("municipality", CaseMembership(), stage="case")
    told = {f.item: f.reasons for f in for_auditor(asked, known).findings}["note.gist"]
    about = {"version": "current", "party": "police", "item": "note.gist"}
    cited = {**about, "rule": "authorities-share-criminal-data", "clause": "art. 6.4"}
    bases = {kind: COMPLEX.purposes["nuisance"].legal_basis[kind].article for kind in ("police", "municipality")}
    missing = {"kinds": ("municipality", "police"), "missing": ("municipality",)}
    assert told[:5] == (
        Reason("permit-closed", {**cited, "source_basis": bases["police"], "viewer_basis": bases["municipality"]}),
        Reason("met-anchor", cited),
        Reason("met-membership", cited),
        Reason("missing-approval", {**cited, **missing}),
        Reason("no-open-permit", about),
    )


@pytest.mark.parametrize(("age", "recent"), [(-1, False), (0, True), (179, True), (180, False)])
def test_the_auditor_is_told_whether_a_signal_lies_within_the_window(age: int, recent: bool) -> None:
    day = DAY - timedelta(days=age)
    known = facts(signal("s", "police", day=day), signal("mine", "housing-north"))
    findings = for_auditor(question("housing-north", OwnSignal("mine")), known).findings
    (told,) = [r for f in findings if f.item == "hit" for r in f.reasons if r.code in ("met-recent", "missing-recent")]
    assert (told.code == "met-recent") is recent
    assert (told.parameters["within"], told.parameters["day"]) == ("P180D", day.isoformat())


# -- words


def everything_told(seed: int) -> Iterator[tuple[Reason, generate.Triple]]:
    current, known, asked = triple = generate.some_triple(Random(seed))
    examination = for_auditor(asked, known)
    told = [*examination.refused, *(reason for finding in examination.findings for reason in finding.reasons)]
    told += for_asker(examination.decision, current)
    for one in known.signals:
        told += for_source(one, current, known.versions.get(one.version, current))
    for reason in told:
        yield reason, triple


def test_every_code_is_told_some_day_and_no_other_with_all_that_its_sentence_names() -> None:
    told: set[str] = set()
    for seed in range(5000):
        for reason, _ in everything_told(seed):
            told.add(reason.code)
            assert named_in(_SENTENCES["en"][reason.code]) <= reason.parameters.keys()
        if told >= CODES:
            break
    assert told == CODES


def named_in(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


@examples(60)
@given(seeds)
def test_every_reason_has_words_in_every_language(seed: int) -> None:
    for reason, (current, *_) in everything_told(seed):
        for language in LANGUAGES:
            for covenant in (None, current):
                sentence = render(reason, language, covenant)
                assert sentence
                assert "{" not in sentence


def test_both_languages_speak_of_the_same_things() -> None:
    assert _SENTENCES["en"].keys() == _SENTENCES["nl"].keys()
    for code in CODES:
        english, dutch = (named_in(_SENTENCES[language][code]) for language in LANGUAGES)
        assert english == dutch, code


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        ("en", "art. 5.5 asks for 2 independent parties within 1 year and 90 days."),
        ("nl", "art. 5.5 vraagt 2 onafhankelijke partijen binnen 1 jaar en 90 dagen."),
    ],
)
def test_a_duration_is_told_in_words(language: str, sentence: str) -> None:
    reason = Reason("asks-parties-within", {"clause": "art. 5.5", "rule": "r", "wanted": 2, "within": "P1Y90D"})
    assert render(reason, language) == sentence  # type: ignore[arg-type]
    odd = replace(reason, parameters={**reason.parameters, "within": "a while"})
    assert "a while" in render(odd, language)  # type: ignore[arg-type]


def test_titles_take_the_place_of_ids() -> None:
    reason = Reason(
        "affirm-to-share",
        {"purpose": "nuisance", "to": "police", "stages": ("case", "closed"), "items": ("hit", "note.gist", "x.y")},
    )
    assert render(reason, "nl", COMPLEX) == (
        "Dient u het opnieuw in onder de huidige versie, dan geldt ook: Police mag voor Ending severe nuisance at an "
        "address, in de fasen Case en Closed, dit zien: de treffer, Note (gist) en x.y."
    )
    assert "police may also see the hit, note.gist and x.y for nuisance" in render(reason, "en")


# -- for the asker


@many
@given(seeds)
def test_the_asker_is_told_of_what_it_sees_and_of_nothing_else(seed: int) -> None:
    current, known, asked = generate.some_triple(Random(seed))
    decision = decide(asked, known)
    reasons = for_asker(decision, current)
    shown = {
        (reason.parameters["signal"], item)
        for reason in reasons
        if reason.code in ("shown", "shown-without-source")
        for item in reason.parameters["items"]  # type: ignore[union-attr]
    }
    assert shown == {(visible.signal, item) for visible in decision.visible for item in visible.items}
    cited = {g.rule for visible in decision.visible for grounds in visible.grounds.values() for g in grounds}
    assert {reason.parameters.get("rule", min(cited, default=None)) for reason in reasons} <= cited | {None}


def test_no_hit_and_a_hit_it_may_not_see_are_the_same_to_the_asker() -> None:
    own = signal("mine", "housing-north")
    hidden = signal("other", "police", "drug-dealing")
    asked = question("housing-north", OwnSignal("mine"))
    alone, beside = (for_asker(decide(asked, facts(own, *others)), COMPLEX) for others in ((), (hidden,)))
    assert alone == beside == (Reason("nothing-to-show", {}),)


def test_the_asker_is_told_rule_clause_and_both_legal_bases() -> None:
    asked = question("police", LookUp())
    known = facts(signal("s1", "municipality"), signal("s2", "housing-south", "waste"))
    codes = [reason.code for reason in for_asker(decide(asked, known), COMPLEX)]
    assert codes == [
        "shown",
        "shown",
        "asks-parties-within",
        "asks-recent",
        "answers-look-ups",
        "must-notify-source",
        "source-sees-entry",
    ]
    entry = for_asker(decide(asked, known), COMPLEX)[-1]
    assert entry == Reason("source-sees-entry", {"fields": ("day", "party", "purpose", "items")})
    first = for_asker(decide(asked, known), COMPLEX)[0]
    assert first.parameters["clause"] == "art. 5.7"
    assert str(first.parameters["viewer_basis"]).startswith("Wet politiegegevens")


@many
@given(seeds)
def test_the_asker_is_told_the_legal_basis_of_a_source_exactly_where_it_sees_the_source(seed: int) -> None:
    current, known, asked = generate.some_triple(Random(seed))
    decision = decide(asked, known)
    named = {visible.signal for visible in decision.visible if "source" in visible.items}
    told = [reason for reason in for_asker(decision, current) if "signal" in reason.parameters]
    assert {reason.parameters["signal"] for reason in told if "source_basis" in reason.parameters} == named
    assert all((reason.code == "shown") == (reason.parameters["signal"] in named) for reason in told)


def test_where_the_source_is_withheld_the_viewer_is_told_its_own_legal_basis() -> None:
    coded = signal("s", "municipality", handling_codes=frozenset({"source-withheld"}))
    decision = decide(question("police", OwnSignal("mine")), facts(signal("mine", "police"), coded))
    about = {"rule": "police-sees-nuisance", "clause": "art. 5.6"}
    basis = COMPLEX.purposes["nuisance"].legal_basis["police"].article
    items = ("hit", "category", "period")
    told = Reason("shown-without-source", {"signal": "s", "items": items, **about, "viewer_basis": basis})
    assert told in for_asker(decision, COMPLEX)


def test_a_decision_is_explained_by_the_version_it_was_made_under() -> None:
    with pytest.raises(ValueError, match=r"^the decision was made under another version of the covenant$"):
        for_asker(Decision("other"), COMPLEX)


# -- for the source


@many
@given(seeds)
def test_nobody_ever_sees_what_the_source_was_not_told(seed: int) -> None:
    current, known, asked = generate.some_triple(Random(seed))
    for visible in decide(asked, known).visible:
        (seen,) = [one for one in known.signals if one.id == visible.signal]
        submitted = {**known.versions, current.version: current}[seen.version]
        kind = current.parties[asked.viewer].kind
        if submitted.parties[asked.viewer].kind != kind:
            continue  # the source is told by the kinds of the current version
        told = {
            (reason.parameters["purpose"], reason.parameters["to"], stage, item)
            for reason in for_source(seen, current, submitted)
            if reason.code == "may-see"
            for stage in reason.parameters["stages"]  # type: ignore[union-attr]
            for item in reason.parameters["items"]  # type: ignore[union-attr]
        }
        assert {(asked.purpose, kind, asked.stage, item) for item in visible.items} <= told


def test_the_source_is_told_by_which_permit_and_on_what_conditions() -> None:
    reasons = for_source(signal("s", "care-team", "care-concern"), COMPLEX, COMPLEX)
    seen = [reason for reason in reasons if reason.code == "may-see"]
    assert {reason.parameters["to"] for reason in seen} == {"municipality", "care"}
    released = next(r for r in seen if r.parameters["rule"] == "care-team-releases-concern")
    assert released.parameters["stages"] == ("signal", "weighing", "case")
    assert Reason("asks-release", {"rule": "care-team-releases-concern", "clause": "art. 7.4"}) in reasons


@many
@given(seeds)
def test_the_source_is_told_of_permits_that_name_its_signal_with_both_legal_bases(seed: int) -> None:
    current, known, _ = generate.some_triple(Random(seed))
    rules = {rule.id: rule for rule in current.rules}
    for one in known.signals:
        for reason in for_source(one, current, known.versions.get(one.version, current)):
            if reason.code != "may-see":
                continue
            told, kind = reason.parameters, current.parties[one.party].kind
            rule = rules[str(told["rule"])]
            assert rule.effect is Effect.PERMIT
            assert all(
                names(rule, Cell(str(told["purpose"]), stage, kind, str(told["to"]), one.category))
                for stage in told["stages"]  # type: ignore[union-attr]
            )
            assert rule.items >= set(told["items"])  # type: ignore[arg-type]
            bases = [legal_basis(current, rule.purpose, each, one.category) for each in (kind, str(told["to"]))]
            assert [told["source_basis"], told["viewer_basis"]] == bases


def test_nobody_is_told_of_only_where_nobody_sees() -> None:
    assert "nobody-sees" not in {r.code for r in for_source(signal("s", "municipality"), COMPLEX, COMPLEX)}


def test_a_code_that_only_one_version_knows_is_known() -> None:
    without = replace(COMPLEX, version="old", handling_codes={})
    coded = signal("s", "municipality", version="old", handling_codes=frozenset({"not-to-police", NOBODY}))
    told = for_source(coded, COMPLEX, without)
    assert told == (
        Reason("nobody-sees", {"signal": "s"}),
        Reason("code-unknown", {"code": NOBODY}),
        Reason("code-blocks", {"code": "not-to-police", "kinds": ("police",), "items": ("hit",)}),
    )


def test_the_source_is_told_what_its_handling_codes_hide() -> None:
    coded = signal("s", "municipality", handling_codes=frozenset({"not-to-police"}))
    reasons = for_source(coded, COMPLEX, COMPLEX)
    assert "police" not in {reason.parameters["to"] for reason in reasons if reason.code == "may-see"}
    assert reasons[-1] == Reason("code-blocks", {"code": "not-to-police", "kinds": ("police",), "items": ("hit",)})


def test_the_source_is_told_what_submitting_again_would_let_be_seen() -> None:
    narrow = replace(COMPLEX, version="old", rules=tuple(r for r in COMPLEX.rules if r.id != "police-sees-nuisance"))
    reasons = for_source(signal("s", "care-team", version="old"), COMPLEX, narrow)
    (affirm,) = [reason for reason in reasons if reason.code == "affirm-to-share"]
    assert affirm.parameters["to"] == "police"
    assert affirm.parameters["stages"] == ("signal", "weighing")
    assert affirm.parameters["items"] == ("hit", "source", "category", "period")


@pytest.mark.parametrize(
    "changes",
    [
        {"party": NOBODY},
        {"category": NOBODY},
        {"purposes": frozenset({NOBODY})},
        {"origins": frozenset({NOBODY})},
        {"handling_codes": frozenset({NOBODY})},
    ],
)
def test_of_a_signal_with_an_unknown_word_nobody_sees_anything(changes: dict[str, object]) -> None:
    reasons = for_source(signal("s", "municipality", **changes), COMPLEX, COMPLEX)
    assert reasons[0] == Reason("nobody-sees", {"signal": "s"})
    assert {reason.code for reason in reasons} <= {"nobody-sees", "code-unknown"}
