"""A party of the covenant with all its keys: makes signals, signs batches, sends requests."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import httpx

from clients.protocol.messages.base import Message
from clients.protocol.messages.signals import (
    ItemSalts,
    SealedVariant,
    SignalBatch,
    SignalBatchResult,
    SignalSubmission,
    Token,
    Withdrawal,
    WithdrawalResult,
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
from covenant_rules.model import Covenant
from covenant_rules.retention import retention_month
from tests.service.cast import Member

if TYPE_CHECKING:
    from tests.kit.stage import Stage

DAY = date(2026, 11, 10)


def subject(name: str, **values: str) -> dict[str, bytes]:
    """A subject by all match keys, each with its own made-up value; `values` gives some of them instead.

    `subject("flat 1", address_postcode="shared")` shares only its postcode with other subjects given the same.
    """
    made = {
        key: f"{key} of {name}" for key in ("address-bag", "address-postcode", "person-bsn", "person-name-birthdate")
    }
    for key, value in values.items():
        match_key = key.replace("_", "-")
        made[match_key] = f"{match_key} of {value}"
    return {key: value.encode() for key, value in made.items()}


@dataclass(frozen=True)
class Made:
    """A signal as it is submitted, and its leaf."""

    submission: SignalSubmission
    leaf: bytes
    identity: SignalIdentity
    salts: Mapping[str, bytes] = field(repr=False)

    @property
    def id(self) -> UUID:
        return self.submission.signal_id

    @property
    def json(self) -> dict[str, Any]:
        """The wire form, to be spoilt."""
        document: dict[str, Any] = self.submission.model_dump(mode="json", by_alias=True, exclude_none=True)
        return document

    def changed(self, **changes: Any) -> Made:
        """Other members under the same leaf."""
        return replace(self, submission=self.submission.model_copy(update=changes))


class Partner:
    """One party. Paths of its requests are those below `/v1/covenants/{covenantId}`."""

    def __init__(self, stage: Stage, member: Member) -> None:
        self.stage = stage
        self.member = member
        self.party = member.party

    @property
    def kind(self) -> str:
        return self.stage.covenant.parties[self.party].kind

    # -- making

    def tokens(self, about: Mapping[str, bytes], subject_kind: str = "address") -> tuple[Token, ...]:
        """One token for each match key that the party may use for subjects of this kind."""
        allowed = self.stage.covenant.match_keys[subject_kind].kinds.get(self.kind, ())
        return tuple(
            Token(match_key=match_key, key_version=version, token=token)
            for match_key in allowed
            if match_key in about
            for version, token in [self.stage.holder.token(self.party, match_key, about[match_key])]
        )

    def signal(
        self,
        about: Mapping[str, bytes],
        category: str = "noise",
        *,
        day: date = DAY,
        purposes: Sequence[str] = ("nuisance",),
        subject_kind: str = "address",
        fields: Mapping[str, bytes] | None = None,
        origins: Sequence[str] = (),
        handling_codes: Sequence[str] = (),
        replaces: UUID | None = None,
        signal_id: UUID | None = None,
        covenant: Covenant | None = None,
        tokens: Sequence[Token] | None = None,
        mock_seal: bool = False,
    ) -> Made:
        """A signal ready for a batch; `fields` holds values by item (`note.gist`).

        `mock_seal` puts random bytes of the right lengths in place of sealed fields, which the broker cannot tell.
        """
        covenant = covenant or self.stage.covenant
        signal_id = signal_id or uuid4()
        given = tuple(tokens if tokens is not None else self.tokens(about, subject_kind))
        identity = SignalIdentity(covenant.id, covenant.version, self.party, signal_id.bytes)
        items = plain_items(
            category=category,
            day=day.isoformat(),
            purposes=purposes,
            origins=origins,
            handling_codes=handling_codes,
        )
        sealed: dict[str, tuple[SealedField, str]] = {}
        for item, value in (fields or {}).items():
            name, _, variant = item.partition(".")
            info = WrapInfo(
                covenant=covenant.id,
                version=covenant.version,
                party=self.party,
                signal_id=signal_id.bytes,
                match_keys=tuple(token.match_key for token in given),
                category=category,
                purposes=tuple(purposes),
                handling_codes=tuple(handling_codes),
                origins=tuple(origins),
                field=name,
                variant=variant,
                retention_month=retention_month(covenant, category, day),
            )
            one = self._sealed(value, about, info, mock=mock_seal)
            sealed[item] = one, info.retention_month
            items[item] = sealed_item(one.commitment, one.ciphertext, one.wrapped_key)
        slots = item_slots([(f.id, variant) for f in covenant.fields.values() for variant in f.variants])
        committed = commit_signal(identity, slots, items, secrets.token_bytes)
        salts = committed.salts
        submission = SignalSubmission(
            signal_id=signal_id,
            subject_kind=subject_kind,
            category=category,
            day=day,
            purposes=tuple(purposes),
            origins=tuple(origins),
            handling_codes=tuple(handling_codes),
            normalisation_version=NORMALISATION_VERSION,
            tokens=given,
            fields=tuple(
                SealedVariant(
                    field=item.partition(".")[0],
                    variant=item.partition(".")[2],
                    salt=salts[item],
                    ciphertext=one.ciphertext,
                    commitment=one.commitment,
                    wrapped_key=one.wrapped_key,
                    retention_month=month,
                )
                for item, (one, month) in sealed.items()
            ),
            salts=ItemSalts(
                category=salts["category"],
                day=salts["day"],
                purposes=salts["purposes"],
                origins=salts["origins"],
                handling_codes=salts["handling-codes"],
            ),
            absent=committed.absent,
            replaces=replaces,
        )
        return Made(submission, committed.leaf, identity, salts)

    def _sealed(self, value: bytes, about: Mapping[str, bytes], info: WrapInfo, *, mock: bool) -> SealedField:
        if mock:
            return SealedField(secrets.token_bytes(272), secrets.token_bytes(32), secrets.token_bytes(1168))
        own = {match_key: about[match_key] for match_key in info.match_keys}
        return seal_field(value, own, info, self.stage.holder.sealing_key(info.retention_month), secrets.token_bytes)

    def batch(self, made: Sequence[Made], *, covenant: Covenant | None = None) -> SignalBatch:
        """A signed batch."""
        covenant = covenant or self.stage.covenant
        leaves = [one.leaf for one in made]
        signed = sign_batch(covenant.id, covenant.version, self.party, leaves, self.member.signing)
        return SignalBatch(
            covenant_version=covenant.version,
            leaves=tuple(leaves),
            signature=signed.signature,
            signals=[one.json for one in made],
        )

    # -- sending

    def post(self, path: str, body: Message | Any, **headers: str) -> httpx.Response:
        """POST a message, or anything that has a JSON form; header names with underscores for dashes."""
        return self.stage.send(self.member, "POST", self._target(path), body, headers)

    def get(self, path: str) -> httpx.Response:
        return self.stage.send(self.member, "GET", self._target(path))

    def submit(self, *made: Made) -> SignalBatchResult:
        """Submits and expects an answer; what became of each signal is in it."""
        response = self.post("/signals", self.batch(made))
        if response.status_code != 200:
            raise AssertionError(response.text)
        return SignalBatchResult.model_validate_json(response.content)

    def withdraw(self, *signal_ids: UUID, reason: Any = "mistaken") -> WithdrawalResult:
        response = self.post("/withdrawals", Withdrawal(signal_ids=signal_ids, reason=reason))
        if response.status_code != 200:
            raise AssertionError(response.text)
        return WithdrawalResult.model_validate_json(response.content)

    def _target(self, path: str) -> str:
        return f"/v1/covenants/{self.stage.covenant.id}{path}"
