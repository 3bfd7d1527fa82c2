"""The story that `covenantd demo` tells: five parties, one covenant, and who gets to see what."""

from __future__ import annotations

import csv
import os
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.table import Table

from clients.sdk import Refused, Session
from clients.sdk.errors import VerificationError
from clients.sdk.opening import NotOpened
from clients.sdk.records import COLUMNS, Record, Rejected
from clients.sdk.session import KnownHit
from covenant_rules.model import Covenant
from service.demo.comparison import Comparison, collect_hits, compare, references
from service.demo.oracle import findings
from service.demo.papers import Kept
from service.demo.proof import prove_logs
from service.demo.refusals import Attempt, attempts
from service.demo.system import OFFICER, Running
from service.demo.thief import Loot, stolen_database, stolen_tokens

FIELDS_OPENED_EACH = 3
"""Records of which each party opens the fields: enough to see it, few enough to end soon."""
_ROWS_EACH = 3
"""Opened fields of each party that the story shows, no two alike."""


@dataclass(slots=True)
class Counts:
    """What happened, for `--json`."""

    records: int = 0
    submitted: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    hits: dict[str, int] = field(default_factory=dict)
    items_agreed: int = 0
    items_missing: int = 0
    items_surplus: int = 0
    fields_opened: int = 0
    fields_wrong: int = 0
    refusals_expected: int = 0
    refusals_missing: int = 0
    thief_attempts: int = 0
    thief_matches: int = 0
    log_entries: dict[str, int] = field(default_factory=dict)
    log_faults: int = 0

    @property
    def sound(self) -> bool:
        """Whether everything was as it must be."""
        wrong = self.items_missing + self.items_surplus + self.fields_wrong + self.refusals_missing
        return (
            not wrong + self.thief_matches + self.log_faults
            and self.records == self.submitted
            and self.fields_opened > 0
            and self.items_agreed > 0
        )


