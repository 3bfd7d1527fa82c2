"""What loading a covenant promises: the value it yields, and that mistakes are told all at once and in place."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from datetime import date
from hashlib import sha256

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from covenant_rules.catalogue import CodeEntry, catalogue, explain_code
from covenant_rules.diagnostics import MOST_DIAGNOSTICS, CovenantError, Severity
from covenant_rules.load import check_document, load
from covenant_rules.model import AUDIT_FIELDS, AuditSight, CategoryClass, Duration, Effect, Place
from covenant_rules.shapes import parse_day, parse_span
from tests.rules.fragments import COMPLEX_APPROACH, EXAMPLES, with_sections

COVENANT = load(COMPLEX_APPROACH.encode())
RULES = {rule.id: rule for rule in COVENANT.rules}


def codes(source: bytes) -> list[str]:
    return [diagnostic.code for diagnostic in check_document(source)[1]]


def test_the_version_is_the_hash_of_the_bytes() -> None:
    source = COMPLEX_APPROACH.encode()
    assert load(source).version == sha256(source).hexdigest()
    assert load(source + b"# a remark\n").version != load(source).version


def test_a_covenant_says_what_its_document_says() -> None:
    assert (COVENANT.id, COVENANT.title) == ("complex-approach", "Complex approach Vogelplein")
    assert (COVENANT.valid_from, COVENANT.valid_until) == (date(2026, 1, 1), date(2028, 12, 31))
    assert COVENANT.parties["housing-north"].kind == "housing"
    assert COVENANT.categories["violence"].class_ is CategoryClass.CRIMINAL
    assert COVENANT.fields["note"].variants == ("gist", "full")
    assert COVENANT.match_keys["address"].kinds["police"] == ("address-bag", "address-postcode")
    assert COVENANT.stages["case"].approvals == ("municipality", "police")
    assert COVENANT.retention.categories["noise"] == Duration(years=1)
    assert COVENANT.retention.audit == Duration(years=5)
    assert COVENANT.quotas.lookups["nuisance"]["police"] == 50
    assert COVENANT.purposes["support"].legal_basis["care"].classes == {CategoryClass.ORDINARY, CategoryClass.HEALTH}
    assert COVENANT.handling_codes["source-withheld"].blocks[0].to == set(COVENANT.kinds)


def test_a_permit_says_what_its_rule_says() -> None:
    permit = RULES["police-looks-up-pattern"]
    assert (permit.effect, permit.clause, permit.purpose) == (Effect.PERMIT, "art. 5.7", "nuisance")
    assert permit.lookup
    assert permit.when.independent_parties == 2
    assert permit.when.within == Duration(days=90)
    assert permit.obligations == {"notify_source"}
    assert permit.audit.source == {"day", "party", "purpose", "items"}
    assert permit.audit.recipient == set(AUDIT_FIELDS)


def test_all_is_written_out() -> None:
    forbid = RULES["no-criminal-data-to-landlords"]
    assert forbid.stages == set(COVENANT.stages)
    assert forbid.from_ == set(COVENANT.kinds)
    promise = COVENANT.never[1]
    assert (promise.purposes, promise.categories) == (set(COVENANT.purposes), set(COVENANT.categories))
    everything = load(with_sections("handling_codes:\n  hidden: {title: Hidden, blocks: [{to: all, items: all}]}\n"))
    assert everything.handling_codes["hidden"].blocks[0].items == set(everything.items)


def test_all_items_of_a_forbid_and_of_a_promise_are_written_out() -> None:
    anywhere = "clause: art. 1, stages: all, from: all, to: all, categories: all, items: all"
    forbid = f"rules:\n  - {{forbid: nothing, purpose: nuisance, {anywhere}}}\n"
    covenant = load(with_sections(f"{forbid}never:\n  - {{never: anything, purposes: all, {anywhere}}}\n"))
    assert covenant.rules[0].items == covenant.never[0].items == set(covenant.items)


def test_every_part_knows_its_id_and_its_title() -> None:
    values = yaml.safe_load(COMPLEX_APPROACH)
    covenant = load(COMPLEX_APPROACH.encode())
    assert covenant.id == values["covenant"]
    for section in ("kinds", "parties", "purposes", "categories", "fields", "stages", "handling_codes"):
        for id_, part in getattr(covenant, section).items():
            entry = values[section][id_]
            assert (part.id, part.title) == (id_, entry if section == "kinds" else entry["title"])


def test_an_audit_section_that_is_silent_about_the_source_shows_it_nothing() -> None:
    right = "    audit: {source: [day, party, purpose, items]}\n"
    assert right in COMPLEX_APPROACH
    (rule, *_) = load(COMPLEX_APPROACH.replace(right, "    audit: {confidential: P30D}\n", 1).encode()).rules
    assert rule.audit == AuditSight(frozenset(), frozenset(AUDIT_FIELDS), Duration(days=30))


def test_every_rule_knows_where_it_stands() -> None:
    lines = COMPLEX_APPROACH.splitlines()
    for rule in COVENANT.rules:
        assert rule.place is not None
        assert lines[rule.place.line - 1][rule.place.column - 1 :] == f"{rule.effect}: {rule.id}"


def test_white_space_in_prose_is_folded() -> None:
    assert "\n" not in COVENANT.purposes["nuisance"].necessity
    assert "  " not in COVENANT.purposes["nuisance"].necessity


def test_a_covenant_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        COVENANT.title = "Other"  # type: ignore[misc]
    with pytest.raises(TypeError):
        COVENANT.parties["x"] = COVENANT.parties["police"]  # type: ignore[index]
    with pytest.raises(TypeError):
        COVENANT.quotas.lookups["nuisance"]["care"] = 50  # type: ignore[index]


def test_a_party_is_its_own_group_unless_it_says_otherwise() -> None:
    covenant = load((COMPLEX_APPROACH.replace("kind: police, ", "kind: police, group: municipality, ")).encode())
    assert covenant.parties["police"].group == "municipality"
    assert covenant.parties["housing-north"].group == "housing-north"


def test_all_problems_are_told_at_once() -> None:
    document = COMPLEX_APPROACH
    for right, wrong in (
        ("title: Complex approach Vogelplein", "titel: Complex approach Vogelplein"),
        ("until: 2028-12-31", "until: 2025-12-31"),
        ("kind: care,", "kind: caer,"),
        ("retention:", "retention: &r"),
        ("    clause: art. 5.1\n", ""),
        ("within: P180D}", "within: 180 days}"),
        ("forbid: no-care-notes-to-police", "forbid: municipality-sees-nuisance"),
    ):
        assert right in document
        document = document.replace(right, wrong, 1)
    assert sorted(codes(document.encode())) == ["CR105", "CR201", "CR202", "CR202", "CR209", "CR301", "CR401", "CR402"]


def test_problems_come_in_the_order_of_the_document() -> None:
    _, found = check_document(COMPLEX_APPROACH.replace("[housing]", "[hous]").encode())
    places = [(diagnostic.place.line, diagnostic.place.column) for diagnostic in found]
    assert len(places) > 2
    assert places == sorted(places)


def test_a_diagnostic_says_where_what_and_what_to_write() -> None:
    _, (found,) = check_document(COMPLEX_APPROACH.replace("to: [care]", "to: [car]", 1).encode(), "draft.yaml")
    line = COMPLEX_APPROACH[: COMPLEX_APPROACH.index("to: [care]")].count("\n") + 1
    assert (found.code, found.severity, found.place) == ("CR301", Severity.ERROR, Place(line, 10))
    assert str(found) == f"draft.yaml:{line}:10: error CR301: unknown kind `car`; did you mean `care`?"


@pytest.mark.parametrize(
    ("right", "wrong", "suggestion"),
    [
        ("categories: [noise, waste]", "categories: [nose, waste]", "did you mean `noise`?"),
        ("from: [housing]", "from: [housing-north]", "write `housing`"),
        ("contact.role, note.gist]", "contact, note.gist]", "write `contact.role` or `contact.name`"),
        ("2028-12-31", "31-12-2028", "write `2028-12-31`"),
        ("noise: P1Y", "noise: 18 months", "write `P18M`"),
        ("lookup: true", "lookup: yes", "write `true`"),
        ("covenant: complex-approach", "covenant: Complex Approach!", "write `complex-approach`"),
        ("clause: art. 5.1", "clause: 5.10", 'write `"5.10"`'),
        ('"00000001002222222000"', "00000001002222222000", 'write `"00000001002222222000"`'),
        ("class: health", "class: medical", "write `ordinary`, `criminal`, `health` or `other-special`"),
        ("when: {within: P180D}", "when: {with_in: P180D}", "did you mean `within`?"),
    ],
)
def test_the_author_is_told_what_to_write_instead(right: str, wrong: str, suggestion: str) -> None:
    assert right in COMPLEX_APPROACH
    _, found = check_document(COMPLEX_APPROACH.replace(right, wrong, 1).encode())
    assert len(found) == 1
    assert suggestion in found[0].suggestion


def test_a_missing_section_is_one_problem_and_not_one_for_each_name_in_it() -> None:
    _, found = check_document(COMPLEX_APPROACH.replace("kinds:", "kindz:", 1).encode())
    assert [diagnostic.code for diagnostic in found] == ["CR202", "CR201"]


def test_a_long_list_of_problems_is_cut_and_the_rest_counted() -> None:
    _, found = check_document(b"".join(b"k%d: 1\n" % n for n in range(1000)))
    assert len(found) == MOST_DIAGNOSTICS + 1
    assert found[-1].code == "CR199"


def test_an_error_carries_every_diagnostic() -> None:
    with pytest.raises(CovenantError) as caught:
        load(b"title: 5\n", "draft.yaml")
    assert {"CR202", "CR204"} <= {diagnostic.code for diagnostic in caught.value.diagnostics}
    assert {diagnostic.file for diagnostic in caught.value.diagnostics} == {"draft.yaml"}
    assert str(caught.value).count("\n") == len(caught.value.diagnostics) - 1


def test_messages_keep_to_one_style() -> None:
    for entry in catalogue().values():
        for diagnostic in check_document(with_sections(entry.example))[1] if entry.example else ():
            first = diagnostic.message.lstrip("`")[0]
            assert first == first.lower() or diagnostic.message.startswith("`")
            assert not diagnostic.message.endswith(".")
            assert diagnostic.suggestion


@pytest.mark.parametrize("entry", [entry for entry in catalogue().values() if entry.code < "CR5"], ids=lambda e: e.code)
def test_the_example_of_a_code_provokes_it_and_the_repaired_one_does_not(entry: CodeEntry) -> None:
    if entry.example:
        assert entry.code in codes(with_sections(entry.example))
        assert entry.code not in codes(with_sections(entry.fix))
    else:
        assert entry.code in ("CR102", "CR103", "CR199", "CR411")


def test_a_code_is_explained_however_it_is_typed() -> None:
    assert explain_code("cr301") is catalogue()["CR301"]
    assert explain_code("CR000") is None


@pytest.mark.source
def test_every_code_in_the_source_is_in_the_catalogue() -> None:
    used = {
        word.strip('",')
        for module in EXAMPLES.parent.rglob("*.py")
        if "catalogue" not in module.parts
        for word in module.read_text("utf-8").replace("(", " ").replace('"CR', ' "CR').split()
        if word.startswith('"CR') and word.strip('",')[2:].isdigit()
    }
    assert used == set(catalogue())


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("P1Y", Duration(years=1)),
        ("P1Y6M", Duration(years=1, months=6)),
        ("P2W", Duration(days=14)),
        ("P1Y2M3W4D", Duration(years=1, months=2, days=25)),
        ("P0Y1D", Duration(days=1)),
        ("P", None),
        ("P0D", None),
        ("p1y", None),
        ("P1D1Y", None),
        ("PT1H", None),
        ("P-1D", None),
        ("P1.5Y", None),
        ("P10000D", None),
        ("P１D", None),
        ("P1D\n", None),
    ],
)
def test_durations_are_years_months_weeks_and_days(text: str, duration: Duration | None) -> None:
    assert parse_span(text) == duration


@pytest.mark.parametrize(
    "text", ["20281231", "2028-W52-7", "2028-12-31T00:00", "2028-02-30", "28-12-31", "２028-12-31"]
)
def test_only_one_spelling_of_a_date_is_accepted(text: str) -> None:
    assert parse_day(text) is None


@given(st.binary(max_size=400))
def test_no_bytes_make_the_loader_fail(source: bytes) -> None:
    covenant, found = check_document(source)
    assert covenant is None
    assert found


@given(st.integers(0, len(COMPLEX_APPROACH) - 1), st.integers(1, 40), st.text(max_size=3))
def test_no_damage_to_a_covenant_makes_the_loader_fail(start: int, length: int, instead: str) -> None:
    covenant, found = check_document((COMPLEX_APPROACH[:start] + instead + COMPLEX_APPROACH[start + length :]).encode())
    assert (covenant is None) == bool(found)
