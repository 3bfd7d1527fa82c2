"""An address as people write it on one line, taken apart, or refused where it can be read in two ways.

"Hoofdstraat 12 3" is number 12 with addition 3, and "Laan 1917 33" is number 33. Nobody who does not know the street
can tell, and a wrong guess asks about somebody else's home: such a line is refused unless the caller names its streets.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from clients.protocol.errors import NormalisationError
from clients.protocol.normalise.address import HOUSE_NUMBER, joined_addition
from clients.protocol.normalise.columns import required

__all__ = ["AddressLine", "parse_address_line"]

_WITH_POSTCODE = re.compile(r"(.+?)[ ,;]+([1-9][0-9]{3}) ?([A-Za-z]{2})\b[ ,;]*((?:[0-9]+e )?[^0-9]*)", re.ASCII)
_SINGLE_LETTER = re.compile(r"[A-Za-z]", re.ASCII)
_LONGEST_UNMISTAKABLE = 5
"""Characters of letter and addition in the BAG; a longer word after the number may well be the place."""


@dataclass(frozen=True, slots=True)
class AddressLine:
    """The parts of one written address. `record()` is what `normalise("address-postcode", …)` takes."""

    street: str
    house_number: str
    addition: str
    postcode: str
    place: str

    def record(self) -> dict[str, str]:
        return {"postcode": self.postcode, "house_number": self.house_number, "addition": self.addition}


def parse_address_line(line: str, *, streets: Collection[str] = ()) -> AddressLine:
    """Take apart `Street 12-a bis, 1234 AB Place`; postcode and place may be absent and are then empty.

    `addition` is letter and addition in one, as the match key holds them. A street of `streets` (any case) that begins
    the line is taken as its street, the longest first.

    Raises NormalisationError(`address_line`, code): `missing`, `too-long`, `no-house-number`, `addition`,
    `addition-too-long`, `ambiguous` (a second number that may be the house number).
    """
    text = required({"address_line": line}, "address_line")
    postcode, place = "", ""
    if found := _WITH_POSTCODE.fullmatch(text):
        text, postcode, place = found[1], f"{found[2]}{found[3].upper()}", found[4]
    elif "," in text:
        text, place = text.split(",", 1)
    street, rest = _known_street(text, streets) or _split_at_number(text)
    number = HOUSE_NUMBER.fullmatch(rest)
    if not number:
        raise NormalisationError("address_line", "no-house-number")
    addition = joined_addition(number[2], "address_line", _LONGEST_UNMISTAKABLE)
    return AddressLine(street, number[1], addition, postcode, place.strip())


def _known_street(text: str, streets: Collection[str]) -> tuple[str, str] | None:
    folded = text.casefold()
    for street in sorted(streets, key=len, reverse=True):
        if folded.startswith(f"{street.casefold()} "):
            return text[: len(street)], text[len(street) :].strip(" ,")
    return None


def _split_at_number(text: str) -> tuple[str, str]:
    words = text.replace(",", " ").split()
    # The first word is the street's even when it starts with a digit: "1e Energieweg 5".
    places = [place for place, word in enumerate(words) if place > 0 and HOUSE_NUMBER.fullmatch(word)]
    if not places:
        raise NormalisationError("address_line", "no-house-number")
    number, *others = places
    for other in others:
        # "12 a 2" can only be an addition: no street name ends in a number and a letter apart.
        if not all(_SINGLE_LETTER.fullmatch(word) for word in words[number + 1 : other]) or other == number + 1:
            raise NormalisationError("address_line", "ambiguous")
    return " ".join(words[:number]), " ".join(words[number:])
