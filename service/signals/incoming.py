"""A batch on its way in: what is known of each of its signals so far, and what will be answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from clients.protocol.messages.signals import (
    Fault,
    SignalBatch,
    SignalBatchResult,
    SignalResult,
    SignalStatus,
    SignalSubmission,
)
from covenant_rules.model import Covenant
from service.errors import LocatedFault
from service.signals.admission import Admitted
from service.signals.pseudonyms import Kept
from service.signals.repository import Known
from service.validation import faults_of

__all__ = ["ACCEPTED", "MOST_FAULTS", "NOT_LIVE", "REPLACED_TWICE", "Incoming", "Verdict"]

MOST_FAULTS = 20
"""Faults told of one signal, or of a batch that is refused as a whole."""

_ID_REUSED = LocatedFault("/signalId", "signal-id-reused", "the id was used for another signal; draw a new one")
_ID_TWICE = LocatedFault("/signalId", "signal-id-repeated", "the id stands twice in this batch, so neither was taken")
_WITHDRAWN = LocatedFault("/signalId", "withdrawn", "the signal has ended; submit a new one if it holds again")
NOT_LIVE = LocatedFault("/replaces", "replaces-not-live", "no live signal of this party has this id")
REPLACED_TWICE = LocatedFault("/replaces", "replaced-twice", "another signal of this batch replaces it")


@dataclass(frozen=True, slots=True)
class Verdict:
    status: SignalStatus
    faults: tuple[LocatedFault, ...] = ()


ACCEPTED, REPEATED = Verdict(SignalStatus.ACCEPTED), Verdict(SignalStatus.REPEATED)


def _rejected(*faults: LocatedFault) -> Verdict:
    return Verdict(SignalStatus.REJECTED, faults[:MOST_FAULTS])


@dataclass(slots=True)
class Incoming:
    """A batch on its way. `verdicts` fills up by index; what has none yet is still a candidate."""

    covenant: Covenant
    party: str
    batch: SignalBatch
    now: datetime
    ids: list[UUID | None]
    verdicts: dict[int, Verdict] = field(default_factory=dict)
    admitted: dict[int, Admitted] = field(default_factory=dict)
    kept: dict[int, list[Kept]] = field(default_factory=dict)

    def reject(self, index: int, *faults: LocatedFault) -> None:
        self.verdicts[index] = _rejected(*faults)
        self.admitted.pop(index, None)
        self.kept.pop(index, None)

    def settle_known(self, known: Mapping[UUID, Known]) -> None:
        """Gives every open signal whose id is taken its verdict."""
        for index, signal_id in enumerate(self.ids):
            if signal_id is None or signal_id not in known or index in self.verdicts:
                continue
            earlier = known[signal_id]
            if (earlier.party, earlier.leaf) != (self.party, self.batch.leaves[index]):
                self.reject(index, _ID_REUSED)
            elif earlier.state != "live":
                self.reject(index, _WITHDRAWN)
            else:
                self.verdicts[index] = REPEATED

    @property
    def open_leaves(self) -> dict[UUID, bytes]:
        """The leaves that were given for what has no verdict yet, by id."""
        leaves = zip(self.ids, self.batch.leaves, strict=True)
        return {
            signal_id: leaf
            for index, (signal_id, leaf) in enumerate(leaves)
            if signal_id is not None and index not in self.verdicts
        }

    def read(self) -> dict[int, SignalSubmission]:
        """The signals that have their form, by index. What has none, or an id that stands twice, is rejected."""
        signals: dict[int, SignalSubmission] = {}
        for index, raw in enumerate(self.batch.signals):
            try:
                signal = SignalSubmission.model_validate(raw)
            except ValidationError as error:
                self.ids[index] = _readable_id(raw)
                self.reject(index, *faults_of(error, most=MOST_FAULTS))
            else:
                self.ids[index] = signal.signal_id
                signals[index] = signal
        counted = Counter(signal_id for signal_id in self.ids if signal_id is not None)
        for index in signals:
            if counted[signals[index].signal_id] > 1:
                self.reject(index, _ID_TWICE)
        return signals

    def answer(self) -> SignalBatchResult:
        counted = Counter(verdict.status for verdict in self.verdicts.values())
        return SignalBatchResult(
            accepted=counted[SignalStatus.ACCEPTED],
            repeated=counted[SignalStatus.REPEATED],
            rejected=counted[SignalStatus.REJECTED],
            results=tuple(
                SignalResult(
                    index=index,
                    signal_id=self.ids[index],
                    status=verdict.status,
                    faults=tuple(
                        Fault(pointer=f"/signals/{index}{fault.pointer}", code=fault.code, detail=fault.detail)
                        for fault in verdict.faults
                    ),
                )
                for index, verdict in sorted(self.verdicts.items())
            ),
        )


def _readable_id(raw: Any) -> UUID | None:
    given = raw.get("signalId") if isinstance(raw, dict) else None
    try:
        return UUID(given) if isinstance(given, str) else None
    except ValueError:
        return None
