"""One identifier of a subject, written so that every party writes it the same.

Parties never compare identifiers, only tokens of them, so two spellings of one address are two addresses for ever. All
tolerance for spelling therefore stands here, before hashing. A rule is adopted only when it merges no two subjects that
really differ: a missed spelling loses a hit that another match key may still find, a wrong merge shows one household to
those who asked about its neighbour. The rules' evidence is in `tests/protocol/test_normalise.py`, their examples in
`docs/normalisation-vectors.json`.

The version enters the hash to the group (design §4): values normalised under different versions never match, so any
change to a rule is a new version.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from clients.protocol.errors import NormalisationError
from clients.protocol.normalise.address import normalise_bag_id, normalise_postcode_address
from clients.protocol.normalise.address_line import AddressLine, parse_address_line
from clients.protocol.normalise.person import normalise_bsn, normalise_name_and_birth_date

__all__ = ["MATCH_KEYS", "NORMALISATION_VERSION", "AddressLine", "columns", "normalise", "parse_address_line"]

NORMALISATION_VERSION = "1"

_RULES: dict[str, tuple[Callable[[Mapping[str, str]], str], tuple[str, ...]]] = {
    "address-bag": (normalise_bag_id, ("bag_id",)),
    "address-postcode": (normalise_postcode_address, ("postcode", "house_number", "house_letter", "addition")),
    "person-bsn": (normalise_bsn, ("bsn",)),
    "person-name-birthdate": (
        normalise_name_and_birth_date,
        ("given_names", "prefix", "family_name", "birth_date"),
    ),
}

MATCH_KEYS = tuple(_RULES)


def normalise(match_key: str, record: Mapping[str, str]) -> bytes:
    """The value of `match_key` for one record, ASCII; columns that this match key does not use are not looked at.

    Raises NormalisationError(field, code); neither field nor code repeats anything of the record. A record without the
    columns of the match key gives the code `missing`, an unknown match key the field `match_key`.
    """
    if match_key not in _RULES:
        raise NormalisationError("match_key", "unknown")
    rule, _ = _RULES[match_key]
    return rule(record).encode("ascii")


def columns(match_key: str) -> tuple[str, ...]:
    """The columns of a record that `match_key` reads. Raises NormalisationError for an unknown match key."""
    if match_key not in _RULES:
        raise NormalisationError("match_key", "unknown")
    return _RULES[match_key][1]
