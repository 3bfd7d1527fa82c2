"""The published examples of normalisation: what a partner's own software must reproduce.

Expectations are written by hand, never computed. `python -m tests.protocol.normalisation_cases` writes them to
`docs/normalisation-vectors.json`; a test fails when that file and this one differ.

Identifiers are invented, from the ranges reserved for tests (BSN 9999…), or public BAG test data.
"""

from __future__ import annotations

import json
from pathlib import Path

from clients.protocol.normalise import NORMALISATION_VERSION

VECTORS_FILE = Path(__file__).parents[2] / "docs" / "normalisation-vectors.json"

BAG = "address-bag"
POSTCODE = "address-postcode"
BSN = "person-bsn"
NAME = "person-name-birthdate"


def _bag(bag_id: str) -> dict[str, str]:
    return {"bag_id": bag_id}


def _postcode(postcode: str, number: str, letter: str = "", addition: str = "") -> dict[str, str]:
    return {"postcode": postcode, "house_number": number, "house_letter": letter, "addition": addition}


def _name(given: str, prefix: str, family: str, birth: str) -> dict[str, str]:
    return {"given_names": given, "prefix": prefix, "family_name": family, "birth_date": birth}


ACCEPTED: list[tuple[str, dict[str, str], str, str]] = [
    (BAG, _bag("0003200000133985"), "0003200000133985", "as the register writes it"),
    (BAG, _bag("3200000133985"), "0003200000133985", "a spreadsheet dropped three leading zeros"),
    (BAG, _bag("363200000123456"), "0363200000123456", "a spreadsheet dropped one leading zero"),
    (BAG, _bag("NL.IMBAG.Nummeraanduiding.0003200000133985"), "0003200000133985", "qualified name of BAG 2.0"),
    (BAG, _bag(" 0003 20 0000133985 "), "0003200000133985", "spaces"),
    (POSTCODE, _postcode("1234AB", "12"), "1234AB|12|", "no letter, no addition"),
    (POSTCODE, _postcode("1234 ab", "012"), "1234AB|12|", "postcode with space, lower case; number with a zero"),
    (POSTCODE, _postcode("1234AB", "12", "A", "bis"), "1234AB|12|ABIS", "letter and addition"),
    (POSTCODE, _postcode("1234AB", "12-a bis"), "1234AB|12|ABIS", "all in the house number"),
    (POSTCODE, _postcode("1234AB", "12", "", "A-bis"), "1234AB|12|ABIS", "all in the addition"),
    (POSTCODE, _postcode("1234AB", "12", "a"), "1234AB|12|A", "letter"),
    (POSTCODE, _postcode("1234AB", "12", "", "A"), "1234AB|12|A", "the same letter as addition"),
    (POSTCODE, _postcode("1234AB", "12a"), "1234AB|12|A", "the same letter beside the number"),
    (POSTCODE, _postcode("1234AB", "12 A", "A"), "1234AB|12|A", "the same letter twice"),
    (POSTCODE, _postcode("1234AB", "12", "", "02"), "1234AB|12|2", "zeros in front of an addition"),
    (POSTCODE, _postcode("1234AB", "12", "K", "015"), "1234AB|12|K15", "zeros after a letter"),
    (POSTCODE, _postcode("1234AB", "12", "", "10"), "1234AB|12|10", "zeros within a number stay"),
    (POSTCODE, _postcode("1234AB", "12\u20131"), "1234AB|12|1", "en dash"),
    (POSTCODE, _postcode("1234\u00a0AB", "12 / 1"), "1234AB|12|1", "no-break space, slash"),
    (POSTCODE, _postcode("1234AB", "12-1-2"), "1234AB|12|1-2", "two numbers stay apart"),
    (POSTCODE, _postcode("1234AB", "12-12"), "1234AB|12|12", "another address than 12-1-2"),
    (POSTCODE, _postcode("1234AB", "12 hs"), "1234AB|12|HS", "words are not translated"),
    (BSN, {"bsn": "999990019"}, "999990019", "reserved for tests"),
    (BSN, {"bsn": "9999.90.019"}, "999990019", "dots"),
    (BSN, {"bsn": " 999 990 019 "}, "999990019", "spaces"),
    (BSN, {"bsn": "10000008"}, "010000008", "a spreadsheet dropped the leading zero"),
    (NAME, _name("Jan Pieter", "van der", "Berg", "1970-01-31"), "BERG|JAN|1970-01-31", "prefix in its own column"),
    (NAME, _name("jan", "", "van der Berg", "31-01-1970"), "BERG|JAN|1970-01-31", "prefix before the name"),
    (NAME, _name("JAN", "", "Berg, v.d.", "19700131"), "BERG|JAN|1970-01-31", "prefix after the name, abbreviated"),
    (NAME, _name("Jan-Pieter", "v/d", "BERG", "1970-01-31 00:00:00"), "BERG|JAN|1970-01-31", "spreadsheet date"),
    (NAME, _name("Renée", "", "Müller", "1-2-1980"), "MULLER|RENEE|1980-02-01", "diacritics"),
    (NAME, _name("Rene\u0301e", "", "Mu\u0308ller", "1980-02-01"), "MULLER|RENEE|1980-02-01", "combining diacritics"),
    (NAME, _name("Søren", "", "Weiß", "1980-02-01"), "WEISS|SOREN|1980-02-01", "letters that do not decompose"),
    (NAME, _name("Anna", "'s-", "Gravesande", "1980-02-01"), "GRAVESANDE|ANNA|1980-02-01", "'s in its own column"),
    (NAME, _name("Anna", "", "’s-Gravesande", "1980-02-01"), "GRAVESANDE|ANNA|1980-02-01", "typographic 's-"),
    (NAME, _name("Piet", "in 't", "Veld", "1980-02-01"), "VELD|PIET|1980-02-01", "in 't"),
    (NAME, _name("Piet", "", "van ’t Hoff", "1980-02-01"), "HOFF|PIET|1980-02-01", "van 't"),
    (NAME, _name("Marie", "", "d'Hondt", "1980-02-01"), "HONDT|MARIE|1980-02-01", "elided article"),
    (NAME, _name("Marie", "", "O'Brien", "1980-02-01"), "OBRIEN|MARIE|1980-02-01", "an apostrophe that elides nothing"),
    (
        NAME,
        _name("Marie", "", "Jansen-de Vries", "1980-02-01"),
        "JANSEN VRIES|MARIE|1980-02-01",
        "partner's name first",
    ),
    (NAME, _name("Marie", "de", "Vries - Jansen", "1980-02-01"), "JANSEN VRIES|MARIE|1980-02-01", "own name first"),
    (NAME, _name("Fatima", "el", "Amrani", "1980-02-01"), "AMRANI|FATIMA|1980-02-01", "article in its own column"),
    (NAME, _name("Fatima", "", "El-Amrani", "1980-02-01"), "AMRANI|FATIMA|1980-02-01", "article with a hyphen"),
    (NAME, _name("Minh", "", "Le", "1980-02-01"), "LE|MINH|1980-02-01", "a name that is a tussenvoegsel stays"),
    (NAME, _name("\u0132sbrand", "", "D\u0133k", "1980-02-01"), "DIJK|IJSBRAND|1980-02-01", "the ligature ij"),
]
"""Match key, record, canonical value, what the example shows."""

