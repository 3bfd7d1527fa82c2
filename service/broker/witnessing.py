"""The broker's side of being witnessed: it shows the key holder every new head, and keeps the cosignatures.

Without a cosigned head no grant is signed, so this is what a grant waits for. Heads are shown as they are signed, and
the last one again every ten seconds while nothing happens, so that the key holder knows that the log is still there.

Where the witness has cosigned more than there is, the log here was taken back: by a backup that was restored, or by
somebody. That is put on record and shown to the witness, which releases nothing until its operator has looked into it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import structlog

from clients.protocol.checkpoint import WitnessKey, add_signature, verify_checkpoint
from clients.protocol.errors import CheckpointError
from clients.protocol.messages.log import CosignatureRequest
from service.audit.events import SERVICE_LOG
from service.audit.record import AuditRecord
from service.audit.tree import repository
from service.audit.tree.proofs import LogReader
from service.audit.tree.sequencer import LogSigner, Sequencer
from service.audit.tree.tables import AuditCheckpointRow
from service.audit.writer import AuditWriter
from service.broker.context import BrokerContext
from service.broker.keyholder import KeyHolder
from service.errors import Unavailable
from service.heartbeat import Heartbeat
from service.storage.database import Database

__all__ = ["Witnessing", "log_kept"]

SHOWN_AGAIN = timedelta(seconds=10)
_PAUSE = 0.1
"""Seconds between two looks for heads that the witness has not seen."""
_ATTEMPTS = 3

_log = structlog.get_logger("service.broker")


class Witnessing:
    """Of the logs of all covenants; what concerns the service alone has no witness."""

    def __init__(
        self,
        database: Database,
        key_holder: KeyHolder,
        signer: LogSigner,
        audit: AuditWriter,
        *,
        clock: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._key_holder = key_holder
        self._signer = signer
        self._audit = audit
        self._clock = clock
        self._keys: dict[str, WitnessKey] = {}

    def beat(self) -> float:
        """Shows every head that is due. Raises Unavailable if one was not cosigned, after the others were."""
        with self._database.transaction() as session:
            rows = repository.checkpoints(session)
        failure: Unavailable | None = None
        for row in rows:
            if row.covenant_id != SERVICE_LOG and self._due(row):
                try:
                    self.show(row.covenant_id)
                except Unavailable as error:
                    failure = error
        if failure is not None:
            raise failure
        return _PAUSE

    def show(self, covenant_id: str) -> None:
        """Has the last signed head cosigned. Raises Unavailable."""
        witness_at: int | None = None
        for _ in range(_ATTEMPTS):
            request, row = self._request(covenant_id, witness_at)
            answer = self._key_holder.cosign(covenant_id, request)
            if isinstance(answer, str):
                self._keep(row, answer)
                return
            if answer > row.size:
                self._taken_back(row, answer)
            elif answer < row.cosigned_size:
                _log.error("witness taken back", covenant=covenant_id, was=row.cosigned_size, witness_at=answer)
            witness_at = answer
        raise Unavailable("not-cosigned", "the key holder's witness and this log did not meet")

    def _due(self, row: AuditCheckpointRow) -> bool:
        return (
            row.size > row.cosigned_size
            or row.cosigned_at is None
            or not timedelta(0) <= self._clock() - row.cosigned_at < SHOWN_AGAIN
        )

    def _request(self, covenant_id: str, witness_at: int | None) -> tuple[CosignatureRequest, AuditCheckpointRow]:
        with self._database.transaction(isolation="REPEATABLE READ") as session:
            row = repository.checkpoint(session, covenant_id)
            if row is None:
                raise Unavailable("log-empty", "no head of this log is signed yet")
            old = row.cosigned_size if witness_at is None else witness_at
            proof = LogReader(session, covenant_id).consistency(old, row.size) if 0 < old < row.size else []
        return CosignatureRequest(old_size=old, consistency=tuple(proof), checkpoint=row.note), row

    def _keep(self, row: AuditCheckpointRow, line: str) -> None:
        witness = self._witness(row.covenant_id)
        try:
            note = add_signature(row.note, line)
            verified = verify_checkpoint(note, self._signer.key(row.covenant_id), (witness,))
        except CheckpointError:
            verified = None
        if verified is None or witness.name not in verified.cosigned_at:
            self._keys.clear()  # perhaps it has another key now
            raise Unavailable("cosignature-invalid", "the key holder's cosignature does not hold")
        with self._database.transaction() as session:
            repository.save_cosigned(session, row.covenant_id, row.size, note, self._clock())

    def _witness(self, covenant_id: str) -> WitnessKey:
        known = self._keys.get(covenant_id)
        if known is None:
            told = self._key_holder.witnessed(covenant_id)
            known = self._keys[covenant_id] = WitnessKey(told.witness_name, told.witness_key)
        return known

    def _taken_back(self, row: AuditCheckpointRow, witness_at: int) -> None:
        _log.error("log taken back", covenant=row.covenant_id, size=row.size, witness_at=witness_at)
        record = AuditRecord(
            event="log-taken-back",
            covenant_id=row.covenant_id,
            counts={"seen": witness_at, "shown": row.size},
        )
        with self._database.transaction() as session:
            self._audit.append(session, record)


@contextmanager
def log_kept(url: str, context: BrokerContext, signer: LogSigner) -> Iterator[None]:
    """Sequences and shows the broker's logs, each in a thread of its own, while the block lasts.

    On connections of their own: where requests wait for one, the log must not.
    """
    database = Database(url, pool_size=2)
    witnessing = Witnessing(database, context.key_holder, signer, context.audit, clock=context.clock)
    sequencer = Sequencer(database, signer, clock=context.clock)
    try:
        with Heartbeat("sequencer", sequencer.beat), Heartbeat("witnessing", witnessing.beat):
            yield
    finally:
        database.dispose()
