"""The two services as a party, an operator or an administrator calls them."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID, uuid4

from clients.protocol.messages.base import Message
from clients.protocol.messages.covenant import CovenantDescription
from clients.protocol.messages.disclosure import (
    Disclosure,
    DisclosureRequest,
    GrantAnswer,
    GrantRequest,
    HitExplanation,
    HitPage,
    LookUpRequest,
    NoticePage,
)
from clients.protocol.messages.figures import AreaFigures, ReplayAnswer, ReplayRequest
from clients.protocol.messages.governance import ApprovedVersion, Draft, VersionDescription, VersionPage
from clients.protocol.messages.keyholder import (
    CommitmentsAnswer,
    Directory,
    EvaluationAnswer,
    EvaluationRequest,
    ProofAnswer,
    ProofRequest,
    ReceiptMessage,
    ReleaseAnswer,
    ReleaseRequest,
    SealingKey,
)
from clients.protocol.messages.log import LogDescription, WitnessedLog
from clients.protocol.messages.signals import (
    OwnSignalPage,
    SignalBatch,
    SignalBatchResult,
    Withdrawal,
    WithdrawalResult,
)
from clients.sdk.http import Conversation

_REPLAY_SECONDS = 600.0


class Broker:
    """The broker's API for one covenant. Every call raises `Refused` or `Unreachable` (see `clients.sdk.errors`)."""

    def __init__(self, conversation: Conversation, covenant: str) -> None:
        self._http = conversation
        self._path = f"/v1/covenants/{covenant}"

    def covenant(self) -> CovenantDescription:
        return self._http.get(self._path, CovenantDescription)

    def versions(self) -> VersionPage:
        return self._http.get(f"{self._path}/versions", VersionPage)

    def version(self, version: str) -> VersionDescription:
        return self._http.get(f"{self._path}/versions/{version}", VersionDescription)

    def draft(self, draft: Draft) -> VersionDescription:
        return self._http.post(f"{self._path}/versions", draft, VersionDescription)

    def step(self, version: str, step: str, body: Message | None = None) -> VersionDescription:
        """A version's next step: `proposal`, `advice`, `approvals`, `rejection`, `withdrawal` or `schedule`."""
        return self._http.post(f"{self._path}/versions/{version}/{step}", body, VersionDescription)

    def replay(self, request: ReplayRequest) -> ReplayAnswer:
        """What a draft would change on the signals there are. Takes about a minute for a million of them."""
        return self._http.post(f"{self._path}/replays", request, ReplayAnswer, timeout=_REPLAY_SECONDS)

    def figures(self, purpose: str) -> AreaFigures:
        return self._http.get(f"{self._path}/statistics", AreaFigures, {"purpose": purpose})

    def submit(self, batch: SignalBatch) -> SignalBatchResult:
        return self._http.post(f"{self._path}/signals", batch, SignalBatchResult)

    def withdraw(self, withdrawal: Withdrawal) -> WithdrawalResult:
        return self._http.post(f"{self._path}/withdrawals", withdrawal, WithdrawalResult)

    def own_signals(self, cursor: str | None = None, limit: int = 200) -> OwnSignalPage:
        query: dict[str, str | int] = {"limit": limit} | ({"cursor": cursor} if cursor else {})
        return self._http.get(f"{self._path}/signals", OwnSignalPage, query)

    def hits(self, since: str | None = None, purpose: str | None = None, limit: int = 500) -> HitPage:
        """Changes in what this party may see, after cursor `since`; from the beginning without."""
        query: dict[str, str | int] = {"limit": limit}
        query |= {"since": since} if since else {}
        query |= {"purpose": purpose} if purpose else {}
        return self._http.get(f"{self._path}/hits", HitPage, query)

    def hit(self, hit_id: UUID, language: str | None = None) -> HitExplanation:
        """One hit with the reasons for it, in words of `language`: `en`, as without, or `nl`."""
        return self._http.get(f"{self._path}/hits/{hit_id}", HitExplanation, language=language)

    def look_up(self, request: LookUpRequest, key: UUID | None = None) -> Disclosure:
        """Asks about one subject without registering it. `key` makes a repetition the same question."""
        return self._http.post(f"{self._path}/look-ups", request, Disclosure, idempotency_key=str(key or uuid4()))

    def disclose(self, request: DisclosureRequest, key: UUID | None = None) -> Disclosure:
        """Has the rules decide, and the decision committed. `key` makes a repetition the same decision."""
        return self._http.post(f"{self._path}/disclosures", request, Disclosure, idempotency_key=str(key or uuid4()))

    def log(self) -> LogDescription:
        """How the broker's log of this covenant is called and signed, as it says (see `clients.sdk.log_keys`)."""
        return self._http.get(f"{self._path}/log", LogDescription)

    def grant(self, request: GrantRequest) -> GrantAnswer:
        return self._http.post(f"{self._path}/grants", request, GrantAnswer)

    def notices(self, cursor: str | None = None) -> NoticePage:
        return self._http.get(f"{self._path}/notices", NoticePage, {"cursor": cursor} if cursor else None)


class KeyHolder:
    """The key holder's API for one covenant. Every call raises `Refused` or `Unreachable`."""

    def __init__(self, conversation: Conversation, covenant: str) -> None:
        self._http = conversation
        self._path = f"/v1/covenants/{covenant}"

    def directory(self) -> Directory:
        return self._http.get(f"{self._path}/parties", Directory)

    def versions(self) -> VersionPage:
        return self._http.get(f"{self._path}/versions", VersionPage)

    def schedule(self, approved: ApprovedVersion) -> VersionDescription:
        return self._http.post(f"{self._path}/versions", approved, VersionDescription)

    def log(self) -> LogDescription:
        """How the key holder's own log of this covenant is called and signed, which nobody witnesses."""
        return self._http.get(f"{self._path}/log", LogDescription)

    def witnessed(self) -> WitnessedLog:
        """What the key holder knows of the broker's log, by its operator and as its witness."""
        return self._http.get(f"{self._path}/witness", WitnessedLog)

    def commitments(self) -> CommitmentsAnswer:
        return self._http.get(f"{self._path}/commitments", CommitmentsAnswer)

    def sealing_key(self, month: str) -> SealingKey:
        return self._http.get(f"{self._path}/sealing-keys/{month}", SealingKey)

    def evaluate(self, match_key: str, key_version: int, blinded: Sequence[bytes], *, prove: bool) -> EvaluationAnswer:
        request = EvaluationRequest(match_key=match_key, key_version=key_version, blinded=tuple(blinded), prove=prove)
        return self._http.post(f"{self._path}/evaluations", request, EvaluationAnswer)

    def prove(self, receipt: ReceiptMessage, blinded: Sequence[bytes], evaluated: Sequence[bytes]) -> bytes:
        """The 64-byte batched DLEQ proof of an earlier evaluation."""
        request = ProofRequest(receipt=receipt, blinded=tuple(blinded), evaluated=tuple(evaluated))
        proof: bytes = self._http.post(f"{self._path}/evaluation-proofs", request, ProofAnswer).proof
        return proof

    def release(self, grant: str, wrapped_key: bytes) -> ReleaseAnswer:
        request = ReleaseRequest(grant=grant, wrapped_key=wrapped_key)
        return self._http.post(f"{self._path}/releases", request, ReleaseAnswer)
