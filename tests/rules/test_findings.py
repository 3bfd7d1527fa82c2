"""What the linter says of each mistake: no more than what is wrong, and all the names that an author needs."""

from __future__ import annotations

import pytest

from covenant_rules.diagnostics import Severity
from covenant_rules.lint import lint
from tests.rules.fragments import COMPLEX_APPROACH, with_sections


def said(source: bytes, code: str) -> list[str]:
    return [finding.message for finding in lint(source) if finding.code == code]


def rule(head: str, *, items: str = "[hit]", stages: str = "[signal]", purpose: str = "nuisance", **more: str) -> str:
    """A rule such as `permit: a`; `from_` and other keys are written as they are named."""
    members = {"clause": "art. 1", "purpose": purpose, "stages": stages, "items": items} | more
    return f"  - {head}\n" + "".join(f"    {key.rstrip('_')}: {value}\n" for key, value in members.items())


def rules(*written: str) -> bytes:
    """The example with these rules only."""
    return with_sections("rules:\n" + "".join(written) + "never: []\n")


def replaced(right: str, wrong: str) -> bytes:
    assert right in COMPLEX_APPROACH
    return COMPLEX_APPROACH.replace(right, wrong, 1).encode()


def test_findings_name_the_file_whether_or_not_it_is_a_covenant() -> None:
    for source in (b"title: x\n", with_sections("statistics: {minimum_cell: 4}\n")):
        assert {finding.file for finding in lint(source, "draft.yaml")} == {"draft.yaml"}


# -- legal bases


def test_a_kind_without_a_legal_basis_is_told_with_all_it_lacks_and_no_other_kind() -> None:
    everything = rule(
        "permit: all-in-one",
        purpose="support",
        from_="[police]",
        to="[municipality]",
        categories="[violence, care-concern, home-visit]",
    )
    police = "`police` has no legal basis in `support` for {} data, and `all-in-one` names it as a source"
    municipality = "`municipality` has no legal basis in `support` for {} data, and `all-in-one` names it as a viewer"
    assert said(rules(everything), "CR501") == [
        municipality.format("`criminal`"),
        police.format("`criminal` and `health`"),
    ]
    forbid = rule("forbid: no-crime", purpose="support", from_="all", to="all", categories="[violence]")
    assert said(rules(everything, forbid), "CR501") == [police.format("`health`")]


def test_match_keys_that_no_law_allows_are_told_together() -> None:
    document = COMPLEX_APPROACH.replace(
        "      housing: [person-name-birthdate]\n", "      housing: [person-bsn, person-name-birthdate]\n"
    )
    basis = '      housing: {article: "GDPR art. 6(1)(f) with Besluit gemeentelijke schuldhulpverlening", '
    assert basis in document
    document = document.replace(f"{basis}classes: [ordinary]}}\n", "")
    (message,) = said(document.encode(), "CR504")
    assert message == (
        "`housing` may use `person-bsn` and `person-name-birthdate` without a legal basis in any purpose about "
        "subjects of kind `person`"
    )


@pytest.mark.parametrize(("words", "found"), [("Alone it is too much", 0), ("It is too much", 1)])
def test_a_necessity_takes_five_words_to_say(words: str, found: int) -> None:
    start = COMPLEX_APPROACH.index("    necessity: >\n      A family")
    end = COMPLEX_APPROACH.index("    subjects: [person]")
    document = f"{COMPLEX_APPROACH[:start]}    necessity: {words}\n{COMPLEX_APPROACH[end:]}"
    assert len(said(document.encode(), "CR502")) == found


# -- rules


NOISE = {"from_": "[police, housing]", "to": "[municipality]", "categories": "[noise]"}


def test_a_permit_that_forbids_leave_nothing_of_is_told_with_those_forbids() -> None:
    forbids = [
        rule(f"forbid: not-{kind}", **NOISE | {"from_": f"[{kind}]"})  # of the care team the permit does not speak
        for kind in ("care", "police", "housing")
    ]
    (message,) = said(rules(rule("permit: noise", **NOISE), *forbids), "CR511")
    assert message == "`noise` shows nothing: all of it is forbidden by `not-housing` and `not-police`"


def test_a_permit_that_others_cover_together_is_told_with_those_others() -> None:
    others = [rule(f"permit: {kind}", **NOISE | {"from_": f"[{kind}]"}) for kind in ("care", "police", "housing")]
    (message,) = said(rules(*others, rule("permit: both", **NOISE)), "CR512")
    assert message == "`both` adds nothing: all of it is shown as readily by `housing` and `police`"


def test_a_look_up_is_covered_by_another() -> None:
    one, other = (rule(f"permit: {name}", lookup="true", **NOISE) for name in ("one", "other"))
    assert said(rules(one, other), "CR512") == ["`other` adds nothing: all of it is shown as readily by `one`"]


