"""Whatever has the wrong form is told once, in its place, with what to write; and the rest is judged all the same."""

from __future__ import annotations

import pytest

from covenant_rules.conformance import check_forms
from covenant_rules.declared import declared_in
from covenant_rules.diagnostics import MOST_DIAGNOSTICS, Report
from covenant_rules.document import read_document
from covenant_rules.grammar import COVENANT
from covenant_rules.load import check_document
from covenant_rules.model import Duration, Place
from covenant_rules.shapes import format_span, parse_span
from covenant_rules.tree import Listing, Mapping, Reading, Refused, Scalar, plain
from tests.rules.fragments import COMPLEX_APPROACH, with_sections

EMPTY = "add an entry, or leave out an optional key"
PAIRS = "pairs of `key: value` are expected here"
LISTS = "a list is expected here, such as `[one, two]`"
ROWS = "a list is expected here, each entry starting with `- `"
NUMBER = "write a number from 1 to 1000"
DIGITS = "write digits only, from 1 to 1000"
DAY = "write year, month and day as in `2028-12-31`"
SPAN = "write years, months, weeks or days as in `P1Y`, `P6M`, `P2W` or `P90D`"
ID = "start with a letter and use lower-case letters, digits and hyphens, at most 63"


def told(source: bytes) -> list[tuple[str, str, str]]:
    return [(found.code, found.message, found.suggestion) for found in check_document(source)[1]]


