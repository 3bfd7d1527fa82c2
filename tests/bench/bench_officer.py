"""How long an officer waits for a filtered page of a long log, over HTTP, its own audit entry included.

    python -m tests.bench.bench_officer [--full] [--rounds 20]

A million entries of two years, ten million with `--full`. Each request is signed, authenticated, searched, put on
record and answered, through the broker's own app in this process; only the network is missing. Searches of every kind
take turns, each time with other values, the last with two qualifiers that are both frequent and never meet: of these a
page may end early and say where to go on (`service.audit.search`), and it is counted how often. Then every combination
of qualifiers is searched once, and PostgreSQL asked whether it has an index for it.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import structlog
from sqlalchemy import text

from clients.protocol.encoding import b64u_encode
from service.broker.tables import metadata
from service.storage.database import Database
from service.storage.embedded import EmbeddedPostgres
from tests.bench.audit_log import COVENANT, fill, handle_of
from tests.bench.audit_plans import Combination, every_combination
from tests.kit import open_stage
from tests.kit.disclosure import World
from tests.officer.office import Office

LIMIT_MS = 300
PARTIES = ("municipality", "police", "housing-north", "housing-south")
DAYS = 730


@dataclass
class Draw:
    """Values to search for. `rows` is how long the log is."""

    random: Random
    rows: int
    until: datetime

    def party(self) -> str:
        return self.random.choice(PARTIES)

    def purpose(self) -> str:
        return self.random.choice(("nuisance", "support"))

    def actor(self) -> str:
        return f"{self.party()}.desk-{self.random.randrange(1, 40)}"

    def handle(self) -> str:
        return b64u_encode(handle_of(self.random.randrange(self.rows // 10)))

    def day(self) -> str:
        return (self.until - timedelta(days=self.random.randrange(1, DAYS))).date().isoformat()

    def week(self) -> str:
        first = self.until - timedelta(days=self.random.randrange(8, DAYS))
        return f"{first.date()}..{(first + timedelta(days=7)).date()}"


KINDS: Mapping[str, Callable[[Draw], str]] = {
    "everything": lambda _: "",
    "a party": lambda draw: f"party:{draw.party()}",
    "a party that asks seldom": lambda _: "party:care-team",
    "an employee": lambda draw: f"actor:{draw.actor()}",
    "an employee and an action": lambda draw: f"actor:{draw.actor()} action:look-up",
    "an action": lambda draw: f"action:{draw.random.choice(('disclosure', 'look-up', 'grant', 'hits', 'submission'))}",
    "a purpose that is seldom served": lambda _: "purpose:drug-premises",
    "refusals": lambda _: "outcome:refused",
    "refusals of a party": lambda draw: f"outcome:refused party:{draw.party()}",
    "a rule": lambda draw: f"rule:{draw.party()}-sees-{draw.purpose()}",
    "a rule of one week, a year ago": lambda _: "rule:one-week",
    "a subject": lambda draw: f"handle:{draw.handle()}",
    "a subject and a party": lambda draw: f"handle:{draw.handle()} party:{draw.party()}",
    "source, purpose and outcome": lambda draw: f"source:police purpose:{draw.purpose()} outcome:shown",
    "party, purpose, outcome, rule": lambda draw: "party:police purpose:support outcome:shown rule:police-sees-support",
    "a party in some week": lambda draw: f"party:{draw.party()} created:{draw.week()}",
    "an employee and a purpose, up to some day": lambda draw: (
        f"actor:{draw.actor()} purpose:{draw.purpose()} created:..{draw.day()}"
    ),
    "what never happens": lambda draw: f"party:{draw.party()} event:hits-read-empty outcome:shown",
}


@dataclass
class Measured:
    """Milliseconds of pages, how many entries they had, and how many ended early."""

    milliseconds: list[float] = field(default_factory=list)
    entries: int = 0
    early: int = 0


def page(office: Office, query: str, measured: Measured) -> None:
    begun = time.perf_counter()
    response = office.post("/audit-searches", {"query": query, "limit": 50})
    measured.milliseconds.append((time.perf_counter() - begun) * 1000)
    if response.status_code != 200:
        raise SystemExit(response.text)
    answer: dict[str, Any] = response.json()
    measured.entries += len(answer["entries"])
    measured.early += len(answer["entries"]) < 50 and "nextCursor" in answer


def percentile(values: list[float], share: int) -> float:
    return statistics.quantiles(values, n=100)[share - 1] if len(values) > 1 else values[0]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--full", action="store_true", help="ten million entries instead of one")
    parser.add_argument("--rows", type=int, help="another number of entries")
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    rows = options.rows or (10_000_000 if options.full else 1_000_000)
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    with tempfile.TemporaryDirectory() as directory, EmbeddedPostgres(Path(directory) / "postgresql") as postgres:
        url = postgres.url("officer")
        database = Database(url, statement_timeout=None)
        metadata.create_all(database.engine)
        # The stage's clock stands at 2026-11-22 and goes on by itself; the log ends just before it.
        until = datetime(2026, 11, 22, 9, tzinfo=UTC)
        with open_stage(url, Path(directory), sequencer=False) as stage:
            office = Office.open(World(stage))
            begun = time.perf_counter()
            with database.transaction() as session:
                fill(session, rows, until=until, days=DAYS)
            with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text("VACUUM ANALYZE audit_entry"))
                connection.execute(text("VACUUM ANALYZE audit_leaf"))
                size = connection.execute(text("SELECT pg_total_relation_size('audit_entry')")).scalar_one()
            print(f"{rows:,} entries of {COVENANT}, {size / 1e9:.1f} GB with indexes, made in", end=" ")
            print(f"{time.perf_counter() - begun:.0f} s; {options.rounds} rounds of {len(KINDS)} searches.\n")
            draw = Draw(Random(22), rows, until)
            results = {kind: Measured() for kind in KINDS}
            for _ in range(options.rounds):
                for kind, query in KINDS.items():
                    page(office, query(draw), results[kind])
            engine = stage.context.database.engine
            combined = list(every_combination(engine, lambda query: page(office, query, Measured())))
        database.dispose()
    p95 = tell(results)
    scanned = tell_combined(combined)
    print(f"Limit: {LIMIT_MS} ms at the 95th percentile.")
    return 0 if p95 < LIMIT_MS and not scanned else 1


def tell(results: Mapping[str, Measured]) -> float:
    """The table; returns the 95th percentile of all pages."""
    print("| search | median ms | 95 % | longest | ended early |")
    print("|---|--:|--:|--:|--:|")
    for kind, measured in results.items():
        took = measured.milliseconds
        print(
            f"| {kind} | {statistics.median(took):.0f} | {percentile(took, 95):.0f} | {max(took):.0f} | "
            f"{measured.early} of {len(took)} |"
        )
    took = [one for measured in results.values() for one in measured.milliseconds]
    p95 = percentile(took, 95)
    early = sum(measured.early for measured in results.values())
    print(f"| **all** | {statistics.median(took):.0f} | **{p95:.0f}** | {max(took):.0f} | {early} of {len(took)} |")
    return p95


def tell_combined(combined: list[Combination]) -> list[Combination]:
    """How the combinations fared; returns those that read a whole table."""
    took = [one.milliseconds for one in combined]
    slowest = max(combined, key=lambda one: one.milliseconds)
    names = " ".join(term.partition(":")[0] + ":" for term in slowest.query.split())
    print(
        f"\nAll {len(combined):,} combinations of the qualifiers, a page each: {statistics.median(took):.0f} ms, ",
        end="",
    )
    print(f"95 % within {percentile(took, 95):.0f} ms, the longest {slowest.milliseconds:.0f} ms (`{names}`);", end=" ")
    scanned = [one for one in combined if one.scans]
    print("no plan reads a whole table." if not scanned else f"{len(scanned)} read a whole table:")
    for one in scanned:
        print(f"- `{one.query}`: {', '.join(one.scans)}")
    print()
    return scanned


if __name__ == "__main__":
    sys.exit(main())