def test_a_forbid_of_an_item_that_is_not_shown_forbids_nothing() -> None:
    permit = rule("permit: noise", **NOISE)
    assert said(rules(permit, rule("forbid: notes", **NOISE, items="[note.full]")), "CR513") == [
        "`notes` forbids nothing that a permit allows"
    ]
    assert said(rules(permit, rule("forbid: hits", **NOISE)), "CR513") == []


def test_an_item_that_only_some_cells_show_is_a_warning_and_one_that_none_shows_an_error() -> None:
    notes = rule("permit: notes", **NOISE, items="[hit, note.gist]")
    source = rule("permit: source", **NOISE | {"from_": "[police]"}, items="[source]")
    told = {
        document: [(finding.severity, finding.message) for finding in lint(document) if finding.code == "CR517"]
        for document in (rules(notes), rules(notes, source))
    }
    where = "to `municipality` about `noise` at the stage `signal`"
    assert list(told.values()) == [
        [
            (
                Severity.ERROR,
                f"`notes` never shows `note.gist`: `source` cannot be seen from `police` {where}",
            )
        ],
        [
            (
                Severity.WARNING,
                f"`notes` does not always show `note.gist`: `source` cannot be seen from `housing` {where}",
            )
        ],
    ]


# -- disclosures


def test_a_hit_that_a_forbid_takes_away_discloses_nothing() -> None:
    permit = rule("permit: some", **NOISE | {"from_": "[police]", "categories": "[noise, violence]"})
    assert said(rules(permit), "CR521") == ["a hit of `some` by itself discloses `violence` to one other party"]
    forbid = rule("forbid: crime", **NOISE | {"categories": "[violence]"})
    assert said(rules(permit, forbid), "CR521") == []


def test_a_promise_is_broken_by_every_permit_that_shows_the_item() -> None:
    permits = [rule(f"permit: {name}", **NOISE) for name in ("one", "other")]
    promise = (
        "never:\n  - {never: silence, clause: art. 8, purposes: all, stages: all, from: all, to: all, "
        "categories: all, items: [hit]}\n"
    )
    (message,) = said(with_sections("rules:\n" + "".join(permits) + promise), "CR524")
    assert message == (
        "`silence` is broken: `municipality` is shown the item `hit` of `police` about `noise` for `nuisance` at the "
        "stage `signal`, by `one` and `other`"
    )


# -- upkeep


@pytest.mark.parametrize(("until", "found"), [("2030-12-31", 0), ("2031-01-01", 1)])
def test_a_covenant_holds_for_five_years_at_most(until: str, found: int) -> None:
    assert len(said(replaced("until: 2028-12-31", f"until: {until}"), "CR531")) == found


def test_a_look_up_that_shows_no_hit_asks_for_no_quota() -> None:
    """Of the kind that comes first in the covenant, between parties of which the first cell of the matrix is."""
    looked_up = {"from_": "[municipality]", "to": "[municipality, police]", "categories": "[noise]", "lookup": "true"}
    assert said(rules(rule("permit: quiet", **looked_up, items="[source]")), "CR541") == []


def pointed(source: bytes, code: str) -> list[str]:
    """What stands in the line from where each finding points."""
    lines = source.decode().splitlines()
    places = [finding.place for finding in lint(source) if finding.code == code]
    return [lines[place.line - 1][place.column - 1 :] for place in places]


def test_a_quota_of_nothing_is_pointed_at() -> None:
    right = "tokens: {municipality: 50000, police: 5000, housing: 50000, care: 2000}"
    assert pointed(replaced(right, right.replace("care: 2000", "care: 0")), "CR540") == ["0}"]
    assert pointed(replaced(right, right.replace(", care: 2000", "")), "CR540") == [right.replace(", care: 2000", "")]
    assert pointed(replaced("nuisance: {police: 50}", "nuisance: {police: 0}"), "CR541") == ["0}"]
    assert pointed(replaced("nuisance: {police: 50}", "nuisance: {care: 50}"), "CR541") == ["nuisance: {care: 50}"]


def test_every_kind_that_cannot_be_matched_is_told_for_each_kind_of_subject() -> None:
    """One that has match keys for one of two kinds of subject is told of the other."""
    match_keys = (
        "match_keys:\n"
        "  address: {anchor: address-bag, kinds: {municipality: [address-bag], police: [address-postcode]}}\n"
        "  person: {anchor: person-name-birthdate, kinds: {municipality: [person-name-birthdate]}}\n"
    )
    document = (
        rules(rule("permit: noise", **NOISE)).decode().replace("subjects: [address]", "subjects: [address, person]")
    )
    source = with_sections(match_keys, document)
    assert said(source, "CR538") == ["`housing` takes part in `nuisance` and has no match key"]
    assert said(source, "CR539") == [
        "`police` takes part in `nuisance` without the anchor of `address`",
        "`police` takes part in `nuisance` without the anchor of `person`",
    ]
    assert pointed(source, "CR539") == [
        "police: [address-postcode]}}",
        "kinds: {municipality: [person-name-birthdate]}}",
    ]
