"""From records to submitted signals: tokenise, seal, sign, write down, send, note the answer.

One run sends first what an earlier run left pending, then only what is new or has changed; a changed record replaces
its earlier signal. Whatever happens in between, the journal knows every signal the broker may have.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from clients.protocol.messages.signals import MAXIMUM_BATCH, SignalBatch, SignalBatchResult, SignalStatus, Token
from clients.protocol.signed_items import sign_batch
from clients.sdk.agreement import Agreement
from clients.sdk.errors import Fault, RecordError
from clients.sdk.journal import Entry, EntryState, Journal, Pending
from clients.sdk.making import SignalMaker
from clients.sdk.profile import Profile
from clients.sdk.records import Record, RecordReader
from clients.sdk.services import Broker, KeyHolder
from clients.sdk.tokenise import Tokeniser
from covenant_rules.dates import amsterdam_date
from covenant_rules.retention import last_day

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
    tokenised_again: int = 0
    """Signals whose tokens were of a key that has been rotated since."""
    refused: list[tuple[str, tuple[Fault, ...]]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A record to be submitted, what it is searched by in the journal, and the own signal that it replaces, if any."""

    record: Record
    record_key: bytes
    replaces: UUID | None


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
        now: Callable[[], datetime],
    ) -> None:
        self._profile, self._agreement = profile, agreement
        self._broker, self._tokeniser, self._journal = broker, tokeniser, journal
        self._random, self._now = random, now
        self._maker = SignalMaker(profile.party, agreement, key_holder, random)

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
            wanted: list[Wanted] = []
            for record in chunk:
                key = self._journal.record_key(record.reference)
                earlier = known.get(key)
                if earlier is None:
                    tally.new += 1
                    wanted.append(Wanted(record, key, None))
                elif earlier[1] != self._journal.digest(record.columns) or (
                    affirm and earlier[2] != self._agreement.covenant.version
                ):
                    tally.changed += 1
                    wanted.append(Wanted(record, key, earlier[0]))
                else:
                    tally.unchanged += 1
            if wanted:
                self._send_new(wanted, tally)
            progress(len(chunk))
        return tally

    def affirm(self, progress: Callable[[int], None] = lambda _: None) -> Tally:
        """Submit again, from the journal alone, every live signal that came under another version than the current one.

        What no longer is a record under the current version stays as it is, and is among the refused. Raises as
        `submit` does; repeating it goes on where it was.
        """
        tally = Tally()
        self._resume(tally)
        covenant, today = self._agreement.covenant, amsterdam_date(self._now())
        reader = RecordReader(covenant, self._profile.party)
        for part in _chunks(self._journal.live_under_others(self._agreement.covenant.version), MAXIMUM_BATCH):
            wanted: list[Wanted] = []
            for key, entry in part:
                try:
                    record = reader.read(0, entry.record)
                    if today is None or last_day(covenant, record.category, record.day) < today:
                        raise RecordError(0, "day", "retention-over")
                    wanted.append(Wanted(record, key, entry.signal_id))
                except RecordError as error:
                    reference = entry.record.get("reference", str(entry.signal_id))
                    fault = Fault(error.field, error.code, "not a record under the current version")
                    tally.refused.append((reference, (fault,)))
            tally.changed += len(wanted)
            if wanted:
                self._send_new(wanted, tally)
            progress(len(part))
        return tally

    def _resume(self, tally: Tally) -> None:
        by_version: dict[str, list[tuple[UUID, bytes, bytes]]] = {}
        for signal_id, version, leaf, submission in self._journal.pending():
            by_version.setdefault(version, []).append((signal_id, leaf, submission))
        for version, waiting in by_version.items():
            if version != self._agreement.covenant.version:
                self._settle_superseded(waiting)
                continue
            for part in _chunks(waiting, MAXIMUM_BATCH):
                replaced = _replaced(part)
                tally.resumed += len(part)
                self._send(version, [(signal_id, leaf, body) for signal_id, leaf, body in part], replaced, tally)

    def _settle_superseded(self, waiting: Sequence[tuple[UUID, bytes, bytes]]) -> None:
        """Signals of a version that is no longer current cannot be sent again: the broker says which of them it has."""
        states = dict.fromkeys((signal_id for signal_id, _, _ in waiting), EntryState.REJECTED)
        replaced, cursor = _replaced(waiting), None
        while True:
            page = self._broker.own_signals(cursor, limit=1000)
            for signal in page.signals:
                if signal.signal_id in states:
                    live = signal.state == "live"
                    states[signal.signal_id] = EntryState.LIVE if live else EntryState.WITHDRAWN
                    if signal.signal_id in replaced:
                        states[replaced[signal.signal_id]] = EntryState.WITHDRAWN
            if (cursor := page.next_cursor) is None:
                break
        self._journal.settle(states)

    def _send_new(self, wanted: Sequence[Wanted], tally: Tally) -> None:
        version = self._agreement.covenant.version
        tokens = self._tokens([one.record.subject for one in wanted])
        pending: list[Pending] = []
        replaced: dict[UUID, UUID] = {}
        for one in wanted:
            record, signal_id = one.record, UUID(bytes=self._random(16), version=4)
            submission, leaf = self._maker.signal(signal_id, record, tokens, one.replaces)
            if one.replaces is not None:
                replaced[signal_id] = one.replaces
            pending.append(
                Pending(
                    entry=Entry(signal_id, EntryState.PENDING, version, record.columns, record.subject),
                    record_key=one.record_key,
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
        bodies = [json.loads(submission) for _, _, submission in signals]

        def send() -> SignalBatchResult:
            return self._broker.submit(
                SignalBatch(covenant_version=version, leaves=leaves, signature=signature, signals=bodies)
            )

        def send_anew() -> SignalBatchResult:
            tally.tokenised_again += self._tokenise_again(signals, bodies)
            return send()

        result: SignalBatchResult = self._tokeniser.carry_on(send, send_anew)
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

    def _tokenise_again(self, signals: Sequence[tuple[UUID, bytes, bytes]], bodies: Sequence[dict[str, Any]]) -> int:
        """Puts tokens of the current keys into `bodies`; returns in how many that changed any.

        They are not written down: whoever resumes with the old ones is refused, and does the same.
        """
        entries = [self._journal.entry(signal_id) for signal_id, _, _ in signals]
        tokens = self._tokens([entry.subject for entry in entries if entry is not None])
        changed = 0
        for body, entry in zip(bodies, entries, strict=True):
            if entry is None:
                continue
            fresh = [tokens[key][value] for key, value in sorted(entry.subject.items())]
            given = [token.model_dump(mode="json", by_alias=True) for token in fresh]
            if body["tokens"] != given:
                body["tokens"] = given
                changed += 1
        return changed

    def _tokens(self, subjects: Iterable[Mapping[str, bytes]]) -> dict[str, dict[bytes, Token]]:
        values: dict[str, list[bytes]] = {}
        for subject in subjects:
            for match_key, value in subject.items():
                values.setdefault(match_key, []).append(value)
        return {key: self._tokeniser.tokens(key, each) for key, each in values.items()}


def _replaced(signals: Iterable[tuple[UUID, bytes, bytes]]) -> dict[UUID, UUID]:
    """Which own signal each of these, as they were written down, replaces."""
    named = ((signal_id, json.loads(body).get("replaces")) for signal_id, _, body in signals)
    return {signal_id: UUID(earlier) for signal_id, earlier in named if earlier is not None}


def _chunks(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    part: list[Item] = []
    for item in items:
        part.append(item)
        if len(part) == size:
            yield part
            part = []
    if part:
        yield part
