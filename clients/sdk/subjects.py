"""Whom a question is about, as this machine alone is told: identifiers as typed, and what they are normalised to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from clients.protocol.errors import NormalisationError
from clients.protocol.normalise import columns, normalise
from clients.sdk.errors import ClientError
from clients.sdk.reasons import in_words

__all__ = ["normalised"]


def normalised(match_keys: Iterable[str], identifiers: Mapping[str, str]) -> dict[str, bytes]:
    """The normalised value of each of these match keys of which the identifiers, by column, give anything.

    Raises ClientError, naming the column and the reason, never the value.
    """
    values: dict[str, bytes] = {}
    for match_key in match_keys:
        given = {column: identifiers.get(column, "") for column in columns(match_key)}
        if any(given.values()):
            try:
                values[match_key] = normalise(match_key, given)
            except NormalisationError as error:
                raise ClientError(in_words(error.field, error.code)) from None
    return values
