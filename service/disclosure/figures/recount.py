"""One portion of a replay: from rows to outcomes, with no database at hand, so that any process can do it.

Most subjects are known to a few parties by one match key value: there every signal is near every other, and the shape
of what they state decides (`covenant_rules.replay.Shapes`). The others are asked signal by signal, each with what is
near it, as a disclosure would be.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from covenant_rules.compile import Memory
from covenant_rules.dates import amsterdam_date
from covenant_rules.load import load
from covenant_rules.model import Facts, OwnSignal, Question
from covenant_rules.replay import Group, Outcome, Posed, Replay, Shapes, Standing, Stated, Tally
from covenant_rules.retention import is_over
from service.disclosure.asking import FIRST_STAGE
from service.disclosure.conditions.known import is_released

__all__ = ["Recount", "Row", "Terms"]


class Row(NamedTuple):
    """A signal as the replay reads it. Lists are words joined with commas, empty where there are none.

    `values` are its match key values as `κ index`; `released` has `viewer purpose` for each release of the signal, and
    `approved` `party purpose` for each approval on a subject with one of these values.
    """

    party: str
    subject_kind: str
    category: str
    day: date
    purposes: str
    origins: str
    handling_codes: str
    sealed: str
    version: str
    tainted: bool
    values: str
    released: str
    approved: str


@dataclass(frozen=True, slots=True)
class Terms:
    """What a replay goes by, in a form that crosses to other processes: covenants as their YAML bytes."""

    draft: bytes
    current: bytes
    versions: tuple[bytes, ...]
    active: frozenset[str]
    time: datetime


class Recount:
    """Counts the outcomes of subjects, each given as its rows."""

    def __init__(self, terms: Terms) -> None:
        current = load(terms.current)
        versions = {covenant.version: covenant for covenant in map(load, terms.versions)}
        self.standing = Standing(current, versions, terms.active, terms.time)
        self.words: Memory[str, tuple[str, ...]] = Memory(lambda joined: tuple(sorted(_split(joined))), most=1 << 14)
        self._today = amsterdam_date(terms.time) or date.min
        self.replay = Replay(current, load(terms.draft))
        self._shapes = Shapes(self.replay, self.standing)
        self._over: Memory[tuple[str, str, date], bool] = Memory(self._is_over, most=1 << 16)
        self._lapses: Memory[tuple[str, date], bool] = Memory(self._would_lapse, most=1 << 16)
        self._keys: Memory[tuple[bool, str, str], frozenset[str]] = Memory(self._keys_of)

    def __call__(self, subjects: Iterable[Sequence[Row]]) -> Tally:
        tally: Tally = Counter()
        for rows in subjects:
            kept = [row for row in rows if not self._over[row.version, row.category, row.day]]
            if any(row.party != kept[0].party for row in kept):
                tally.update(self._outcomes(kept))
        return tally

    def lapses(self, row: Row) -> bool:
        """Whether it could not have been affirmed under the draft, or its retention would be over by it."""
        return self._lapses[row.category, row.day]

    def usable(self, row: Row, *, draft: bool) -> frozenset[str]:
        """The match keys that the current version, or the draft, gives the party for such a subject."""
        return self._keys[draft, row.subject_kind, row.party]

    def _outcomes(self, rows: Sequence[Row]) -> Iterable[tuple[Group, Outcome]]:
        if not any(row.released or row.approved for row in rows) and self._all_near(rows):
            return self._shapes(map(self.stated, rows))
        subject = _Subject(self, rows)
        return self.replay(subject.asked(), subject.sealed)

    def stated(self, row: Row) -> Stated:
        words = self.words
        return Stated(
            party=row.party,
            category=row.category,
            day=row.day,
            purposes=words[row.purposes],
            version=row.version,
            origins=words[row.origins],
            handling_codes=words[row.handling_codes],
            tainted=row.tainted,
            sealed=words[row.sealed],
            lapses=self.lapses(row),
        )

    def _all_near(self, rows: Sequence[Row]) -> bool:
        """Whether they share a value, by a match key that both versions give to all of them."""
        shared = frozenset.intersection(*(_values(row) for row in rows))
        usable = frozenset.intersection(*(self.usable(row, draft=draft) for draft in (False, True) for row in rows))
        return any(value.split(" ")[0] in usable for value in shared)

    def _keys_of(self, key: tuple[bool, str, str]) -> frozenset[str]:
        draft, subject_kind, party = key
        covenant = self.replay.draft if draft else self.standing.current
        keys, known = covenant.match_keys.get(subject_kind), covenant.parties.get(party)
        return frozenset() if keys is None or known is None else frozenset(keys.kinds.get(known.kind, ()))

    def _is_over(self, stated: tuple[str, str, date]) -> bool:
        """As for disclosures: what is over is not there, whatever the draft says."""
        (version, category, day), standing = stated, self.standing
        return is_over(standing.versions.get(version), standing.current, category, day, self._today)

    def _would_lapse(self, stated: tuple[str, date]) -> bool:
        draft = self.replay.draft
        return is_over(draft, draft, *stated, self._today)


class _Subject:
    """A subject on which it matters who is near whom, or what was released or approved. Signals go by their place."""

    def __init__(self, recount: Recount, rows: Sequence[Row]) -> None:
        self._recount, self._rows = recount, rows
        self._values = [_values(row) for row in rows]
        self._signals = [recount.stated(row).signal(str(place)) for place, row in enumerate(rows)]

    @property
    def sealed(self) -> Mapping[str, int]:
        recount = self._recount
        return {str(place): recount.replay.sealed(recount.words[row.sealed]) for place, row in enumerate(self._rows)}

    def asked(self) -> Iterator[Posed]:
        """What each party would ask, standing on each of its signals, for each purpose."""
        time = self._recount.standing.time
        for place, row in enumerate(self._rows):
            for purpose in self._recount.words[row.purposes]:
                question = Question(row.party, purpose, FIRST_STAGE, time, OwnSignal(str(place)))
                yield Posed(question, *(self._facts(place, purpose, draft=draft) for draft in (False, True)))

    def _near(self, anchor: int, *, draft: bool) -> list[int]:
        """Those that share a value with the anchor by a match key that the version gives both parties, and are not over
        by it."""
        usable, near = self._recount.usable, []
        own = usable(self._rows[anchor], draft=draft)
        for place, row in enumerate(self._rows):
            if draft and self._recount.lapses(row):
                continue
            keys = own & usable(row, draft=draft)
            if any(value.split(" ")[0] in keys for value in self._values[anchor] & self._values[place]):
                near.append(place)
        return near

    def _facts(self, anchor: int, purpose: str, *, draft: bool) -> Facts:
        standing, viewer = self._recount.standing, self._rows[anchor].party
        current = self._recount.replay.draft if draft else standing.current
        near = self._near(anchor, draft=draft)
        signals = [self._signals[place] for place in near]
        released = {(str(p), purpose) for p in near if f"{viewer} {purpose}" in _split(self._rows[p].released)}
        present = {self._rows[place].party for place in near} & standing.active & current.parties.keys()
        approved = _split(self._rows[anchor].approved)
        return Facts(
            current=current,
            versions=standing.versions,
            signals=frozenset(map(self._recount.replay.affirmed, signals) if draft else signals),
            active=standing.active,
            released=frozenset(s.id for s in signals if is_released(s, purpose, signals, released, viewer)),
            approvals=frozenset(current.parties[party].kind for party in present if f"{party} {purpose}" in approved),
        )


def _split(joined: str) -> Sequence[str]:
    return joined.split(",") if joined else ()


def _values(row: Row) -> frozenset[str]:
    return frozenset(_split(row.values))
