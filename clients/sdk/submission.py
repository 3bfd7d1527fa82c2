"""From records to submitted signals: tokenise, seal, sign, write down, send, note the answer.

One run sends first what an earlier run left pending, then only what is new or has changed; a changed record replaces
its earlier signal. Whatever happens in between, the journal knows every signal the broker may have.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TypeVar
from uuid import UUID

from clients.protocol.hybrid import HybridPublicKey
from clients.protocol.messages.broker import (
    MAXIMUM_BATCH,
    ItemSalts,
    SealedVariant,
    SignalBatch,
    SignalBatchResult,
    SignalStatus,
    SignalSubmission,
    Token,
)
from clients.protocol.normalise import NORMALISATION_VERSION
from clients.protocol.sealing import SealedField, WrapInfo, seal_field
from clients.protocol.signed_items import (
    SignalIdentity,
    commit_signal,
    item_slots,
    plain_items,
    sealed_item,
    sign_batch,
)
from clients.sdk.agreement import Agreement
from clients.sdk.errors import Fault
from clients.sdk.journal import Entry, EntryState, Journal, Pending
from clients.sdk.profile import Profile
from clients.sdk.records import Record
from clients.sdk.services import Broker, KeyHolder
from clients.sdk.tokenise import Tokeniser
from covenant_rules.dates import add
from covenant_rules.matrix import Matrix
from covenant_rules.model import Duration

Item = TypeVar("Item")

_STATES = {
    SignalStatus.ACCEPTED: EntryState.LIVE,
    SignalStatus.REPEATED: EntryState.LIVE,
    SignalStatus.REJECTED: EntryState.REJECTED,
}


@dataclass(slots=True)
class Tally:
    """What a run did. `refused` holds the broker's faults by the record's own reference."""

    resumed: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    refused: list[tuple[str, tuple[Fault, ...]]] = field(default_factory=list)


class Submitter:
    """Submits the records of one party. `progress` is told how many records have been dealt with since it was last."""

    def __init__(
        self,
        profile: Profile,
        agreement: Agreement,
        broker: Broker,
        key_holder: KeyHolder,
        tokeniser: Tokeniser,
        journal: Journal,
        random: Callable[[int], bytes],
    ) -> None:
        self._profile, self._agreement = profile, agreement
        self._broker, self._key_holder, self._tokeniser, self._journal = broker, key_holder, tokeniser, journal
        self._random = random
        self._month_keys: dict[str, HybridPublicKey] = {}
        covenant = agreement.covenant
        self._matrix = Matrix(covenant)
        self._slots = item_slots([(f.id, variant) for f in covenant.fields.values() for variant in f.variants])

    def submit(
        self, records: Iterable[Record], progress: Callable[[int], None] = lambda _: None, *, affirm: bool = False
    ) -> Tally:
        """Submit what is new or changed. With `affirm`, also what was submitted under an earlier covenant version.

        Raises VerificationError, Refused (Stale, OverQuota) or Unreachable; what was sent by then is in the journal.
        """
        tally = Tally()
        self._resume(tally)
        for chunk in _chunks(records, MAXIMUM_BATCH):
            known = self._journal.latest([self._journal.record_key(record.reference) for record in chunk])
            wanted: list[tuple[Record, UUID | None]] = []
            for record in chunk:
                earlier = known.get(self._journal.record_key(record.reference))
                if earlier is None:
                    tally.new += 1
                    wanted.append((record, None))
                elif earlier[1] != self._journal.digest(record.columns) or (
                    affirm and earlier[2] != self._agreement.covenant.version
                ):
                    tally.changed += 1
                    wanted.append((record, earlier[0]))
                else:
                    tally.unchanged += 1
            if wanted:
                self._send_new(wanted, tally)
            progress(len(chunk))
        return tally

    def _resume(self, tally: Tally) -> None:
        by_version: dict[str, list[tuple[UUID, bytes, bytes]]] = {}
        for signal_id, version, leaf, submission in self._journal.pending():
            by_version.setdefault(version, []).append((signal_id, leaf, submission))
        for version, waiting in by_version.items():
            for part in _chunks(waiting, MAXIMUM_BATCH):
                replaced = {
                    signal_id: UUID(earlier)
                    for signal_id, _, body in part
                    if (earlier := json.loads(body).get("replaces")) is not None
                }
                tally.resumed += len(part)
                self._send(version, [(signal_id, leaf, body) for signal_id, leaf, body in part], replaced, tally)

    def _send_new(self, wanted: Sequence[tuple[Record, UUID | None]], tally: Tally) -> None:
        version = self._agreement.covenant.version
        tokens = self._tokens([record for record, _ in wanted])
        pending: list[Pending] = []
        replaced: dict[UUID, UUID] = {}
        for record, earlier in wanted:
            signal_id = UUID(bytes=self._random(16), version=4)
            submission, leaf = self._signal(signal_id, record, tokens, earlier)
            if earlier is not None:
                replaced[signal_id] = earlier
            pending.append(
                Pending(
                    entry=Entry(signal_id, EntryState.PENDING, version, record.columns, record.subject),
                    record_key=self._journal.record_key(record.reference),
                    digest=self._journal.digest(record.columns),
                    submission=submission.model_dump_json(exclude_none=True).encode(),
                    leaf=leaf,
                )
            )
        self._journal.add(pending)
        self._send(version, [(p.entry.signal_id, p.leaf, p.submission) for p in pending], replaced, tally)

    def _send(
        self,
        version: str,
        signals: Sequence[tuple[UUID, bytes, bytes]],
        replaced: Mapping[UUID, UUID],
        tally: Tally,
    ) -> None:
        leaves = tuple(leaf for _, leaf, _ in signals)
        signature = sign_batch(
            self._agreement.covenant.id, version, self._profile.party, leaves, self._profile.signing_key
        ).signature
        result: SignalBatchResult = self._broker.submit(
            SignalBatch(
                covenant_version=version,
                leaves=leaves,
                signature=signature,
                signals=[json.loads(submission) for _, _, submission in signals],
            )
        )
        states: dict[UUID, EntryState] = {}
        for answer in result.results:
            signal_id = signals[answer.index][0]
            states[signal_id] = _STATES[answer.status]
            if answer.status is SignalStatus.REJECTED:
                entry = self._journal.entry(signal_id)
                reference = entry.record.get("reference", str(signal_id)) if entry else str(signal_id)
                faults = tuple(Fault(f.pointer, f.code, f.detail) for f in answer.faults)
                tally.refused.append((reference, faults))
            elif signal_id in replaced:
                states[replaced[signal_id]] = EntryState.WITHDRAWN
        self._journal.settle(states)

    def _tokens(self, records: Sequence[Record]) -> dict[str, dict[bytes, bytes]]:
        values: dict[str, list[bytes]] = {}
        for record in records:
            for match_key, value in record.subject.items():
                values.setdefault(match_key, []).append(value)
        return {key: dict(self._tokeniser.tokens(key, each)) for key, each in values.items()}

    def _signal(
        self, signal_id: UUID, record: Record, tokens: Mapping[str, Mapping[bytes, bytes]], replaces: UUID | None
    ) -> tuple[SignalSubmission, bytes]:
        covenant, party = self._agreement.covenant, self._profile.party
        month = retention_month(record.day, covenant.retention.categories[record.category])
        sealed = {item: self._seal(signal_id, record, item, month) for item in record.fields}
        items = plain_items(
            category=record.category,
            day=record.day.isoformat(),
            purposes=record.purposes,
            origins=record.origins,
            handling_codes=record.handling_codes,
        ) | {item: sealed_item(s.commitment, s.ciphertext, s.wrapped_key) for item, s in sealed.items()}
        identity = SignalIdentity(covenant.id, covenant.version, party, signal_id.bytes)
        committed = commit_signal(identity, self._slots, items, self._random)
        submission = SignalSubmission(
            signal_id=signal_id,
            subject_kind=record.subject_kind,
            category=record.category,
            day=record.day,
            purposes=record.purposes,
            origins=record.origins,
            handling_codes=record.handling_codes,
            normalisation_version=NORMALISATION_VERSION,
            tokens=tuple(
                Token(match_key=key, key_version=self._agreement.keys[key].version, token=tokens[key][value])
                for key, value in sorted(record.subject.items())
            ),
            fields=tuple(
                SealedVariant(
                    field=item.split(".")[0],
                    variant=item.split(".")[1],
                    salt=committed.salts[item],
                    ciphertext=s.ciphertext,
                    commitment=s.commitment,
                    wrapped_key=s.wrapped_key,
                    retention_month=month,
                )
                for item, s in sealed.items()
            ),
            salts=ItemSalts(
                category=committed.salts["category"],
                day=committed.salts["day"],
                provenance=committed.salts["provenance"],
                handling_codes=committed.salts["handling-codes"],
            ),
            absent=committed.absent,
            replaces=replaces,
        )
        return submission, committed.leaf

    def _seal(self, signal_id: UUID, record: Record, item: str, month: str) -> SealedField:
        covenant = self._agreement.covenant
        field_, variant = item.split(".")
        info = WrapInfo(
            covenant=covenant.id,
            version=covenant.version,
            party=self._profile.party,
            signal_id=signal_id.bytes,
            match_keys=tuple(sorted(record.subject)),
            category=record.category,
            purposes=record.purposes,
            handling_codes=record.handling_codes,
            origins=record.origins,
            field=field_,
            variant=variant,
            retention_month=month,
        )
        if month not in self._month_keys:
            self._month_keys[month] = HybridPublicKey(self._key_holder.sealing_key(month).public_key)
        return seal_field(
            record.fields[item].encode(), self._digested(record, item), info, self._month_keys[month], self._random
        )

    def _digested(self, record: Record, item: str) -> dict[str, bytes]:
        """The values whose digests travel inside a field. Whoever opens it can try identifiers against them.

        So only match keys that every kind may use to which the covenant can ever show this item of this record. Where
        there is none, the one key that most of them may use: the others cannot find the signal by it.
        """
        covenant, matrix = self._agreement.covenant, self._matrix
        own = covenant.parties[self._profile.party].kind
        readers = [
            keys
            for kind, keys in covenant.match_keys[record.subject_kind].kinds.items()
            if any(
                matrix.may(purpose, stage, own, kind, record.category, item)
                for purpose in record.purposes
                for stage in covenant.stages
            )
        ]
        users = {key: sum(key in keys for keys in readers) for key in sorted(record.subject)}
        shared = [key for key, count in users.items() if count == len(readers)]
        return {key: record.subject[key] for key in shared or [max(users, key=lambda key: users[key])]}


def retention_month(day: date, retention: Duration) -> str:
    """The month, `YYYY-MM`, in which a signal of `day` reaches the end of its category's retention."""
    return add(day, retention).isoformat()[:7]


def _chunks(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    part: list[Item] = []
    for item in items:
        part.append(item)
        if len(part) == size:
            yield part
            part = []
    if part:
        yield part
