"""The terms that come with what is seen: who may see the audit entry, and what the recipient or the broker owes.

They travel with a told hit as JSON, so that the entry about its telling can be written without deciding again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date

from covenant_rules.dates import add
from covenant_rules.model import AuditSight, Decision, Duration
from service.disclosure.answers import Decided
from service.disclosure.asking import Asking, new_id
from service.disclosure.tables import Notice

__all__ = ["NOTIFY_SOURCE", "Terms", "narrowest", "notices_of"]

NOTIFY_SOURCE = "notify_source"


@dataclass(frozen=True, slots=True)
class Terms:
    """Of one visible signal: its source as the log may know it, and the decision's sight and obligations."""

    source: str
    sight: AuditSight
    obligations: frozenset[str]

    def store(self) -> str:
        confidential = self.sight.confidential
        return json.dumps(
            {
                "source": self.source,
                "sight": {
                    "source": sorted(self.sight.source),
                    "recipient": sorted(self.sight.recipient),
                    "confidential": confidential and [confidential.years, confidential.months, confidential.days],
                },
                "obligations": sorted(self.obligations),
            },
            separators=(",", ":"),
        )

    @classmethod
    def restore(cls, stored: str) -> Terms:
        read = json.loads(stored)
        sight = read["sight"]
        return cls(
            source=read["source"],
            sight=AuditSight(
                source=frozenset(sight["source"]),
                recipient=frozenset(sight["recipient"]),
                confidential=None if sight["confidential"] is None else Duration(*sight["confidential"]),
            ),
            obligations=frozenset(read["obligations"]),
        )


def narrowest(sights: Iterable[AuditSight], today: date) -> AuditSight:
    """What all of `sights` allow, as rule 11 has it within one decision. Of none: nothing for a source."""
    every = list(sights)
    if not every:
        return AuditSight()
    durations = {sight.confidential for sight in every if sight.confidential is not None}
    return AuditSight(
        source=frozenset.intersection(*(sight.source for sight in every)),
        recipient=frozenset.intersection(*(sight.recipient for sight in every)),
        confidential=max(durations, key=lambda d: (add(today, d), d.years, d.months, d.days), default=None),
    )


def notices_of(
    asking: Asking,
    purpose: str,
    decision: Decision,
    shown: Iterable[tuple[Decided, str]],
    random: Callable[[int], bytes],
) -> list[Notice]:
    """A notice per shown signal to its source, where the covenant obliges: with the fields it may know, when it may.

    `shown` names the source of each. The source of a derived signal is the party that derived it; its origins do not
    know that the signal exists.
    """
    if NOTIFY_SOURCE not in decision.obligations:
        return []
    allowed, confidential = decision.audit.source, decision.audit.confidential
    visible_from = asking.today if confidential is None else add(asking.today, confidential)
    return [
        Notice(
            covenant_id=asking.covenant_id,
            source=source,
            visible_from=visible_from,
            notice_id=new_id(random),
            signal_id=what.signal_id,
            day=asking.today if "day" in allowed else None,
            party=asking.viewer if "party" in allowed else None,
            purpose=purpose if "purpose" in allowed else None,
            items=list(what.items) if "items" in allowed else None,
        )
        for what, source in shown
    ]