REFUSED: list[tuple[str, dict[str, str], str, str]] = [
    (BAG, _bag(""), "bag_id", "missing"),
    (BAG, _bag("0363010000123456"), "bag_id", "is-a-verblijfsobject"),
    (BAG, _bag("363010000123456"), "bag_id", "is-a-verblijfsobject"),
    (BAG, _bag("0363020000123456"), "bag_id", "is-a-ligplaats"),
    (BAG, _bag("0363030000123456"), "bag_id", "is-a-standplaats"),
    (BAG, _bag("0363100000123456"), "bag_id", "is-a-pand"),
    (BAG, _bag("0363300000123456"), "bag_id", "is-an-openbare-ruimte"),
    (BAG, _bag("0363210000123456"), "bag_id", "unknown-object-type"),
    (BAG, _bag("036320000012345"), "bag_id", "length"),
    (BAG, _bag("03632000001234567"), "bag_id", "length"),
    (BAG, _bag("3.63200000123456E+14"), "bag_id", "not-digits"),
    (BAG, _bag("\u0660363200000123456"), "bag_id", "not-digits"),
    (POSTCODE, _postcode("0234AB", "12"), "postcode", "postcode"),
    (POSTCODE, _postcode("1234SS", "12"), "postcode", "postcode"),
    (POSTCODE, _postcode("1234", "12"), "postcode", "postcode"),
    (POSTCODE, _postcode("1234\ufb01", "12"), "postcode", "postcode"),
    (POSTCODE, _postcode("", "12"), "postcode", "missing"),
    (POSTCODE, _postcode("1234AB", ""), "house_number", "missing"),
    (POSTCODE, _postcode("1234AB", "0"), "house_number", "house-number"),
    (POSTCODE, _postcode("1234AB", "123456"), "house_number", "house-number"),
    (POSTCODE, _postcode("1234AB", "twelve"), "house_number", "house-number"),
    (POSTCODE, _postcode("1234AB", "12\u00b2"), "house_number", "addition"),
    (POSTCODE, _postcode("1234AB", "12", "", "\u00bd"), "addition", "addition"),
    (POSTCODE, _postcode("1234AB", "12", "", "\u00df"), "addition", "addition"),
    (POSTCODE, _postcode("1234AB", "12", "", "achterhuis links"), "addition", "addition-too-long"),
    (POSTCODE, _postcode("1234AB", "12A", "B"), "house_number", "contradiction"),
    (BSN, {"bsn": "999990018"}, "bsn", "eleven-test"),
    (BSN, {"bsn": "000000000"}, "bsn", "not-issued"),
    (BSN, {"bsn": "1234567"}, "bsn", "length"),
    (BSN, {"bsn": "99999001X"}, "bsn", "not-digits"),
    (NAME, _name("J.P.", "van der", "Berg", "1970-01-31"), "given_names", "initial-only"),
    (NAME, _name("", "van der", "Berg", "1970-01-31"), "given_names", "missing"),
    (NAME, _name("Jan", "van der", "", "1970-01-31"), "family_name", "missing"),
    (NAME, _name("Jan", "", "-", "1970-01-31"), "family_name", "missing"),
    (NAME, _name("Jan", "", "Иванов", "1970-01-31"), "family_name", "not-latin"),
    (NAME, _name("Jan", "", "Berg (v)", "1970-01-31"), "family_name", "not-latin"),
    (NAME, _name("Jan", "", "Berg", "1970-02-30"), "birth_date", "date"),
    (NAME, _name("Jan", "", "Berg", "31-01-70"), "birth_date", "date"),
    (NAME, _name("Jan", "", "Berg", "01/31/1970"), "birth_date", "date"),
    (NAME, _name("Jan", "", "Berg", "19700000"), "birth_date", "unknown-date"),
    (NAME, _name("Jan", "", "Berg" * 60, "1970-01-31"), "family_name", "too-long"),
]
"""Match key, record, and the field and code it is refused with."""

