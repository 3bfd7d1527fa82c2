"""Match key values: spellings that must meet, subjects that must not, and refusals that repeat nothing."""

from __future__ import annotations

import csv
import gzip
import re
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clients.protocol.errors import NormalisationError
from clients.protocol.normalise import MATCH_KEYS, columns, normalise, parse_address_line
from tests.protocol.normalisation_cases import (
    ACCEPTED,
    ADDRESS_LINES,
    AMBIGUOUS_LINES,
    REFUSED,
    VECTORS_FILE,
    rendered,
)
from tests.protocol.shared_data import shared

Address = tuple[str, str, str, str, str, str]


@pytest.mark.parametrize(("match_key", "record", "value", "shows"), ACCEPTED, ids=[case[3] for case in ACCEPTED])
def test_a_record_gives_its_published_value(match_key: str, record: dict[str, str], value: str, shows: str) -> None:
    assert normalise(match_key, record).decode("ascii") == value, shows


@pytest.mark.parametrize(("match_key", "record", "field", "code"), REFUSED)
def test_a_record_is_refused_with_its_published_code(
    match_key: str, record: dict[str, str], field: str, code: str
) -> None:
    with pytest.raises(NormalisationError) as refusal:
        normalise(match_key, record)
    assert (refusal.value.field, refusal.value.code) == (field, code)


@pytest.mark.parametrize(("line", "parts"), ADDRESS_LINES)
def test_an_address_line_is_taken_apart(line: str, parts: tuple[str, str, str, str, str]) -> None:
    found = parse_address_line(line)
    assert (found.street, found.house_number, found.addition, found.postcode, found.place) == parts


@pytest.mark.parametrize(("line", "code"), AMBIGUOUS_LINES)
def test_an_address_line_with_two_readings_is_refused(line: str, code: str) -> None:
    with pytest.raises(NormalisationError) as refusal:
        parse_address_line(line)
    assert refusal.value.code == code


def test_a_known_street_settles_which_number_is_the_house_number() -> None:
    streets = ["Laan", "Laan 1917"]
    assert parse_address_line("laan 1917 33-2", streets=streets).house_number == "33"
    assert parse_address_line("Laan 12", streets=streets).house_number == "12"


def test_the_published_vectors_are_up_to_date() -> None:
    assert VECTORS_FILE.read_text() == rendered(), "run python -m tests.protocol.normalisation_cases"


def test_every_match_key_is_shown_accepted_and_refused() -> None:
    assert {case[0] for case in ACCEPTED} == {case[0] for case in REFUSED} == set(MATCH_KEYS)


def test_an_unknown_match_key_is_refused_by_both_doors() -> None:
    for ask in (lambda: normalise("person-face", {}), lambda: columns("person-face")):
        with pytest.raises(NormalisationError) as refusal:
            ask()
        assert (refusal.value.field, refusal.value.code) == ("match_key", "unknown")


@given(st.sampled_from(MATCH_KEYS), st.data())
def test_any_text_gives_a_plain_value_or_a_located_refusal_without_the_text(
    match_key: str, data: st.DataObject
) -> None:
    record = {column: data.draw(st.text(max_size=30), label=column) for column in columns(match_key)}
    outcome: bytes | NormalisationError
    try:
        outcome = normalise(match_key, record)
    except NormalisationError as refusal:
        outcome = refusal
    if isinstance(outcome, NormalisationError):
        assert outcome.field in record
        assert re.fullmatch(r"[a-z-]+", outcome.code)
        assert str(outcome) == f"{outcome.field}: {outcome.code}"
    else:
        assert re.fullmatch(rb"[0-9A-Z |-]+", outcome)


@given(
    st.from_regex(r"[1-9][0-9]{3}[A-RT-Z]{2}", fullmatch=True),
    st.integers(1, 99999),
    st.from_regex(r"[A-Za-z]?", fullmatch=True),
    st.from_regex(r"[A-Za-z0-9]{0,4}", fullmatch=True),
    st.sampled_from(["", " ", "-", " - ", "\u2011"]),
)
def test_however_number_letter_and_addition_are_spread_over_columns_the_value_is_one(
    postcode: str, number: int, letter: str, addition: str, separator: str
) -> None:
    if re.fullmatch("[0-9].*", letter + addition) and not separator:
        separator = "-"  # "12" and "3" run together would be house number 123
    apart = normalise(
        "address-postcode",
        {"postcode": postcode, "house_number": str(number), "house_letter": letter, "addition": addition},
    )
    together = normalise(
        "address-postcode", {"postcode": postcode.lower(), "house_number": f"{number}{separator}{letter}{addition}"}
    )
    as_addition = normalise(
        "address-postcode", {"postcode": postcode, "house_number": str(number), "addition": letter + addition}
    )
    assert apart == together == as_addition


def _real_addresses() -> list[Address]:
    with gzip.open(shared("addresses/nl_addresses_sample.csv.gz"), "rt") as file:
        rows = csv.DictReader(file)
        names = ("straat", "huisnummer", "huisletter", "huisnummertoevoeging", "postcode", "woonplaats")
        return [tuple(row[name] for name in names) for row in rows]  # type: ignore[misc]


def test_real_addresses_that_differ_keep_different_values() -> None:
    rows = _real_addresses()
    by_value: dict[bytes, set[Address]] = defaultdict(set)
    for address in rows:
        _, number, letter, addition, postcode, _ = address
        record = {"postcode": postcode, "house_number": number, "house_letter": letter, "addition": addition}
        by_value[normalise("address-postcode", record)].add(address)
    assert len(rows) == 78_808
    assert len(set(rows)) == 78_770  # 38 rows of the sample stand in it twice
    assert [group for group in by_value.values() if len(group) > 1] == []


def test_real_addresses_written_on_one_line_are_read_rightly_or_refused_as_ambiguous() -> None:
    refused: list[tuple[str, str]] = []
    addresses = sorted(set(_real_addresses()))
    for street, number, letter, addition, postcode, place in addresses:
        dash = "-" if addition else ""
        line = f"{street} {number}{letter}{dash}{addition}, {postcode[:4]} {postcode[4:]} {place}"
        try:
            found = parse_address_line(line)
        except NormalisationError as refusal:
            refused.append((refusal.code, street))
            found = parse_address_line(line, streets=[street])
        record = {"postcode": postcode, "house_number": number, "house_letter": letter, "addition": addition}
        assert normalise("address-postcode", found.record()) == normalise("address-postcode", record), line
        assert (found.street, found.place) == (street, place)
    assert len(addresses) == 78_770
    assert {code for code, _ in refused} == {"ambiguous"}
    assert all(re.search(r" [0-9]", street) for _, street in refused)
    assert len(refused) == 3_997  # "Archipel 13 17": the sample is rich in streets with a number


def test_every_real_bag_identification_of_an_address_is_accepted_and_of_a_home_refused() -> None:
    with shared("addresses/bag_extract_nummeraanduidingen.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        as_number = row["nummeraanduiding_id"].lstrip("0")  # what a spreadsheet keeps
        assert normalise("address-bag", {"bag_id": as_number}).decode() == row["nummeraanduiding_id"]
        if row["adresseerbaar_object_id"][4:6] == "01":
            with pytest.raises(NormalisationError, match="is-a-verblijfsobject"):
                normalise("address-bag", {"bag_id": row["adresseerbaar_object_id"]})
    assert len(rows) == 211
