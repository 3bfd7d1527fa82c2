"""A broker on a database of its own, with a founded covenant, enrolled parties and a completed set-up."""

from __future__ import annotations

import json
import secrets
import shutil
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from clients.protocol import jws
from clients.protocol.encoding import b64u_decode
from clients.protocol.hybrid import HybridPublicKey
from clients.protocol.messages.base import Message
from clients.protocol.messages.keyholder import Enrolment, Founding, Suspension
from clients.protocol.request_token import sign_request
from covenant_rules.load import load
from covenant_rules.model import Covenant
from service.audit.tree.sequencer import LogSigner, Sequencer
from service.broker.app import create_app
from service.broker.context import BrokerContext
from service.broker.witnessing import Witnessing
from service.covenants.succession import day_in_amsterdam
from service.settings import BrokerSettings
from service.storage.keystore import KeyDirectory
from service.storage.service_keys import create_service_keys, public_service_keys
from tests.kit.holder import Holder
from tests.kit.partner import Partner
from tests.service.cast import DOCUMENT, Approver, Clock, Member, adopt

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it would rather have a successor of httpx that is not out yet
    from starlette.testclient import TestClient

ISSUER = "https://broker.example"
KEY_HOLDER_ISSUER = "https://keyholder.example"
OPERATOR = "operator-1"


