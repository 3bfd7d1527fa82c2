"""One sitting of an administrator or officer with both services: versions from draft to scheduled.

What is signed here was read here. A version's text must have the hash it goes by, and what it is compared with must be
the version that the key holder has last too: the broker cannot show one change and have another one signed.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Literal

from clients.protocol.approvals import sign_approval, sign_proposal
from clients.protocol.messages.figures import ReplayAnswer, ReplayRequest
from clients.protocol.messages.governance import (
    Advice,
    ApprovalSignature,
    ApprovedVersion,
    Closing,
    Draft,
    Proposal,
    VersionDescription,
    VersionPage,
    VersionStatus,
)
from clients.protocol.messages.keyholder import Approval
from clients.sdk.errors import ClientError, VerificationError
from clients.sdk.http import Transports, conversations
from clients.sdk.offices import OfficeProfile, open_office_profile
from clients.sdk.services import Broker, KeyHolder
from covenant_rules.diagnostics import CovenantError
from covenant_rules.load import load
from covenant_rules.model import Covenant

__all__ = ["Governing", "KnownVersion", "read_version"]

FEWEST_DIGITS = 6
"""Of a version's hash that a person types."""


@dataclass(frozen=True, slots=True)
class KnownVersion:
    """A version as the broker describes it, and what its text says, which has the version's hash."""

    told: VersionDescription
    covenant: Covenant


