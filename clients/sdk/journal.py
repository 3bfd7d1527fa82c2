"""The party's own memory of what it submitted: which record a signal id stands for.

The broker knows only pseudonyms, so without the journal a hit is a hit on nobody. It is one SQLite file. What could
identify anyone is sealed with AES-256-GCM under the journal key, bound to its signal id; what must be searched for is
kept as an HMAC under a second key. Whoever finds the file without the key learns how many signals there are, their
random ids and their states.

A signal is written here, with the body to be sent, before it is sent: a run that is cut off is resumed by sending what
is pending again, byte for byte, which the broker takes as a repetition. What it has not and whose tokens are of a key
that was rotated meanwhile it refuses; the client then sends other tokens, which are not under the leaf.
"""

from __future__ import annotations

import hmac
import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from clients.protocol.encoding import lp
from clients.protocol.strict_json import canonical_json
from clients.sdk.errors import JournalError

_SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE journal (schema INTEGER NOT NULL, covenant TEXT NOT NULL, party TEXT NOT NULL, check_value BLOB NOT NULL);
CREATE TABLE entry (
    signal_id  BLOB PRIMARY KEY,
    record_key BLOB NOT NULL,
    digest     BLOB NOT NULL,
    state      TEXT NOT NULL,
    version    TEXT NOT NULL,
    sealed     BLOB NOT NULL,
    pending    BLOB
) WITHOUT ROWID;
CREATE INDEX entry_record ON entry (record_key);
CREATE INDEX entry_state ON entry (state);
"""


class EntryState(StrEnum):
    PENDING = "pending"
    LIVE = "live"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Entry:
    """One signal of our own. `record` holds the row it was made from; `subject` the normalised value per match key."""

    signal_id: UUID
    state: EntryState
    version: str
    """Hash of the covenant version it was submitted under."""
    record: Mapping[str, str]
    subject: Mapping[str, bytes] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Pending:
    """A signal about to be sent: its journal entry, and the exact submission (JSON) and leaf (32 bytes) to repeat."""

    entry: Entry
    record_key: bytes
    digest: bytes
    submission: bytes = field(repr=False)
    leaf: bytes


class Journal:
    """Opens or creates the journal at `path`. `key` is 32 bytes; `random(n)` gives n random bytes.

    Raises JournalError if the file is another party's or covenant's, was made under another key, or is damaged.
    """

    def __init__(self, path: Path, key: bytes, *, covenant: str, party: str, random: Callable[[int], bytes]) -> None:
        if len(key) != 32:
            raise JournalError("the journal key must be 32 bytes")
        self._random = random
        self._aead = AESGCM(hmac.digest(key, b"covenant-journal/v1 sealing", sha256))
        self._search_key = hmac.digest(key, b"covenant-journal/v1 searching", sha256)
        check = hmac.digest(self._search_key, lp("check", covenant, party), sha256)
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)  # one thread at a time
        try:
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = FULL")  # an entry outlives a power cut, or it was not sent
            if not self._database.execute("SELECT 1 FROM sqlite_master WHERE name = 'journal'").fetchone():
                self._database.executescript(f"BEGIN; {_SCHEMA} COMMIT;")
                self._database.execute(
                    "INSERT INTO journal VALUES (?, ?, ?, ?)", (_SCHEMA_VERSION, covenant, party, check)
                )
            schema, *owner, found = self._database.execute("SELECT * FROM journal").fetchone()
        except (sqlite3.DatabaseError, TypeError):
            self._database.close()
            raise JournalError(f"{path.name} is not a journal, or is damaged") from None
        if schema != _SCHEMA_VERSION:
            raise JournalError(f"{path.name} was written by another version of this client (schema {schema})")
        if owner != [covenant, party] or not hmac.compare_digest(found, check):
            raise JournalError(f"{path.name} belongs to another party or covenant, or its key is another")

    def close(self) -> None:
        self._database.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def record_key(self, reference: str) -> bytes:
        """What the party's own reference of a record is searched by: 32 bytes, meaningless without the key."""
        return hmac.digest(self._search_key, lp("record", reference), sha256)

    def digest(self, record: Mapping[str, str]) -> bytes:
        """Tells whether a record has changed: 32 bytes, meaningless without the key."""
        return hmac.digest(self._search_key, b"digest" + canonical_json(dict(record)), sha256)

    def add(self, signals: Iterable[Pending]) -> None:
        """Writes down signals before they are sent, all or none."""
        rows = [
            (
                signal.entry.signal_id.bytes,
                signal.record_key,
                signal.digest,
                EntryState.PENDING.value,
                signal.entry.version,
                self._seal(signal.entry.signal_id, b"entry", _to_json(signal.entry)),
                self._seal(signal.entry.signal_id, b"pending", signal.leaf + signal.submission),
            )
            for signal in signals
        ]
        with self._transaction():
            self._database.executemany("INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    def settle(self, states: Mapping[UUID, EntryState]) -> None:
        """Notes what became of signals; the bodies that were kept for repeating them go."""
        with self._transaction():
            self._database.executemany(
                "UPDATE entry SET state = ?, pending = NULL WHERE signal_id = ?",
                [(state.value, signal_id.bytes) for signal_id, state in states.items()],
            )

    def pending(self) -> Iterator[tuple[UUID, str, bytes, bytes]]:
        """(signal id, version, leaf, submission) of each signal that was written down and never answered."""
        rows = self._database.execute(
            "SELECT signal_id, version, pending FROM entry WHERE state = ? ORDER BY signal_id", (EntryState.PENDING,)
        ).fetchall()
        for raw, version, sealed in rows:
            body = self._open(UUID(bytes=raw), b"pending", sealed)
            yield UUID(bytes=raw), version, body[:32], body[32:]

    def latest(self, record_keys: Iterable[bytes]) -> dict[bytes, tuple[UUID, bytes, str]]:
        """For each record that has a live signal: its id, the record's digest then, and the covenant version.

        Up to some thousands of records at a time: each is a parameter of one query.
        """
        keys = list(record_keys)
        rows = self._database.execute(
            "SELECT record_key, signal_id, digest, version FROM entry WHERE state = ?"  # noqa: S608 - question marks
            f" AND record_key IN ({', '.join('?' * len(keys))})",
            (EntryState.LIVE, *keys),
        )
        return {key: (UUID(bytes=raw), digest, version) for key, raw, digest, version in rows}

    def entry(self, signal_id: UUID) -> Entry | None:
        """The entry of one signal, or None if it is not ours."""
        row = self._database.execute(
            "SELECT state, version, sealed FROM entry WHERE signal_id = ?", (signal_id.bytes,)
        ).fetchone()
        return None if row is None else self._read(signal_id, *row)

    def live(self) -> Iterator[Entry]:
        """Every live signal's entry, in the order of ids."""
        for raw, state, version, sealed in self._database.execute(
            "SELECT signal_id, state, version, sealed FROM entry WHERE state = ? ORDER BY signal_id", (EntryState.LIVE,)
        ):
            yield self._read(UUID(bytes=raw), state, version, sealed)

    def live_under_others(self, version: str) -> list[tuple[bytes, Entry]]:
        """Record key and entry of every live signal that was submitted under another covenant version, by id."""
        rows = self._database.execute(
            "SELECT signal_id, record_key, state, version, sealed FROM entry WHERE state = ? AND version <> ?"
            " ORDER BY signal_id",
            (EntryState.LIVE, version),
        )
        return [(key, self._read(UUID(bytes=raw), *rest)) for raw, key, *rest in rows]

    def live_keys(self) -> dict[bytes, UUID]:
        """Record key and signal id of every live signal."""
        rows = self._database.execute("SELECT record_key, signal_id FROM entry WHERE state = ?", (EntryState.LIVE,))
        return {key: UUID(bytes=raw) for key, raw in rows}

    def counts(self) -> dict[EntryState, int]:
        rows = self._database.execute("SELECT state, count(*) FROM entry GROUP BY state")
        return {EntryState(state): count for state, count in rows}

    def _transaction(self) -> sqlite3.Connection:
        self._database.execute("BEGIN IMMEDIATE")
        return self._database  # sqlite3's own context manager commits, or rolls back on an exception

    def _read(self, signal_id: UUID, state: str, version: str, sealed: bytes) -> Entry:
        content = json.loads(self._open(signal_id, b"entry", sealed))
        subject = {match_key: bytes.fromhex(value) for match_key, value in content["subject"].items()}
        return Entry(signal_id, EntryState(state), version, content["record"], subject)

    def _seal(self, signal_id: UUID, label: bytes, plaintext: bytes) -> bytes:
        nonce = self._random(12)
        return nonce + self._aead.encrypt(nonce, plaintext, lp(label, signal_id.bytes))

    def _open(self, signal_id: UUID, label: bytes, sealed: bytes) -> bytes:
        try:
            return self._aead.decrypt(sealed[:12], sealed[12:], lp(label, signal_id.bytes))
        except InvalidTag:
            raise JournalError("an entry of the journal has been changed or belongs to another signal") from None


def _to_json(entry: Entry) -> bytes:
    subject = {match_key: value.hex() for match_key, value in entry.subject.items()}
    return canonical_json({"record": dict(entry.record), "subject": subject})
