"""What five organisations have on paper about the neighbourhood, before any of it is a token.

Most addresses are known to one party and cause no hit. A few per cent are known to many: those the covenant is for.
Every organisation writes identifiers in its own way; the client has to make the same match key of them all.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from service.demo.neighbourhood import Address, Neighbourhood, Person
from service.demo.oracle import Paper


@dataclass(frozen=True, slots=True)
class Kept:
    """A record as its party keeps it: the truth about it, and the row of the party's CSV file."""

    paper: Paper
    row: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Habit:
    """How often a party writes down what, out of a hundred records."""

    category: str
    share: int
    kind: str
    purpose: str


_HABITS: dict[str, tuple[_Habit, ...]] = {
    "municipality": (
        _Habit("noise", 30, "address", "nuisance"),
        _Habit("waste", 20, "address", "nuisance"),
        _Habit("illegal-subletting", 15, "address", "nuisance"),
        _Habit("violence", 5, "address", "nuisance"),
        _Habit("home-visit", 30, "person", "support"),
    ),
    "police": (
        _Habit("noise", 35, "address", "nuisance"),
        _Habit("drug-dealing", 20, "address", "nuisance"),
        _Habit("violence", 15, "address", "nuisance"),
        _Habit("home-visit", 30, "person", "support"),
    ),
    "housing-north": (
        _Habit("noise", 30, "address", "nuisance"),
        _Habit("waste", 20, "address", "nuisance"),
        _Habit("illegal-subletting", 15, "address", "nuisance"),
        _Habit("rent-arrears", 20, "person", "support"),
        _Habit("home-visit", 15, "person", "support"),
    ),
    "housing-south": (
        _Habit("noise", 30, "address", "nuisance"),
        _Habit("waste", 25, "address", "nuisance"),
        _Habit("illegal-subletting", 10, "address", "nuisance"),
        _Habit("rent-arrears", 20, "person", "support"),
        _Habit("home-visit", 15, "person", "support"),
    ),
    "care-team": (
        _Habit("noise", 15, "address", "nuisance"),
        _Habit("home-visit", 60, "person", "support"),
        _Habit("care-concern", 25, "person", "support"),
    ),
}

_GISTS = {
    "noise": "loud music at night, several neighbours",
    "waste": "rubbish on the gallery",
    "illegal-subletting": "key box at the door, changing occupants",
    "drug-dealing": "short visits at all hours",
    "violence": "threats against a neighbour",
    "home-visit": "visited in the past month",
    "rent-arrears": "three months",
    "care-concern": "does not open the door to the team",
}
_MANY, _FEW = 0.35, 0.04
"""Of a party's records so many are about the few addresses and persons that everybody knows."""


def keep_papers(neighbourhood: Neighbourhood, random: Random, today: date, each: int) -> dict[str, list[Kept]]:
    """`each` records per party, dated within the last 150 days; the same `random` gives the same records."""
    return {
        party: [_record(party, number, neighbourhood, random, today) for number in range(1, each + 1)]
        for party in _HABITS
    }


def _record(party: str, number: int, neighbourhood: Neighbourhood, random: Random, today: date) -> Kept:
    habit = random.choices(_HABITS[party], weights=[habit.share for habit in _HABITS[party]])[0]
    day = today - timedelta(days=random.randrange(150))
    reference = f"{party[:3].upper()}-{day.year}-{number:05d}"
    codes = random.choices(("", "not-to-police", "source-withheld"), weights=(94, 3, 3))[0]
    fields = {"contact.role": "case worker", "contact.name": f"desk {number % 7 + 1}"}
    if habit.category in ("noise", "illegal-subletting", "home-visit", "care-concern", "drug-dealing", "violence"):
        fields["note.gist"] = _GISTS[habit.category]
    if habit.category in ("drug-dealing", "care-concern"):
        fields["note.full"] = f"{_GISTS[habit.category]}; seen on {day.isoformat()} and before, reported by two people"
    if habit.kind == "address":
        place = _pick(random, len(neighbourhood.addresses))
        columns = _address_columns(party, neighbourhood.addresses[place])
    else:
        place = _pick(random, len(neighbourhood.persons))
        columns = _person_columns(party, neighbourhood.persons[place])
    row = {
        "reference": reference,
        "subject_kind": habit.kind,
        "category": habit.category,
        "day": day.isoformat(),
        "purposes": habit.purpose,
        "handling_codes": codes,
        **columns,
        **fields,
    }
    paper = Paper(
        party=party,
        reference=reference,
        subject=(habit.kind, place),
        category=habit.category,
        day=day,
        purposes=frozenset({habit.purpose}),
        handling_codes=frozenset({codes} - {""}),
        fields=frozenset(fields),
    )
    return Kept(paper, row)


def _pick(random: Random, count: int) -> int:
    known = max(1, int(count * _FEW))
    return random.randrange(known) if random.random() < _MANY else random.randrange(count)


def _address_columns(party: str, address: Address) -> dict[str, str]:
    """The same address as each party's system exports it."""
    columns = {
        "bag_id": address.bag_id,
        "postcode": address.postcode,
        "house_number": address.house_number,
        "house_letter": address.house_letter,
        "addition": address.addition,
    }
    match party:
        case "police":
            columns |= {"postcode": f"{address.postcode[:4]} {address.postcode[4:].lower()}"}
        case "housing-north":
            columns |= {"house_letter": address.house_letter.lower(), "addition": address.addition.lower()}
        case "housing-south":  # keeps no BAG ids
            columns |= {"bag_id": "", "addition": f"-{address.addition}" if address.addition else ""}
        case _:
            pass
    return columns


def _person_columns(party: str, person: Person) -> dict[str, str]:
    """The same person as each party's system exports it."""
    columns = {
        "bsn": person.bsn if party in ("municipality", "care-team") else "",
        "given_names": person.given_names,
        "prefix": person.prefix,
        "family_name": person.family_name,
        "birth_date": person.birth_date.isoformat(),
    }
    match party:
        case "police":
            columns |= {"family_name": person.family_name.upper()}
        case "housing-south":
            name = f"{person.prefix} {person.family_name}".strip()
            columns |= {"prefix": "", "family_name": name}
        case _:
            pass
    return columns