@pytest.mark.parametrize(
    ("fragment", "code", "message", "advice"),
    [
        # something else than a record, a list or a word
        *(
            (f"valid: {other}\n", "CR203", message, "the period of validity is written as `key: value` pairs")
            for other, message in (
                ("today", "a single word cannot stand here"),
                ("[today]", "a list cannot stand here"),
            )
        ),
        ("valid:\n", "CR205", "nothing stands here", "the period of validity is written as `key: value` pairs"),
        ("quotas: {tokens: [1]}\n", "CR203", "a list cannot stand here", PAIRS),
        ("quotas: {tokens: {}}\n", "CR205", "nothing stands here", EMPTY),
        ("rules: none\n", "CR203", "a single word cannot stand here", ROWS),
        ("rules: {permit: x}\n", "CR203", "pairs of keys and values cannot stand here", ROWS),
        (
            "rules:\n  - landlord\n",
            "CR203",
            "a single word cannot stand here",
            "a rule is written as `key: value` pairs that start with `permit` or `forbid`",
        ),
        (
            "rules:\n  - {permit: a, forbid: b}\n",
            "CR214",
            "the rule is `permit` and `forbid` at once",
            "split it into two rules",
        ),
        ("rules:\n  - {permitt: a}\n", "CR214", "the rule is neither `permit` or `forbid`", "did you mean `permit`?"),
        ("rules:\n  - {}\n", "CR214", "the rule is neither `permit` or `forbid`", "write `permit` or `forbid`"),
        ("area: [Vogelplein]\n", "CR203", "a list cannot stand here", "a single word or text is expected here"),
        ("area: ''\n", "CR205", "nothing stands here", "fill it in, or leave out an optional key"),
        ("handling_codes:\n  h: {title: H, blocks: []}\n", "CR205", "the list is empty", EMPTY),
        # lists of words
        ("statistics: {minimum_cell: 10, to: {a: b}}\n", "CR203", "pairs of keys and values cannot stand here", LISTS),
        ("statistics: {minimum_cell: 10, to: care}\n", "CR203", "a list is expected here", "write `[care]`"),
        (
            "statistics: {minimum_cell: 10, to: []}\n",
            "CR205",
            "the list is empty",
            "name one, or leave out an optional key",
        ),
        (
            "statistics: {minimum_cell: 10, to: [care, all]}\n",
            "CR214",
            "`all` stands in a list",
            "name them one by one",
        ),
        (
            "handling_codes:\n  h: {title: H, blocks: [{to: [all], items: all}]}\n",
            "CR214",
            "`all` stands in a list",
            "write `all` by itself, without brackets",
        ),
        (
            "handling_codes:\n  h: {title: H, blocks: [{to: care, items: all}]}\n",
            "CR203",
            "`all` or a list is expected here",
            "write `[care]`",
        ),
        (
            "statistics: {minimum_cell: 10, to: [care, care]}\n",
            "CR213",
            "`care` is listed twice",
            "keep one of the two",
        ),
        (
            "statistics: {minimum_cell: 10, to: [[care]]}\n",
            "CR203",
            "a list cannot stand here",
            "a single word or text is expected here",
        ),
        # numbers, dates, durations, flags
        ("statistics: {minimum_cell: ten}\n", "CR210", "`ten` is not a whole number", DIGITS),
        ("statistics: {minimum_cell: 010}\n", "CR210", "`010` is not a whole number", DIGITS),
        ('statistics: {minimum_cell: "10"}\n', "CR210", "`10` is not a whole number", DIGITS),
        ("statistics: {minimum_cell: 0}\n", "CR210", "`0` is out of range", NUMBER),
        ("statistics: {minimum_cell: 1001}\n", "CR210", "`1001` is out of range", NUMBER),
        (f"statistics: {{minimum_cell: {'9' * 40}}}\n", "CR210", f"`{'9' * 40}` is out of range", NUMBER),
        ("valid: {from: 2026-01-01, until: 1/2/2028}\n", "CR208", "`1/2/2028` is not a date", "write `2028-02-01`"),
        ("valid: {from: 2026-01-01, until: 31-02-2028}\n", "CR208", "`31-02-2028` is not a date", DAY),
        ("valid: {from: 2026-01-01, until: someday}\n", "CR208", "`someday` is not a date", DAY),
        *(
            (f"retention: {{categories: {{}}, audit: {span}}}\n", "CR209", f"`{span}` is not a duration", advice)
            for span, advice in (("2 Weeks", "write `P2W`"), ("1 day", "write `P1D`"), ("3months", "write `P3M`"))
        ),
        ("retention: {categories: {}, audit: forever}\n", "CR209", "`forever` is not a duration", SPAN),
        # ids
        ("covenant: all\n", "CR207", "`all` has a meaning of its own and cannot be an id", "choose another word"),
        ("covenant: 7 Trees & 1 pond\n", "CR206", "`7 Trees & 1 pond` cannot be an id", "write `trees-1-pond`"),
        ('covenant: "?"\n', "CR206", "`?` cannot be an id", ID),
        ('covenant: "All!"\n', "CR206", "`All!` cannot be an id", ID),
        (f"covenant: x{'y' * 61}-z\n", "CR206", f"`x{'y' * 58}…` cannot be an id", f"write `x{'y' * 61}`"),
        # closed words and long texts
        (
            "stages: {signal: {title: S}, weihging: {title: W}}\n",
            "CR211",
            "unknown stage `weihging`",
            "did you mean `weighing`?",
        ),
        (f"area: {'x' * 201}\n", "CR215", "this text has 201 characters, more than 200", "say it shorter"),
        (
            f"stages:\n{'  '}signal: {{title: {'12'}}}\n",
            "CR204",
            "`12` stands without quotes and would be read as a number",
            'write `"12"`',
        ),
        (
            "area: true\n",
            "CR204",
            "`true` stands without quotes and would be read as true or false",
            'write `"true"`',
        ),
    ],
)
def test_the_wrong_form_is_told_with_what_to_write(fragment: str, code: str, message: str, advice: str) -> None:
    assert (code, message, advice) in told(with_sections(fragment))


