"""The traps of YAML: what other readers accept and understand differently."""

from __future__ import annotations

import sys
import time

import pytest

from covenant_rules.diagnostics import MOST_DIAGNOSTICS, Report
from covenant_rules.document import _HIDDEN, MOST_BYTES, read_document
from covenant_rules.load import check_document, load
from covenant_rules.model import Place
from covenant_rules.tree import Scalar
from tests.rules.fragments import COMPLEX_APPROACH, with_sections

BOMB = "\n".join(
    ["a: &a [x, x, x, x, x, x, x, x, x]"]
    + [f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]" for a, b in zip("abcdefgh", "bcdefghi", strict=True)]
)
SPLIT = "split the agreement into covenants of one purpose each"


def first(source: bytes) -> tuple[str, Place]:
    covenant, found = check_document(source)
    assert covenant is None
    return found[0].code, found[0].place


@pytest.mark.parametrize(
    ("source", "message", "advice"),
    [
        (b"a: b\nc: [d\ne: [f]\n", "a list is not closed", "separate with commas and end with `]`; it shows in line 3"),
        (
            b"a: b\nc: {d: e\nf: g\n",
            "a mapping is not closed",
            "separate with commas and end with `}`; it shows in line 3",
        ),
        (b'a: b\nc: "d\ne: f\n', "the document ends inside a quoted text", "close the quotes; it shows in line 4"),
    ],
)
def test_what_is_left_open_is_told_where_it_was_opened(source: bytes, message: str, advice: str) -> None:
    found = check_document(source)[1][0]
    assert (found.place, found.message, found.suggestion) == (Place(2, 4), message, advice)


def test_what_has_no_words_of_ours_is_told_in_those_of_the_parser() -> None:
    found = check_document(with_sections('title: "\\q"\n'))[1][0]
    assert (found.code, found.message) == ("CR101", "found unknown escape character")
    assert found.suggestion == "check the punctuation and indentation around this place"


def test_every_character_that_shows_can_stand_in_a_text() -> None:
    """What the parser cannot read, and would end the reading without a word of why, is among the hidden ones."""
    whole = "".join(chr(code) for code in range(0x20, sys.maxunicode + 1) if not 0xD800 <= code <= 0xDFFF)
    shown = "".join(c for c in whole if c not in '"\\' and not _HIDDEN.match(c))
    for start in range(0, len(shown), 200_000):
        text = shown[start : start + 200_000]
        root = read_document(f'x: "{text}"\n'.encode(), Report("covenant.yaml"))
        assert root is not None
        assert root.entries["x"][1] == Scalar(text, False, Place(1, 4))


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (
            b"#" * (MOST_BYTES + 1),
            f"1:1: error CR103: the document has 1,000,001 bytes, more than 1,000,000; {SPLIT}",
        ),
        (b"a: b\nc: \xc3\xa9\xff", "2:5: error CR102: the document is not UTF-8; save it as UTF-8"),
        (b'a: "\\u202e"\n', "1:4: error CR104: an escape that stands for the invisible character U+202E; remove it"),
        (b'a: "\\xad"\n', "1:4: error CR104: an escape that stands for the invisible character U+00AD; remove it"),
        (b"a: *b\n", "1:4: error CR105: the alias `*b`; write out what it stands for"),
        (b"a: &b [c]\n", "1:4: error CR105: the anchor `&b`; remove it"),
        (b"a: !b {c: d}\n", "1:4: error CR106: the tag `!b`; remove it, or put the text between quotes"),
        (b"a: b\n---\nc: d\n", "2:1: error CR110: a second document starts here; keep one covenant in one file"),
        (b"~\n", "1:1: error CR111: the document is empty; start with `covenant:` and the covenant's id"),
        (b"\n- a\n", "2:1: error CR111: the document has no sections; start with `covenant:` and its id"),
        (
            b"%YAML 1.1\n---\na: b\n",
            "1:1: error CR112: a directive stands before the document; remove the line with `%`",
        ),
    ],
)
def test_what_cannot_be_read_is_told_in_place_with_what_to_do(source: bytes, said: str) -> None:
    assert f"covenant.yaml:{said}" in [str(found) for found in check_document(source)[1]]