class Governing:
    """Use as a context manager. `transports` and `now` are for tests."""

    def __init__(
        self,
        profile: OfficeProfile,
        *,
        transports: Transports = (None, None),
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.profile = profile
        self._closing = ExitStack()
        services = profile.broker, profile.key_holder
        broker, key_holder = conversations(
            services, profile.name, profile.authentication_key, transports=transports, now=now
        )
        self._closing.enter_context(broker)
        self._closing.enter_context(key_holder)
        self._broker = Broker(broker, profile.covenant)
        self._key_holder = KeyHolder(key_holder, profile.covenant)

    @classmethod
    def open(cls, directory: Path) -> Governing:
        """Open the profile in `directory`. Raises ProfileError."""
        return cls(open_office_profile(directory))

    def __enter__(self) -> Governing:
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    # -- reading

    def versions(self) -> VersionPage:
        """Every version, those that are under way included."""
        return self._broker.versions()

    def resolve(self, given: str) -> str:
        """The one version whose hash begins so. Raises ClientError."""
        if len(given) < FEWEST_DIGITS:
            raise ClientError(f"give at least {FEWEST_DIGITS} digits of the version's hash")
        found = [one.version for one in self.versions().versions if one.version.startswith(given.lower())]
        if len(found) != 1:
            raise ClientError("no version begins so" if not found else "several versions begin so: give more digits")
        return found[0]

    def version(self, version: str) -> KnownVersion:
        """Raises VerificationError for a text that has another hash."""
        told = self._broker.version(version)
        return KnownVersion(told, read_version(told, version))

    def last(self) -> KnownVersion:
        """The version that the next one replaces: in force or scheduled. Raises VerificationError.

        The key holder is asked too: a version that only one of the services has is not compared with.
        """
        ours, theirs = (_last(page) for page in (self._broker.versions(), self._key_holder.versions()))
        if ours != theirs:
            raise VerificationError(
                "broker and key holder have not the same last version; if one was just approved, have it scheduled "
                f"first: `covenant versions schedule {theirs}`"
            )
        return self.version(ours)

    def replay(self, document: bytes) -> ReplayAnswer:
        """What a draft would newly show or hide on the signals there are, in rounded numbers; it is not laid down.

        Raises ClientError for bytes that are no UTF-8 text.
        """
        return self._broker.replay(ReplayRequest(document=_text(document)))

    # -- steps

    def draft(self, document: bytes) -> VersionDescription:
        """Lays down a draft. Raises ClientError for bytes that are no UTF-8 text."""
        return self._broker.draft(Draft(document=_text(document)))

    def propose(self, version: str) -> VersionDescription:
        """Signs and sends the proposal to put our draft in the place of the last version."""
        drafted, last = self.version(version), self.last()
        signature = sign_proposal(self._key(), self.profile.covenant, drafted.covenant.version, last.covenant.version)
        proposal = Proposal(predecessor=last.covenant.version, signature=signature)
        return self._broker.step(version, "proposal", proposal)

    def advise(
        self, version: str, opinion: Literal["favourable", "conditional", "unfavourable"], words: str
    ) -> VersionDescription:
        return self._broker.step(version, "advice", Advice(opinion=opinion, words=words))

    def approve(self, version: str) -> VersionDescription:
        """Signs and sends our approval. Raises VerificationError unless it replaces what the key holder has last."""
        proposed, last = self.version(version), self.last()
        if proposed.told.predecessor != last.covenant.version:
            raise VerificationError("the version was proposed in place of another one than the last")
        signature = sign_approval(self._key(), self.profile.covenant, proposed.covenant.version)
        return self._broker.step(version, "approvals", ApprovalSignature(signature=signature))

    def sign(self, document: bytes) -> Approval:
        """Our approval of a document, for the operators who found a covenant with it. Sends nothing.

        Raises CovenantError for what is no covenant, ClientError for another covenant's.
        """
        covenant = load(document)
        if covenant.id != self.profile.covenant:
            raise ClientError(f"this is covenant '{covenant.id}', the profile is of '{self.profile.covenant}'")
        signature = sign_approval(self._key(), covenant.id, covenant.version)
        return Approval(administrator=self.profile.name, signature=signature)

    def reject(self, version: str, words: str) -> VersionDescription:
        return self._broker.step(version, "rejection", Closing(words=words))

    def withdraw(self, version: str, words: str) -> VersionDescription:
        return self._broker.step(version, "withdrawal", Closing(words=words))

    def schedule(self, version: str) -> VersionDescription:
        """Brings an approved version to the key holder, then has the broker take it over. Harmless to repeat.

        The key holder is first: it verifies the approvals for itself and refuses a version whose day is over. The
        broker takes over what the key holder has, and nothing else.
        """
        told = self.version(version).told
        if told.predecessor is None or told.author is None or told.proposal is None:
            raise ClientError("the version was not proposed")
        if told.status in (VersionStatus.DRAFT, VersionStatus.PROPOSED, VersionStatus.ADVISED):
            raise ClientError(f"the version is {told.status.value}: two administrators approve it first")
        self._key_holder.schedule(
            ApprovedVersion(
                document=told.document,
                predecessor=told.predecessor,
                author=told.author,
                proposal=told.proposal,
                approvals=tuple(
                    Approval(administrator=one.administrator, signature=one.signature) for one in told.approvals
                ),
            )
        )
        return self._broker.step(version, "schedule")

    def _key(self) -> bytes:
        if self.profile.approval_key is None:
            raise ClientError("only an administrator signs versions")
        return self.profile.approval_key


def _text(document: bytes) -> str:
    try:
        return document.decode("utf-8")
    except UnicodeDecodeError:
        raise ClientError("a covenant is a text in UTF-8") from None


def read_version(told: VersionDescription, version: str) -> Covenant:
    """The covenant in a version's text. Raises VerificationError if it has not the hash that was asked for."""
    document = told.document.encode("utf-8")
    if not told.version == version == sha256(document).hexdigest():
        raise VerificationError("the version's text has not the hash it goes by")
    try:
        return load(document)
    except CovenantError as error:
        raise VerificationError(f"the version's text is no covenant: {error}") from None


def _last(page: VersionPage) -> str:
    """The last version that was founded or scheduled."""
    chain = {one.number: one.version for one in page.versions if one.number is not None}
    if not chain:
        raise ClientError("no version of the covenant was ever in force")
    return chain[max(chain)]
