"""What the linter promises: every check finds its mistake, and nothing in a covenant that is as it should be."""

from __future__ import annotations

import re

import pytest

from covenant_rules.catalogue import CodeEntry, catalogue
from covenant_rules.diagnostics import Severity
from covenant_rules.lint import lint
from covenant_rules.load import load
from tests.rules.fragments import COMPLEX_APPROACH, EXAMPLES, with_sections

LINT = [entry for entry in catalogue().values() if entry.code.startswith("CR5")]


def codes(source: bytes) -> set[str]:
    return {finding.code for finding in lint(source)}


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_nothing_is_found_in_an_example(path: object) -> None:
    assert lint(path.read_bytes(), path.name) == ()  # type: ignore[attr-defined]


@pytest.mark.parametrize("entry", LINT, ids=lambda entry: entry.code)
def test_the_example_of_a_code_provokes_it_and_the_repaired_one_does_not(entry: CodeEntry) -> None:
    assert entry.code in codes(with_sections(entry.example))
    assert entry.code not in codes(with_sections(entry.fix))
    load(with_sections(entry.example))
    load(with_sections(entry.fix))


@pytest.mark.parametrize("entry", LINT, ids=lambda entry: entry.code)
def test_a_finding_stands_somewhere_and_says_what_to_do(entry: CodeEntry) -> None:
    source = with_sections(entry.example)
    lines = source.decode().splitlines()
    for finding in lint(source):
        assert lines[finding.place.line - 1][finding.place.column - 1 :].strip()
        assert finding.suggestion
        assert not finding.message.endswith(".")


def test_findings_point_at_the_part_they_are_about() -> None:
    source = with_sections("statistics: {minimum_cell: 4}\n")
    (finding,) = lint(source)
    assert source.decode().splitlines()[finding.place.line - 1][finding.place.column - 1 :] == "4}"


def test_what_is_no_covenant_is_not_linted() -> None:
    assert codes(b"title: x\n") == {"CR202"}


def test_a_broken_promise_comes_with_the_cell_that_breaks_it() -> None:
    document = COMPLEX_APPROACH.replace(
        "to: [police, housing],\n     categories: [care-concern]", "to: all,\n     categories: [care-concern]"
    )
    assert document != COMPLEX_APPROACH
    (finding,) = lint(document.encode())
    assert (finding.code, finding.severity) == ("CR524", Severity.ERROR)
    for word in ("health-leaves-the-helpers", "care-team-releases-concern", "municipality", "care-concern", "signal"):
        assert f"`{word}`" in finding.message


def rule_block(id_: str) -> str:
    found = re.search(rf"  - (?:permit|forbid): {id_}\n(?:    .*\n)+", COMPLEX_APPROACH)
    assert found
    return found.group()


def edited(id_: str, right: str, wrong: str) -> bytes:
    block = rule_block(id_)
    assert right in block
    return COMPLEX_APPROACH.replace(block, block.replace(right, wrong)).encode()


@pytest.mark.parametrize(
    ("id_", "right", "wrong", "found"),
    [
        ("serious-pattern-is-known", "independent_parties: 3", "independent_parties: 2", {"CR521"}),
        ("serious-pattern-is-known", "independent_parties: 3, ", "", {"CR521"}),
        ("municipality-weighs-police-data", "approved_by: [police]", "within: P1Y", {"CR521"}),
        ("care-team-releases-concern", "source_released: true", "viewer_has: [home-visit]", {"CR521"}),
        ("police-looks-up-pattern", "    obligations: [notify_source]\n", "", {"CR522"}),
        ("police-looks-up-pattern", "    lookup: true\n", "", {"CR542"}),
        ("no-criminal-data-to-landlords", "[drug-dealing, violence]", "[home-visit]", {"CR501", "CR513"}),
        ("helpers-read-full-notes", "[hit, source, category, period, contact.role, note.gist,", "[hit,", {"CR517"}),
        ("family-is-visited-elsewhere", "independent_parties: 3", "independent_parties: 6", {"CR514"}),
        ("table-shares-nuisance", "stages: [case, aftercare]", "stages: [signal]", {"CR515"}),
        ("table-makes-one-plan", "contact.role, contact.name", "contact.role", set()),
    ],
)
def test_one_edit_of_a_good_covenant_is_found(id_: str, right: str, wrong: str, found: set[str]) -> None:
    assert codes(edited(id_, right, wrong)) == found


def test_two_permits_that_say_the_same_are_one_finding() -> None:
    block = rule_block("municipality-sees-nuisance")
    twin = block.replace("municipality-sees-nuisance", "municipality-sees-nuisance-again")
    findings = lint(COMPLEX_APPROACH.replace(block, block + twin).encode())
    assert [finding.code for finding in findings] == ["CR512"]
    assert "`municipality-sees-nuisance-again` adds nothing" in findings[0].message


def test_a_permit_covered_only_in_part_is_no_finding() -> None:
    block = rule_block("landlords-tell-each-other")
    wider = block.replace("landlords-tell-each-other", "landlords-tell-all").replace(
        "to: [housing]", "to: [housing, municipality]"
    )
    narrow = wider.replace(
        "items: [hit, source, category, period, contact.role]",
        "items: [hit, source, category, period, contact.role, note.gist]",
    )
    found = [finding.message for finding in lint(COMPLEX_APPROACH.replace(block, block + narrow).encode())]
    assert len(found) == 1
    assert found[0].startswith("`landlords-tell-each-other` adds nothing")


def test_a_kind_of_one_party_never_faces_itself() -> None:
    """The municipality needs no legal basis as a source for the only municipality there is."""
    fragment = rule_block("helpers-read-full-notes").replace("contact.role, note.gist, ", "")
    assert "municipality` to `municipality" not in str(*lint(with_sections(f"rules:\n{fragment}"))[:1])


def test_a_lookup_is_covered_only_by_a_lookup() -> None:
    block = rule_block("police-looks-up-pattern")
    plain = (
        block.replace("police-looks-up-pattern", "police-sees-all")
        .replace("    lookup: true\n", "")
        .replace("    when: {independent_parties: 2, within: P90D}\n", "")
    )
    assert "CR512" not in codes(COMPLEX_APPROACH.replace(block, block + plain).encode())


def test_a_lookup_without_the_hit_asks_for_no_quota() -> None:
    """It shows nothing to a kind that no other permit shows the hit to, and that one asks for the quota."""
    block = rule_block("police-looks-up-pattern")
    bare = block.replace("police-looks-up-pattern", "care-looks-up-notes").replace("to: [police]", "to: [care]")
    bare = bare.replace("items: [hit, source, contact.role]", "items: [source]")
    assert "CR541" not in codes(COMPLEX_APPROACH.replace(block, block + bare).encode())
    whole = bare.replace("items: [source]", "items: [hit, source]")
    assert "CR541" in codes(COMPLEX_APPROACH.replace(block, block + whole).encode())
