"""What is known of releases and approvals when questions are decided, for many subjects at once.

A derived signal is released when its source has released it and each origin has released all that it has itself
observed of the subject for the purpose: what an origin keeps to itself does not leave by another door. An approval
holds while its party takes part and has a live signal on the subject.

Under a covenant that asks for neither, nothing is looked up.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from sqlmodel import Session

from covenant_rules.model import Covenant, Signal
from service.disclosure.asking import Asking
from service.disclosure.conditions import repository
from service.disclosure.conditions.approval_repository import Approved, approved

__all__ = ["Known", "NOTHING", "approvals_asked_for", "is_released", "known_of", "releases_asked_for", "taken_back"]


@dataclass(frozen=True, slots=True)
class Known:
    """By purpose: the signals released to the asking party, and the kinds that have approved."""

    released: Mapping[str, frozenset[str]] = field(default_factory=dict)
    approvals: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def has(self, other: Known, purpose: str) -> bool:
        """Whether all that `other` knows for the purpose is known here."""
        return all(
            theirs.get(purpose, frozenset()) <= ours.get(purpose, frozenset())
            for theirs, ours in ((other.released, self.released), (other.approvals, self.approvals))
        )


NOTHING = Known()


class About(Protocol):
    """What a subject is known by, and the signals on it."""

    @property
    def named(self) -> tuple[tuple[str, bytes], ...]: ...
    @property
    def signals(self) -> Mapping[str, Signal]: ...


def known_of(session: Session, asking: Asking, subjects: Sequence[About], *, hold: bool = False) -> list[Known]:
    """What is known of each subject. With `hold`, nobody can take anything of it back until the transaction ends."""
    covenants = (asking.current, *asking.versions.values())
    given: frozenset[tuple[UUID, str]] = frozenset()
    if releases_asked_for(covenants):
        near = {UUID(name) for subject in subjects for name in subject.signals}
        given = repository.released(session, asking.covenant_id, asking.viewer, near, hold=hold)
    agreed: frozenset[Approved] = frozenset()
    if approvals_asked_for(covenants):
        named = {value for subject in subjects for value in subject.named}
        agreed = approved(session, asking.covenant_id, named, hold=hold)
    if not given and not agreed:
        return [NOTHING] * len(subjects)
    released = {(str(signal), purpose) for signal, purpose in given}
    return [_known(asking, subject, released, agreed) for subject in subjects]


def releases_asked_for(covenants: Iterable[Covenant]) -> bool:
    """Whether any permit waits for a source."""
    return any(rule.when.source_released for covenant in covenants for rule in covenant.rules)


def approvals_asked_for(covenants: Iterable[Covenant]) -> frozenset[str]:
    """The kinds whose approval any permit waits for."""
    return frozenset[str]().union(*(rule.when.approved_by for covenant in covenants for rule in covenant.rules))


def taken_back(
    session: Session, asking: Asking, purpose: str, signals: Collection[UUID], since: datetime
) -> frozenset[UUID]:
    """Those of the signals that their source has refused to the asking party after `since`."""
    return repository.taken_back(session, asking.covenant_id, asking.viewer, purpose, signals, since)


def _known(
    asking: Asking, subject: About, released: Collection[tuple[str, str]], agreed: Collection[Approved]
) -> Known:
    signals = subject.signals.values()
    present = {signal.party for signal in signals} & asking.active
    values = frozenset(subject.named)
    kinds: dict[str, set[str]] = {}
    for one in agreed:
        party = asking.current.parties.get(one.party)
        if party is not None and one.party in present and (one.match_key, one.index) in values:
            kinds.setdefault(one.purpose, set()).add(party.kind)
    return Known(
        released={
            purpose: frozenset(s.id for s in signals if is_released(s, purpose, signals, released, asking.viewer))
            for purpose in {purpose for _, purpose in released}
        },
        approvals={purpose: frozenset(found) for purpose, found in kinds.items()},
    )


def is_released(
    signal: Signal, purpose: str, signals: Collection[Signal], released: Collection[tuple[str, str]], viewer: str
) -> bool:
    """Whether the viewer may see it so far as that takes a release. `released` are signals with purposes, by source."""
    if (signal.id, purpose) not in released:
        return False
    for origin in signal.origins - {viewer}:
        own = [s.id for s in signals if s.party == origin and not s.origins and purpose in s.purposes]
        if not own or any((name, purpose) not in released for name in own):
            return False
    return True