@pytest.mark.parametrize(
    ("section", "most"),
    [("fields", 12), ("kinds", 30), ("categories", 60), ("purposes", 12), ("handling_codes", 30), ("parties", 500)],
)
def test_a_section_with_more_than_it_may_hold_is_told_once(section: str, most: int) -> None:
    entries = "".join(f"  word-{n}: 7\n" for n in range(most + 1))
    found = told(with_sections(f"{section}:\n{entries}"))
    advice = "leave out what is not needed, or make a second covenant"
    assert ("CR218", f"{most + 1} entries stand here, more than {most}", advice) in found
    judged = [diagnostic for diagnostic in found if "`7`" in diagnostic[1]]
    assert not judged, "the entries of a section that is too long are not judged one by one"
    longest = [code for code, *_ in told(with_sections(f"{section}:\n{entries}".removesuffix(f"  word-{most}: 7\n")))]
    assert "CR218" not in longest
    assert longest.count("CR204" if section == "kinds" else "CR203") == min(most, MOST_DIAGNOSTICS)


@pytest.mark.parametrize(
    "fragment",
    [
        f"rules:\n{'  - x' + chr(10)}" + "  - x\n" * 1000,
        f"statistics: {{minimum_cell: 10, to: [{', '.join(f'k{n}' for n in range(201))}]}}\n",
    ],
    ids=["rows", "words"],
)
def test_a_list_with_more_than_it_may_hold_is_told_once(fragment: str) -> None:
    assert [found[0] for found in told(with_sections(fragment))] == ["CR218"]


def test_advice_repeats_no_more_of_a_word_than_a_line_can_bear() -> None:
    words = f"statistics: {{minimum_cell: 10, to: {'k' * 41}}}\narea: {'7' * 61}\n"
    advice = [advice for *_, advice in told(with_sections(words))]
    assert advice == [f'write `"{"7" * 60}"`', f"write `[{'k' * 40}]`"]


def test_what_was_refused_already_is_told_once() -> None:
    found = told(with_sections("area: *nowhere\nvalid: *nothing\nrules: *none\nquotas: {tokens: *few}\n"))
    assert [code for code, *_ in found] == ["CR105"] * 4
    assert [code for code, *_ in told(b"*root\n")] == ["CR105"]


def test_a_rule_that_is_two_at_once_is_pointed_at_where_the_second_begins() -> None:
    source = with_sections("rules:\n  - {permit: a, forbid: b}\n")
    (found,) = [found for found in check_document(source)[1] if found.code == "CR214"]
    assert source.decode().splitlines()[found.place.line - 1][found.place.column - 1 :] == "forbid: b}"


@pytest.mark.parametrize("number", [1, 1000])
def test_a_number_may_be_the_least_and_the_greatest(number: int) -> None:
    assert told(with_sections(f"statistics: {{minimum_cell: {number}}}\n")) == []


@pytest.mark.parametrize("key", ["when", "lookup", "obligations", "audit"])
def test_what_belongs_to_a_permit_is_an_unknown_key_elsewhere(key: str) -> None:
    """In a forbid with the reason, beside what is complete with the advice to remove it."""
    forbid = f"rules:\n  - {{forbid: a, {key}: b}}\n"
    advice = "a forbid holds always; put conditions on the permits"
    assert ("CR217", f"a forbid has no key `{key}`", advice) in told(with_sections(forbid))
    statistics = f"statistics: {{minimum_cell: 10, to: [care], {key}: b}}\n"
    assert told(with_sections(statistics)) == [("CR201", f"the statistics has no key `{key}`", "remove it")]


def test_a_text_may_have_as_many_characters_as_it_may() -> None:
    assert told(with_sections(f"area: {'x' * 200}\n")) == []


def test_words_beside_a_misplaced_all_are_judged() -> None:
    found = told(with_sections("statistics: {minimum_cell: 10, to: [all, caer]}\n"))
    assert [code for code, *_ in found] == ["CR214", "CR301"]


def test_what_was_refused_leaves_its_place_behind() -> None:
    root = read_document(b"area: *nowhere\n", Report("covenant.yaml"))
    assert root is not None
    assert root.value("area") == Refused(Place(1, 7))


def test_a_key_that_was_refused_already_is_told_once() -> None:
    found = told(with_sections("statistics:\n  minimum_cell: 10\n  *key : [care]\n"))
    assert [code for code, *_ in found] == ["CR105"]


