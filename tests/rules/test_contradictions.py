"""What two parts of a document have against each other is told, whatever else is wrong, and nothing besides."""

from __future__ import annotations

import pytest

from covenant_rules.consistency import MOST_CELLS
from covenant_rules.load import check_document
from tests.rules.fragments import COMPLEX_APPROACH, with_sections


def told(source: bytes, code: str) -> list[tuple[str, str, str]]:
    """From where a finding points to the end of the line, what it says, and its advice."""
    lines = source.decode().splitlines()
    return [
        (lines[found.place.line - 1][found.place.column - 1 :], found.message, found.suggestion)
        for found in check_document(source)[1]
        if found.code == code
    ]


@pytest.mark.parametrize(("until", "found"), [("2025-12-31", 1), ("2026-01-01", 0)])
def test_a_covenant_may_end_on_the_day_it_begins(until: str, found: int) -> None:
    assert len(told(with_sections(f"valid: {{from: 2026-01-01, until: {until}}}\n"), "CR401")) == found


def party(id_: str, number: str, more: str = "") -> str:
    return f'  {id_}: {{title: T, kind: housing, oin: "{number * 20}"{more}}}\n'


def test_parties_of_one_organisation_count_as_one() -> None:
    """The same OIN says that they are; a party that has none is another problem and hides no third one."""
    without = "  without: {title: T, kind: housing}\n"
    parties = party("a", "1") + without + party("b", "1") + party("c", "2") + party("d", "1", ", group: a")
    assert told(with_sections(f"parties:\n{parties}"), "CR403") == [
        (
            f'"{"1" * 20}"}}',
            "`b` and `a` have the same OIN but count as independent of each other",
            "add `group: a`, or correct the OIN",
        )
    ]
    parties = party("a", "1", ", group: head") + party("b", "1") + party("head", "3")
    assert [advice for *_, advice in told(with_sections(f"parties:\n{parties}"), "CR403")] == [
        "add `group: head`, or correct the OIN"
    ]


def test_a_group_is_named_after_a_party_of_its_own_group() -> None:
    parties = party("a", "1", ", group: b") + party("b", "2", ", group: c") + party("c", "3") + party("d", "4")
    nobody = party("e", "5", ", group: nobody")
    assert told(with_sections(f"parties:\n{parties}{nobody}"), "CR404") == [
        ("b}", "the group `b` itself belongs to another group", "write `c`")
    ]


def test_no_field_is_named_after_an_item() -> None:
    fields = "".join(f"  {name}: {{title: T, variants: [gist]}}\n" for name in ("note", "hit", "period"))
    assert [word for word, *_ in told(with_sections(f"fields:\n{fields}"), "CR409")] == [
        "hit: {title: T, variants: [gist]}",
        "period: {title: T, variants: [gist]}",
    ]


def test_every_match_key_identifies_its_subject() -> None:
    """An unknown subject, a missing anchor or a word that is no match key at all hides none that does not."""
    match_keys = (
        "match_keys:\n"
        "  house: {anchor: address-bag, kinds: {police: [person-bsn]}}\n"
        "  address: {kinds: {police: [address-bag, person-bsn], housing: [address-bagg]}}\n"
        "  person: {anchor: address-bag, kinds: {police: [person-name-birthdate]}}\n"
    )
    assert told(with_sections(match_keys), "CR405") == [
        (
            "person-bsn], housing: [address-bagg]}}",
            "`person-bsn` does not identify a subject of kind `address`",
            "write `address-bag` or `address-postcode`",
        ),
        (
            "address-bag, kinds: {police: [person-name-birthdate]}}",
            "`address-bag` does not identify a subject of kind `person`",
            "write `person-bsn` or `person-name-birthdate`",
        ),
    ]


def test_every_subject_of_a_purpose_has_match_keys() -> None:
    match_keys = "match_keys:\n  address: {anchor: address-bag, kinds: {police: [address-bag]}}\n"
    document = with_sections(match_keys).decode().replace("subjects: [person]", "subjects: [house, address, person]")
    assert told(document.encode(), "CR406") == [
        (
            "person]",
            "`support` is about subjects of kind `person`, which have no match keys",
            "add `person:` to `match_keys`",
        )
    ]


def test_only_the_first_stage_needs_no_approval() -> None:
    stages = "stages:\n  {}: {{title: S, approvals: [police]}}\n  case: {{title: C, approvals: [police]}}\n"
    assert told(with_sections(stages.format("signal")), "CR408") == [
        ("approvals: [police]}", "the stage `signal` needs no approval", "remove `approvals`")
    ]
    assert told(with_sections(stages.format("weighing")), "CR408") == []
    assert len(told(with_sections(stages.format("weighing")), "CR407")) == 1
    assert told(with_sections(stages.format("signal")), "CR407") == []


def test_every_category_is_kept_for_some_time_and_no_longer() -> None:
    document = COMPLEX_APPROACH.replace("    noise: P1Y\n", "").replace("    violence: P1Y\n", "")
    assert [message for _, message, _ in told(document.encode(), "CR410")] == [
        "nothing says how long signals of `noise` are kept",
        "nothing says how long signals of `violence` are kept",
    ]


def test_an_id_is_used_once_among_rules_and_promises() -> None:
    """Rules that lack other things have ids too; what is no rule has none."""
    rules = "rules:\n  - {permit: a}\n  - nothing\n  - {forbid: a}\n  - {permit: b}\n"
    source = with_sections(f"{rules}never:\n  - {{never: b}}\n  - {{never: c}}\n")
    first = [number for number, line in enumerate(source.decode().splitlines(), 1) if line.endswith((" a}", " b}"))]
    advice = "give each rule an id of its own"
    assert told(source, "CR402") == [
        ("a}", f"the id `a` is used a second time, the first is in line {first[0]}", advice),
        ("b}", f"the id `b` is used a second time, the first is in line {first[2]}", advice),
    ]


@pytest.mark.parametrize(
    ("sizes", "cells"),
    [
        ({"purposes": 5, "stages": 5, "kinds": 20, "categories": 50}, None),
        ({"stages": 25, "kinds": 20, "categories": 50}, None),  # a section that is missing is another problem
        ({"purposes": 5, "stages": 5, "kinds": 20, "categories": 51}, "510,000"),
    ],
)
def test_a_matrix_has_no_more_cells_than_it_may_have(sizes: dict[str, int], cells: str | None) -> None:
    sections = (f"{name}:\n" + "".join(f"  x{n}: X\n" for n in range(size)) for name, size in sizes.items())
    found = told("".join(sections).encode(), "CR411")
    assert MOST_CELLS == 5 * 5 * 20 * 20 * 50
    message = f"purposes × stages × kinds × kinds × categories is {cells}, more than 500,000"
    advice = "leave out what is not needed, or make a second covenant"
    assert found == ([(f"{next(iter(sizes))}:", message, advice)] if cells else [])


def test_a_list_where_a_word_should_stand_is_held_against_nothing() -> None:
    source = with_sections(
        "valid: {from: [2026-01-01], until: [2025-01-01]}\n"
        "parties:\n  a: {title: A, kind: [care], oin: [1], group: [a]}\n"
        "  b: {title: B, kind: care, oin: [1], group: [b]}\n"
        "match_keys:\n  address: {anchor: [person-bsn], kinds: {care: [[person-bsn]]}}\n"
        "rules:\n  - {permit: [a]}\n  - {forbid: [a]}\n"
    )
    codes = {found.code for found in check_document(source)[1]}
    assert "CR203" in codes
    assert not codes & {"CR401", "CR402", "CR403", "CR404", "CR405"}
