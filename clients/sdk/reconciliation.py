"""Two logs that must agree: every grant the broker issued, every grant the key holder used. Pure.

The officer's client fetches both, from services that answer to different operators, and compares them by the grants'
ids. A grant that was issued and not used is nothing: it has expired. Anything else is a finding:

    used-not-issued     a field was opened under a grant that the broker's log does not have
    used-twice          one grant opened two fields
    used-too-late       more than two minutes after it was issued, as far as two clocks agree
    differs             the two logs do not say the same of one grant
    refused             the broker issued it, and the key holder would not have it
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from clients.sdk.errors import ClientError
from covenant_rules.dates import amsterdam_date

__all__ = ["Difference", "LogLine", "Reconciliation", "read_lines", "reconcile"]

GRANT_LIFETIME = timedelta(seconds=120)
CLOCKS_DIFFER = timedelta(seconds=60)

_SAME = ("party", "version", "purpose", "stage", "signals", "parties", "origins", "items", "entry")
"""Fields that the entries about issuing and about using a grant share."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of an export."""

    entry: str
    event: str
    at: datetime
    fields: Mapping[str, Any]

    @property
    def grant(self) -> str:
        return str(self.fields.get("grant", ""))


@dataclass(frozen=True, slots=True)
class Difference:
    """One finding. `entries` are of the broker's log, then of the key holder's."""

    kind: str
    grant: str
    at: datetime
    words: str
    entries: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What the two logs say of the grants of some days."""

    first: date
    last: date
    issued: int
    used: int
    unused: int
    differences: tuple[Difference, ...]


def read_lines(pieces: Iterable[bytes]) -> list[LogLine]:
    """The lines of an export in JSON. Raises ClientError for what is none."""
    try:
        return [
            LogLine(str(line["entry"]), str(line["event"]), datetime.fromisoformat(line["at"]), line["fields"])
            for text in b"".join(pieces).splitlines()
            for line in [json.loads(text)]
        ]
    except (ValueError, KeyError, TypeError):
        raise ClientError("the export is not one of a log") from None


def reconcile(broker: Iterable[LogLine], key_holder: Iterable[LogLine], first: date, last: date) -> Reconciliation:
    """Compares the two logs on the days from `first` to `last`.

    Both must be given from a day before to a day after: a grant may be issued before midnight and used after it.
    """
    issued = {line.grant: line for line in broker if line.event == "grant-issued"}
    used: dict[str, list[LogLine]] = defaultdict(list)
    refused: dict[str, list[LogLine]] = defaultdict(list)
    for line in key_holder:
        if line.event == "field-released":
            used[line.grant].append(line)
        elif line.event == "release-refused" and line.grant:
            refused[line.grant].append(line)
    differences = [
        difference
        for grant in sorted(issued.keys() | used.keys() | refused.keys())
        for difference in _differences(grant, issued.get(grant), used[grant], refused[grant])
        if _within(difference.at, first, last)
    ]
    told = [line for line in issued.values() if _within(line.at, first, last)]
    return Reconciliation(
        first=first,
        last=last,
        issued=len(told),
        used=sum(_within(line.at, first, last) for lines in used.values() for line in lines),
        unused=sum(not used[line.grant] for line in told),
        differences=tuple(sorted(differences, key=lambda one: one.at)),
    )


def _differences(
    grant: str, issued: LogLine | None, used: Sequence[LogLine], refused: Sequence[LogLine]
) -> Iterable[Difference]:
    def found(kind: str, at: datetime, words: str, lines: Sequence[LogLine]) -> Difference:
        entries = ([] if issued is None else [issued.entry]) + [line.entry for line in lines]
        return Difference(kind, grant, at, words, tuple(entries))

    if used and issued is None:
        words = "a field was opened under a grant that the broker's log does not have"
        yield found("used-not-issued", used[0].at, words, used)
    if len(used) > 1:
        yield found("used-twice", used[1].at, f"one grant opened {len(used)} fields", used)
    if issued is None:
        return
    for line in used:
        others = [name for name in _SAME if issued.fields.get(name) != line.fields.get(name)]
        if not set(line.fields.get("rules", ())) <= set(issued.fields.get("rules", ())):
            others.append("rules")
        if others:
            yield found("differs", line.at, f"the logs do not say the same of {', '.join(others)}", [line])
        if not -CLOCKS_DIFFER <= line.at - issued.at <= GRANT_LIFETIME + CLOCKS_DIFFER:
            yield found("used-too-late", line.at, "it was used outside its two minutes", [line])
    for line in refused:
        reason = line.fields.get("reason", "")
        yield found("refused", line.at, f"the broker issued it and the key holder refused it: {reason}", [line])


def _within(at: datetime, first: date, last: date) -> bool:
    day = amsterdam_date(at)
    return day is not None and first <= day <= last