def test_a_match_key_of_an_unknown_subject_is_told_once() -> None:
    sections = "match_keys:\n  house: {anchor: address-bag, kinds: {police: [person-bsn]}}\n"
    codes = [code for code, *_ in told(with_sections(sections))]
    assert codes.count("CR211") == 1
    assert "CR405" not in codes


def test_words_are_looked_for_only_where_a_list_stands() -> None:
    purposes = "purposes:\n  nuisance: {title: N, necessity: N, subjects: address, legal_basis: {}}\n"
    codes = [code for code, *_ in told(with_sections(purposes))]
    assert codes.count("CR203") == 1
    assert "CR406" not in codes


def test_an_unknown_item_of_a_field_without_readable_variants_is_not_told() -> None:
    for fields in ("fields: none\n", "fields: {note: {title: Note, variants: gist}}\n", "fields: {note: Note}\n"):
        codes = [code for code, *_ in told(with_sections(fields))]
        assert "CR203" in codes
        assert "CR304" not in codes


def test_a_name_that_resembles_nothing_is_to_be_declared() -> None:
    kinds = "kinds:\n" + "".join(f"  kind-{n}: K\n" for n in range(13))
    found = told(with_sections(f"{kinds}statistics: {{minimum_cell: 10, to: [xyzzy]}}\n"))
    assert ("CR301", "unknown kind `xyzzy`", "declare it in `kinds`") in found
    fields = "fields:\n" + "".join(f"  field-{n}: {{title: F, variants: [gist]}}\n" for n in range(12))
    codes = "handling_codes:\n  h: {title: H, blocks: [{to: all, items: [xyzzy]}]}\n"
    assert ("CR304", "unknown item `xyzzy`", "declare it in `fields`") in told(with_sections(fields + codes))


def test_a_party_without_a_readable_kind_gives_no_advice() -> None:
    parties = "parties:\n  north: {title: N, kind: [housing]}\n  south: South\n"
    found = told(with_sections(f"{parties}statistics: {{minimum_cell: 10, to: [north]}}\n"))
    (advice,) = [advice for code, message, advice in found if message == "unknown kind `north`"]
    assert "is a party" not in advice


def test_an_item_in_a_list_of_words_that_is_no_word_is_skipped() -> None:
    report = Report("covenant.yaml")
    root = read_document(b"fields: {note: {title: N, variants: [gist, [full]]}}\n", report)
    assert root is not None
    assert declared_in(root).names["items"] == ("hit", "source", "category", "period", "note.gist")
    check_forms(root, COVENANT, declared_in(root), report)
    assert report.failed


def test_a_tree_becomes_plain_values_with_nothing_where_something_was_refused() -> None:
    place = Place(1, 1)
    words = {
        word: Scalar(word, True, place) for word in ("1", "1.5", "0x1F", "1" * 18, "1" * 19, "true", "null", "text", "")
    }
    read = [plain(word) for word in words.values()]
    assert read == [1, "1.5", "0x1F", int("1" * 18), "1" * 19, True, None, "text", None]
    assert plain(Scalar("1", False, place)) == "1"
    tree = Mapping({"a": (words["text"], Listing((Refused(place), words["1"]), place))}, place)
    assert plain(tree) == {"a": [None, 1]}
    assert words["0x1F"].reading is Reading.NUMBER


def test_a_good_covenant_is_told_nothing() -> None:
    assert told(COMPLEX_APPROACH.encode()) == []


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (Duration(years=1, months=2, days=3), "P1Y2M3D"),
        (Duration(months=6), "P6M"),
        (Duration(days=14), "P14D"),
        (Duration(), "P0D"),
    ],
)
def test_a_duration_is_written_as_a_covenant_writes_it(duration: Duration, text: str) -> None:
    assert format_span(duration) == text
    assert parse_span(text) == (duration if duration != Duration() else None)
