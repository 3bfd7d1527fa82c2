"""The key holder's slices, put together. All that is not pure comes in here: database, keys, clock, randomness."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime

from clients.protocol.checkpoint import LogKey
from clients.protocol.logs import log_origin, witness_name
from service.audit.events import Log
from service.audit.tree.sequencer import LogSigner
from service.audit.witness.service import Witness, Witnessed
from service.audit.writer import AuditWriter
from service.covenants.accounts import VersionAccounts
from service.covenants.course import Course
from service.covenants.service import Covenants
from service.evaluation.destruction import KeyDestruction
from service.evaluation.keys import OprfKeys
from service.evaluation.sealing_keys import SealingKeys
from service.evaluation.service import Evaluations
from service.parties.counterpart import Counterpart, Service
from service.parties.key_change import KeyChanges
from service.parties.people import People
from service.parties.service import Parties
from service.release.service import Releases
from service.storage.database import Database
from service.storage.keystore import KeyDirectory

__all__ = ["KeyHolder", "assemble", "broker_log"]

RECEIPT_KEY = "service/receipts"
CHECKPOINT_KEY = "service/checkpoint"
WITNESS_KEY = "service/witness"


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """What the routes work with."""

    database: Database
    clock: Callable[[], datetime]
    audit: AuditWriter
    signer: LogSigner
    witness: Witness
    parties: Parties
    people: People
    key_changes: KeyChanges
    counterpart: Counterpart
    covenants: Covenants
    versions: VersionAccounts
    course: Course
    destruction: KeyDestruction
    oprf_keys: OprfKeys
    sealing_keys: SealingKeys
    evaluations: Evaluations
    releases: Releases


def broker_log(broker: Service, covenant_id: str) -> Witnessed:
    """The log of one covenant at the broker as it is enrolled here."""
    return Witnessed(broker.service, covenant_id, LogKey(log_origin(broker.issuer, covenant_id), broker.log_key))


def assemble(
    database: Database,
    directory: KeyDirectory,
    *,
    issuer: str,
    clock: Callable[[], datetime],
    random: Callable[[int], bytes],
    pool: Executor | None = None,
) -> KeyHolder:
    """The key holder called `issuer`. Raises KeyMissing where the service's own keys have not been made."""
    audit = AuditWriter(Log.KEYHOLDER, clock=clock, random=random)
    parties = Parties(audit, clock=clock)
    covenants = Covenants(audit, approvers=parties.administrators, clock=clock)
    oprf_keys = OprfKeys(directory, audit, clock=clock, random=random)
    sealing_keys = SealingKeys(directory, audit, clock=clock, random=random)
    witness = Witness(
        audit, name=witness_name(issuer), private_key=directory.read(WITNESS_KEY), clock=clock, random=random
    )
    return KeyHolder(
        database=database,
        clock=clock,
        audit=audit,
        signer=LogSigner(issuer, directory.read(CHECKPOINT_KEY)),
        witness=witness,
        parties=parties,
        people=People(audit, clock=clock),
        key_changes=KeyChanges(audit, clock=clock),
        counterpart=Counterpart(audit, clock=clock),
        covenants=covenants,
        versions=VersionAccounts(covenants, clock=clock),
        course=Course(covenants, audit, clock=clock),
        destruction=KeyDestruction(directory, audit),
        oprf_keys=oprf_keys,
        sealing_keys=sealing_keys,
        evaluations=Evaluations(
            oprf_keys, audit, receipt_key=directory.read(RECEIPT_KEY), clock=clock, random=random, pool=pool
        ),
        releases=Releases(
            audit, issuer=issuer, witness=witness, sealing_key=sealing_keys.private_key, clock=clock, random=random
        ),
    )
