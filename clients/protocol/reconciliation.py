"""Two logs that must agree: every grant the broker issued, every grant the key holder used. Pure.

The broker compares them every day, and an officer's client whenever it likes, with what both services told it: they
answer to different operators. Grants are told apart by their ids. A grant that was issued and not used is nothing: it
has expired. Anything else is a finding, of one of the `KINDS`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

__all__ = [
    "ISSUED",
    "KINDS",
    "REFUSED",
    "RELEASED",
    "SHARED_FIELDS",
    "Difference",
    "LogLine",
    "Reconciliation",
    "reconcile",
]

ISSUED, RELEASED, REFUSED = "grant-issued", "field-released", "release-refused"
"""The events that are compared: the first is the broker's, the others are the key holder's."""

KINDS: Mapping[str, str] = {
    "used-not-issued": "a field was opened under a grant that the broker's log does not have",
    "used-twice": "one grant opened more than one field",
    "used-too-late": "a grant was used outside its two minutes, as far as two clocks agree",
    "differs": "the two logs do not say the same of one grant",
    "refused": "the broker issued a grant and the key holder refused it",
}
"""What can be found, in words."""

GRANT_LIFETIME = timedelta(seconds=120)
CLOCKS_DIFFER = timedelta(seconds=60)

_SAME = ("party", "version", "purpose", "stage", "signals", "parties", "origins", "items", "entry")
SHARED_FIELDS = frozenset({*_SAME, "grant", "rules", "reason"})
"""Fields of an entry about a use that are looked at here."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One entry about a grant."""

    entry: str
    event: str
    at: datetime
    fields: Mapping[str, Any]

    @property
    def grant(self) -> str:
        return str(self.fields.get("grant", ""))


@dataclass(frozen=True, slots=True)
class Difference:
    """One finding. `issued` is the broker's entry about the grant, `used` are the key holder's."""

    kind: str
    grant: str
    at: datetime
    words: str
    issued: str | None
    used: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What the two logs say of the grants of some time."""

    issued: int
    used: int
    unused: int
    differences: tuple[Difference, ...]


def reconcile(
    broker: Iterable[LogLine], key_holder: Iterable[LogLine], begins: datetime, ends: datetime
) -> Reconciliation:
    """Compares what the two logs say from `begins` until just before `ends`.

    Both must be given from some minutes before to some minutes after: a grant may be issued before midnight and used
    after it.
    """
    issued = {line.grant: line for line in broker if line.event == ISSUED}
    used: dict[str, list[LogLine]] = defaultdict(list)
    refused: dict[str, list[LogLine]] = defaultdict(list)
    for line in key_holder:
        if line.event == RELEASED:
            used[line.grant].append(line)
        elif line.event == REFUSED and line.grant:
            refused[line.grant].append(line)
    differences = [
        difference
        for grant in sorted(issued.keys() | used.keys() | refused.keys())
        for difference in _differences(grant, issued.get(grant), used[grant], refused[grant])
        if begins <= difference.at < ends
    ]
    told = [line for line in issued.values() if begins <= line.at < ends]
    return Reconciliation(
        issued=len(told),
        used=sum(begins <= line.at < ends for lines in used.values() for line in lines),
        unused=sum(not used[line.grant] for line in told),
        differences=tuple(sorted(differences, key=lambda one: one.at)),
    )


def _differences(
    grant: str, issued: LogLine | None, used: Sequence[LogLine], refused: Sequence[LogLine]
) -> Iterable[Difference]:
    def found(kind: str, at: datetime, more: str, lines: Sequence[LogLine]) -> Difference:
        words = KINDS[kind] + (more and f": {more}")
        entry = None if issued is None else issued.entry
        return Difference(kind, grant, at, words, entry, tuple(line.entry for line in lines))

    if used and issued is None:
        yield found("used-not-issued", used[0].at, "", used)
    if len(used) > 1:
        yield found("used-twice", used[1].at, f"{len(used)} of them", used)
    if issued is None:
        return
    for line in used:
        others = [name for name in _SAME if issued.fields.get(name) != line.fields.get(name)]
        if not set(line.fields.get("rules", ())) <= set(issued.fields.get("rules", ())):
            others.append("rules")
        if others:
            yield found("differs", line.at, f"in {', '.join(others)}", [line])
        if not -CLOCKS_DIFFER <= line.at - issued.at <= GRANT_LIFETIME + CLOCKS_DIFFER:
            yield found("used-too-late", line.at, "", [line])
    for line in refused:
        yield found("refused", line.at, str(line.fields.get("reason", "")), [line])