class Story:
    """Plays the story on a running system and tells it to `console`."""

    def __init__(
        self,
        system: Running,
        covenant: Covenant,
        kept: Mapping[str, list[Kept]],
        today: date,
        console: Console,
        pool: Executor | None,
    ) -> None:
        self._system, self._covenant, self._kept, self._today = system, covenant, kept, today
        self._console, self._pool = console, pool
        self._closing = ExitStack()
        self.counts = Counts(records=sum(map(len, kept.values())))
        self.opened = ""
        """The municipality's own reference of a record about which it opened fields."""
        self._sessions: dict[str, Session] = {}

    def play(self) -> Counts:
        """Chapter by chapter; see `Counts.sound` for how it ended."""
        with self._closing:
            self._sessions = {
                party: self._closing.enter_context(
                    Session.open(self._system.profile(party), actor="desk-1", pool=self._pool)
                )
                for party in self._kept
            }
            self._submit()
            told = self._hits()
            self._open_fields(told)
            self._refusals(told)
            self._thief()
            self._logs()
        return self.counts

    def _chapter(self, title: str) -> None:
        self._console.print()
        self._console.rule(f"[bold]{title}", align="left")

    def _submit(self) -> None:
        self._chapter("1  Signals in: each party turns its own records into tokens, seals its notes and submits")
        began = time.monotonic()
        threads = ThreadPoolExecutor(len(self._sessions))
        self._closing.callback(threads.shutdown, wait=False)  # Ctrl-C does not wait for all that was begun
        for party, done in zip(
            self._sessions, threads.map(self._submit_one, self._sessions, self._sessions.values()), strict=True
        ):
            self.counts.submitted += done
            self._console.print(f"  {party:14} {done:6,} signals")
        took = self.counts.seconds["submit"] = round(time.monotonic() - began, 1)
        self._console.print(
            f"  {self.counts.submitted:,} signals in {took} s. The key holder saw blinded points, the broker saw "
            "pseudonyms, neither saw an address or a name."
        )

    def _submit_one(self, party: str, session: Session) -> int:
        path = self._system.profile(party) / "records.csv"
        _write_csv(path, self._kept[party])
        faulty: list[Rejected] = []
        good: list[Record] = []
        for record in session.records(path):
            faulty.append(record) if isinstance(record, Rejected) else good.append(record)
        tally = session.submit(good)
        if faulty or tally.refused:
            self._console.print(f"  [red]{party}: {len(faulty)} rejected, {len(tally.refused)} refused[/red]")
            for each in faulty[:3]:
                self._console.print(f"    {each.error}")
            for reference, faults in tally.refused[:3]:
                self._console.print(f"    {reference}: {faults}")
        return tally.new - len(tally.refused)

    def _hits(self) -> dict[str, list[KnownHit]]:
        self._chapter("2  Hits out: who may know that somebody else has a signal on the same subject")
        began = time.monotonic()
        told = collect_hits(self._sessions)
        self.counts.seconds["hits"] = round(time.monotonic() - began, 1)
        names = references(self._sessions)
        papers = [kept.paper for records in self._kept.values() for kept in records]
        comparison = compare(told, names, findings(self._covenant, papers, self._today))
        self._show_hits(told)
        self._show_comparison(comparison)
        return told

    def _show_hits(self, told: Mapping[str, list[KnownHit]]) -> None:
        for party, hits in told.items():
            self.counts.hits[party] = len(hits)
            clauses = Counter(
                (hit.purpose, ground.clause, ground.rule) for hit in hits for ground in hit.hit.grounds["hit"]
            )
            own = len({hit.own.signal_id for hit in hits if hit.own})
            self._console.print(
                f"  [bold]{party}[/bold] sees {len(hits):,} hits, with {own:,} of its own {len(self._kept[party]):,} "
                "signals; by the rules"
            )
            for (purpose, clause, rule), count in sorted(clauses.items(), key=lambda each: each[0][1]):
                self._console.print(f"    {count:6,}  {purpose:9} {clause:9} {rule}")

    def _show_comparison(self, comparison: Comparison) -> None:
        self.counts.items_agreed = comparison.agreed
        self.counts.items_missing, self.counts.items_surplus = len(comparison.missing), len(comparison.surplus)
        self._console.print(
            "  A hit counts under each rule that shows something of it. Compared item by item (hit, source, category, "
            "day, field) with a plain-text join of all papers, which no service ever sees:"
        )
        self._console.print(
            f"  {comparison.agreed:,} items agree, {len(comparison.missing)} missing, "
            f"{len(comparison.surplus)} too many."
        )
        for title, wrong in (("missing", comparison.missing), ("too many", comparison.surplus)):
            for finding in sorted(wrong)[:5]:
                self._console.print(f"    [red]{title}[/red] {finding}")

    def _open_fields(self, told: Mapping[str, list[KnownHit]]) -> None:
        self._chapter("3  Fields opened: the broker grants, the key holder releases, the reader verifies the source")
        written = {kept.paper.party + "/" + kept.paper.reference: kept.row for k in self._kept.values() for kept in k}
        names = references(self._sessions)
        shown: Counter[str] = Counter()
        told_rows: set[tuple[str, ...]] = set()
        table = Table("reader", "source", "item", "content", "clause", box=None, padding=(0, 2))
        for party, hits in told.items():
            sealed = [hit for hit in hits if any("." in item for item in hit.hit.items) and hit.own is not None]
            for known in list({hit.own.signal_id: hit for hit in sealed if hit.own}.values())[:FIELDS_OPENED_EACH]:
                assert known.own is not None  # noqa: S101 - filtered above
                disclosure = self._sessions[party].disclose(known.own.signal_id, known.purpose)
                for each in self._sessions[party].open_fields(disclosure):
                    if isinstance(each, NotOpened):
                        self.counts.fields_wrong += 1
                        self._console.print(f"  [red]{party}: {each.item} not opened: {each.reason}[/red]")
                    elif each.value != written[names[each.signal_id]].get(each.item):
                        self.counts.fields_wrong += 1
                        self._console.print(f"  [red]{party}: {each.item} is not what the source wrote[/red]")
                    else:
                        self.counts.fields_opened += 1
                        self.opened = self.opened or known.own.record["reference"]
                        row = (party, each.source, each.item, each.value, each.clause)
                        if row not in told_rows and shown[party] < _ROWS_EACH:
                            table.add_row(*row)
                            shown[party] += 1
                            told_rows.add(row)
        self._console.print(table)
        self._console.print(
            f"  {self.counts.fields_opened} fields opened, these among them, each exactly as its source wrote it."
        )

    def _refusals(self, told: Mapping[str, list[KnownHit]]) -> None:
        self._chapter("4  Refused, and by what")
        for attempt in attempts(self._system, self._covenant, self._sessions, self._kept, told):
            self._expect_refusal(attempt)
        self._console.print("  Each of these is an entry in the log, like every answer before it.")

    def _expect_refusal(self, attempt: Attempt) -> None:
        try:
            attempt.run()
        except Refused as error:
            self.counts.refusals_expected += 1
            self._console.print(f"  [green]refused[/green]  {attempt.what}")
            because = f"{attempt.clause}: " if attempt.clause else ""
            self._console.print(f"           {because}{error.detail}")
        else:
            self.counts.refusals_missing += 1
            self._console.print(f"  [red]NOT refused[/red]  {attempt.what}")

    def _thief(self) -> None:
        self._chapter("5  Stolen: the broker's database, and each party's tokens")
        identifiers: dict[str, set[bytes]] = {}
        tokens: dict[str, set[bytes]] = {}
        for party, session in self._sessions.items():
            own: dict[str, set[bytes]] = {}
            for entry in session.journal.live():
                for match_key, value in entry.subject.items():
                    own.setdefault(match_key, set()).add(value)
                    identifiers.setdefault(match_key, set()).add(value)
            tokens[party] = {token for key, values in own.items() for token in session.tokens(key, values).values()}
        url = self._system.database_urls["broker"]
        for title, loot in (
            ("the broker's database, with every identifier of the neighbourhood at hand",
             stolen_database(url, identifiers, self._covenant.id)),
            ("the tokens of each party, against the others' and the database", stolen_tokens(tokens, url)),
        ):  # fmt: skip
            self._tell_loot(title, loot)

    def _tell_loot(self, title: str, loot: Loot) -> None:
        self.counts.thief_attempts += loot.attempts
        self.counts.thief_matches += loot.matches
        self._console.print(f"  {title}: {loot.attempts:,} comparisons, [bold]{loot.matches}[/bold] matches")

    def _logs(self) -> None:
        self._chapter("6  On record: the privacy officer copies both logs and verifies them offline")
        try:
            proved = prove_logs(self._system.person(OFFICER), self._system.directory / "copies")
        except VerificationError as error:
            self.counts.log_faults += 1
            self._console.print(f"  [red]a log does not hold[/red]: {error}")
            return
        self.counts.log_entries = dict(proved.entries)
        for service, entries in proved.entries.items():
            self._console.print(f"  {service}: {entries:,} entries, each of them what it was when it got its place")
        if proved.complaint is None:
            self.counts.log_faults += 1
            self._console.print("  [red]a word was changed in a copy, and nothing noticed[/red]")
        else:
            self._console.print(f"  one word changed in the broker's copy: [green]noticed[/green]  {proved.complaint}")


def _write_csv(path: Path, kept: list[Kept]) -> None:
    columns = [*COLUMNS, *sorted({name for each in kept for name in each.row if "." in name})]
    with path.open("w", encoding="utf-8", newline="") as stream:
        os.chmod(path, 0o600)
        writer = csv.DictWriter(stream, columns, restval="")
        writer.writeheader()
        writer.writerows(each.row for each in kept)
