"""The one writer of the audit log. Entry and effect are one transaction: no entry, no effect.

`append` and `append_many` write in the caller's session. Whatever goes wrong here raises; the caller's transaction
rolls back, and nothing was decided, released or disclosed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from service.audit import repository
from service.audit.events import Log
from service.audit.leaf import leaf_fields, leaf_hash
from service.audit.record import AuditRecord, stored_form
from service.errors import Unavailable

__all__ = ["AuditEntry", "AuditWriter"]

SALT_BYTES = 32


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """What was written: the id to refer to it by, and the leaf that gets a place in the tree once it is committed."""

    covenant_id: str
    entry_id: UUID
    at: datetime
    leaf_hash: bytes


class AuditWriter:
    """Writes the log of one service. `clock` gives an aware time; `random(n)` gives n bytes nobody can predict."""

    def __init__(self, log: Log, *, clock: Callable[[], datetime], random: Callable[[int], bytes]) -> None:
        self._log = log
        self._clock = clock
        self._random = random

    def append(self, session: Session, record: AuditRecord) -> AuditEntry:
        """Writes one entry. Raises CatalogueError for what the catalogue does not allow here, and Unavailable."""
        return self.append_many(session, (record,))[0]

    def append_many(self, session: Session, records: Sequence[AuditRecord]) -> tuple[AuditEntry, ...]:
        """Writes entries in a constant number of round trips, all of them or none.

        Raises CatalogueError as `append` does, and Unavailable when the database does not take the entries.
        """
        now = self._clock().astimezone(UTC)
        rows: list[repository.Row] = []
        leaves: list[repository.Row] = []
        written: list[AuditEntry] = []
        for record in records:
            form = stored_form(record, self._log)
            entry_id = uuid7(now, self._random(10))
            key = {"covenant_id": record.covenant_id, "entry_id": entry_id}
            salt = self._random(SALT_BYTES)
            hashed = leaf_hash(salt, leaf_fields(record.covenant_id, entry_id, record.event, now, form))
            rows.append(
                key
                | {
                    "event": record.event,
                    "at": now,
                    "party": record.by.party if record.by else None,
                    "parties": list(record.parties),
                    "subjects": list(record.subjects),
                    "signals": list(record.signals),
                    "fields": form,
                    "salt": salt,
                }
            )
            leaves.append(key | {"leaf_hash": hashed, "leaf_index": None})
            written.append(AuditEntry(record.covenant_id, entry_id, now, hashed))
        try:
            repository.insert_entries(session, rows, leaves)
        except SQLAlchemyError:
            # `from None`: the driver's message may quote the row.
            raise Unavailable("audit-unavailable", "the audit log takes no entries; nothing was done") from None
        return tuple(written)


def uuid7(now: datetime, random: bytes) -> UUID:
    """A UUID of version 7 (RFC 9562 §5.7): 48 bits of milliseconds since 1970, then 74 of the 80 random bits given."""
    milliseconds = int(now.timestamp() * 1000)
    value = milliseconds << 80 | int.from_bytes(random, "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    return UUID(int=value & ~(0x3 << 62) | 0x2 << 62)