@dataclass
class Stage:
    """Everything of one covenant. `context` is the running broker's own."""

    settings: BrokerSettings
    document: bytes
    covenant: Covenant
    holder: Holder
    members: dict[str, Member]
    administrators: Sequence[Approver]
    operator_key: EllipticCurvePrivateKey
    http: httpx.Client
    context: BrokerContext
    clock: Callable[[], datetime]
    keys: KeyDirectory = field(repr=False)

    def partner(self, party: str) -> Partner:
        return Partner(self, self.members[party])

    def send(
        self,
        who: Member | None,
        method: str,
        target: str,
        body: Message | Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """One signed request, of a member or of the operator. Bytes are sent as they are."""
        match body:
            case None:
                raw = b""
            case bytes():
                raw = body
            case Message():
                raw = body.model_dump_json(exclude_none=True).encode()
            case _:
                raw = json.dumps(body).encode()
        token = sign_request(
            who.authentication if who else self.operator_key,
            principal=who.party if who else OPERATOR,
            audience=ISSUER,
            method=method,
            target=target,
            body=raw,
            now=self.clock(),
            jti=str(uuid4()),
        )
        sent = {"Authorization": f"Bearer {token}"} | ({"Content-Type": "application/json"} if raw else {})
        sent |= {name.replace("_", "-"): value for name, value in (headers or {}).items()}
        return self.http.request(method, target, content=raw or None, headers=sent)

    def operate(self, method: str, path: str, body: Message | Any = None) -> httpx.Response:
        """A request of the operator that must succeed; `path` below `/v1`."""
        response = self.send(None, method, f"/v1{path}", body)
        if not response.is_success:
            raise AssertionError(response.text)
        return response

    def found(self) -> None:
        for administrator in self.administrators:
            self.operate("POST", f"/covenants/{self.covenant.id}/administrators", administrator.enrolment)
        approvals = tuple(one.approve(self.covenant.id, self.covenant.version) for one in self.administrators)
        self.operate("POST", "/covenants", Founding(document=self.document.decode(), approvals=approvals))

    def enrol(self, party: str) -> None:
        """Enrols the party at broker and key holder."""
        self.members.setdefault(party, Member(party))
        self.operate(
            "POST", f"/covenants/{self.covenant.id}/parties", Enrolment(party=party, keys=self.members[party].keys)
        )
        self.holder.enrol(party)

    def set_up(self) -> httpx.Response:
        return self.operate("POST", f"/covenants/{self.covenant.id}/set-up")

    def suspend(self, party: str) -> None:
        self.operate(
            "PUT", f"/covenants/{self.covenant.id}/parties/{party}/suspension", Suspension(reason="a test says so")
        )

    def reinstate(self, party: str) -> None:
        self.operate("DELETE", f"/covenants/{self.covenant.id}/parties/{party}/suspension")

    def witness(self) -> None:
        """Has every entry so far sequenced, and the head cosigned: here this happens when it is asked for."""
        signer = LogSigner(self.settings.issuer, self.keys.read("service/checkpoint"))
        database, clock = self.context.database, self.clock
        Sequencer(database, signer, clock=clock).round()
        Witnessing(database, self.context.key_holder, signer, self.context.audit, clock=clock).show(self.covenant.id)

    def adopt(self, document: bytes) -> Covenant:
        """Makes another version the current one."""
        with self.context.database.transaction() as session:
            covenant = adopt(session, self.context.covenants, document, day_in_amsterdam(self.clock()))
        self.document, self.covenant = document, covenant
        self.holder.covenant = covenant
        return covenant


def prepare(
    database_url: str, directory: Path, *, document: bytes = DOCUMENT, **settings: Any
) -> tuple[BrokerSettings, Holder, EllipticCurvePrivateKey]:
    """Settings, keys and a key holder for a broker that is not running yet."""
    settings = {"sequencer": False} | settings  # runs beside the requests, and asks the key holder for what it has not
    keys = KeyDirectory(directory / "broker-keys")
    create_service_keys(keys, "broker", secrets.token_bytes)
    operator_key = jws.generate_key()
    made = BrokerSettings(
        issuer=ISSUER,
        database_url=database_url,
        key_directory=directory / "broker-keys",
        operators={OPERATOR: jws.public_jwk(operator_key)},
        key_holder_url="https://keyholder.example",
        key_holder_issuer=KEY_HOLDER_ISSUER,
        **({"sequencer": False} | settings),
    )
    holder = Holder(load(document))
    encoded = public_service_keys(keys, "broker")["encryption"]
    holder.broker_key = HybridPublicKey(b64u_decode(str(encoded)))
    return made, holder, operator_key


@contextmanager
def open_stage(
    database_url: str,
    directory: Path,
    *,
    document: bytes = DOCUMENT,
    parties: Sequence[str] | None = None,
    clock: Callable[[], datetime] | None = None,
    random: Callable[[int], bytes] = secrets.token_bytes,
    **settings: Any,
) -> Iterator[Stage]:
    """A stage on a database that has the broker's tables. `parties` are enrolled, all of the covenant if not given."""
    made, holder, operator_key = prepare(database_url, directory, document=document, **settings)
    covenant = holder.covenant
    administrators = [Approver(f"administrator-{party}", party) for party in list(covenant.parties)[:2]]
    with _running(made, document, holder, {}, administrators, operator_key, clock or Clock(), random) as stage:
        stage.found()
        for party in covenant.parties if parties is None else parties:
            stage.enrol(party)
        stage.set_up()
        yield stage


@contextmanager
def reopen_stage(
    earlier: Stage,
    database_url: str,
    directory: Path,
    *,
    clock: Callable[[], datetime] | None = None,
    random: Callable[[int], bytes] = secrets.token_bytes,
) -> Iterator[Stage]:
    """A copy of a stage that was closed: `database_url` is a copy of its database, its keys are copied here."""
    keys = directory / "broker-keys"
    shutil.copytree(earlier.settings.key_directory, keys)
    settings = earlier.settings.model_copy(update={"database_url": database_url, "key_directory": keys})
    members, holder = dict(earlier.members), earlier.holder.copy()
    with _running(
        settings,
        earlier.document,
        holder,
        members,
        earlier.administrators,
        earlier.operator_key,
        clock or Clock(),
        random,
    ) as stage:
        yield stage


@contextmanager
def _running(
    settings: BrokerSettings,
    document: bytes,
    holder: Holder,
    members: dict[str, Member],
    administrators: Sequence[Approver],
    operator_key: EllipticCurvePrivateKey,
    clock: Callable[[], datetime],
    random: Callable[[int], bytes],
) -> Iterator[Stage]:
    app = create_app(settings, clock=clock, random=random, transport=holder.transport())
    with TestClient(app, base_url=ISSUER, raise_server_exceptions=False) as http:
        yield Stage(
            settings=settings,
            document=document,
            covenant=holder.covenant,
            holder=holder,
            members=members,
            administrators=administrators,
            operator_key=operator_key,
            http=http,
            context=app.fastapi.state.broker,
            clock=clock,
            keys=KeyDirectory(settings.key_directory),
        )
