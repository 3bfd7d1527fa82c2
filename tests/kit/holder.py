"""The key holder's arithmetic, and the answers it would give the broker over HTTP."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import httpx

from clients.protocol.ceremony import HolderSecret, KeyScope, PartyKey, draw_party_key, draw_secret
from clients.protocol.checkpoint import Checkpoint, cosign, parse_checkpoint
from clients.protocol.group import Element, multiply
from clients.protocol.hybrid import HybridPrivateKey, HybridPublicKey
from clients.protocol.merkle import EMPTY_ROOT, verify_consistency
from clients.protocol.messages.keyholder import (
    CommitmentsAnswer,
    ConversionShare,
    ConversionShares,
    MatchKeyCommitments,
    PartyCommitment,
)
from clients.protocol.messages.log import CosignatureAnswer, CosignatureRequest, GrantUses, WitnessedLog
from clients.protocol.normalise import NORMALISATION_VERSION
from clients.protocol.shares import seal_share
from clients.protocol.signatures import public_key
from clients.protocol.tokens import TokenContext
from covenant_rules.model import Covenant
from service.web.registry import match_keys_of_kind

RECEIPT_KEY = bytes(32)
WITNESS, WITNESS_KEY = "keyholder.example/witness", bytes(range(32))


@dataclass
class Holder:
    """Keys of one covenant. `down` makes it answer nothing; the mappings may be tampered with."""

    covenant: Covenant
    secrets: dict[str, HolderSecret] = field(default_factory=dict)
    keys: dict[tuple[str, str], tuple[int, PartyKey]] = field(default_factory=dict)
    """By (match key, party): the current version and key."""
    months: dict[str, HybridPrivateKey] = field(default_factory=dict)
    broker_key: HybridPublicKey | None = None
    heads: dict[str, Checkpoint] = field(default_factory=dict)
    """By origin: what it cosigned last, as a witness."""
    down: bool = False

    def __post_init__(self) -> None:
        for kind in self.covenant.kinds:
            for match_key in match_keys_of_kind(self.covenant, kind):
                if match_key not in self.secrets:
                    self.secrets[match_key] = draw_secret(secrets.token_bytes)

    def copy(self) -> Holder:
        """Another holder of the same keys, whose changes stay its own."""
        return replace(
            self, secrets=dict(self.secrets), keys=dict(self.keys), months=dict(self.months), heads=dict(self.heads)
        )

    def enrol(self, party: str) -> None:
        """Draws the party's keys for every match key that the covenant gives it."""
        for match_key in match_keys_of_kind(self.covenant, self.covenant.parties[party].kind):
            self.rotate(match_key, party)

    def rotate(self, match_key: str, party: str) -> None:
        """Gives the party a new key, of the next version."""
        version, _ = self.keys.get((match_key, party), (0, None))
        drawn = draw_party_key(self.secrets[match_key].secret, secrets.token_bytes)
        self.keys[match_key, party] = version + 1, drawn

    def token(self, party: str, match_key: str, value: bytes) -> tuple[int, Element]:
        """Key version and token t_A = k_A·P of a normalised value."""
        version, key = self.keys[match_key, party]
        return version, multiply(
            key.secret, TokenContext(self.covenant.id, match_key, NORMALISATION_VERSION).point(value)
        )

    def pseudonym(self, match_key: str, value: bytes, broker_scalar: bytes) -> Element:
        """t = b·h·P, which nobody can compute outside a test."""
        point = TokenContext(self.covenant.id, match_key, NORMALISATION_VERSION).point(value)
        return multiply(broker_scalar, multiply(self.secrets[match_key].secret, point))  # type: ignore[arg-type]

    def sealing_key(self, month: str) -> HybridPublicKey:
        """The key that fields of one retention month are sealed to; `months` has the private half."""
        return self.months.setdefault(month, HybridPrivateKey.generate(secrets.token_bytes)).public_key()

    def commitments(self) -> CommitmentsAnswer:
        return CommitmentsAnswer(
            covenant_id=self.covenant.id,
            keys=tuple(
                MatchKeyCommitments(
                    match_key=match_key,
                    point=secret.public,
                    parties=tuple(
                        PartyCommitment(party=party, key_version=version, point=key.public)
                        for (of, party), (version, key) in self.keys.items()
                        if of == match_key
                    ),
                )
                for match_key, secret in self.secrets.items()
            ),
            receipt_key=RECEIPT_KEY,
        )

    def conversion_shares(self) -> ConversionShares:
        if self.broker_key is None:
            raise RuntimeError("the broker is not enrolled here")
        return ConversionShares(
            covenant_id=self.covenant.id,
            shares=tuple(
                ConversionShare(
                    match_key=match_key,
                    party=party,
                    key_version=version,
                    commitment=key.public,
                    sealed_share=seal_share(
                        key.share, self.broker_key, KeyScope(self.covenant.id, match_key), party, version, key.public
                    ),
                )
                for (match_key, party), (version, key) in self.keys.items()
            ),
        )

    def witnessed(self) -> WitnessedLog:
        key = public_key(WITNESS_KEY)
        return WitnessedLog(origin="any", log_key=bytes(32), witness_name=WITNESS, witness_key=key, findings=())

    def cosign(self, request: CosignatureRequest) -> CosignatureAnswer | int:
        """Its signature line, or the size it is at. Raises MerkleError for a log that does not go on from there."""
        head = parse_checkpoint(request.checkpoint.partition("\n\n")[0] + "\n")
        seen = self.heads.get(head.origin, Checkpoint(head.origin, 0, EMPTY_ROOT))
        if request.old_size != seen.size:
            return seen.size
        verify_consistency(seen.size, head.size, request.consistency, seen.root, head.root)
        self.heads[head.origin] = head
        return CosignatureAnswer(cosignature=cosign(head, WITNESS, WITNESS_KEY, int(time.time())))

    def transport(self, *, tampered: Mapping[str, object] | None = None) -> httpx.MockTransport:
        """The answers as the broker fetches them. `tampered` answers instead, by the last part of the path."""

        def answer(request: httpx.Request) -> httpx.Response:
            if self.down:
                raise httpx.ConnectError("nobody there")
            name = request.url.path.rsplit("/", 1)[-1]
            if name == "cosignatures":
                message = self.cosign(CosignatureRequest.model_validate_json(request.content))
                if isinstance(message, int):
                    return httpx.Response(409, json={"parameters": {"size": str(message)}})
                return httpx.Response(200, content=message.model_dump_json())
            message = (tampered or {}).get(name) or {
                "commitments": self.commitments,
                "conversion-shares": self.conversion_shares,
                "witness": self.witnessed,
                "grant-uses": lambda: GrantUses(uses=()),
            }[name]()
            return httpx.Response(200, content=message.model_dump_json())  # type: ignore[attr-defined]

        return httpx.MockTransport(answer)
