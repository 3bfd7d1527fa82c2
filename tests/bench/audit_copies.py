"""A copy of a long log, as an officer has it on disk, and the time it takes to verify it."""

from __future__ import annotations

import os
import secrets
import time
from concurrent.futures import Executor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from clients.protocol.audit_leaf import entry_leaf
from clients.protocol.checkpoint import Checkpoint, LogKey, sign_checkpoint
from clients.protocol.merkle import root_of_leaves
from clients.protocol.messages.log import LoggedEntry
from clients.protocol.signatures import public_key
from clients.protocol.tiles import TILE_WIDTH, bundle_path
from clients.sdk.log_copy import LogCopy
from clients.sdk.verify_log import verify_log
from service.audit.events import Log
from service.audit.leaf import leaf_fields
from service.audit.record import AuditRecord, stored_form
from service.audit.writer import uuid7
from tests.audit.logbook import COVENANT, POLICE, decided, submitted

__all__ = ["verified"]

ORIGIN = f"broker.example/covenants/{COVENANT}"


def verified(directory: Path, pool: Executor, size: int) -> float:
    """Entries a second of processor time, from the files of a copy to the report; nothing of it runs beside it."""
    widths = [min(TILE_WIDTH, size - start) for start in range(0, size, TILE_WIDTH)]
    made = pool.map(partial(_bundle, directory), range(len(widths)), widths, chunksize=16)
    leaves = [leaf for part in made for leaf in part]
    key = secrets.token_bytes(32)
    (directory / "checkpoint").write_text(sign_checkpoint(Checkpoint(ORIGIN, size, root_of_leaves(leaves)), key))
    start = time.process_time()
    report = verify_log(LogCopy(directory), LogKey(ORIGIN, public_key(key)))
    used = time.process_time() - start
    if report.entries != size:
        raise SystemExit("the copy was not verified whole")
    return size / used


def _bundle(directory: Path, index: int, width: int) -> list[bytes]:
    """Writes one tile and its entries; returns the leaves."""
    leaves, lines = [], []
    for place in range(index * TILE_WIDTH, index * TILE_WIDTH + width):
        made, at = _record(place), datetime.now(UTC)
        entry_id, salt = uuid7(at, 0, os.urandom(6)), os.urandom(32)
        fields = leaf_fields(COVENANT, entry_id, made.event, at, stored_form(made, Log.BROKER))
        leaves.append(entry_leaf(salt, fields))
        texts = {name: value.decode() for name, value in fields.items()}
        lines.append(LoggedEntry(index=place, salt=salt, fields=texts).model_dump_json(exclude_none=True))
    name = bundle_path(index, width)
    for path, content in ((f"tile/0/{name}", b"".join(leaves)), (f"entries/{name}", "\n".join(lines).encode())):
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_bytes(content)
    return leaves


def _record(place: int) -> AuditRecord:
    """Three decisions, a submission and an empty answer in five."""
    match place % 5:
        case 0:
            return submitted()
        case 1:
            return AuditRecord(event="hits-read-empty", covenant_id=COVENANT, by=POLICE, counts={"hits": 0})
        case _:
            return decided()
