"""What an officer searches the log for, read from one line of qualifiers.

    actor:desk-4 action:disclosure created:2026-11-01..2026-11-22 purpose:nuisance outcome:refused

Entries must fit every qualifier; each may stand once, in any order. There is no free text: an entry has none. Days are
those of Amsterdam, first and last included. Pure.

What names a person, be it only by a pseudonym, has no place in a URL, which proxies and browsers keep: where a query
comes out of one, `actor:` and `handle:` are refused with the place to send them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from uuid import UUID

from clients.protocol.encoding import b64u_decode
from clients.protocol.errors import EncodingError
from service.audit.events import ACTIONS, CATALOGUE
from service.errors import Invalid, LocatedFault

__all__ = ["EVERYTHING", "FIRST_DAY", "LAST_DAY", "LONGEST_QUERY", "NOT_IN_URLS", "QUALIFIERS", "Search", "parse_query"]

LONGEST_QUERY = 1000
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2099, 12, 31)
"""No log is older, and none of ours will be asked about later ones."""
NOT_IN_URLS = frozenset({"actor", "handle"})
OUTCOMES = ("shown", "empty", "refused", "done")

_WORD = re.compile(r"[a-z][a-z0-9-]{0,62}", re.ASCII)
_ACTOR = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Search:
    """What entries must be like. None asks for nothing; `events` may be empty, and then nothing fits.

    `party` acted; `source` is one of the others that the entry names; of `handles` it names one at least. `named` are
    the qualifiers that were used.
    """

    events: frozenset[str] | None = None
    party: str | None = None
    actor: str | None = None
    purpose: str | None = None
    outcome: str | None = None
    rule: str | None = None
    source: str | None = None
    handles: frozenset[bytes] | None = None
    signal: UUID | None = None
    first: date | None = None
    last: date | None = None
    named: frozenset[str] = frozenset()


EVERYTHING = Search()


class _NotOneError(Exception):
    """The value is none of its qualifier; the message says what is."""


def _matching(pattern: re.Pattern[str], words: str) -> Callable[[str], Any]:
    def read(value: str) -> str:
        if not pattern.fullmatch(value):
            raise _NotOneError(words)
        return value

    return read


def _one_of(values: tuple[str, ...]) -> Callable[[str], Any]:
    def read(value: str) -> str:
        if value not in values:
            raise _NotOneError(f"must be one of {', '.join(values)}")
        return value

    return read


def _handle(value: str) -> bytes:
    try:
        return b64u_decode(value, length=32)
    except EncodingError:
        raise _NotOneError("must be a subject handle: 43 characters of base64url") from None


def _uuid(value: str) -> UUID:
    try:
        if len(value) != 36:
            raise ValueError
        return UUID(value)
    except ValueError:
        raise _NotOneError("must be an id of 36 characters") from None


def _day(value: str) -> date:
    if not _DAY.fullmatch(value):
        raise _NotOneError("must be a day as YYYY-MM-DD, or two with .. between, of which one may be left out")
    try:
        day = date.fromisoformat(value)
    except ValueError:
        raise _NotOneError("there is no such day") from None
    if not FIRST_DAY <= day <= LAST_DAY:
        raise _NotOneError(f"must be a day from {FIRST_DAY} to {LAST_DAY}")
    return day


def _days(value: str) -> tuple[date | None, date | None]:
    before, dots, after = value.partition("..")
    if not dots:
        return _day(value), _day(value)
    if not before and not after:
        raise _NotOneError("give the first day, the last day or both")
    first, last = _day(before) if before else None, _day(after) if after else None
    if first and last and last < first:
        raise _NotOneError("the last day is before the first")
    return first, last


_word = _matching(_WORD, "must be a word of the covenant")
_READ: dict[str, Callable[[str], Any]] = {
    "created": _days,
    "action": _one_of(tuple(ACTIONS)),
    "event": _one_of(tuple(CATALOGUE)),
    "party": _word,
    "actor": _matching(_ACTOR, "must be an employee's pseudonym: up to 64 letters, digits, dots, dashes, underscores"),
    "purpose": _word,
    "outcome": _one_of(OUTCOMES),
    "rule": _word,
    "source": _word,
    "handle": _handle,
    "signal": _uuid,
}
QUALIFIERS = tuple(_READ)


def parse_query(text: str, *, pointer: str, in_url: bool = False) -> Search:
    """The search that `text` asks for; an empty one asks for everything.

    Raises Invalid with every mistake and its place, counted in characters from one. Nothing that was written is
    repeated: it may be an identifier that was pasted into the wrong field.
    """
    if len(text) > LONGEST_QUERY:
        raise Invalid("query-too-long", f"a query has at most {LONGEST_QUERY} characters", pointer=pointer)
    faults: list[LocatedFault] = []
    values: dict[str, Any] = {}
    for term in re.finditer(r"\S+", text):
        name, colon, value = term[0].partition(":")
        code, words = _fault(name, colon, value, values, in_url=in_url)
        if not code:
            try:
                values[name] = _READ[name](value)
                continue
            except _NotOneError as error:
                code, words = "value-invalid", f"{name}: {error}"
        faults.append(LocatedFault(pointer, code, f"character {term.start() + 1}: {words}"))
    if not faults and {"action", "event"} <= values.keys() and values["event"] not in ACTIONS[values["action"]]:
        faults.append(LocatedFault(pointer, "event-not-of-action", "the event does not belong to the action"))
    if faults:
        raise Invalid("query-invalid", "the query is not one", faults=faults)
    return _search(values)


def _fault(name: str, colon: str, value: str, values: dict[str, Any], *, in_url: bool) -> tuple[str, str]:
    if name not in _READ or not colon:
        return "qualifier-unknown", f"write qualifier:value, with a qualifier of {', '.join(QUALIFIERS)}"
    if name in values:
        return "qualifier-repeated", f"{name}: may stand once"
    if in_url and name in NOT_IN_URLS:
        return "qualifier-not-in-url", f"{name}: names somebody; POST the query to /audit-searches instead"
    if not value:
        return "value-missing", f"{name}: needs a value, without a space before it"
    return "", ""


def _search(values: dict[str, Any]) -> Search:
    named = frozenset(values)
    action, event = values.pop("action", None), values.pop("event", None)
    first, last = values.pop("created", (None, None))
    events = frozenset({event}) if event else ACTIONS[action] if action else None
    handles = frozenset({values.pop("handle")}) if "handle" in values else None
    return replace(EVERYTHING, **values, events=events, handles=handles, first=first, last=last, named=named)
