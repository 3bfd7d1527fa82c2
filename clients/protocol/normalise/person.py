"""Persons: the citizen service number, or family name, first given name and date of birth.

`person-name-birthdate` is `BERG|JAN|1970-01-31`. Two choices are arguable and made here once:

- *The first given name in full, never an initial.* About one Dutch resident in two hundred is called De Jong, some six
  hundred living are born on one day, one in ten has the initial J: by family name, initial and date of birth one J. de
  Jong in four has a double. Who has initials only gets `initial-only`, and no match, rather than that.
- *The family name without its tussenvoegsels, as a set of words.* Registers write "van der Berg", "v.d. Berg" and
  "Berg, van der", and put a partner's name before or after one's own, with or without a hyphen. That "Jong" and "de
  Jong" fall together is harmless beside an equal first name and date of birth. Someone known here under one name and
  there under two is not found: which of the two is the own name nothing says.

No phonetics: the key must not widen by guesses that its subject would not recognise.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import date

from stdnum.exceptions import InvalidChecksum, ValidationError
from stdnum.nl import bsn

from clients.protocol.errors import NormalisationError
from clients.protocol.normalise.columns import optional, required

__all__ = ["normalise_bsn", "normalise_name_and_birth_date"]

_BSN = re.compile(r"[0-9]{8,9}", re.ASCII)
_SEPARATORS_IN_BSN = str.maketrans("", "", " .-")

_WITHOUT_DECOMPOSITION = str.maketrans(
    {"Æ": "AE", "Œ": "OE", "Ø": "O", "Ð": "D", "Đ": "D", "Þ": "TH", "Ł": "L", "Ħ": "H", "ẞ": "SS"}
)
_ELISION = re.compile(r"\b([DL])'", re.ASCII)
_BETWEEN_WORDS = re.compile(r"[ \-.,/]+")
_WORD = re.compile(r"[A-Z]+", re.ASCII)

# fmt: off
TUSSENVOEGSELS = frozenset({
    "A", "AAN", "AF", "AL", "AUF", "BIJ", "D", "DA", "DAL", "DALLA", "DAS", "DE", "DEL", "DELLA", "DEN", "DER",
    "DES", "DI", "DIE", "DO", "DOS", "DU", "EL", "EN", "ET", "HET", "IM", "IN", "L", "LA", "LAS", "LE", "LES", "LO",
    "LOS", "ONDER", "OP", "OVER", "S", "T", "TE", "TEN", "TER", "TOT", "UIJT", "UIT", "UND", "V", "VAN", "VANDEN",
    "VANDER", "VD", "VDEN", "VDER", "VOM", "VON", "VOOR", "Y", "ZU", "ZUM", "ZUR",
})
# fmt: on
"""The words that tussenvoegsels are made of (BRP table 36, Voorvoegsels, has the combinations), and abbreviations."""

_DATE_FORMS = (
    re.compile(r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})(?:[T ]00:00(?::00)?)?", re.ASCII),
    re.compile(r"(?P<year>[0-9]{4})(?P<month>[0-9]{2})(?P<day>[0-9]{2})", re.ASCII),
    re.compile(r"(?P<day>[0-9]{1,2})[-/. ](?P<month>[0-9]{1,2})[-/. ](?P<year>[0-9]{4})", re.ASCII),
)
_EARLIEST_YEAR, _LATEST_YEAR = 1850, 2150


def normalise_bsn(record: Mapping[str, str]) -> str:
    """Column `bsn`: nine digits that pass the eleven-test; a leading zero that a spreadsheet dropped is put back.

    Raises NormalisationError: `missing`, `not-digits`, `length`, `eleven-test`, `not-issued` (all zeros).
    """
    digits = required(record, "bsn").translate(_SEPARATORS_IN_BSN)
    if not (digits.isascii() and digits.isdigit()):
        raise NormalisationError("bsn", "not-digits")
    if not _BSN.fullmatch(digits):
        raise NormalisationError("bsn", "length")
    try:
        return bsn.validate(digits)
    except InvalidChecksum:
        raise NormalisationError("bsn", "eleven-test") from None
    except ValidationError:
        raise NormalisationError("bsn", "not-issued") from None


def normalise_name_and_birth_date(record: Mapping[str, str]) -> str:
    """Columns `given_names`, `family_name`, `birth_date`, and optionally `prefix`, as `BERG|JAN|1970-01-31`.

    Words of a family name are sorted and joined by a space. Dates are ISO 8601, BRP (`19700131`) or day first.

    Raises NormalisationError: `missing`, `initial-only`, `not-latin`, `date`, `unknown-date` (the BRP writes zeros for
    what it does not know), `too-long`.
    """
    family = _words(f"{optional(record, 'prefix')} {required(record, 'family_name')}", "family_name")
    own = [word for word in family if word not in TUSSENVOEGSELS] or family
    given = _words(required(record, "given_names"), "given_names")[0]
    if len(given) == 1:
        raise NormalisationError("given_names", "initial-only")
    return f"{' '.join(sorted(own))}|{given}|{_birth_date(record).isoformat()}"


def _words(text: str, field: str) -> list[str]:
    """The words of a name in A-Z; at least one."""
    decomposed = unicodedata.normalize("NFKD", text).upper().translate(_WITHOUT_DECOMPOSITION)
    plain = "".join(character for character in decomposed if not unicodedata.combining(character))
    parted = _ELISION.sub(r"\1 ", plain).replace("'", "")
    words = [word for word in _BETWEEN_WORDS.split(parted) if word]
    if not words:
        raise NormalisationError(field, "missing")
    if not all(_WORD.fullmatch(word) for word in words):
        raise NormalisationError(field, "not-latin")
    return words


def _birth_date(record: Mapping[str, str]) -> date:
    written = required(record, "birth_date")
    for form in _DATE_FORMS:
        if not (found := form.fullmatch(written)):
            continue
        year, month, day = int(found["year"]), int(found["month"]), int(found["day"])
        if 0 in (year, month, day):
            raise NormalisationError("birth_date", "unknown-date")
        try:
            born = date(year, month, day)
        except ValueError:
            break
        if _EARLIEST_YEAR <= year <= _LATEST_YEAR:
            return born
    raise NormalisationError("birth_date", "date")
