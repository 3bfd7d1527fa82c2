"""A key holder as its callers see it: over HTTP, with a covenant founded and its parties enrolled."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID, uuid4

import httpx
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from sqlalchemy import text
from starlette.testclient import TestClient

from clients.protocol import jws
from clients.protocol.audit_leaf import entry_leaf, partial_view
from clients.protocol.checkpoint import Checkpoint, add_signature, sign_checkpoint
from clients.protocol.grants import EntryProof, Grant, sign_grant, wrapped_key_digest
from clients.protocol.hybrid import HybridPublicKey
from clients.protocol.logs import log_origin
from clients.protocol.merkle import Tree
from clients.protocol.messages.base import Message
from clients.protocol.messages.keyholder import Enrolment, Founding, ReleaseRequest, SealingKey
from clients.protocol.messages.log import CosignatureAnswer, CosignatureRequest
from clients.protocol.request_token import sign_request
from clients.protocol.sealing import SealedField, WrapInfo, seal_field
from clients.protocol.strict_json import canonical_json
from clients.protocol.tlog_proof import TlogProof
from covenant_rules.retention import retention_month
from service.covenants.succession import day_in_amsterdam
from service.keyholder.app import create_app
from service.keyholder.holder import KeyHolder
from service.settings import KeyHolderSettings
from service.storage.keystore import KeyDirectory
from service.storage.service_keys import create_service_keys
from tests.service.cast import COVENANT, DOCUMENT, Approver, Clock, Member, OtherService, adopt

ISSUER = "https://keyholder.example"
C = COVENANT.id
OPERATOR_KEY = jws.generate_key()
ANNA, BOB = Approver("anna", "municipality"), Approver("bob", "police")
BROKER = OtherService()
MEMBERS = {party: Member(party) for party in COVENANT.parties}
"""The same people in every test, since every test starts from a copy of one founded house."""

Answer = TypeVar("Answer", bound=Message)


@dataclass
class BrokerLog:
    """The broker's log of the covenant, as an honest broker keeps it and shows it to the witness."""

    house: House
    tree: Tree = field(default_factory=Tree)
    cosigned: str = ""

    def decision(
        self, *, audit_entry: str, recipient: str, purpose: str, stage: str, info: WrapInfo, **_: Any
    ) -> EntryProof:
        """Puts the decision on record that a grant of these fields rests on, and has it witnessed."""
        shown = {"items": ["hit", "source", f"{info.field}.{info.variant}"], "source": info.party}
        about = {"covenant": info.covenant, "event": "disclosure-decided", "id": audit_entry}
        return self.entry(
            {
                "entry": about,
                f"shown/{UUID(bytes=info.signal_id)}": shown,
                "party": recipient,
                "purpose": purpose,
                "stage": stage,
            }
        )

    def entry(self, values: Mapping[str, Any]) -> EntryProof:
        """An entry with these fields, shown whole."""
        fields, salt = {name: canonical_json(value) for name, value in values.items()}, secrets.token_bytes(32)
        index = self.tree.size
        self.tree.append(entry_leaf(salt, fields))
        self.show()
        path = tuple(self.tree.inclusion_proof(index))
        return EntryProof(partial_view(salt, fields, fields), TlogProof(index, path, self.cosigned).text())

    def note(self, tree: Tree | None = None) -> str:
        """The head of the log, or of another tree under its name, as the broker signs it."""
        tree = tree or self.tree
        origin = log_origin(self.house.broker.issuer, C)
        return sign_checkpoint(Checkpoint(origin, tree.size, tree.root()), self.house.broker.log)

    def ask(self, old_size: int, note: str | None = None, proof: Sequence[bytes] | None = None) -> httpx.Response:
        """Shows a head to the witness."""
        if proof is None:
            proof = self.tree.consistency_proof(old_size) if 0 < old_size < self.tree.size else ()
        request = CosignatureRequest(old_size=old_size, consistency=tuple(proof), checkpoint=note or self.note())
        return self.house.by_broker("POST", "/witness/cosignatures", request)

    def show(self) -> None:
        """Shows the head, from wherever the witness is, and keeps its cosignature."""
        response = self.ask(0)
        if response.status_code == 409:
            response = self.ask(int(response.json()["parameters"]["size"]))
        self.cosigned = add_signature(self.note(), read(response, CosignatureAnswer).cosignature)


