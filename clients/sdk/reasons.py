"""Why a row gives no signal, in words for whoever keeps the file. Codes are for programs and stay as they are."""

from __future__ import annotations

__all__ = ["REASONS", "in_words"]

REASONS = {
    # the row
    "missing": "is missing",
    "used-in-another-row": "stands in an earlier row of this file too; each record needs one of its own",
    "wrong-number-of-columns": "has more or fewer cells than the header",
    # the covenant
    "not-in-the-covenant": "is not a word of the covenant",
    "not-for-this-purpose": "is not what this purpose is about",
    "no-legal-basis-for-this-purpose": "is of a class that you have no legal basis for, for this purpose",
    "no-identifier-this-party-may-use": "has none of the identifiers that the covenant lets you use",
    "retention-over": "is of a day that the covenant's retention is over for",
    "not-a-date-written-as-YYYY-MM-DD": "is not a date written as YYYY-MM-DD",
    # addresses
    "postcode": "is not a Dutch postcode",
    "house-number": "is not a house number",
    "no-house-number": "has no house number",
    "ambiguous": "can be read in two ways",
    "contradiction": "says another letter or addition than the columns for those",
    "addition": "has characters that no letter or addition has",
    "addition-too-long": "is longer than any letter and addition",
    "is-a-verblijfsobject": "is the id of a verblijfsobject; give that of its nummeraanduiding",
    "is-a-ligplaats": "is the id of a ligplaats; give that of its nummeraanduiding",
    "is-a-standplaats": "is the id of a standplaats; give that of its nummeraanduiding",
    "is-a-pand": "is the id of a pand; give that of a nummeraanduiding",
    "is-an-openbare-ruimte": "is the id of an openbare ruimte; give that of a nummeraanduiding",
    "unknown-object-type": "is the id of nothing that the BAG knows",
    # persons
    "eleven-test": "does not pass the eleven-test",
    "not-issued": "is a number that is never given out",
    "initial-only": "is an initial; a given name is needed",
    "not-latin": "has characters that are not Latin letters",
    "date": "is not a date",
    "unknown-date": "is a date of which a part is unknown",
    # any identifier
    "unknown": "is not known",
    "not-digits": "has characters that are not digits",
    "length": "has too many or too few digits",
    "not-text": "is not text",
    "too-long": "is too long",
}


def in_words(column: str, code: str) -> str:
    """`bsn does not pass the eleven-test`; never anything of what stood there."""
    return f"{column} {REASONS.get(code, code)}"
