"""Logs to read: entries written by the one writer, at moments that a test chooses."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import groupby
from operator import itemgetter
from random import Random
from uuid import UUID

from sqlalchemy import MetaData

from covenant_rules.model import AuditSight
from service.audit.events import Log
from service.audit.misuse.tables import TABLES as MISUSE
from service.audit.record import AuditRecord, Shown, stored_form
from service.audit.search import Entry
from service.audit.tables import TABLES
from service.audit.writer import AuditWriter, uuid7
from service.principals import Principal, Role
from service.storage.database import Database

METADATA = MetaData()
for table in (*TABLES, *MISUSE):
    table.__table__.to_metadata(METADATA)  # type: ignore[attr-defined]

C = "complex-approach"
VERSION = "ab" * 32
PARTIES = ("municipality", "police", "housing-north", "care-team")
OPEN_SIGHT = AuditSight(source=frozenset({"day", "party", "purpose", "items"}))


def handle(number: int) -> bytes:
    return sha256(f"subject {number}".encode()).digest()


def principal(party: str, actor: str | None = None) -> Principal:
    return Principal(party, Role.PARTY, party, C, actor)


@dataclass
class Scribe:
    """Writes entries of one log at given moments."""

    database: Database
    log: Log = Log.BROKER
    random: Random = field(default_factory=lambda: Random(1))
    now: datetime = datetime(2026, 11, 22, 12, tzinfo=UTC)

    def write(self, *records: AuditRecord, at: datetime | None = None) -> list[UUID]:
        """Their ids."""
        writer = AuditWriter(self.log, clock=lambda: at or self.now, random=self.random.randbytes)
        with self.database.transaction() as session:
            return [entry.entry_id for entry in writer.append_many(session, records)]

    def writer(self) -> AuditWriter:
        return AuditWriter(self.log, clock=lambda: self.now, random=self.random.randbytes)

    def write_at(self, happened: Iterable[tuple[datetime, AuditRecord]]) -> None:
        """Entries of many moments in one transaction."""
        moment = self.now
        writer = AuditWriter(self.log, clock=lambda: moment, random=self.random.randbytes)
        with self.database.transaction() as session:
            for moment, records in groupby(happened, key=itemgetter(0)):  # noqa: B007 - the writer's clock reads it
                writer.append_many(session, [record for _, record in records])

    def uuid(self) -> UUID:
        return UUID(bytes=self.random.randbytes(16), version=4)

    # -- records

    def disclosure(
        self,
        party: str = "police",
        *,
        subject: int = 1,
        sources: Sequence[str] = ("municipality",),
        event: str = "disclosure-decided",
        actor: str | None = "desk-1",
        purpose: str = "nuisance",
        sight: AuditSight = OPEN_SIGHT,
        rules: Sequence[str] = ("police-sees-nuisance",),
        items: Sequence[str] = ("category", "hit", "period", "source"),
    ) -> AuditRecord:
        """An answer to `party`, in which a signal of each of `sources` was shown."""
        shown = {self.uuid(): Shown(source, items) for source in sources}
        return AuditRecord(
            event=event,
            covenant_id=C,
            by=principal(party, actor),
            version=VERSION,
            trace=self.random.randbytes(16).hex(),
            disclosure=self.uuid(),
            purpose=purpose,
            stage="signal",
            subjects=(handle(subject),),
            outcome="shown" if shown else "empty",
            counts={"hits": len(shown)},
            sight=sight,
            shown=shown,
            signals=tuple(shown),
            parties=frozenset(sources),
            rules=rules if shown else (),
        )

    def submission(self, party: str, *, subject: int = 1, actor: str | None = "desk-1") -> AuditRecord:
        return AuditRecord(
            event="signal-submitted",
            covenant_id=C,
            by=principal(party, actor),
            version=VERSION,
            subjects=(handle(subject), handle(subject + 1_000_000)),
            signals=(self.uuid(),),
            purposes=("nuisance",),
            category="noise",
            match_keys=("address-bag", "address-postcode"),
        )

    def refusal(self, party: str, *, event: str = "look-up-refused", actor: str | None = "desk-1") -> AuditRecord:
        return AuditRecord(event=event, covenant_id=C, by=principal(party, actor), reason="look-ups-spent")

    def any(self) -> AuditRecord:
        """Something that happens in a covenant."""
        draw = self.random
        party = draw.choice(PARTIES)
        actor = draw.choice((None, "desk-1", "desk-2"))
        others = [other for other in PARTIES if other != party]
        match draw.randrange(10):
            case 0 | 1:
                return self.submission(party, subject=draw.randrange(6), actor=actor)
            case 2:
                return self.refusal(party, event=draw.choice(("look-up-refused", "grant-refused")), actor=actor)
            case 3:
                return AuditRecord(
                    event="party-suspended",
                    covenant_id=C,
                    by=Principal("operator-1", Role.OPERATOR),
                    parties=(party,),
                    words="keys were stolen",
                )
            case 4:
                return AuditRecord(
                    event="signal-expired", covenant_id=C, parties=(party,), signals=(self.uuid(),), category="noise"
                )
            case 5:
                officer = Principal("officer-1", Role.OFFICER, draw.choice((None, party)), C)
                return AuditRecord(event="log-read", covenant_id=C, by=officer, counts={"entries": 3}, form="page")
            case _:
                return self.disclosure(
                    party,
                    subject=draw.randrange(6),
                    sources=draw.sample(others, draw.randrange(3)),
                    event=draw.choice(("disclosure-decided", "look-up-decided", "hits-told")),
                    actor=actor,
                    purpose=draw.choice(("nuisance", "support")),
                    rules=draw.choice((("rule-a",), ("rule-b", "rule-c"))),
                )


def entry_of(record: AuditRecord, at: datetime, *, index: int | None = 7) -> Entry:
    """The entry that a record makes, without a database."""
    form = stored_form(record, Log.BROKER)
    return Entry(record.covenant_id, uuid7(at, 0, secrets.token_bytes(6)), record.event, at, form, bytes(32), index)


def spread(random: Random, count: int, until: datetime) -> list[datetime]:
    """Moments of some years: many lately, few long ago, several at once, in order."""
    ago = sorted((random.choice((0.01, 1, 30, 700)) * random.random() for _ in range(count)), reverse=True)
    return [until - timedelta(days=days) for days in ago]