def test_lists_and_mappings_stand_at_most_twelve_levels_inside_each_other() -> None:
    for depth, codes in ((11, ["CR203"]), (12, ["CR109"])):  # inside the mapping of sections
        found = check_document(with_sections(f"area: {'[' * depth}{']' * depth}\n"))[1]
        assert [diagnostic.code for diagnostic in found] == codes


def test_no_yes_and_on_are_words() -> None:
    document = COMPLEX_APPROACH.replace("noise", "no").replace("waste", "on").replace("violence", "yes")
    covenant = load(document.encode())
    assert {"no", "on", "yes"} <= set(covenant.categories)
    assert load(with_sections("title: no\n")).title == "no"


def test_a_truth_value_or_number_is_never_taken_for_a_text() -> None:
    for word in ("true", "True", "FALSE", "12", "5.10", "0x1F", "0o17", "1e3", ".inf", ".NaN", "-1", "+1"):
        assert check_document(with_sections(f"title: {word}\n"))[1][0].code == "CR204", word
        assert load(with_sections(f'title: "{word}"\n')).title == word


def test_nothing_is_never_taken_for_a_text() -> None:
    for word in ("", "~", "null", "NULL", '""', "'  '"):
        assert check_document(with_sections(f"title: {word}\n"))[1][0].code == "CR205", word


def test_an_id_keeps_its_digits() -> None:
    leading = "00000001001111111000"
    assert load(COMPLEX_APPROACH.encode()).parties["municipality"].oin == leading
    assert first(COMPLEX_APPROACH.replace(f'"{leading}"', leading).encode())[0] == "CR204"


@pytest.mark.parametrize(
    ("oin", "code"),
    [
        ("0000000100111111100", "CR212"),
        ("000000010011111110000", "CR212"),
        ("0000000100111111100x", "CR212"),
        ("٠" * 20, "CR212"),
    ],
)
def test_an_oin_has_twenty_digits(oin: str, code: str) -> None:
    assert first(COMPLEX_APPROACH.replace("00000001001111111000", oin).encode())[0] == code


@pytest.mark.speed
def test_a_bomb_of_aliases_is_refused_before_it_unfolds() -> None:
    start = time.process_time()
    found = [(diagnostic.code, diagnostic.place) for diagnostic in check_document(BOMB.encode())[1]]
    assert ("CR105", Place(1, 4)) in found
    assert ("CR105", Place(2, 8)) in found
    assert time.process_time() - start < 0.5


@pytest.mark.parametrize("source", [b"[" * 500_000, b"- " * 400_000, b"{a: " * 200_000, b"? " * 400_000])
def test_deep_nesting_ends_the_reading_and_not_the_process(source: bytes) -> None:
    assert first(source)[0] == "CR109"


def test_a_small_document_cannot_ask_for_a_matrix_without_end() -> None:
    kinds = "kinds:\n" + "".join(f"  k{n}: K\n" for n in range(30))
    categories = "categories:\n" + "".join(f"  c{n}: {{title: C, class: ordinary}}\n" for n in range(60))
    codes = [found.code for found in check_document(with_sections(kinds + categories))[1]]
    assert "CR411" in codes
    assert "CR218" not in codes


@pytest.mark.speed
def test_the_search_for_a_likely_word_is_not_made_for_what_is_not_listed() -> None:
    words = ", ".join(f"wrong{n}" for n in range(190))
    rule = f"  - permit: p%d\n    clause: a\n    purpose: x\n    stages: [{words}]\n    from: [{words}]\n"
    source = with_sections("rules:\n" + "".join(rule % n for n in range(150)))
    start = time.process_time()
    assert len(check_document(source)[1]) == MOST_DIAGNOSTICS + 1
    assert time.process_time() - start < 3


def test_a_document_above_a_megabyte_is_not_read() -> None:
    assert first(b"#" * (MOST_BYTES + 1))[0] == "CR103"
    assert first(b"#" * MOST_BYTES)[0] == "CR111"


