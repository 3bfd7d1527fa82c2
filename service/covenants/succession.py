"""Which version follows which, and from when: pure, and asked by each service for itself.

Versions form a chain. A new one names the last of the chain as its predecessor and says in its own text, which is what
was signed, from which day it holds. So nobody can move that day, and an approval that was not used by then is worth
nothing any more.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from clients.protocol.messages.governance import VersionStatus
from covenant_rules.dates import amsterdam_date
from covenant_rules.model import Covenant
from service.errors import Conflict

__all__ = ["Link", "check_day", "check_succession", "day_in_amsterdam", "status_of"]


@dataclass(frozen=True, slots=True)
class Link:
    """A version that was scheduled, and the day from which it is in force."""

    version: str
    number: int
    in_force_from: date


def day_in_amsterdam(moment: datetime) -> date:
    """The day on which `moment`, which must be aware, falls in Amsterdam."""
    day = amsterdam_date(moment)
    if day is None:
        raise ValueError("the clock gives no aware time")
    return day


def check_day(covenant: Covenant, today: date) -> None:
    """Raises Conflict for a version whose first day is over: rules hold for nothing that was before them."""
    if covenant.valid_from < today:
        raise Conflict(
            "version-back-dated",
            "the first day of the version's term is over; write a later one into a new draft",
            pointer="/document",
            parameters={"validFrom": covenant.valid_from.isoformat(), "today": today.isoformat()},
        )


def check_succession(covenant: Covenant, predecessor: str, last: Link) -> None:
    """Raises Conflict unless the version replaces the last of the chain, and not before that one begins."""
    if predecessor != last.version:
        raise Conflict(
            "predecessor-not-last",
            "the version was proposed in place of another one than the last; compare it with that and propose it anew",
            pointer="/predecessor",
            parameters={"last": last.version},
        )
    if covenant.valid_from < last.in_force_from:
        raise Conflict(
            "version-before-predecessor",
            "the version would be in force before the one it replaces",
            pointer="/document",
            parameters={"inForceFrom": last.in_force_from.isoformat()},
        )


def status_of(state: str, number: int | None, current: Link | None, valid_until: date, today: date) -> VersionStatus:
    """Where a version stands today, `current` being the version of the chain whose day has come last."""
    if state != "scheduled" or number is None:
        return VersionStatus(state)
    if current is None or number > current.number:
        return VersionStatus.SCHEDULED
    if number < current.number:
        return VersionStatus.SUPERSEDED
    return VersionStatus.ACTIVE if today <= valid_until else VersionStatus.EXPIRED
