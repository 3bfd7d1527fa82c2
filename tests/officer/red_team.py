"""Somebody fishes: a log of ordinary weeks, and in the last of them one party asks more than it has reason to.

    python -m tests.officer.red_team [--times 3] [--seed 1] [--by party]

The ordinary is noisy as offices are: a rhythm of the week, quiet and busy employees, holidays, night shifts of the
police, subjects that a case worker comes back to. The fisher guesses: it asks about subjects that nobody else has
anything on, does nothing with what it finds, and keeps to office hours so as not to be seen. The rules that are shipped
are told nothing of it.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from random import Random

from service.audit.misuse.service import Finding, Misuse
from service.audit.record import AuditRecord
from service.principals import Principal, Role
from service.storage.database import Database
from service.storage.embedded import EmbeddedPostgres
from tests.officer.logs import METADATA, C, Scribe

UNTIL = datetime(2026, 11, 22, 22, tzinfo=UTC)
WEEKS = 12
OFFICER = Principal("officer-1", Role.OFFICER, None, C)


@dataclass
class Neighbourhood:
    """What happens in `WEEKS` weeks. `fished` is how many times its usual the fisher asks in the last one."""

    random: Random
    fished: float = 1.0
    by_party: bool = False
    """Whether the whole party fishes, or one employee of it."""
    rates: dict[tuple[str, str], float] = field(default_factory=dict)
    """Questions a working day, by party and employee."""

    def __post_init__(self) -> None:
        for party, employees in (("municipality", 8), ("police", 6), ("housing-north", 3), ("care-team", 2)):
            for number in range(employees):
                self.rates[party, f"desk-{number + 1}"] = self.random.choice((1.0, 3.0, 6.0))
        self.rates["police", "desk-1"] = 6.0

    def records(self, scribe: Scribe) -> Iterator[tuple[datetime, AuditRecord]]:
        """Everything, in the order of time."""
        happened = []
        for (party, actor), rate in self.rates.items():
            holiday = self.random.randrange(WEEKS - 1)
            for number in range(WEEKS * 7):
                day = UNTIL - timedelta(days=WEEKS * 7 - number)
                working = day.weekday() < 5 and number // 7 != holiday
                usual = rate if working else rate / 20
                happened += self._day(scribe, party, actor, day, self._poisson(usual))
                if number >= (WEEKS - 1) * 7 and self.fished > 1 and working and self._fishes(party, actor):
                    happened += self._fishing(scribe, party, actor, day, self._poisson(usual * (self.fished - 1)))
        yield from sorted(happened, key=lambda one: one[0])

    def _fishes(self, party: str, actor: str) -> bool:
        return party == "police" and (self.by_party or actor == "desk-1")

    def _day(
        self, scribe: Scribe, party: str, actor: str, day: datetime, questions: int
    ) -> list[tuple[datetime, AuditRecord]]:
        done = []
        for _ in range(questions):
            night = party == "police" and self.random.random() < 0.1
            moment = self._moment(day, night=night)
            subject = self.random.randrange(40) if self.random.random() < 0.5 else self.random.randrange(4000)
            event = "look-up-decided" if party == "police" and self.random.random() < 0.3 else "disclosure-decided"
            shown = self.random.random() < 0.6
            sources = ("municipality" if party != "municipality" else "police",) if shown else ()
            done.append((moment, scribe.disclosure(party, subject=subject, sources=sources, event=event, actor=actor)))
            if event == "look-up-decided" and shown and self.random.random() < 0.7:
                later = moment + timedelta(hours=self.random.randrange(1, 70))
                done.append((min(later, UNTIL), scribe.submission(party, subject=subject, actor=actor)))
            if self.random.random() < 0.1:
                done.append((moment, scribe.submission(party, subject=subject, actor=actor)))
        return done

    def _fishing(
        self, scribe: Scribe, party: str, actor: str, day: datetime, questions: int
    ) -> list[tuple[datetime, AuditRecord]]:
        return [
            (
                self._moment(day, night=False),
                scribe.disclosure(
                    party,
                    subject=self.random.randrange(10_000, 90_000),
                    sources=("municipality",) if self.random.random() < 0.05 else (),
                    event="look-up-decided",
                    actor=actor,
                ),
            )
            for _ in range(questions)
        ]

    def _moment(self, day: datetime, *, night: bool) -> datetime:
        """To the hour: so entries are written some at once, which is quicker."""
        hour = self.random.choice((22, 23)) if night else self.random.randrange(8, 17)
        return datetime.combine(day.date(), time(hour - 1), UTC)

    def _poisson(self, mean: float) -> int:
        limit, number, product = math.exp(-mean), 0, self.random.random()
        while product > limit:
            number += 1
            product *= self.random.random()
        return number


def found_in(database: Database, neighbourhood: Neighbourhood) -> tuple[Finding, ...]:
    """Writes the log of the neighbourhood, and what an officer finds in it with the rules that are shipped."""
    scribe = Scribe(database, random=neighbourhood.random, now=UNTIL)
    scribe.write_at(neighbourhood.records(scribe))
    with database.transaction() as session:
        misuse = Misuse(scribe.writer(), clock=lambda: UNTIL)
        _, _, findings = misuse.findings(session, C, None, None, by=OFFICER, trace=None)
    return findings


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--times", type=float, default=3.0, help="how much more than usual is asked")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--by", choices=("employee", "party"), default="employee", help="who fishes")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory, EmbeddedPostgres(directory, durable=False) as postgres:
        for times in (1.0, options.times):
            database = Database(postgres.create(f"times_{times:.0f}"))
            METADATA.create_all(database.engine)
            town = Neighbourhood(Random(options.seed), times, by_party=options.by == "party")
            print(f"\n{'An ordinary week' if times == 1 else f'A week with fishing at {times:g} times the usual'}:")
            for finding in found_in(database, town):
                print(f"  [{finding.sign.rule}] {finding.sign.words} ({finding.total} entries)")
            database.dispose()


if __name__ == "__main__":
    main()
