"""A made-up neighbourhood: addresses and persons that five organisations write down each in its own way.

Nothing here is about anyone. Streets are put together from parts, BAG ids carry a municipality code that does not
exist, and citizen service numbers come from the range 9999…, which is set aside for tests. The same seed gives the same
neighbourhood.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from random import Random

FEWEST_ADDRESSES = 100
"""With fewer, everybody has a signal everywhere, and everything is about everything."""

_COLUMNS = ("straat", "huisnummer", "huisletter", "huisnummertoevoeging", "postcode")
_MUNICIPALITY_CODE = "9998"
_STREET_STEMS = (
    "Merel",
    "Lijster",
    "Zwaluw",
    "Reiger",
    "Koekoek",
    "Spreeuw",
    "Leeuwerik",
    "Kievit",
    "Nachtegaal",
    "IJsvogel",
    "Wielewaal",
    "Boomvalk",
    "Kwartel",
    "Ooievaar",
    "Roerdomp",
    "1e Vogel",
    "2e Vogel",
)
_LETTERS = "ABCDEGHJKLMNPRTVWXZ"  # no S: SA and SD were never given out
_STREET_TAILS = ("straat", "laan", "plein", "hof", "dreef", "pad", "weg", "kade")
_GIVEN_NAMES = (
    "Noor",
    "Daan",
    "Fatima",
    "José",
    "Annelies",
    "Mohammed",
    "Zoë",
    "Björn",
    "Sanne",
    "Willem",
    "Chloé",
    "Yusuf",
    "Maaike",
    "Teun",
    "Aïsha",
    "Rik",
    "Loes",
    "Emre",
    "Femke",
    "Gijs",
)
_PREFIXES = ("", "", "", "", "van", "de", "van der", "van den", "ter", "'t", "el")
_FAMILY_STEMS = ("Berg", "Linde", "Molen", "Water", "Hout", "Veld", "Dijk", "Kroon", "Horst", "Brink", "Donk", "Waard")
_FAMILY_TAILS = ("", "man", "stra", "sen", "huis", "kamp", "ing", "beek")


@dataclass(frozen=True, slots=True)
class Address:
    """One address. `number` is its place in the neighbourhood and the truth that the oracle joins on."""

    number: int
    bag_id: str
    street: str
    postcode: str
    house_number: str
    house_letter: str
    addition: str


@dataclass(frozen=True, slots=True)
class Person:
    """One person. `number` is its place in the neighbourhood and the truth that the oracle joins on."""

    number: int
    bsn: str
    given_names: str
    prefix: str
    family_name: str
    birth_date: date


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    addresses: tuple[Address, ...]
    persons: tuple[Person, ...]


def generate(random: Random, addresses: int, persons: int) -> Neighbourhood:
    """So many distinct addresses (up to 10,000) and persons (up to 9,000): no two share a match key value."""
    return Neighbourhood(tuple(_addresses(random, addresses)), tuple(_persons(random, persons)))


class AddressFileError(ValueError):
    """What is wrong with a file of addresses. Quotes nothing of it but the names of columns."""


def read_addresses(path: Path, limit: int) -> tuple[Address, ...]:
    """Real addresses from a CSV with columns straat, huisnummer, huisletter, huisnummertoevoeging and postcode.

    Takes at most `limit`, spread evenly over the file, which may be gzipped; rows that name an address already taken
    are passed over. The file has no BAG ids: each address gets one that does not exist. Raises AddressFileError.
    """
    try:
        rows = list(_read_rows(path))
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise AddressFileError(f"it cannot be read as CSV in UTF-8, gzipped or not ({type(error).__name__})") from None
    taken: dict[tuple[str, ...], Address] = {}
    for row in rows[:: max(1, len(rows) // limit)]:
        key = (row["postcode"].replace(" ", "").upper(), row["huisnummer"], _part(row))
        if key not in taken and len(taken) < limit:
            number = len(taken)
            taken[key] = Address(
                number=number,
                bag_id=_bag_id(number),
                street=row["straat"],
                postcode=row["postcode"],
                house_number=row["huisnummer"],
                house_letter=row["huisletter"],
                addition=row["huisnummertoevoeging"],
            )
    if len(taken) < FEWEST_ADDRESSES:
        raise AddressFileError(f"it names {len(taken)} different addresses; a neighbourhood has {FEWEST_ADDRESSES}")
    return tuple(taken.values())


def _read_rows(path: Path) -> Iterator[dict[str, str]]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8-sig", newline="") as stream:
        reader = csv.DictReader(stream, restval="")
        missing = [column for column in _COLUMNS if column not in (reader.fieldnames or ())]
        if missing:
            raise AddressFileError(f"it has no column {', '.join(missing)}")
        yield from reader


def _part(row: dict[str, str]) -> str:
    return (row["huisletter"] + row["huisnummertoevoeging"]).upper().replace("-", "").replace(" ", "")


def _bag_id(number: int) -> str:
    return f"{_MUNICIPALITY_CODE}20{number + 1:010d}"


def _addresses(random: Random, count: int) -> Iterator[Address]:
    streets = [stem + tail for stem in _STREET_STEMS for tail in _STREET_TAILS]
    random.shuffle(streets)
    number = 0
    for place, street in enumerate(streets):
        # One street, one pair of postcodes: odd and even side, as PostNL does it.
        area = 3500 + place // len(_LETTERS)
        letter_pair = _LETTERS[place % len(_LETTERS)]
        for house in range(1, 81):
            for letter, addition in _parts(random):
                yield Address(
                    number=number,
                    bag_id=_bag_id(number),
                    street=street,
                    postcode=f"{area}{letter_pair}{'AB'[house % 2]}",
                    house_number=str(house),
                    house_letter=letter,
                    addition=addition,
                )
                number += 1
                if number == count:
                    return


def _parts(random: Random) -> list[tuple[str, str]]:
    """Letters and additions at one house number: mostly none, now and then a split house or a flat."""
    roll = random.random()
    if roll < 0.80:
        return [("", "")]
    if roll < 0.88:
        return [("", ""), ("A", ""), ("B", "")]
    if roll < 0.94:
        return [("", ""), ("", "BIS")]
    return [("", str(floor)) for floor in range(1, 5)]


def _persons(random: Random, count: int) -> Iterator[Person]:
    numbers = _test_numbers()
    seen: set[tuple[str, str, date]] = set()
    while len(seen) < count:
        given = random.choice(_GIVEN_NAMES)
        family = random.choice(_FAMILY_STEMS) + random.choice(_FAMILY_TAILS)
        born = date(1935, 1, 1) + timedelta(days=random.randrange(27_000))
        if (given, family, born) in seen:
            continue
        number = len(seen)
        seen.add((given, family, born))
        yield Person(
            number=number,
            bsn=next(numbers),
            given_names=given,
            prefix=random.choice(_PREFIXES),
            family_name=family,
            birth_date=born,
        )


def _test_numbers() -> Iterator[str]:
    """Citizen service numbers of the test range that pass the eleven-test: 9·d1 + 8·d2 + … + 2·d8 − d9 ≡ 0 (mod 11)."""
    for tail in range(100_000):
        digits = f"9999{tail:05d}"
        weighted = sum(int(digit) * weight for digit, weight in zip(digits, (9, 8, 7, 6, 5, 4, 3, 2, -1), strict=True))
        if weighted % 11 == 0:
            yield digits
    raise ValueError("the test range holds no more citizen service numbers")
