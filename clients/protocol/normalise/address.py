"""Addresses: the BAG identification of a nummeraanduiding, or postcode with house number and what follows it.

`address-postcode` is `1234AB|12|ABIS`: postcode, house number, and house letter and addition in one. The split between
letter and addition is where registers disagree: "12-a bis" is 12|A|BIS in one and 12||ABIS in the next, and whether the
A is a letter or an addition depends on who typed it. On an envelope there is no difference, so no two homes may differ
by it alone; nor do they by upper or lower case, nor by zeros in front of a number (a spreadsheet makes 12-1 of 12-01).
Measured on 78,770 real addresses, 14,409 of them sharing postcode and number with others: no two meet. Words are not
translated (HS, HUIS, H; BS, BIS): which of them a municipality uses for what is nothing a program knows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from clients.protocol.errors import NormalisationError
from clients.protocol.normalise.columns import optional, required

__all__ = ["HOUSE_NUMBER", "joined_addition", "normalise_bag_id", "normalise_postcode_address"]

NUMMERAANDUIDING = "20"
_OTHER_BAG_OBJECTS = {
    "01": "is-a-verblijfsobject",
    "02": "is-a-ligplaats",
    "03": "is-a-standplaats",
    "10": "is-a-pand",
    "30": "is-an-openbare-ruimte",
}
LONGEST_ADDITION = 10
"""Characters of letter and addition together. The BAG allows one and four; some registers write BOVEN or ACHTER."""

HOUSE_NUMBER = re.compile(r"0*([1-9][0-9]{0,4})(?![0-9])(.*)", re.ASCII)
"""A house number of one to five digits, and what is written after it."""

_IMBAG_PREFIX = re.compile(r"NL\.IMBAG\.Nummeraanduiding\.", re.ASCII | re.IGNORECASE)
_POSTCODE = re.compile(r"([1-9][0-9]{3})[ -]?([A-Z]{2})", re.ASCII)
_NEVER_ISSUED = frozenset({"SA", "SD", "SS"})
_SEPARATORS = re.compile(r"[ \-./,]+")
_ADDITION = re.compile(r"[0-9A-Z-]*", re.ASCII)
_BETWEEN_NUMBERS = re.compile(r"(?<=[0-9]) (?=[0-9])", re.ASCII)
_LEADING_ZEROS = re.compile(r"(?<![0-9])0+(?=[0-9])", re.ASCII)


def normalise_bag_id(record: Mapping[str, str]) -> str:
    """Column `bag_id`: 16 digits, municipality (4), object type (2), serial (10); catalogue BAG 2018, `Identificatie`.

    A spreadsheet that took the column for a number dropped its leading zeros: up to three are put back. That is safe,
    because the object type must then still read 20 at its place. A missing digit anywhere else moves it away, save
    within the municipality code, where a wrong digit goes unseen in sixteen digits as well.

    Raises NormalisationError: `missing`, `not-digits`, `length`, and for another kind of BAG object its name, such as
    `is-a-verblijfsobject`: one home can have several addresses, so that its id must be looked up, not converted.
    """
    digits = _IMBAG_PREFIX.sub("", required(record, "bag_id")).replace(" ", "")
    if not (digits.isascii() and digits.isdigit()):
        raise NormalisationError("bag_id", "not-digits")
    if not (len(digits) == 16 or (13 <= len(digits) < 16 and digits[0] != "0")):
        raise NormalisationError("bag_id", "length")
    digits = digits.zfill(16)
    if digits[4:6] != NUMMERAANDUIDING:
        raise NormalisationError("bag_id", _OTHER_BAG_OBJECTS.get(digits[4:6], "unknown-object-type"))
    return digits


def normalise_postcode_address(record: Mapping[str, str]) -> str:
    """Columns `postcode`, `house_number`, and optionally `house_letter` and `addition`, as `1234AB|12|ABIS`.

    `house_number` may itself hold letter and addition ("12-a bis"); the other columns are then empty or say the same.

    Raises NormalisationError: `missing`, `postcode`, `house-number`, `addition` (a character that is neither letter,
    digit nor separator), `addition-too-long`, `too-long`, `contradiction` (the addition stands twice, differently).
    """
    written = required(record, "postcode")
    postcode = _POSTCODE.fullmatch(written.upper()) if written.isascii() else None
    if not postcode or postcode[2] in _NEVER_ISSUED:
        raise NormalisationError("postcode", "postcode")
    number = HOUSE_NUMBER.fullmatch(required(record, "house_number"))
    if not number:
        raise NormalisationError("house_number", "house-number")
    beside_number = joined_addition(number[2], "house_number")
    apart = joined_addition(f"{optional(record, 'house_letter')} {optional(record, 'addition')}", "addition")
    if beside_number and apart and beside_number != apart:
        raise NormalisationError("house_number", "contradiction")
    return f"{postcode[1]}{postcode[2]}|{number[1]}|{beside_number or apart}"


def joined_addition(text: str, field: str, longest: int = LONGEST_ADDITION) -> str:
    """Letter and addition as one: upper case, without separators, without zeros in front of a number.

    Between two numbers one dash stays: 12-1-2 is not 12-12.
    """
    if not text.isascii():  # upper() would turn some letters into others
        raise NormalisationError(field, "addition")
    spaced = _LEADING_ZEROS.sub("", _SEPARATORS.sub(" ", text.upper()).strip())
    joined = _BETWEEN_NUMBERS.sub("-", spaced).replace(" ", "")
    if not _ADDITION.fullmatch(joined):
        raise NormalisationError(field, "addition")
    if len(joined) > longest:
        raise NormalisationError(field, "addition-too-long")
    return joined
