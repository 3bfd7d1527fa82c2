"""What is known of releases and approvals when questions are decided, for many subjects at once.

A derived signal is released when its source has released it and each origin has released all that it has itself
observed of the subject for the purpose: what an origin keeps to itself does not leave by another door. An approval
holds while its party takes part and has a live signal on the subject.

Under a covenant that asks for neither, nothing is looked up.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from sqlmodel import Session

from covenant_rules.model import Covenant, Signal
from service.disclosure.asking import Asking
from service.disclosure.conditions import repository
from service.disclosure.conditions.standing import Approved, Standing, standing

__all__ = [
    "NOTHING",
    "Known",
    "approvals_asked_for",
    "is_released",
    "known_of",
    "releases_asked_for",
    "standing_of",
    "taken_back",
]


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


def standing_of(
    session: Session,
    asking: Asking,
    signals: Collection[UUID],
    values: Iterable[tuple[str, bytes]],
    *,
    hold: bool = False,
) -> Standing:
    """What is kept of the signals, and of subjects given as (match key, index).

    With `hold`, nobody can take anything of it back until the transaction ends.
    """
    covenants = (asking.current, *asking.versions.values())
    return standing(
        session,
        asking.covenant_id,
        asking.viewer,
        signals,
        releasable=signals if releases_asked_for(covenants) else (),
        approvable=values if approvals_asked_for(covenants) else (),
        hold=hold,
    )


def known_of(asking: Asking, kept: Standing, subject: About) -> Known:
    """What is known of one of the subjects that `kept` was read for."""
    if not kept.released and not kept.approved:
        return NOTHING
    return _known(asking, subject, {(str(signal), purpose) for signal, purpose in kept.released}, kept.approved)


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
