"""A batch of signals comes in: each signal is stored, known already, or refused with every reason, and none is lost.

1. The party is active and the batch is for the version in force: else the whole batch is refused.
2. As many leaves as signals, and the party's signature over the leaves' root.
3. Ids are claimed: from here on nobody else can use them. One that was taken before is `repeated`, or refused.
4. Each other signal for itself: its form, the covenant's rules, its leaf. Only a token made with another than the
   party's current key stops the whole batch: the client has to make it again, and no doubt others with it.
5. Tokens become pseudonyms; from here on there are no tokens.
6. In one order for all writers: hold the party's state and the signals to be replaced, end what is replaced, store, and
   write the audit entries: what was stored, and for each reason what was refused. The ids of that are free again.

Steps 4 and 5 are the work. All they hold is ids, which nobody else waits for but who sends the same signal at the same
time. The id and leaf of a signal are its idempotency: two identical batches at once store every signal once, whoever
comes first, and the other, which has waited for it and done no work, is told `repeated`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from datetime import date, datetime
from uuid import UUID

from sqlmodel import Session

from clients.protocol.errors import SignatureError
from clients.protocol.messages.signals import SignalBatch, SignalBatchResult, SignalSubmission
from clients.protocol.normalise import NORMALISATION_VERSION
from clients.protocol.signed_items import verify_batch
from covenant_rules.dates import amsterdam_date
from covenant_rules.model import Covenant
from service.audit.record import AuditRecord
from service.audit.writer import AuditWriter
from service.covenants.service import Covenants
from service.errors import Conflict, Invalid, LocatedFault, Refused, Unavailable
from service.parties.service import Parties
from service.principals import Principal
from service.signals import repository, rows
from service.signals.admission import Admitted, Terms, admit
from service.signals.conversion import conversions_of
from service.signals.derivation import CODES_DROPPED, ToldCodes, owed
from service.signals.incoming import ACCEPTED, MOST_FAULTS, NOT_LIVE, REPLACED_TWICE, Incoming
from service.signals.keys import SignalKeys, SubjectKeys
from service.signals.pseudonyms import Pseudonymiser, TokenRefusal
from service.storage.keystore import KeyMissing

__all__ = ["Submissions"]

NORMALISATION_VERSIONS = frozenset({NORMALISATION_VERSION})


class Submissions:
    """Takes signals in, in the caller's transaction. `pool` shares out the multiplications of large batches.

    `told_codes` knows which handling codes parties were told of.
    """

    def __init__(
        self,
        covenants: Covenants,
        parties: Parties,
        keys: SignalKeys,
        audit: AuditWriter,
        *,
        clock: Callable[[], datetime],
        random: Callable[[int], bytes],
        told_codes: ToldCodes,
        pool: Executor | None = None,
    ) -> None:
        self._covenants = covenants
        self._parties = parties
        self._keys = keys
        self._audit = audit
        self._clock = clock
        self._random = random
        self._pool = pool
        self._told_codes = told_codes

    def submit(
        self, session: Session, covenant_id: str, batch: SignalBatch, *, by: Principal, trace: str | None = None
    ) -> SignalBatchResult:
        """What became of each signal, in the order of the batch.

        Raises Refused for a party that does not take part or a covenant that is not in force, Conflict for another
        version of the covenant or of the party's key than the current one, Invalid for leaves and signature that do not
        fit. Nothing was stored then.
        """
        if by.party is None:
            raise Refused("party-not-active", "only a party submits signals")
        now = self._clock()
        covenant = self._covenants.current(session, covenant_id)
        signing_key = self._signing_key(session, covenant, by.party)
        today = _today(covenant, now)
        if batch.covenant_version != covenant.version:
            raise Conflict(
                "stale-covenant-version",
                "signals are submitted under the current version of the covenant",
                pointer="/covenantVersion",
                parameters={"current": covenant.version},
            )
        _check_envelope(covenant, by.party, batch, signing_key)
        incoming = Incoming(covenant, by.party, batch, now, [None] * len(batch.signals))
        signals = incoming.read()
        claimed = _claim(session, incoming)
        self._admit(session, incoming, signals, today)
        self._parties.require_active(session, covenant_id, by.party)
        self._store(session, incoming, by, trace)
        stored = {admitted.signal.signal_id for admitted in incoming.admitted.values()}
        repository.release(session, covenant_id, claimed - stored)
        self._record_refusals(session, incoming, by, trace)
        return incoming.answer()

    def _signing_key(self, session: Session, covenant: Covenant, party: str) -> bytes:
        found = self._parties.find(session, covenant.id, party)
        if found.state != "active" or party not in covenant.parties:
            raise Refused("party-not-active", "the party is suspended or not a party of the covenant's current version")
        key: bytes = found.keys.signing_key
        return key

    def _admit(
        self, session: Session, incoming: Incoming, signals: Mapping[int, SignalSubmission], today: date
    ) -> None:
        covenant, party, batch = incoming.covenant, incoming.party, incoming.batch
        conversions = conversions_of(session, self._keys, covenant.id, party)
        key_versions = {match_key: conversion.key_version for match_key, conversion in conversions.items()}
        terms = Terms(covenant, party, today, key_versions, NORMALISATION_VERSIONS)
        candidates = {index: signal for index, signal in signals.items() if index not in incoming.verdicts}
        _refuse_stale(candidates, key_versions)
        for index, signal in candidates.items():
            outcome = admit(signal, terms, index, batch.leaves[index])
            if isinstance(outcome, Admitted):
                incoming.admitted[index] = outcome
            else:
                incoming.reject(index, *outcome)
        if incoming.admitted:
            keys = self._subject_keys(covenant.id)
            self._pseudonymise(incoming, Pseudonymiser(covenant.id, keys, conversions, self._random, self._pool))
            self._refuse_dropped_codes(session, incoming)

    def _refuse_dropped_codes(self, session: Session, incoming: Incoming) -> None:
        derived = {
            index: [(kept.subject.match_key, kept.subject.index) for kept in incoming.kept[index]]
            for index, admitted in incoming.admitted.items()
            if admitted.signal.origins
        }
        if not derived:
            return
        covenant, values = incoming.covenant, {value for named in derived.values() for value in named}
        told = self._told_codes(session, covenant.id, incoming.party, values)
        for index, named in derived.items():
            signal = incoming.admitted[index].signal
            codes = owed((one for value in named for one in told.get(value, ())), signal.origins)
            if not codes & covenant.handling_codes.keys() <= set(signal.handling_codes):
                incoming.reject(index, CODES_DROPPED)

    def _subject_keys(self, covenant_id: str) -> SubjectKeys:
        try:
            return self._keys.subject_keys(covenant_id)
        except KeyMissing:
            raise Unavailable(
                "subject-key-missing", "a key of this service is not there; nothing was taken in"
            ) from None

    @staticmethod
    def _pseudonymise(incoming: Incoming, pseudonymiser: Pseudonymiser) -> None:
        """One pass for each match key, over the tokens of all signals."""
        groups: dict[tuple[str, str], list[tuple[int, int]]] = {}
        for index, admitted in incoming.admitted.items():
            for position, token in enumerate(admitted.signal.tokens):
                groups.setdefault((token.match_key, admitted.signal.normalisation_version), []).append(
                    (index, position)
                )
        refused: dict[int, list[LocatedFault]] = {}
        for (match_key, version), places in groups.items():
            signals = [(incoming.admitted[index].signal, position) for index, position in places]
            tokens = [(signal.signal_id, signal.tokens[position].token) for signal, position in signals]
            for (index, position), kept in zip(places, pseudonymiser.keep(match_key, version, tokens), strict=True):
                if isinstance(kept, TokenRefusal):
                    fault = LocatedFault(f"/tokens/{position}/token", kept.code, kept.detail)
                    refused.setdefault(index, []).append(fault)
                else:
                    incoming.kept.setdefault(index, []).append(kept)
        for index, faults in refused.items():
            incoming.reject(index, *faults)

    def _store(self, session: Session, incoming: Incoming, by: Principal, trace: str | None) -> None:
        covenant_id, party = incoming.covenant.id, incoming.party
        targets = _targets(incoming)
        if targets:
            live = repository.live_targets(session, covenant_id, party, targets.values())
            for index, target in targets.items():
                if target not in live:
                    incoming.reject(index, NOT_LIVE)
        if not incoming.admitted:
            return
        replaced = {a.signal.replaces for a in incoming.admitted.values() if a.signal.replaces is not None}
        evidence = {
            (row.signal_id, row.match_key, row.index_): row.evidence_at
            for row in repository.pseudonyms_of(session, covenant_id, replaced)
        }
        repository.end(session, covenant_id, replaced, state="withdrawn", because="replaced", at=incoming.now)
        batch_id = UUID(bytes=self._random(16), version=4)
        repository.store(
            session,
            rows.batch_row(incoming, batch_id),
            map(rows.signal_row, incoming.admitted.values()),
            rows.field_rows(incoming),
            rows.pseudonym_rows(incoming, evidence),
        )
        self._audit.append_many(session, rows.records(incoming, by, trace))
        incoming.verdicts.update((index, ACCEPTED) for index in incoming.admitted)

    def _record_refusals(self, session: Session, incoming: Incoming, by: Principal, trace: str | None) -> None:
        """One entry for each reason, with the signals it stopped."""
        reasons: dict[str, list[int]] = {}
        for index, verdict in sorted(incoming.verdicts.items()):
            if verdict.faults:
                reasons.setdefault(verdict.faults[0].code, []).append(index)
        self._audit.append_many(
            session,
            [
                AuditRecord(
                    event="submission-refused",
                    covenant_id=incoming.covenant.id,
                    by=by,
                    trace=trace,
                    version=incoming.covenant.version,
                    reason=reason,
                    counts={"signals": len(indexes)},
                    signals=[signal_id for i in indexes if (signal_id := incoming.ids[i]) is not None],
                )
                for reason, indexes in reasons.items()
            ],
        )


def _today(covenant: Covenant, now: datetime) -> date:
    today = amsterdam_date(now)
    if today is None or not covenant.valid_from <= today <= covenant.valid_until:
        raise Refused("covenant-not-in-force", "the covenant is not in force today")
    return today


def _claim(session: Session, incoming: Incoming) -> frozenset[UUID]:
    """Takes the ids of a batch for its party, as far as they are free, and settles the others."""
    covenant_id, wanted = incoming.covenant.id, incoming.open_leaves
    claimed = repository.claim(session, covenant_id, incoming.party, wanted)
    if len(claimed) < len(wanted):
        incoming.settle_known(repository.known(session, covenant_id, wanted.keys() - claimed))
    return claimed


def _check_envelope(covenant: Covenant, party: str, batch: SignalBatch, signing_key: bytes) -> None:
    if len(batch.leaves) != len(batch.signals):
        raise Invalid("leaves-differ", "there must be one leaf for each signal", pointer="/leaves")
    try:
        verify_batch(covenant.id, covenant.version, party, batch.leaves, batch.signature, signing_key)
    except SignatureError:
        raise Invalid(
            "signature-invalid", "not this party's signature over the root of these leaves", pointer="/signature"
        ) from None


def _refuse_stale(signals: Mapping[int, SignalSubmission], key_versions: Mapping[str, int]) -> None:
    """Raises Conflict with the place of tokens that were not made with the current key, and its version."""
    stale = [
        (f"/signals/{index}/tokens/{position}/keyVersion", token.match_key)
        for index, signal in signals.items()
        for position, token in enumerate(signal.tokens)
        if token.key_version != key_versions.get(token.match_key, token.key_version)
    ]
    if stale:
        words = "the token was not made with the party's current key"
        raise Conflict(
            "stale-key-version",
            "tokens were not made with the party's current key; nothing of the batch was taken in",
            parameters={match_key: str(key_versions[match_key]) for _, match_key in stale},
            faults=[LocatedFault(place, "stale-key-version", words) for place, _ in stale[:MOST_FAULTS]],
        )


def _targets(incoming: Incoming) -> dict[int, UUID]:
    """What the admitted signals replace, by index; two that replace the same are both refused."""
    wanted = {i: a.signal.replaces for i, a in incoming.admitted.items() if a.signal.replaces is not None}
    counted = Counter(wanted.values())
    for index, target in wanted.items():
        if counted[target] > 1:
            incoming.reject(index, REPLACED_TWICE)
    return {index: target for index, target in wanted.items() if counted[target] == 1}
