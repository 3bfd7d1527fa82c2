"""What is known of many subjects at once, in the form the rules engine reads.

A subject here is what one anchor stands on: the signals that share a match key value with it, and never the signals
that share a value with those. Two statements serve however many anchors there are: who is near, and what is kept about
them besides.

The echo guard: a party that was told of a subject on which it had no signal of its own is marked (`told`). What it
submits about the subject afterwards may be what it was told, so such a signal is tainted and counts for nobody. A party
that stood on a signal of its own is not marked: its evidence is older than the telling, and a mark that nobody needs
would be a permanent mark on an address.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby
from uuid import UUID

from sqlmodel import Session

from covenant_rules import retention
from covenant_rules.evaluate import decide, observed
from covenant_rules.model import Anchor, Covenant, Decision, Facts, LookUp, OwnSignal, Question, Signal
from service.disclosure.asking import FIRST_STAGE, Asking
from service.disclosure.conditions.known import NOTHING, Known, known_of, standing_of
from service.disclosure.conditions.standing import Standing
from service.signals import matching
from service.signals.matching import Neighbour, StoredSignal

__all__ = ["Subject", "looked_up", "own_subjects"]


@dataclass(frozen=True, slots=True)
class Subject:
    """One anchor and what is near it.

    `named` are the anchor's match key values by (match key, index), `handle` how the audit log names the subject.
    `signals` are by id; `matched` says by which match keys each is near, `sealed` which items its source sealed.
    """

    anchor: Anchor
    purposes: frozenset[str] | None
    """Those the anchor serves; None for all."""
    named: tuple[tuple[str, bytes], ...]
    handle: bytes
    signals: Mapping[str, Signal]
    matched: Mapping[str, tuple[str, ...]]
    sealed: Mapping[str, tuple[str, ...]]
    known: Known = NOTHING
    """What was released and approved here."""

    def has_evidence(self, viewer: str) -> bool:
        """Whether the viewer has observed something here itself: what it was told of others is no evidence."""
        return any(signal.party == viewer and observed(signal) for signal in self.signals.values())

    def has_others(self, viewer: str) -> bool:
        """Whether there is anything to decide."""
        return any(signal.party != viewer for signal in self.signals.values())

    def decide(self, asking: Asking, purpose: str) -> Decision:
        """What the asking party may see here for one purpose, now."""
        return decide(*self.question(asking, purpose))

    def question(self, asking: Asking, purpose: str) -> tuple[Question, Facts]:
        """The question for one purpose, now, with all that is known. Of cases nothing is: there are none yet."""
        facts = Facts(
            current=asking.current,
            versions=asking.versions,
            signals=frozenset(self.signals.values()),
            active=asking.active,
            released=self.known.released.get(purpose, frozenset()),
            approvals=self.known.approvals.get(purpose, frozenset()),
        )
        return Question(asking.viewer, purpose, FIRST_STAGE, asking.now, self.anchor), facts


def own_subjects(session: Session, asking: Asking, anchors: Sequence[UUID]) -> dict[UUID, Subject]:
    """The subjects of those of `anchors` that are live signals of the asking party's own, by anchor."""
    near = _kept(asking, matching.neighbours(session, asking.covenant_id, asking.viewer, anchors))
    own = {one.signal.signal_id: one for one in near if one.signal.signal_id == one.anchor}
    beside = standing_of(session, asking, _ids(near), {value for one in own.values() for value in _values(one)})
    signals = _signals(near, beside)
    return {
        anchor: _subject(
            asking,
            beside,
            signals,
            list(around),
            anchor=OwnSignal(str(anchor)),
            purposes=frozenset(own[anchor].signal.purposes),
            named=_values(own[anchor]),
            handle=_handle(
                asking.current, own[anchor].signal.subject_kind, {m.match_key: m.handle for m in own[anchor].matches}
            ),
        )
        for anchor, around in groupby(near, key=lambda neighbour: neighbour.anchor)
        if anchor is not None and anchor in own
    }


