"""The witness: it cosigns a head of another service's log only if everything it cosigned before is still in it.

A log that shows two of its readers two histories has to show one of them to the witness, and none but that one gets a
cosignature. What the witness demands of a head, by the numbers in `cosign`:

1. The log itself signed it, under the key that this service's operator registered.
2. It is not older than what was cosigned last. If it is, the log may only be late, and is told how far the witness is;
   a log that then shows an older head still was taken back, by a restored backup for one.
3. Of the same size it is the same head, and a larger one is proved to go on from the one cosigned last. If not, the log
   was forked: two heads of it, both signed, cannot both be true.

A finding keeps both heads. Until an operator has acknowledged it, no head of that log is cosigned and nothing is
released for that covenant; then the witness goes on from the head that it was shown. The same holds, without any
finding, while no head was shown for a minute: a witness that is kept away sees nothing.

Methods work in the caller's transaction. A finding is returned and not raised, since it must be committed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from sqlmodel import Session

from clients.protocol.checkpoint import (
    Checkpoint,
    LogKey,
    WitnessKey,
    add_signature,
    cosign,
    parse_checkpoint,
    verify_checkpoint,
)
from clients.protocol.errors import CheckpointError, MerkleError, ProtocolError
from clients.protocol.merkle import EMPTY_ROOT, verify_consistency
from clients.protocol.messages.log import CosignatureRequest, WitnessedLog, WitnessFinding
from clients.protocol.signatures import public_key
from clients.protocol.tlog_proof import parse_tlog_proof, verify_tlog_proof
from service.audit.record import AuditRecord
from service.audit.witness import repository
from service.audit.witness.tables import WitnessedLogRow, WitnessFindingRow
from service.audit.writer import AuditWriter
from service.errors import Conflict, Invalid, NotFound, Refused, Unavailable
from service.principals import Principal

__all__ = ["FRESH", "Witness", "Witnessed"]

FRESH = timedelta(seconds=60)
"""How old the last cosigned head may be when something is released."""


@dataclass(frozen=True, slots=True)
class Witnessed:
    """One log of the other service: whose it is, of which covenant, and under which key its heads are signed."""

    service: str
    covenant_id: str
    key: LogKey


class Witness:
    """`name` is what this service cosigns as, with the Ed25519 key `private_key` (32 bytes)."""

    def __init__(
        self,
        audit: AuditWriter,
        *,
        name: str,
        private_key: bytes,
        clock: Callable[[], datetime],
        random: Callable[[int], bytes],
    ) -> None:
        self._audit = audit
        self._name = name
        self._private_key = private_key
        self._clock = clock
        self._random = random

    @property
    def key(self) -> WitnessKey:
        return WitnessKey(self._name, public_key(self._private_key))

    def cosign(
        self,
        session: Session,
        log: Witnessed,
        request: CosignatureRequest,
        *,
        by: Principal,
        trace: str | None = None,
    ) -> str | WitnessFinding:
        """The signature line, or a finding. Raises Invalid, Refused, and Conflict where the witness is elsewhere."""
        shown = self._head(log, request.checkpoint)  # 1
        repository.lock(session, log.covenant_id)
        if repository.open_finding(session, log.covenant_id) is not None:
            raise _untrusted()
        row = repository.log(session, log.covenant_id)
        seen = Checkpoint(log.key.origin, 0, EMPTY_ROOT) if row is None else _checkpoint(row.note)
        if request.old_size != seen.size:  # 2
            raise Conflict(
                "witness-elsewhere",
                "the witness has cosigned a head of another size; prove the way from there",
                parameters={"size": str(seen.size)},
            )
        actor = _Actor(by, trace)
        if row is not None and shown.size < seen.size:
            return self._find(session, log, "taken-back", row, request.checkpoint, actor)
        try:
            verify_consistency(seen.size, shown.size, request.consistency, seen.root, shown.root)  # 3
        except MerkleError:
            if row is None:
                raise Invalid("consistency-invalid", "a first head has no proof", pointer="/consistency") from None
            return self._find(session, log, "forked", row, request.checkpoint, actor)
        if row is None:
            row = self._first(session, log, request.checkpoint, actor)
        return self._advance(row, request.checkpoint)

    def witnessed(self, session: Session, log: Witnessed) -> WitnessedLog:
        """What is known here of the log."""
        row = repository.log(session, log.covenant_id)
        return WitnessedLog(
            origin=log.key.origin,
            log_key=log.key.public_key,
            witness_name=self._name,
            witness_key=self.key.public_key,
            checkpoint=None if row is None else row.note,
            findings=tuple(_message(one, log) for one in repository.findings(session, log.covenant_id)),
        )

    def acknowledge(
        self, session: Session, log: Witnessed, finding_id: UUID, words: str, *, by: Principal, trace: str | None = None
    ) -> None:
        """Goes on from the head that the finding was shown. Harmless to repeat. Raises NotFound."""
        repository.lock(session, log.covenant_id)
        finding = repository.finding(session, log.covenant_id, finding_id)
        row = repository.log(session, log.covenant_id)
        if finding is None or row is None:
            raise NotFound("finding-unknown", "there is no such finding about this log")
        if finding.acknowledged_at is not None:
            return
        finding.acknowledged_at, finding.acknowledged_by = self._clock(), by.id
        self._advance(row, finding.shown)
        row.trusted_from = row.cosigned_at
        about = _about(log, finding.seen, finding.shown) | {"reason": finding.kind, "words": words}
        self._audit.append(session, _Actor(by, trace).record("log-finding-acknowledged", log, about))

    def require_trusted(self, session: Session, covenant_id: str) -> None:
        """Raises Refused while a finding is not acknowledged, Unavailable while no head was cosigned for a minute."""
        if repository.open_finding(session, covenant_id) is not None:
            raise _untrusted()
        row = repository.log(session, covenant_id)
        if row is None or self._clock() - row.cosigned_at > FRESH:
            raise Unavailable("log-not-witnessed", "the broker's log has shown no head for a minute", retry_after=10)

    def concerns(self, session: Session) -> tuple[str, ...]:
        """Why nothing is released for some covenant: `log-not-trusted`, `log-not-witnessed` (see `require_trusted`)."""
        found = []
        if repository.any_open(session):
            found.append("log-not-trusted")
        if repository.any_silent(session, self._clock() - FRESH):
            found.append("log-not-witnessed")
        return tuple(found)

    def require_entry(self, session: Session, log: Witnessed, leaf: bytes, proof: str) -> None:
        """Raises Refused unless `proof` (a tlog-proof) shows the leaf hash under a head that was cosigned here."""
        try:
            verified = verify_tlog_proof(parse_tlog_proof(proof), leaf, log.key, (self.key,))
        except ProtocolError as error:
            raise Refused(
                "entry-not-proved", f"the decision's entry is not proved: {error}", pointer="/grant"
            ) from None
        row = repository.log(session, log.covenant_id)
        at = verified.cosigned_at.get(self._name)
        if row is None or at is None or at <= int(row.trusted_from.timestamp()):
            raise Refused("entry-not-witnessed", "the entry's head was not cosigned here", pointer="/grant")

    def _head(self, log: Witnessed, note: str) -> Checkpoint:
        try:
            head = verify_checkpoint(note, log.key).checkpoint
        except CheckpointError as error:
            raise Invalid("checkpoint-invalid", str(error), pointer="/checkpoint") from None
        if note.count("\n") != _LINES:
            raise Invalid(
                "checkpoint-invalid", "send the head with the log's own signature alone", pointer="/checkpoint"
            )
        return head

    def _first(self, session: Session, log: Witnessed, note: str, actor: _Actor) -> WitnessedLogRow:
        now = self._clock()
        row = WitnessedLogRow(
            covenant_id=log.covenant_id,
            origin=log.key.origin,
            size=0,
            note=note,
            cosigned_at=now,
            trusted_from=now - timedelta(seconds=1),
        )
        repository.add(session, row)
        self._audit.append(session, actor.record("log-first-cosigned", log, _about(log, None, note)))
        return row

    def _advance(self, row: WitnessedLogRow, note: str) -> str:
        head, now = _checkpoint(note), self._clock()
        line = cosign(head, self._name, self._private_key, int(now.timestamp()))
        row.size, row.note, row.cosigned_at = head.size, add_signature(note, line), now
        return line

    def _find(
        self,
        session: Session,
        log: Witnessed,
        kind: Literal["forked", "taken-back"],
        row: WitnessedLogRow,
        shown: str,
        actor: _Actor,
    ) -> WitnessFinding:
        finding = WitnessFindingRow(
            covenant_id=log.covenant_id,
            finding_id=UUID(bytes=self._random(16), version=4),
            kind=kind,
            found_at=self._clock(),
            seen=row.note,
            shown=shown,
        )
        repository.add(session, finding)
        about = _about(log, row.note, shown) | {"reason": kind}
        self._audit.append(session, actor.record("log-inconsistent", log, about))
        return _message(finding, log)


@dataclass(frozen=True, slots=True)
class _Actor:
    by: Principal
    trace: str | None

    def record(self, event: str, log: Witnessed, about: Mapping[str, Any]) -> AuditRecord:
        return AuditRecord(event=event, covenant_id=log.covenant_id, by=self.by, trace=self.trace, **about)


_LINES = 5
"""Of a note with one signature: origin, size, root, nothing, signature."""


def _checkpoint(note: str) -> Checkpoint:
    """The head in a note that was verified when it was stored."""
    return parse_checkpoint(note.partition("\n\n")[0] + "\n")


def _about(log: Witnessed, seen: str | None, shown: str) -> dict[str, Any]:
    heads = {name: _checkpoint(note) for name, note in (("seen", seen), ("shown", shown)) if note is not None}
    return {
        "service": log.service,
        "counts": {name: head.size for name, head in heads.items()},
        "fingerprints": {name: head.root for name, head in heads.items()},
    }


def _message(row: WitnessFindingRow, log: Witnessed) -> WitnessFinding:
    return WitnessFinding.model_validate(
        {
            "finding_id": row.finding_id,
            "origin": log.key.origin,
            "kind": row.kind,
            "found_at": row.found_at,
            "seen": row.seen,
            "shown": row.shown,
            "acknowledged_at": row.acknowledged_at,
            "acknowledged_by": row.acknowledged_by,
        }
    )


def _untrusted() -> Refused:
    return Refused("log-not-trusted", "the broker's log contradicts itself; an operator has to look into it")
