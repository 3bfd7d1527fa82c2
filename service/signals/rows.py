"""The rows and audit records that an admitted signal becomes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from service.audit.record import AuditRecord
from service.principals import Principal
from service.signals.admission import Admitted
from service.signals.incoming import Incoming
from service.signals.repository import Row

__all__ = ["batch_row", "field_rows", "pseudonym_rows", "records", "signal_row"]


def batch_row(incoming: Incoming, batch_id: UUID) -> Row:
    return {
        "covenant_id": incoming.covenant.id,
        "batch_id": batch_id,
        "party": incoming.party,
        "version": incoming.covenant.version,
        "leaves": b"".join(incoming.batch.leaves),
        "signature": incoming.batch.signature,
        "submitted_at": incoming.now,
        "remaining": len(incoming.admitted),
    }


def signal_row(admitted: Admitted) -> Row:
    signal = admitted.signal
    salts = signal.salts
    return {
        "signal_id": signal.signal_id,
        "subject_kind": signal.subject_kind,
        "category": signal.category,
        "day": signal.day,
        "purposes": list(signal.purposes),
        "origins": list(signal.origins),
        "handling_codes": list(signal.handling_codes),
        "sealed": [f"{one.field}.{one.variant}" for one in signal.fields],
        "leaf_index": admitted.leaf_index,
        "digests": b"".join(admitted.digests),
        "salts": salts.category + salts.day + salts.purposes + salts.origins + salts.handling_codes,
        "replaces": signal.replaces,
    }


def field_rows(incoming: Incoming) -> Iterable[Row]:
    for admitted in incoming.admitted.values():
        for sealed in admitted.signal.fields:
            yield {
                "signal_id": admitted.signal.signal_id,
                "field": sealed.field,
                "variant": sealed.variant,
                "salt": sealed.salt,
                "ciphertext": sealed.ciphertext,
                "commitment": sealed.commitment,
                "wrapped_key": sealed.wrapped_key,
                "retention_month": sealed.retention_month,
            }


def pseudonym_rows(incoming: Incoming, evidence: Mapping[tuple[UUID, str, bytes], datetime]) -> Iterable[Row]:
    """A correction about the same subject inherits the time of the evidence; about another subject it is new."""
    for index, admitted in incoming.admitted.items():
        signal = admitted.signal
        for kept in incoming.kept[index]:
            subject = kept.subject
            earlier = signal.replaces and evidence.get((signal.replaces, subject.match_key, subject.index))
            yield {
                "match_key": subject.match_key,
                "index_": subject.index,
                "signal_id": signal.signal_id,
                "handle": subject.handle,
                "sealed": kept.sealed,
                "evidence_at": earlier or incoming.now,
            }


def records(incoming: Incoming, by: Principal, trace: str | None) -> list[AuditRecord]:
    """The audit entries of a submission: one for all signals that state the same of their subjects.

    Category, purposes, match keys and origins are then true of every signal and subject of an entry. One entry for each
    signal would say no more of any subject, and cost more than everything else that is done for the signal.
    """
    alike: dict[tuple[object, ...], list[int]] = {}
    for index, admitted in incoming.admitted.items():
        signal = admitted.signal
        match_keys = frozenset(kept.subject.match_key for kept in incoming.kept[index])
        stated = (signal.category, frozenset(signal.purposes), frozenset(signal.origins), match_keys, signal.replaces)
        alike.setdefault(stated, []).append(index)
    return [_record(incoming, indexes, by, trace) for indexes in alike.values()]


def _record(incoming: Incoming, indexes: Sequence[int], by: Principal, trace: str | None) -> AuditRecord:
    signal = incoming.admitted[indexes[0]].signal
    kept = [one for index in indexes for one in incoming.kept[index]]
    return AuditRecord(
        event="signal-submitted",
        covenant_id=incoming.covenant.id,
        by=by,
        trace=trace,
        version=incoming.covenant.version,
        subjects={one.subject.handle for one in kept},
        signals=[incoming.admitted[index].signal.signal_id for index in indexes],
        purposes=signal.purposes,
        category=signal.category,
        match_keys={one.subject.match_key for one in kept},
        replaces=signal.replaces,
        origins=signal.origins,
    )
