"""One log as its service keeps it, with the keys that sign and cosign it, and hands that reach into its tables."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import MetaData, text

from clients.protocol.checkpoint import (
    Checkpoint,
    WitnessKey,
    add_signature,
    cosign,
    parse_checkpoint,
    verify_checkpoint,
)
from clients.protocol.merkle import root_of_leaves
from clients.protocol.signatures import public_key
from clients.protocol.tiles import bundle_path, tiles_of
from clients.sdk.log_copy import LogCopy
from clients.sdk.verify_log import LogReport, verify_log
from covenant_rules.model import AuditSight, Duration
from service.audit.events import Log
from service.audit.record import AuditRecord, Shown
from service.audit.tables import TABLES
from service.audit.tree import repository as tree
from service.audit.tree.proofs import LogReader
from service.audit.tree.sequencer import LogSigner, Sequencer
from service.audit.writer import AuditWriter
from service.principals import Principal, Role
from service.storage.database import Database
from service.web.log import line_of

METADATA = MetaData()
for table in TABLES:
    table.__table__.to_metadata(METADATA)  # type: ignore[attr-defined]

COVENANT = "complex-approach"
ISSUER = "https://broker.example"
POLICE = Principal("police", Role.PARTY, "police", COVENANT, "e-1203")


def now() -> datetime:
    return datetime.now(UTC)


def decided(covenant_id: str = COVENANT, **changes: Any) -> AuditRecord:
    """A disclosure of one signal."""
    signal = uuid4()
    return AuditRecord(
        **{
            "event": "disclosure-decided",
            "covenant_id": covenant_id,
            "by": POLICE,
            "disclosure": uuid4(),
            "purpose": "nuisance",
            "stage": "signal",
            "subjects": (secrets.token_bytes(32),),
            "signals": (signal,),
            "parties": ("housing",),
            "shown": {signal: Shown("housing", ("hit", "note.gist", "source"))},
            "outcome": "shown",
            "counts": {"hits": 1},
            "rules": ("police-sees-noise",),
            "sight": AuditSight(source=frozenset({"day"}), confidential=Duration(days=30)),
        }
        | changes
    )


@dataclass
class Logbook:
    """`sequencer` is one replica's; `another()` is a further one's."""

    database: Database
    signer: LogSigner = field(default_factory=lambda: LogSigner(ISSUER, secrets.token_bytes(32)))

    witness_private: bytes = field(default_factory=lambda: secrets.token_bytes(32))

    def __post_init__(self) -> None:
        self.witness_key = WitnessKey("keyholder.example/witness", public_key(self.witness_private))
        self.writer = AuditWriter(Log.BROKER, clock=now, random=secrets.token_bytes)
        self.sequencer = self.another()

    def another(self) -> Sequencer:
        return Sequencer(self.database, self.signer, clock=now)

    def write(self, count: int = 1, covenant_id: str = COVENANT) -> list[UUID]:
        """So many entries in one transaction."""
        with self.database.transaction() as session:
            records = [submitted(covenant_id) for _ in range(count)]
            return [entry.entry_id for entry in self.writer.append_many(session, records)]

    def checkpoint(self, covenant_id: str = COVENANT) -> Checkpoint:
        """The last signed head, its signature verified."""
        with self.database.transaction() as session:
            note = LogReader(session, covenant_id).checkpoint()
        return verify_checkpoint(note, self.signer.key(covenant_id)).checkpoint

    def witness(self, covenant_id: str = COVENANT) -> str:
        """Has the last signed head cosigned, as it is; returns the note."""
        with self.database.transaction() as session:
            note = LogReader(session, covenant_id).checkpoint()
            head = parse_checkpoint(note.partition("\n\n")[0] + "\n")
            cosigned = add_signature(note, cosign(head, self.witness_key.name, self.witness_private, 1_800_000_000))
            tree.save_cosigned(session, covenant_id, head.size, cosigned, now())
        return cosigned

    def copy(self, directory: Path, *, entries: bool = True) -> LogCopy:
        """What the service would send an officer of the log as it is now, up to the last cosigned head."""
        return copy_of(self.database, COVENANT, directory, entries=entries)

    def verify(self, directory: Path, *earlier: str) -> LogReport:
        """Copies the log and verifies the copy."""
        return verify_log(self.copy(directory), self.signer.key(COVENANT), self.witness_key, earlier)

    def leaves(self, covenant_id: str = COVENANT) -> list[tuple[int | None, UUID, bytes]]:
        """(place, entry, leaf hash), those without a place last."""
        found = self.rows(
            "SELECT leaf_index, entry_id, leaf_hash FROM audit_leaf WHERE covenant_id = :c ORDER BY leaf_index",
            c=covenant_id,
        )
        return [(row.leaf_index, row.entry_id, bytes(row.leaf_hash)) for row in found]

    def assert_sound(self, covenant_id: str = COVENANT) -> int:
        """Places without gaps or repetitions, and a signed head that is the root over them; returns its size."""
        places = [(place, leaf) for place, _, leaf in self.leaves(covenant_id) if place is not None]
        assert [place for place, _ in places] == list(range(len(places)))
        head = self.checkpoint(covenant_id)
        assert head.root == root_of_leaves(leaf for _, leaf in places[: head.size])
        return head.size

    def rows(self, statement: str, **parameters: Any) -> Sequence[Any]:
        with self.database.transaction() as session:
            return list(session.connection().execute(text(statement), parameters))

    def execute(self, statement: str, **parameters: Any) -> int:
        """A hand in the database."""
        with self.database.transaction() as session:
            return session.connection().execute(text(statement), parameters).rowcount


def submitted(covenant_id: str = COVENANT) -> AuditRecord:
    return AuditRecord(
        event="signal-submitted",
        covenant_id=covenant_id,
        by=POLICE,
        subjects=(secrets.token_bytes(32),),
        signals=(uuid4(),),
        category="noise",
    )


def copy_of(
    database: Database, covenant_id: str, directory: Path, *, witnessed: bool = True, entries: bool = True
) -> LogCopy:
    """A copy of a log, made without its service."""
    with database.transaction() as session:
        reader = LogReader(session, covenant_id)
        note = reader.checkpoint(witnessed=witnessed)
        files = {"checkpoint": note.encode()}
        for tile in tiles_of(parse_checkpoint(note.partition("\n\n")[0] + "\n").size):
            files[f"tile/{tile.path}"] = tree.tile(session, covenant_id, 0, tile.index, tile.width)
            lines = [line_of(entry) for entry in reader.bundle(tile.index, tile.width)]
            if entries:
                files[f"entries/{bundle_path(tile.index, tile.width)}"] = "".join(lines).encode()
    for name, content in files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_bytes(content)
    return LogCopy(directory)
