"""From what was counted to signs of misuse: pure.

A party, or an employee of one, is compared with its own past and with nobody else. What is found in windows that
overlap is one sign. There is no score, and no order but that of the days.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from math import sqrt

from service.audit.misuse.rules import HitRate, MisuseRules, Nights, NoFollowUp, RepeatedSubject, UnusualVolume
from service.audit.misuse.windows import Series, Usual, Window, slide

__all__ = ["Counted", "Day", "FollowUp", "Sign", "SubjectDay", "Who", "longest_past", "signs"]


@dataclass(frozen=True, slots=True, order=True)
class Who:
    """A party as a whole, or one employee of it; and the subject, where it is about one."""

    party: str
    actor: str = ""
    handle: bytes = b""

    @property
    def name(self) -> str:
        return f"{self.party}, {self.actor}" if self.actor else self.party


@dataclass(frozen=True, slots=True)
class Day:
    """What one employee of a party did on one day in Amsterdam; or one who was not named, with no `actor`."""

    party: str
    actor: str
    day: date
    questions: int = 0
    answered: int = 0
    """Questions that were decided and not refused."""
    shown: int = 0
    """Of these, those that showed something."""
    nights: int = 0
    submissions: int = 0
    openings: int = 0


@dataclass(frozen=True, slots=True)
class SubjectDay:
    """How often an employee turned to one subject on one day."""

    party: str
    actor: str
    handle: bytes
    day: date
    times: int


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A party's look-ups of one day that showed something: how many, and how many of them nothing came of."""

    party: str
    day: date
    lookups: int
    idle: int


@dataclass(frozen=True, slots=True)
class Counted:
    """What the log gave, from `longest_past` before the first day asked about."""

    days: Sequence[Day] = ()
    subjects: Sequence[SubjectDay] = ()
    follow_ups: Sequence[FollowUp] = ()


@dataclass(frozen=True, slots=True)
class Sign:
    """Something out of the ordinary, from `first` to `last`. `measure` says what was counted."""

    rule: str
    measure: str
    who: Who
    first: date
    last: date
    observed: float
    usual: float | None
    limit: float
    words: str


def longest_past(rules: MisuseRules) -> timedelta:
    """How long before the first day asked about counting must begin."""
    compared = (rules.unusual_volume, rules.hit_rate, rules.nights)
    pasts = [timedelta(days=rule.window_days, weeks=rule.baseline_weeks) for rule in compared if rule is not None]
    counted = (rules.repeated_subject, rules.no_follow_up)
    return max(
        [*pasts, *(timedelta(days=rule.window_days) for rule in counted if rule is not None)], default=timedelta()
    )


def signs(rules: MisuseRules, counted: Counted, first: date, last: date) -> tuple[Sign, ...]:
    """Every sign in windows that end from `first` to `last`, in the order of days."""
    found: list[Sign] = []
    by_who = _by_who(counted.days)
    if rules.unusual_volume is not None:
        for measure in rules.unusual_volume.of:
            found += _volume(rules.unusual_volume, measure, by_who, first, last)
    if rules.hit_rate is not None:
        found += _hit_rate(rules.hit_rate, by_who, first, last)
    if rules.repeated_subject is not None:
        found += _repeated(rules.repeated_subject, counted.subjects, first, last)
    if rules.no_follow_up is not None:
        found += _no_follow_up(rules.no_follow_up, counted.follow_ups, first, last)
    if rules.nights is not None:
        found += _nights(rules.nights, by_who, first, last)
    return tuple(sorted(found, key=lambda sign: (sign.last, sign.rule, sign.measure, sign.who)))


_ByWho = Mapping[Who, Mapping[date, Day]]


def _volume(rule: UnusualVolume, measure: str, by_who: _ByWho, first: date, last: date) -> Iterator[Sign]:
    def look(who: Who, window: Window) -> Sign | None:
        observed, usual = window.sum, window.usual(rule.baseline_weeks)
        if usual is None or not _exceeds(rule, observed, usual):
            return None
        words = (
            f"{who.name}: {observed} {measure} in {rule.window_days} days; "
            f"in the {rule.baseline_weeks} weeks before, {usual.median:g} in as many days were usual"
        )
        limit = max(rule.times * usual.median, rule.least)
        return Sign("unusual-volume", measure, who, window.first, window.last, observed, usual.median, limit, words)

    for who, days in by_who.items():
        series = Series({day: getattr(done, measure) for day, done in days.items()})
        yield from slide(series, rule.window_days, first, last, partial(look, who), _distance)


