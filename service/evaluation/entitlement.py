"""What the covenant lets a party have evaluated: under which match keys, and how many elements a day.

Officers of a covenant are one party here (`clients.protocol.officers`): every match key is theirs, for a citizen may be
known by any, and so little of each that nobody goes through a street.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from clients.protocol.officers import OFFICERS
from covenant_rules.dates import amsterdam_date
from covenant_rules.model import Covenant
from service.errors import QuotaExceeded, Refused

__all__ = ["OFFICERS_QUOTA", "daily_limit", "match_keys_of", "refuse_foreign", "require_in_force", "spent"]

OFFICERS_QUOTA = 320
"""Elements a day and match key for all officers of a covenant together: twenty citizens, each padded to sixteen."""


def match_keys_of(covenant: Covenant, party: str) -> frozenset[str]:
    """The match keys that a version gives a party, by its kind; to officers all, and none to who is no party of it."""
    if party == OFFICERS:
        return frozenset[str]().union(*(match_keys_of(covenant, each) for each in covenant.parties))
    signatory = covenant.parties.get(party)
    if signatory is None:
        return frozenset()
    return frozenset(name for keys in covenant.match_keys.values() for name in keys.kinds.get(signatory.kind, ()))


def refuse_foreign(covenant: Covenant, party: str, match_key: str) -> None:
    """Raises Refused for a match key that the covenant does not give the party."""
    if match_key not in match_keys_of(covenant, party):
        raise Refused("match-key-not-allowed", "the covenant gives this party no such match key", pointer="/matchKey")


def daily_limit(covenant: Covenant, party: str) -> int:
    """Elements that the party may have evaluated of each match key in one day."""
    if party == OFFICERS:
        return OFFICERS_QUOTA
    return covenant.quotas.tokens.get(covenant.parties[party].kind, 0)


def require_in_force(covenant: Covenant, now: datetime) -> date:
    """The day in Amsterdam, to which uses are counted. Raises Refused on a day that the covenant is not for."""
    today = amsterdam_date(now)
    if today is None or not covenant.valid_from <= today <= covenant.valid_until:
        raise Refused("covenant-not-in-force", "the covenant is not in force today")
    return today


def spent(today: date, now: datetime) -> QuotaExceeded:
    """The refusal of a party that has had its number of today; it holds until midnight in Amsterdam."""
    return QuotaExceeded(
        "quota-tokens-spent",
        "the covenant allows no more evaluations today",
        retry_after=max(1, round((_midnight_after(today) - now).total_seconds())),
    )


def _midnight_after(day: date) -> datetime:
    """The moment at which `day` ends in Amsterdam, one or two hours before it ends in UTC."""
    tomorrow = datetime.combine(day + timedelta(days=1), time(), UTC)
    return min(moment for hours in (1, 2) if amsterdam_date(moment := tomorrow - timedelta(hours=hours)) != day)
