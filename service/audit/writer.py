"""The one writer of the audit log. Entry and effect are one transaction: no entry, no effect.

`append` and `append_many` write in the caller's session. Whatever goes wrong here raises; the caller's transaction
rolls back, and nothing was decided, released or disclosed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from clients.protocol.audit_leaf import SALT_BYTES, entry_leaf
from service.audit import repository
from service.audit.events import Log
from service.audit.leaf import leaf_fields
from service.audit.record import AuditRecord, stored_form
from service.errors import Unavailable

__all__ = ["AuditEntry", "AuditWriter"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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
        for place, record in enumerate(records):
            form = stored_form(record, self._log)
            entry_id = uuid7(now, place, self._random(6))
            key = {"covenant_id": record.covenant_id, "entry_id": entry_id}
            salt = self._random(SALT_BYTES)
            hashed = entry_leaf(salt, leaf_fields(record.covenant_id, entry_id, record.event, now, form))
            rows.append(
                key
                | {
                    "event": record.event,
                    "at": now,
                    "parties": list(record.parties),
                    "subjects": list(record.subjects),
                    "signals": list(record.signals),
                    "rules": list(record.rules),
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


def uuid7(now: datetime, place: int, random: bytes) -> UUID:
    """A UUID of version 7 (RFC 9562 §5.7, method 3 of §6.2): ids sort by time, and by place in what is written at once.

    48 bits of milliseconds since 1970, 12 bits of a millisecond's fraction, 14 bits of `place`, 48 random bits.
    """
    milliseconds, microseconds = divmod((now - _EPOCH) // timedelta(microseconds=1), 1000)
    tail = 0b10 << 62 | (place & 0x3FFF) << 48 | int.from_bytes(random, "big")
    return UUID(int=milliseconds << 80 | 7 << 76 | (microseconds * 4096 // 1000) << 64 | tail)
