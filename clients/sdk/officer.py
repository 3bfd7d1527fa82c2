"""One sitting of a privacy officer with the logs of both services.

A citizen's request: the officer's client tokenises what identifies the citizen with the key holder's blind help, under
the key that officers alone have (`clients.protocol.officers`). The broker turns the tokens into the handles by which
its log names the subject, and the log is searched for them. The key holder learns that an officer asks, and the broker
which pseudonym it is about; who it is about and who asks, neither learns.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from clients.protocol.messages.audit import SubjectHandles, SubjectTokens
from clients.protocol.normalise import NORMALISATION_VERSION
from clients.protocol.officers import OFFICERS
from clients.sdk.agreement import Agreement, fetch_agreement
from clients.sdk.audit_log import AuditLog
from clients.sdk.errors import ClientError
from clients.sdk.http import Transports, conversations
from clients.sdk.offices import Office, OfficeProfile, open_office_profile
from clients.sdk.services import Broker, KeyHolder
from clients.sdk.subjects import normalised
from clients.sdk.tokenise import Tokeniser

__all__ = ["Officer"]


class Officer:
    """Use as a context manager. `broker` and `key_holder` are their logs. `transports` and `now` are for tests."""

    def __init__(
        self,
        profile: OfficeProfile,
        *,
        random: Callable[[int], bytes] = os.urandom,
        transports: Transports = (None, None),
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        if profile.office is not Office.OFFICER:
            raise ClientError(f"the profile in {profile.directory} is not of a privacy officer")
        self._random = random
        self._closing = ExitStack()
        services = profile.broker, profile.key_holder
        broker, key_holder = conversations(
            services, profile.name, profile.authentication_key, transports=transports, now=now
        )
        self._closing.enter_context(broker)
        self._closing.enter_context(key_holder)
        self.broker, self.key_holder = AuditLog(broker, profile.covenant), AuditLog(key_holder, profile.covenant)
        self._services = Broker(broker, profile.covenant), KeyHolder(key_holder, profile.covenant)

    @classmethod
    def open(cls, directory: Path) -> Officer:
        """Open the profile in `directory`. Raises ProfileError, and ClientError if it is not an officer's."""
        return cls(open_office_profile(directory))

    def __enter__(self) -> Officer:
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    @cached_property
    def agreement(self) -> Agreement:
        """The covenant in force and the officers' keys, fetched from both services and verified."""
        return fetch_agreement(*self._services, OFFICERS)

    def handles(self, subject_kind: str, identifiers: Mapping[str, str]) -> dict[str, bytes]:
        """The subject's handle by each match key that the identifiers give; whether or not the log names it.

        Raises ClientError, naming the column and the reason, never the value; VerificationError for an evaluation that
        does not hold; OverQuota when the officers' evaluations of the day are spent.
        """
        values = sorted(self._values(subject_kind, identifiers).items())
        tokeniser = Tokeniser(self._services[1], self.agreement, OFFICERS, self._random, renew=self._renewed)

        def ask() -> SubjectHandles:
            tokens = tuple(tokeniser.tokens(match_key, [value])[value] for match_key, value in values)
            return self.broker.handles(SubjectTokens(normalisation_version=NORMALISATION_VERSION, tokens=tokens))

        return {one.match_key: one.handle for one in tokeniser.carry_on(ask).handles}

    def _renewed(self) -> Agreement:
        self.__dict__.pop("agreement", None)
        return self.agreement

    def _values(self, subject_kind: str, identifiers: Mapping[str, str]) -> dict[str, bytes]:
        subject = self.agreement.covenant.match_keys.get(subject_kind)
        if subject is None:
            raise ClientError(f"the covenant has no subjects of kind '{subject_kind}'")
        values = normalised(sorted({key for given in subject.kinds.values() for key in given}), identifiers)
        for match_key in values:
            if match_key not in self.agreement.keys.keys() | self.agreement.rotating:
                raise ClientError(f"officers have no key for '{match_key}' yet; ask the operators to run the set-up")
        if not values:
            raise ClientError("give identifiers of a match key that the covenant knows")
        return values
