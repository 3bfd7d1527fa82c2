"""Entries that are missing from a copy of a log, held against the entries that account for them.

For each erasure that the log itself tells of:

1. as many entries are missing by it as it says;
2. their places and hashes are those that it was written for;
3. none of them is younger than it says: each stands before every entry of a later day that is still there.

An entry that is missing by no erasure, or by one that the log does not tell of, was taken out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from clients.protocol.encoding import b64u_decode
from clients.protocol.erasures import erasure_digest
from clients.protocol.strict_json import parse_json

__all__ = ["Erased", "Erasures"]

_SLACK = timedelta(days=1)
"""Entries get their places about in the order of time: at midnight, one of the new day may come first."""


@dataclass(frozen=True, slots=True)
class Erased:
    """How many entries, up to which day, went because the retention of one version of the covenant was over."""

    version: str
    until: date
    entries: int


@dataclass(frozen=True, slots=True)
class _Told:
    version: str
    until: date
    entries: int
    digest: bytes


class Erasures:
    """What was seen of a log, entry by entry in the order of places."""

    def __init__(self) -> None:
        self._missing: dict[str | None, list[tuple[int, bytes]]] = defaultdict(list)
        self._told: dict[str, _Told] = {}
        self._first_of_day: dict[bytes, int] = {}

    def missing(self, index: int, leaf: bytes, erased_by: str | None) -> None:
        """An entry is there no more; `erased_by` is the entry about it, as far as anybody says."""
        self._missing[erased_by].append((index, leaf))

    def there(self, index: int, fields: Mapping[str, bytes]) -> None:
        """An entry is there, and proved. Raises ValueError, KeyError or TypeError for an erasure that says nothing."""
        self._first_of_day.setdefault(fields["day"], index)
        if b'"event":"entries-erased"' not in fields["entry"]:
            return
        entry: Any = parse_json(fields["entry"])
        rest: Any = parse_json(fields["rest"])
        until = date.fromisoformat(rest["day"])
        digest = b64u_decode(rest["digest"], length=32)
        self._told[entry["id"]] = _Told(rest["version"], until, int(rest["counts"]["entries"]), digest)

    @property
    def count(self) -> int:
        """How many entries are missing."""
        return sum(map(len, self._missing.values()))

    def settle(self) -> tuple[tuple[Erased, ...], list[str]]:
        """What was erased, by version and day; and in words whatever does not hold."""
        faults: list[str] = []
        taken = [place for by, gone in self._missing.items() if by not in self._told for place in gone]
        if taken:
            places = ", ".join(f"{index:,}" for index, _ in sorted(taken)[:20])
            faults.append(f"{len(taken):,} are there no more, and no entry of this copy accounts for them: {places}")
        erased: dict[tuple[str, date], int] = defaultdict(int)
        for entry, told in self._told.items():
            gone = self._missing.get(entry, [])
            if len(gone) != told.entries or erasure_digest(gone) != told.digest:
                faults.append(
                    f"{len(gone):,} are missing by the erasure up to {told.until}, which was of {told.entries:,} others"
                )
            elif any(index >= self._first_after(told.until) for index, _ in gone):
                faults.append(f"some that went with the erasure up to {told.until} are younger than that")
            erased[told.version, told.until] += len(gone)
        said = (Erased(version, until, entries) for (version, until), entries in sorted(erased.items()))
        return tuple(said), faults

    def _first_after(self, until: date) -> int | float:
        """The place of the first entry of a later day that is still there."""
        first = f'"{until + _SLACK}"'.encode()  # days compare as their canonical JSON does
        later = (index for day, index in self._first_of_day.items() if day > first)
        return min(later, default=float("inf"))
