"""Broker, sequencer and PostgreSQL are killed under load, over and over, and nothing that was acknowledged is lost.

Ten times in a test run; `COVENANT_KILLS=100` (`make attacks`) for the long form.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from clients.protocol.checkpoint import WitnessKey
from clients.protocol.logs import witness_name
from clients.protocol.signatures import public_key
from clients.sdk.verify_log import verify_log
from service.audit.tree.sequencer import LogSigner
from service.storage.database import Database
from service.storage.keystore import KeyDirectory
from tests.audit.load import Load, Told
from tests.audit.logbook import copy_of
from tests.audit.outage import VICTIMS, System
from tests.audit.waiting import until
from tests.service.cast import COVENANT

KILLS = int(os.environ.get("COVENANT_KILLS", "10"))
PER_KILL = 6
"""Signals that are acknowledged between two kills, so that each strikes a system at work, however busy the machine."""
C = COVENANT.id


def rows(system: System, service: str, statement: str) -> Sequence[Any]:
    with psycopg.connect(system.urls[service]) as connection:
        return connection.execute(statement).fetchall()


def settled(system: System) -> bool:
    """Nothing waits for a place, and the witness has cosigned the last head."""
    for service in ("broker", "keyholder"):
        if rows(system, service, "SELECT FROM audit_leaf WHERE leaf_index IS NULL LIMIT 1"):
            return False
    return not rows(system, "broker", "SELECT FROM audit_checkpoint WHERE covenant_id <> '-' AND size <> cosigned_size")


def test_nothing_acknowledged_is_lost_and_nothing_is_disclosed_without_an_entry(tmp_path: Path) -> None:
    chance = random.Random(20261122)
    with System(tmp_path) as system:
        load = Load(system.session)
        told = load.told
        load.start()
        try:
            until(lambda: told.opened > 0, seconds=60)
            for number in range(KILLS):
                _busy_again(told)
                time.sleep(chance.uniform(0.05, 1.0))
                victim = VICTIMS[number % len(VICTIMS)]
                system.kill(victim)
                system.start(victim)
                if victim == "postgres":
                    system.await_ready("broker")
                    system.await_ready("keyholder")
            opened = told.opened
            until(lambda: told.opened > opened, seconds=60)  # it goes on as before
        finally:
            load.stop()
        until(lambda: settled(system), seconds=60)
        assert told.failures > 0, "nobody noticed any of it"

        _acknowledged_is_there(system, told.signals, told.disclosures)
        _nothing_without_an_entry(system)
        _no_orphans(system)
        assert rows(system, "keyholder", "SELECT kind FROM witness_finding") == []
        for service in ("broker", "keyholder"):
            _verified(system, service, tmp_path / "copies" / service, told.heads if service == "broker" else [])


def _busy_again(told: Told) -> None:
    """Returns once parties submit as before the last kill."""
    before = len(told.signals)
    until(lambda: len(told.signals) >= before + PER_KILL)


def _acknowledged_is_there(system: System, signals: Mapping[UUID, str], disclosures: Mapping[UUID, UUID]) -> None:
    stored = dict(rows(system, "broker", "SELECT signal_id, party FROM signal"))
    assert {signal: stored.get(signal) for signal in signals} == signals
    decided = dict(rows(system, "broker", "SELECT disclosure_id, audit_entry_id FROM disclosure"))
    assert {disclosure: decided.get(disclosure) for disclosure in disclosures} == disclosures


def _nothing_without_an_entry(system: System) -> None:
    """Whether it was acknowledged or not."""
    submitted = _submitted(system)
    assert {signal for (signal,) in rows(system, "broker", "SELECT signal_id FROM signal")} == submitted
    entries = dict(rows(system, "broker", "SELECT entry_id, event FROM audit_entry"))
    for (entry,) in rows(system, "broker", "SELECT audit_entry_id FROM disclosure"):
        assert entries[entry] == "disclosure-decided"
    named = "SELECT fields ->> 'grant', fields ->> 'entry' FROM audit_entry WHERE event = '{}'"
    granted = dict(rows(system, "broker", named.format("grant-issued")))
    released = rows(system, "keyholder", named.format("field-released"))
    for grant, entry in released:
        assert granted[grant] == entry
    assert {str(jti) for (jti,) in rows(system, "keyholder", "SELECT jti FROM release")} <= {g for g, _ in released}


def _no_orphans(system: System) -> None:
    """No entry about what did not happen, none without a place, no place without an entry."""
    decided = {entry for (entry,) in rows(system, "broker", "SELECT audit_entry_id FROM disclosure")}
    about = rows(system, "broker", "SELECT entry_id FROM audit_entry WHERE event = 'disclosure-decided'")
    assert {entry for (entry,) in about} == decided
    for service in ("broker", "keyholder"):
        entries = {one for (one,) in rows(system, service, "SELECT entry_id FROM audit_entry")}
        assert entries == {one for (one,) in rows(system, service, "SELECT entry_id FROM audit_leaf")}
        places = rows(system, service, f"SELECT leaf_index FROM audit_leaf WHERE covenant_id = '{C}' ORDER BY 1")
        assert [place for (place,) in places] == list(range(len(places)))


def _submitted(system: System) -> set[UUID]:
    found = rows(system, "broker", "SELECT unnest(signals) FROM audit_entry WHERE event = 'signal-submitted'")
    return {signal for (signal,) in found}


def _verified(system: System, service: str, directory: Path, earlier: Sequence[str]) -> None:
    """The verifier says so too: one history, from the first head that anybody saw under load to the last."""
    keys = {name: KeyDirectory(system.directory / name / "keys") for name in ("broker", "keyholder")}
    signer = LogSigner(system.issuer(service), keys[service].read("service/checkpoint"))
    witness = None
    if service == "broker":
        key = public_key(keys["keyholder"].read("service/witness"))
        witness = WitnessKey(witness_name(system.issuer("keyholder")), key)
    database = Database(system.urls[service])
    copy = copy_of(database, C, directory, witnessed=witness is not None)
    database.dispose()
    report = verify_log(copy, signer.key(C), witness, earlier)
    assert report.entries == report.head.size
    assert len(report.earlier) == len(earlier)
