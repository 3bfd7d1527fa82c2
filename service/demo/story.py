"""The story that `covenantd demo` tells: five parties, one covenant, and who gets to see what."""

from __future__ import annotations

import csv
import os
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import uuid4

from rich.console import Console
from rich.table import Table

from clients.protocol import jws
from clients.protocol.grants import sign_grant, verify_grant
from clients.protocol.messages.broker import DisclosedHit, Disclosure, GrantRequest
from clients.sdk import Refused, Session
from clients.sdk.opening import NotOpened, Opened
from clients.sdk.records import COLUMNS, Record, Rejected
from clients.sdk.session import KnownHit
from covenant_rules.model import Covenant
from service.demo.comparison import Comparison, collect_hits, compare, references
from service.demo.oracle import findings
from service.demo.papers import Kept
from service.demo.system import Running
from service.demo.thief import Loot, stolen_database, stolen_tokens
from service.storage.keystore import KeyDirectory

FIELDS_OPENED_EACH = 3
"""Records of which each party opens the fields: enough to see it, few enough to end soon."""


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

    @property
    def sound(self) -> bool:
        """Whether everything was as it must be."""
        wrong = self.items_missing + self.items_surplus + self.fields_wrong + self.refusals_missing + self.thief_matches
        return not wrong and self.records == self.submitted and self.fields_opened > 0 and self.items_agreed > 0


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
        return self.counts

    def _chapter(self, title: str) -> None:
        self._console.print()
        self._console.rule(f"[bold]{title}", align="left")

    def _submit(self) -> None:
        self._chapter("1  Signals in: each party turns its own records into tokens, seals its notes and submits")
        began = time.monotonic()
        with ThreadPoolExecutor(len(self._sessions)) as threads:
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
            self._console.print(f"  [bold]{party}[/bold] sees {len(hits):,} hits")
            for (purpose, clause, rule), count in sorted(clauses.items(), key=lambda each: each[0][1]):
                self._console.print(f"    {count:6,}  {purpose:9} {clause:9} {rule}")

    def _show_comparison(self, comparison: Comparison) -> None:
        self.counts.items_agreed = comparison.agreed
        self.counts.items_missing, self.counts.items_surplus = len(comparison.missing), len(comparison.surplus)
        self._console.print(
            f"  Compared with a plain-text join of all papers: {comparison.agreed:,} items agree, "
            f"{len(comparison.missing)} missing, {len(comparison.surplus)} too many."
        )
        for title, wrong in (("missing", comparison.missing), ("too many", comparison.surplus)):
            for finding in sorted(wrong)[:5]:
                self._console.print(f"    [red]{title}[/red] {finding}")

    def _open_fields(self, told: Mapping[str, list[KnownHit]]) -> None:
        self._chapter("3  Fields opened: the broker grants, the key holder releases, the reader verifies the source")
        written = {kept.paper.party + "/" + kept.paper.reference: kept.row for k in self._kept.values() for kept in k}
        names = references(self._sessions)
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
                        if table.row_count < 10:
                            _add(table, party, each)
        self._console.print(table)
        self._console.print(f"  {self.counts.fields_opened} fields opened, each exactly as its source wrote it.")

    def _refusals(self, told: Mapping[str, list[KnownHit]]) -> None:
        self._chapter("4  Refused, and by what")
        address = next(k.row for k in self._kept["police"] if k.row["subject_kind"] == "address")
        self._expect_refusal(
            "a landlord looks up an address without a signal of its own",
            lambda: self._look_up("housing-north", address, "nuisance"),
        )
        self._expect_refusal(
            "the care team asks for a purpose that is about persons, of an address",
            lambda: self._look_up("care-team", address, "support"),
        )
        disclosure, disclosed = self._municipal_disclosure(told)
        self._expect_refusal(
            "a broker turned dishonest signs a grant for a full note before there is a case",
            lambda: self._dishonest_grant(disclosure, disclosed),
        )
        operator = self._system.operator("broker")
        operator.suspend(self._covenant.id, "housing-south", "the demo: its systems may have been broken into")
        self._expect_refusal("a suspended party asks for its hits", self._sessions["housing-south"].hits)
        operator.reinstate(self._covenant.id, "housing-south")
        self._console.print("  Each of these is an entry in the log, like every answer before it.")

    def _look_up(self, party: str, row: Mapping[str, str], purpose: str) -> Disclosure:
        session = self._sessions[party]
        return session.look_up("address", session.subject("address", row), purpose)

    def _municipal_disclosure(self, told: Mapping[str, list[KnownHit]]) -> tuple[Disclosure, DisclosedHit]:
        known = next(h for h in told["municipality"] if "note.gist" in h.hit.items and h.own is not None)
        assert known.own is not None  # noqa: S101 - filtered above
        disclosure = self._sessions["municipality"].disclose(known.own.signal_id, known.purpose)
        return disclosure, next(hit for hit in disclosure.hits if hit.sealed)

    def _dishonest_grant(self, disclosure: Disclosure, disclosed: DisclosedHit) -> object:
        """Takes a grant for the gist of a note, makes it one for the full note, and signs it as only the broker can."""
        session, sealed = self._sessions["municipality"], disclosed.sealed[0]
        keys = KeyDirectory(self._system.directory / "broker" / "keys")
        grant_key = jws.private_key_from_pem(keys.read("service/grants"))
        honest = verify_grant(
            session.broker.grant(
                GrantRequest(
                    disclosure_id=disclosure.disclosure_id,
                    signal_id=disclosed.hit.signal_id,
                    field=sealed.field,
                    variant=sealed.variant,
                )
            ).grant,
            {jws.thumbprint(grant_key): grant_key.public_key()},
            key_holder=self._system.key_holder.issuer,
            now=datetime.now(UTC),
        )
        dishonest = replace(honest, jti=str(uuid4()), info=replace(honest.info, field="note", variant="full"))
        return session.key_holder.release(sign_grant(dishonest, grant_key), sealed.wrapped_key)

    def _expect_refusal(self, what: str, attempt: object) -> None:
        assert callable(attempt)  # noqa: S101
        try:
            attempt()
        except Refused as error:
            self.counts.refusals_expected += 1
            self._console.print(f"  [green]refused[/green]  {what}: {error.detail} ({error.clause or error.code})")
        else:
            self.counts.refusals_missing += 1
            self._console.print(f"  [red]NOT refused[/red]  {what}")

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


def _add(table: Table, party: str, opened: Opened) -> None:
    table.add_row(party, opened.source, opened.item, opened.value, opened.clause)


def _write_csv(path: Path, kept: list[Kept]) -> None:
    columns = [*COLUMNS, *sorted({name for each in kept for name in each.row if "." in name})]
    with path.open("w", encoding="utf-8", newline="") as stream:
        os.chmod(path, 0o600)
        writer = csv.DictWriter(stream, columns, restval="")
        writer.writeheader()
        writer.writerows(each.row for each in kept)