@pytest.mark.parametrize(
    ("source", "code", "place"),
    [
        (b"title: caf\xe9\n", "CR102", Place(1, 11)),
        ("title: Vogelplein".encode("utf-16"), "CR102", Place(1, 1)),
        (b"a: b\ntitle: \x00\n", "CR104", Place(2, 8)),
        ("title: a\u202eb\n".encode(), "CR104", Place(1, 9)),
        (b"\n\x00", "CR104", Place(2, 1)),
        ("title: zero\u200bwidth\n".encode(), "CR104", Place(1, 12)),
        ("title: \ufffe\n".encode(), "CR104", Place(1, 8)),
        (b"\xef\xbb\xbf\xc3\xa9\xff: b", "CR102", Place(1, 2)),
        (b"title: a\r\nx: \x1b[0m\r\n", "CR104", Place(2, 4)),
        (b"a: 1\n---\nb: 1\n", "CR110", Place(2, 1)),
        (b"a: 1\n...\n---\nb: 1\n", "CR110", Place(3, 1)),
        (b"%YAML 1.1\n---\na: 1\n", "CR112", Place(1, 1)),
        (b"%TAG ! tag:evil,2026:\n---\na: 1\n", "CR112", Place(1, 1)),
        (b"- a\n- b\n", "CR111", Place(1, 1)),
        (b"", "CR111", Place(1, 1)),
        (b"a: [1, 2\n", "CR101", Place(1, 4)),
        (b"a: b\n c: d\n", "CR101", Place(2, 3)),
    ],
)
def test_what_cannot_be_read_as_it_shows_is_refused(source: bytes, code: str, place: Place) -> None:
    assert first(source) == (code, place)


@pytest.mark.parametrize(
    ("fragment", "code"),
    [
        ("title: !!python/object/apply:os.system [ls]\n", "CR106"),
        ("title: !!str 5\n", "CR106"),
        ('title: "a\\u202eb"\n', "CR104"),
        ('title: "\\0"\n', "CR104"),
        ("title: ! 5\n", "CR106"),
        ("statistics:\n  <<: {minimum_cell: 3}\n  minimum_cell: 10\n", "CR107"),
        ("title: one\ntitle: two\n", "CR108"),
        ("kinds: {police: Police, 'police': Police}\n", "CR108"),
        ("quotas:\n  tokens:\n    ? [police]\n    : 1\n", "CR113"),
    ],
)
def test_decorations_are_refused(fragment: str, code: str) -> None:
    assert code in [diagnostic.code for diagnostic in check_document(with_sections(fragment))[1]]


def test_a_duplicate_key_is_found_at_every_depth() -> None:
    document = COMPLEX_APPROACH.replace("noise: P1Y", "noise: P1Y\n    noise: P9Y").encode()
    _, (found,) = check_document(document)
    assert found.code == "CR108"
    assert document.decode().splitlines()[found.place.line - 1].strip() == "noise: P9Y"


def test_a_duplicate_key_is_told_with_the_line_of_the_first_and_not_of_what_it_holds() -> None:
    found = check_document(b"a:\n  b: c\nd: e\na: f\n")[1]
    (message,) = [str(diagnostic) for diagnostic in found if diagnostic.code == "CR108"]
    assert message == (
        "covenant.yaml:4:1: error CR108: `a` stands here a second time, the first is in line 1; keep one of the two"
    )


def test_a_byte_order_mark_and_windows_line_ends_are_harmless() -> None:
    plain = load(COMPLEX_APPROACH.encode())
    windows = load(b"\xef\xbb\xbf" + COMPLEX_APPROACH.replace("\n", "\r\n").encode())
    assert windows.rules == plain.rules
    assert windows.version != plain.version


def test_what_is_quoted_back_is_printable_and_short() -> None:
    _, found = check_document(with_sections('covenant: "' + "a\\n`" * 400 + '"\n'))
    assert found[0].code == "CR206"
    assert found[0].message.isprintable()
    assert len(found[0].message) < 400


@pytest.mark.speed
def test_a_million_invisible_characters_are_counted_and_not_looked_for_one_by_one() -> None:
    start = time.process_time()
    _, found = check_document("\u200b".encode() * 300_000)
    assert found[-1].message == f"{300_000 - MOST_DIAGNOSTICS} more problems are not listed"
    assert time.process_time() - start < 2