@dataclass
class House:
    """One key holder and everyone who calls it."""

    url: str
    directory: Path
    clock: Clock = field(default_factory=Clock)
    members: dict[str, Member] = field(default_factory=lambda: dict(MEMBERS))
    broker: OtherService = BROKER

    def __post_init__(self) -> None:
        create_service_keys(KeyDirectory(self.directory), "keyholder", secrets.token_bytes)
        settings = KeyHolderSettings(
            issuer=ISSUER,
            database_url=self.url,
            key_directory=self.directory,
            operators={"operator-1": jws.public_jwk(OPERATOR_KEY)},
        )
        self.api = create_app(settings, clock=self.clock)
        self.client = TestClient(self.api, base_url=ISSUER)
        self.broker_log = BrokerLog(self)

    @property
    def holder(self) -> KeyHolder:
        holder: KeyHolder = self.api.fastapi.state.holder
        return holder

    def close(self) -> None:
        self.client.close()
        self.holder.database.dispose()

    # -- calling

    def call(
        self,
        method: str,
        path: str,
        body: Message | dict[str, Any] | None = None,
        *,
        key: EllipticCurvePrivateKey,
        principal: str,
        actor: str | None = None,
    ) -> httpx.Response:
        """One signed request to `/v1` + `path`."""
        target = f"/v1{path}"
        content = b""
        if isinstance(body, Message):
            content = body.model_dump_json(exclude_none=True).encode()
        elif body is not None:
            content = httpx.Request("POST", ISSUER, json=body).content
        token = sign_request(
            key,
            principal=principal,
            audience=ISSUER,
            method=method,
            target=target,
            body=content,
            now=self.clock.now,
            jti=str(uuid4()),
            actor=actor,
        )
        headers = {"Authorization": f"Bearer {token}"} | ({"Content-Type": "application/json"} if content else {})
        return self.client.request(method, target, content=content, headers=headers)

    def by_operator(self, method: str, path: str, body: Message | dict[str, Any] | None = None) -> httpx.Response:
        return self.call(method, path, body, key=OPERATOR_KEY, principal="operator-1")

    def by_party(
        self, party: str, method: str, path: str, body: Message | dict[str, Any] | None = None
    ) -> httpx.Response:
        key = self.members[party].authentication
        return self.call(method, f"/covenants/{C}{path}", body, key=key, principal=party, actor="e-1203")

    def by_broker(self, method: str, path: str, body: Message | None = None) -> httpx.Response:
        return self.call(method, f"/covenants/{C}{path}", body, key=self.broker.authentication, principal="broker")

    # -- what the operator does

    def founding(self, document: bytes = DOCUMENT, *approvers: Approver) -> Founding:
        version = sha256(document).hexdigest()
        approvals = tuple(approver.approve(C, version) for approver in approvers or (ANNA, BOB))
        return Founding(document=document.decode(), approvals=approvals)

    def enrol(self, member: Member) -> httpx.Response:
        self.members[member.party] = member
        return self.by_operator("POST", f"/covenants/{C}/parties", Enrolment(party=member.party, keys=member.keys))

    def found(self) -> None:
        """Everything an operator does before anyone can work with the covenant."""
        steps = [
            self.by_operator("POST", "/services", self.broker.enrolment),
            *(self.by_operator("POST", f"/covenants/{C}/administrators", a.enrolment) for a in (ANNA, BOB)),
            self.by_operator("POST", "/covenants", self.founding()),
            *(self.enrol(member) for member in self.members.values()),
        ]
        for step in steps:
            step.raise_for_status()

    def suspend(self, party: str) -> None:
        body = {"reason": "keys were stolen"}
        self.by_operator("PUT", f"/covenants/{C}/parties/{party}/suspension", body).raise_for_status()

    def adopt(self, document: bytes) -> str:
        """A later version, in force from today."""
        with self.holder.database.transaction() as session:
            return adopt(session, self.holder.covenants, document, day_in_amsterdam(self.clock.now)).version

    # -- what happened

    def entries(self, event: str | None = None, covenant: str = C) -> list[dict[str, Any]]:
        """The log, oldest first: fields with the event's name among them."""
        with self.holder.database.transaction() as session:
            rows = session.connection().execute(
                text("SELECT event, fields FROM audit_entry WHERE covenant_id = :c ORDER BY entry_id"), {"c": covenant}
            )
            found = [{"event": row.event} | row.fields for row in rows]
        return [entry for entry in found if event in (None, entry["event"])]

    # -- a sealed field and a grant for it

    def sealing_key(self, month: str) -> HybridPublicKey:
        response = self.by_party("police", "GET", f"/sealing-keys/{month}")
        response.raise_for_status()
        return HybridPublicKey(SealingKey.model_validate_json(response.content).public_key)

    def sealed(self, **changes: Any) -> tuple[WrapInfo, SealedField]:
        """The gist of a note on noise, from the police, as a signal of today's has it."""
        month = retention_month(COVENANT, "noise", self.clock.now.date())
        info = WrapInfo(
            **{
                "covenant": C,
                "version": COVENANT.version,
                "party": "police",
                "signal_id": uuid4().bytes,
                "match_keys": ("address-bag",),
                "category": "noise",
                "purposes": ("nuisance",),
                "handling_codes": (),
                "origins": (),
                "field": "note",
                "variant": "gist",
                "retention_month": month,
            }
            | changes
        )
        key = self.sealing_key(month)
        return info, seal_field(b"shouting at night", {"address-bag": b"x"}, info, key, secrets.token_bytes)

    def grant(self, info: WrapInfo, wrapped_key: bytes, **changes: Any) -> Grant:
        """What an honest broker grants the municipality for that field."""
        given = {
            "jti": str(uuid4()),
            "broker": "https://broker.example",
            "key_holder": ISSUER,
            "recipient": "municipality",
            "issued_at": self.clock.now,
            "expires_at": self.clock.now + timedelta(seconds=120),
            "current_version": COVENANT.version,
            "purpose": "nuisance",
            "stage": "signal",
            "info": info,
            "wrapped_key_digest": wrapped_key_digest(wrapped_key),
            "rule": "municipality-sees-nuisance",
            "audit_entry": str(uuid4()),
        } | changes
        if "entry" not in given:
            given["entry"] = self.broker_log.decision(**given)
        return Grant(**given)

    def recorded(self, grant: Grant) -> Grant:
        """A grant that was bent, with a decision in the log that was bent alike."""
        fields = {name: getattr(grant, name) for name in ("audit_entry", "recipient", "purpose", "stage", "info")}
        return replace(grant, entry=self.broker_log.decision(**fields))

    def release(
        self,
        grant: Grant | str,
        wrapped_key: bytes,
        *,
        by: str = "municipality",
        signed_with: EllipticCurvePrivateKey | None = None,
    ) -> httpx.Response:
        token = grant if isinstance(grant, str) else sign_grant(grant, signed_with or self.broker.granting)
        return self.by_party(by, "POST", "/releases", ReleaseRequest(grant=token, wrapped_key=wrapped_key))


def read(response: httpx.Response, kind: type[Answer]) -> Answer:
    """The answer, of its own type."""
    assert response.status_code == 200, response.text
    return kind.model_validate_json(response.content)


def faults(response: httpx.Response) -> list[tuple[str, str]]:
    """Place and code of every mistake that a problem document names."""
    return [(error["pointer"], error["code"]) for error in response.json()["errors"]]


def release_id(response: httpx.Response) -> UUID:
    return UUID(response.json()["releaseId"])