ADDRESS_LINES: list[tuple[str, tuple[str, str, str, str, str]]] = [
    ("Hoofdstraat 12-a bis", ("Hoofdstraat", "12", "ABIS", "", "")),
    ("Hoofdstraat 12", ("Hoofdstraat", "12", "", "", "")),
    ("Hoofdstraat 12, Voorbeeldstad", ("Hoofdstraat", "12", "", "", "Voorbeeldstad")),
    ("Hoofdstraat 12 1234 ab 's-Gravenhage", ("Hoofdstraat", "12", "", "1234AB", "'s-Gravenhage")),
    ("'s-Gravenpolderseweg 12-2, 4462 RA Goes", ("'s-Gravenpolderseweg", "12", "2", "4462RA", "Goes")),
    ("1e Exloërmond 5 B", ("1e Exloërmond", "5", "B", "", "")),
    ("Rijksweg N33 12hs", ("Rijksweg N33", "12", "HS", "", "")),
    ("Hoofdstraat 12 a 2", ("Hoofdstraat", "12", "A2", "", "")),
    ("12e Laan 12 1234 AB 2e Exloërmond", ("12e Laan", "12", "", "1234AB", "2e Exloërmond")),
    ("'t Achterom 7\u20133", ("'t Achterom", "7", "3", "", "")),
]
"""Line, and street, number, addition, postcode, place."""

AMBIGUOUS_LINES: list[tuple[str, str]] = [
    ("Laan 1917 33", "ambiguous"),
    ("Hoofdstraat 12 3", "ambiguous"),
    ("Hoofdstraat 12 Voorbeeldstad", "addition-too-long"),
    ("Hoofdstraat", "no-house-number"),
    ("Hoofdstraat, Voorbeeldstad", "no-house-number"),
    ("Hoofdstraat \u00bd", "no-house-number"),
    ("12", "no-house-number"),
    ("", "missing"),
]
"""Line, and the code it is refused with."""


def rendered() -> str:
    """The file that partners read."""
    document = {
        "description": "Records and the match key value they give; made from tests/protocol/normalisation_cases.py",
        "normalisation_version": NORMALISATION_VERSION,
        "accepted": [
            {"match_key": key, "record": record, "value": value, "shows": shows}
            for key, record, value, shows in ACCEPTED
        ],
        "refused": [
            {"match_key": key, "record": record, "field": field, "code": code} for key, record, field, code in REFUSED
        ],
        "address_lines": [
            {"line": line, **dict(zip(("street", "house_number", "addition", "postcode", "place"), parts, strict=True))}
            for line, parts in ADDRESS_LINES
        ],
        "refused_address_lines": [{"line": line, "code": code} for line, code in AMBIGUOUS_LINES],
    }
    return json.dumps(document, indent=1, ensure_ascii=True) + "\n"


if __name__ == "__main__":
    VECTORS_FILE.write_text(rendered())