def looked_up(
    session: Session,
    asking: Asking,
    subject_kind: str,
    named: Sequence[tuple[str, bytes]],
    handles: Mapping[str, bytes],
) -> Subject:
    """A subject that is asked about without a signal, by (match key, index) and with its handles by match key."""
    wanted = [matching.Subject(match_key, index) for match_key, index in named]
    near = _kept(asking, matching.neighbours_of(session, asking.covenant_id, wanted))
    beside = standing_of(session, asking, _ids(near), named)
    return _subject(
        asking,
        beside,
        _signals(near, beside),
        near,
        anchor=LookUp(),
        purposes=None,
        named=tuple(named),
        handle=_handle(asking.current, subject_kind, handles),
    )


def _subject(
    asking: Asking,
    beside: Standing,
    signals: Mapping[UUID, Signal],
    near: Sequence[Neighbour],
    *,
    anchor: Anchor,
    purposes: frozenset[str] | None,
    named: tuple[tuple[str, bytes], ...],
    handle: bytes,
) -> Subject:
    """One of the subjects that `beside` and `signals` were read for, and who is near it."""
    subject = Subject(
        anchor=anchor,
        purposes=purposes,
        named=named,
        handle=handle,
        signals={str(one.signal.signal_id): signals[one.signal.signal_id] for one in near},
        matched={str(one.signal.signal_id): tuple(match.match_key for match in one.matches) for one in near},
        sealed={str(one.signal.signal_id): one.signal.sealed for one in near},
    )
    known = known_of(asking, beside, subject)
    return subject if known is NOTHING else replace(subject, known=known)


def _kept(asking: Asking, near: Iterable[Neighbour]) -> list[Neighbour]:
    """Those whose retention is not over, by the match keys that the current version gives both parties.

    A signal is gone when its last day is, whenever it is erased. A match key that a version has withdrawn matches no
    more, although what was submitted by it is still there.
    """
    ended: dict[tuple[str, str, date], bool] = {}

    def is_over(signal: StoredSignal) -> bool:
        key = signal.version, signal.category, signal.day
        if key not in ended:
            version, category, day = key
            ended[key] = retention.is_over(asking.versions.get(version), asking.current, category, day, asking.today)
        return ended[key]

    given: dict[tuple[str, str], frozenset[str]] = {}
    kept: list[Neighbour] = []
    for one in near:
        key = one.signal.subject_kind, one.signal.party
        if key not in given:
            given[key] = _match_keys(asking, *key)
        matches = tuple(match for match in one.matches if match.match_key in given[key])
        if matches and not is_over(one.signal):
            kept.append(one if len(matches) == len(one.matches) else replace(one, matches=matches))
    return kept


def _match_keys(asking: Asking, subject_kind: str, source: str) -> frozenset[str]:
    """Those that the current version gives both the asking party and the source."""
    keys, party = asking.current.match_keys.get(subject_kind), asking.current.parties.get(source)
    if keys is None or party is None or asking.kind is None:
        return frozenset()
    return frozenset(keys.kinds.get(party.kind, ())).intersection(keys.kinds.get(asking.kind, ()))


def _ids(near: Iterable[Neighbour]) -> frozenset[UUID]:
    return frozenset(one.signal.signal_id for one in near)


def _values(one: Neighbour) -> tuple[tuple[str, bytes], ...]:
    return tuple((match.match_key, match.index) for match in one.matches)


def _signals(near: Iterable[Neighbour], beside: Standing) -> dict[UUID, Signal]:
    """Each signal once, however many anchors it is near."""
    stored = {one.signal.signal_id: one.signal for one in near}
    return {signal_id: _known(signal, tainted=signal_id in beside.echoes) for signal_id, signal in stored.items()}


def _known(stored: StoredSignal, *, tainted: bool) -> Signal:
    return Signal(
        id=str(stored.signal_id),
        party=stored.party,
        category=stored.category,
        day=stored.day,
        purposes=frozenset(stored.purposes),
        version=stored.version,
        origins=frozenset(stored.origins),
        handling_codes=frozenset(stored.handling_codes),
        tainted=tainted,
    )


def _handle(covenant: Covenant, subject_kind: str, handles: Mapping[str, bytes]) -> bytes:
    """The handle by the covenant's anchor for this kind of subject, or by the first match key where there is none."""
    keys = covenant.match_keys.get(subject_kind)
    preferred = keys.anchor if keys is not None and keys.anchor in handles else min(handles)
    return handles[preferred]
