"""One sitting of one party with both services."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Literal, cast
from uuid import UUID

from clients.protocol.messages.disclosure import (
    Disclosure,
    DisclosureRequest,
    Hit,
    HitEvent,
    LookUpRequest,
    SignalAnchor,
    SourceNotice,
)
from clients.protocol.messages.figures import AreaFigures
from clients.protocol.messages.signals import MAXIMUM_BATCH, OwnSignal, Withdrawal
from clients.protocol.normalise import NORMALISATION_VERSION
from clients.sdk.agreement import Agreement, fetch_agreement
from clients.sdk.conditions import Conditions
from clients.sdk.errors import ClientError
from clients.sdk.governing import read_version
from clients.sdk.http import Transports, conversations
from clients.sdk.journal import Entry, EntryState, Journal
from clients.sdk.on_record import OnRecord
from clients.sdk.opening import NotOpened, Opened, Opener
from clients.sdk.profile import Profile, open_profile
from clients.sdk.records import Record, RecordFile, read_mapping
from clients.sdk.services import Broker, KeyHolder
from clients.sdk.subjects import normalised
from clients.sdk.submission import Submitter, Tally
from clients.sdk.tokenise import Tokeniser
from covenant_rules.model import Covenant

Random = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class KnownHit:
    """A hit beside the record of our own that it is about."""

    hit_id: UUID
    purpose: str
    stage: str
    hit: Hit
    own: Entry | None
    """None where the journal does not know the signal: another machine of this party submitted it."""


class Session:
    """Use as a context manager. `actor` names the employee, by a pseudonym of the party's own, in the audit log.

    `transports` gives tests a place to put their own HTTP transports, for broker and key holder; `now` their own clock.
    """

    def __init__(
        self,
        profile: Profile,
        *,
        actor: str | None = None,
        random: Random = os.urandom,
        pool: Executor | None = None,
        transports: Transports = (None, None),
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.profile = profile
        self._random, self._pool, self._now = random, pool, now
        self._closing = ExitStack()
        self._versions: dict[str, Covenant] = {}
        services = profile.broker, profile.key_holder
        self.broker_conversation, self.key_holder_conversation = conversations(
            services, profile.party, profile.authentication_key, actor=actor, transports=transports, now=now
        )
        self._closing.enter_context(self.broker_conversation)
        self._closing.enter_context(self.key_holder_conversation)
        self.broker = Broker(self.broker_conversation, profile.covenant)
        self.key_holder = KeyHolder(self.key_holder_conversation, profile.covenant)
        self._on_record = OnRecord(profile, self.broker, self.key_holder)
        self.conditions = Conditions(self.broker_conversation, profile.covenant)

    @classmethod
    def open(cls, directory: Path, *, actor: str | None = None, pool: Executor | None = None) -> Session:
        """Open the profile in `directory`. Raises ProfileError."""
        return cls(open_profile(directory), actor=actor, pool=pool)

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    def use(self, pool: Executor | None) -> None:
        """Spread group arithmetic over `pool` from now on, or no longer."""
        self._pool = pool
        self.__dict__.pop("_tokeniser", None)

    @cached_property
    def agreement(self) -> Agreement:
        """The covenant in force and its keys, fetched and verified when first needed."""
        return fetch_agreement(self.broker, self.key_holder, self.profile.party)

    @cached_property
    def journal(self) -> Journal:
        return self._closing.enter_context(
            Journal(
                self.profile.journal_path,
                self.profile.journal_key,
                covenant=self.profile.covenant,
                party=self.profile.party,
                random=self._random,
            )
        )

    @cached_property
    def _tokeniser(self) -> Tokeniser:
        return Tokeniser(
            self.key_holder, self.agreement, self.profile.party, self._random, self._pool, renew=self._renewed
        )

    def _renewed(self) -> Agreement:
        self.__dict__.pop("agreement", None)
        return self.agreement

    def records(self, path: Path, mapping: Path | None = None) -> RecordFile:
        """The records of a CSV file, to be checked row by row. Raises ClientError for a file that cannot be used."""
        return RecordFile(path, read_mapping(mapping), self.agreement.covenant, self.profile.party)

    def submit(
        self, records: Iterable[Record], progress: Callable[[int], None] = lambda _: None, *, affirm: bool = False
    ) -> Tally:
        """Submit what is new or has changed (see `Submitter.submit`)."""
        return self._submitter.submit(records, progress, affirm=affirm)

    def affirm(self, progress: Callable[[int], None] = lambda _: None) -> Tally:
        """Submit again what came under an earlier version (see `Submitter.affirm`)."""
        return self._submitter.affirm(progress)

    @property
    def _submitter(self) -> Submitter:
        return Submitter(
            self.profile,
            self.agreement,
            self.broker,
            self.key_holder,
            self._tokeniser,
            self.journal,
            self._random,
            self._now,
        )

    def withdraw(self, signal_ids: Iterable[UUID], reason: str) -> int:
        """Withdraw own signals; returns how many were live until now."""
        wanted, count = list(signal_ids), 0
        for start in range(0, len(wanted), MAXIMUM_BATCH):
            part = tuple(wanted[start : start + MAXIMUM_BATCH])
            result = self.broker.withdraw(Withdrawal.model_validate({"signalIds": part, "reason": reason}))
            self.journal.settle(dict.fromkeys((*result.withdrawn, *result.repeated), EntryState.WITHDRAWN))
            count += len(result.withdrawn)
        return count

    def figures(self, purpose: str) -> AreaFigures:
        """Area figures for one purpose, where the covenant gives them to this party's kind."""
        return self.broker.figures(purpose)

    def own_signals(self) -> Iterator[OwnSignal]:
        """Every signal of ours that the broker holds, page by page."""
        cursor = None
        while True:
            page = self.broker.own_signals(cursor)
            yield from page.signals
            if (cursor := page.next_cursor) is None:
                return

    def notices(self) -> Iterator[SourceNotice]:
        """What the covenant has us told about disclosures of our signals, page by page."""
        cursor = None
        while True:
            page = self.broker.notices(cursor)
            yield from page.notices
            if (cursor := page.next_cursor) is None:
                return

    def hit_events(self, since: str | None = None, purpose: str | None = None) -> Iterator[tuple[HitEvent, str]]:
        """Changes in what we may see since a cursor, oldest first, each with the cursor after its page."""
        cursor = since
        while True:
            page = self.broker.hits(cursor, purpose)
            for event in page.events:
                yield event, page.cursor
            if not page.more:
                return
            cursor = page.cursor

    def hits(self, purpose: str | None = None) -> list[KnownHit]:
        """What we may see now, in the order in which it appeared."""
        current: dict[UUID, HitEvent] = {}
        for event, _ in self.hit_events(purpose=purpose):
            if event.kind == "retracted":
                current.pop(event.hit_id, None)
            else:
                current[event.hit_id] = event
        return [
            KnownHit(e.hit_id, e.purpose, e.stage, e.hit, self.journal.entry(e.anchor_signal_id))
            for e in current.values()
            if e.hit is not None
        ]

    def disclose(self, signal_id: UUID, purpose: str, stage: str = "signal") -> Disclosure:
        """Have decided, and committed, what we may see of the subject of an own signal."""
        request = DisclosureRequest(purpose=purpose, stage=stage, anchor=SignalAnchor(signal_id=signal_id))
        return self._on_record.told(lambda: self.broker.disclose(request))

    def open_fields(
        self, disclosure: Disclosure, subject: Mapping[str, bytes] | None = None
    ) -> Iterator[Opened | NotOpened]:
        """Open and verify the sealed fields of a disclosure. After a look-up, `subject` says whom it was about."""
        if subject is None:
            entry = self.journal.entry(disclosure.anchor_signal_id) if disclosure.anchor_signal_id else None
            if entry is None:
                raise ClientError("the journal does not know the subject of this disclosure")
            subject = entry.subject
        opener = Opener(self.profile, self.agreement, self.broker, self.key_holder, self.version)
        yield from opener.open(disclosure, subject)

    def version(self, version: str) -> Covenant:
        """A version of the covenant by its hash, such as the one that a signal was submitted under. Fetched once.

        Raises VerificationError for a text that has another hash.
        """
        known = self._versions.setdefault(self.agreement.covenant.version, self.agreement.covenant)
        if version != known.version and version not in self._versions:
            self._versions[version] = read_version(self.broker.version(version), version)
        return self._versions[version]

    def subject(self, subject_kind: str, identifiers: Mapping[str, str]) -> dict[str, bytes]:
        """The normalised value of each match key that these identifiers give and this party may use.

        Raises ClientError, naming the column and the reason, never the value.
        """
        covenant = self.agreement.covenant
        if subject_kind not in covenant.match_keys:
            raise ClientError(f"the covenant has no subjects of kind '{subject_kind}'")
        kind = covenant.parties[self.profile.party].kind
        values = normalised(covenant.match_keys[subject_kind].kinds.get(kind, ()), identifiers)
        if not values:
            raise ClientError("give identifiers of a match key that the covenant lets this party use")
        return values

    def tokens(self, match_key: str, values: Iterable[bytes]) -> dict[bytes, bytes]:
        """This party's tokens of normalised values; what was tokenised in this session is not asked again."""
        return {value: token.token for value, token in self._tokeniser.tokens(match_key, values).items()}

    def look_up(
        self, subject_kind: str, subject: Mapping[str, bytes], purpose: str, stage: str = "signal"
    ) -> Disclosure:
        """Ask about a subject without registering a signal; audited, under quota, only where the covenant allows it."""

        def ask() -> Disclosure:
            tokens = (self._tokeniser.tokens(key, [value])[value] for key, value in sorted(subject.items()))
            return self.broker.look_up(
                LookUpRequest(
                    purpose=purpose,
                    stage=stage,
                    subject_kind=cast(Literal["address", "person"], subject_kind),
                    normalisation_version=NORMALISATION_VERSION,
                    tokens=tuple(tokens),
                )
            )

        return self._on_record.told(lambda: self._tokeniser.carry_on(ask))
