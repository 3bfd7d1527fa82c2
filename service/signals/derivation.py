"""What a derived signal must carry on: the handling codes of what its party was told by the origins that it names.

The broker cannot know what somebody had in mind. It knows of which signals on the subject a party was told, with codes
and by whom; a signal that names one of those parties as an origin and drops the codes is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from sqlmodel import Session

from service.errors import LocatedFault

__all__ = ["CODES_DROPPED", "Told", "ToldCodes", "Value", "owed"]

Value = tuple[str, bytes]
"""A subject by one match key: the key, and the index (32 bytes)."""

CODES_DROPPED = LocatedFault(
    "/handlingCodes",
    "handling-codes-dropped",
    "what an origin told this party of the subject carries handling codes that this signal does not",
)


@dataclass(frozen=True, slots=True)
class Told:
    """A signal with handling codes that a party was told of, and whose it was."""

    source: str
    handling_codes: frozenset[str]


ToldCodes = Callable[[Session, str, str, Collection[Value]], Mapping[Value, Collection[Told]]]
"""Of a covenant (by id) and a party: what it was told of some subjects. The disclosure slice knows."""


def owed(told: Iterable[Told], origins: Collection[str]) -> frozenset[str]:
    """The codes that a signal with these origins has to carry."""
    return frozenset[str]().union(*(one.handling_codes for one in told if one.source in origins))