def _hit_rate(rule: HitRate, by_who: _ByWho, first: date, last: date) -> Iterator[Sign]:
    def look(who: Who, shown: Series, window: Window) -> Sign | None:
        past, asked = window.past(rule.baseline_weeks), window.sum
        before = 0 if past is None else past.sum
        if past is None or asked < rule.least or before < rule.least:
            return None
        usual = shown.between(past.first, past.last) / before
        share = shown.between(window.first, window.last) / asked
        # Of two shares that are one by nature; with one success at least, so that a past without any allows for some.
        spread = sqrt(max(usual * (1 - usual), 1 / before) * (1 / asked + 1 / before))
        if abs(share - usual) <= max(rule.difference, rule.deviations * spread):
            return None
        words = (
            f"{who.name}: {share:.0%} of {asked} questions showed something; "
            f"in the {rule.baseline_weeks} weeks before it was {usual:.0%} of {before}"
        )
        limit = usual + (rule.difference if share > usual else -rule.difference)
        return Sign("hit-rate", "questions", who, window.first, window.last, share, usual, limit, words)

    for who, days in by_who.items():
        answered = Series({day: done.answered for day, done in days.items()})
        shown = Series({day: done.shown for day, done in days.items()})
        yield from slide(answered, rule.window_days, first, last, partial(look, who, shown), _distance)


def _repeated(rule: RepeatedSubject, subjects: Iterable[SubjectDay], first: date, last: date) -> Iterator[Sign]:
    def look(who: Who, window: Window) -> Sign | None:
        observed, days = window.sum, window.busy_days
        if observed < rule.least or days < rule.days:
            return None
        words = f"{who.name}: turned to one subject {observed} times on {days} days"
        return Sign("repeated-subject", "subject", who, window.first, window.last, observed, None, rule.least, words)

    by_subject: dict[Who, dict[date, int]] = defaultdict(dict)
    for one in subjects:
        by_subject[Who(one.party, one.actor, one.handle)][one.day] = one.times
    for who, times in by_subject.items():
        if sum(times.values()) < rule.least:
            continue  # as nearly all of them
        yield from slide(Series(times), rule.window_days, first, last, partial(look, who), _distance)


def _no_follow_up(rule: NoFollowUp, follow_ups: Iterable[FollowUp], first: date, last: date) -> Iterator[Sign]:
    def look(who: Who, idle: Series, window: Window) -> Sign | None:
        lookups = window.sum
        without = idle.between(window.first, window.last)
        if lookups < rule.least or without <= rule.share * lookups:
            return None
        words = (
            f"{who.name}: {without} of {lookups} look-ups that showed something were followed by nothing "
            f"within {rule.within_days} days"
        )
        share = without / lookups
        return Sign("no-follow-up", "look-ups", who, window.first, window.last, share, None, rule.share, words)

    by_party: dict[Who, list[FollowUp]] = defaultdict(list)
    for one in follow_ups:
        by_party[Who(one.party)].append(one)
    for who, days in by_party.items():
        idle = Series({one.day: one.idle for one in days})
        lookups = Series({one.day: one.lookups for one in days})
        yield from slide(lookups, rule.window_days, first, last, partial(look, who, idle), _distance)


def _nights(rule: Nights, by_who: _ByWho, first: date, last: date) -> Iterator[Sign]:
    def look(who: Who, window: Window) -> Sign | None:
        observed, usual = window.sum, window.usual(rule.baseline_weeks)
        if usual is None or not _exceeds(rule, observed, usual):
            return None
        words = (
            f"{who.name}: {observed} questions between {rule.from_hour}:00 and {rule.until_hour}:00 "
            f"in {rule.window_days} days; before, {usual.median:g} in as many days were usual"
        )
        limit = max(rule.times * usual.median, rule.least)
        return Sign("nights", "nights", who, window.first, window.last, observed, usual.median, limit, words)

    for who, days in by_who.items():
        series = Series({day: done.nights for day, done in days.items()})
        yield from slide(series, rule.window_days, first, last, partial(look, who), _distance)


def _exceeds(rule: UnusualVolume | Nights, observed: int, usual: Usual) -> bool:
    """Whether it is many, many times the usual, and more than chance brings about."""
    many = observed >= rule.least and observed > rule.times * usual.median
    return many and usual.deviations(observed) > rule.deviations


def _distance(sign: Sign) -> float:
    """Chooses between windows of one sign; never between two who."""
    return abs(sign.observed - (sign.usual or 0.0))


def _by_who(days: Iterable[Day]) -> dict[Who, dict[date, Day]]:
    """The days of each employee, and of each party with all its employees together."""
    found: dict[Who, dict[date, Day]] = defaultdict(dict)
    for one in days:
        for who in {Who(one.party, one.actor), Who(one.party)}:
            known = found[who].get(one.day, Day(who.party, who.actor, one.day))
            found[who][one.day] = Day(
                who.party,
                who.actor,
                one.day,
                known.questions + one.questions,
                known.answered + one.answered,
                known.shown + one.shown,
                known.nights + one.nights,
                known.submissions + one.submissions,
                known.openings + one.openings,
            )
    return found
