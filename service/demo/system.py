"""The whole system on this machine: a PostgreSQL, the key holder and the broker as processes, and their operators.

Broker and key holder get a database, a key directory and an operator each, as they would in two organisations; only
that they stand on one machine is make-believe. The parties, three administrators and a privacy officer each have a
profile, as they would on machines of their own.
"""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from clients.protocol import jws
from clients.protocol.approvals import sign_approval
from clients.protocol.messages.governance import OfficerEnrolment
from clients.protocol.messages.keyholder import AdministratorEnrolment, Approval, Enrolment, Founding
from clients.sdk import ServiceAddress, create_profile
from clients.sdk.http import Conversation
from clients.sdk.offices import Office, create_office_profile
from clients.sdk.operating import Operator, broker_enrolment
from covenant_rules.model import Covenant
from service.storage.embedded import EmbeddedPostgres
from service.storage.keystore import KeyDirectory
from service.storage.migrate import migrate
from service.storage.service_keys import create_service_keys, public_service_keys

BROKER_SERVICE = "broker"
OPERATOR = "operator"
ADMINISTRATORS = ("anna", "bob", "carla")
"""One each of the covenant's first three parties: a version has an author and two others who approve of it."""
OFFICER = "olga"
_START_SECONDS = 60.0
_STOP_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Running:
    """A running system. `database_urls` are for the demo's thief, who gets at what no API gives."""

    directory: Path
    broker: ServiceAddress
    key_holder: ServiceAddress
    database_urls: Mapping[str, str]
    operator_keys: Mapping[str, EllipticCurvePrivateKey]

    def operator(self, service: str) -> Operator:
        """The operator of `broker` or `keyholder`, each with a key of its own."""
        address = self.broker if service == "broker" else self.key_holder
        return Operator(Conversation(address.url, address.issuer, OPERATOR, self.operator_keys[service]))

    def profile(self, party: str) -> Path:
        return self.directory / "parties" / party

    def person(self, name: str) -> Path:
        """The profile of an administrator or of the officer."""
        return self.directory / "people" / name


class NotStarted(Exception):
    """Something on this machine is in the way, which the words name."""


@contextmanager
def running(directory: Path, *, ports: Mapping[str, int] | None = None) -> Iterator[Running]:
    """Start everything under `directory`, which is made if need be, and stop it again; on free ports by default.

    Raises NotStarted if a port is taken or a service ends at once.
    """
    for port in (ports or {}).values():
        _require_free(port)
    directory.mkdir(parents=True, exist_ok=True, mode=0o755)
    with EmbeddedPostgres(directory / "postgresql") as postgres:
        ports = ports or {"broker": _free_port(), "keyholder": _free_port()}
        urls = {service: f"http://127.0.0.1:{port}" for service, port in ports.items()}
        databases = {service: postgres.url(service) for service in ports}
        operators = {service: _operator_key(directory / service) for service in ports}
        processes = []
        try:
            for service in ("keyholder", "broker"):
                migrate(databases[service], service)
                keys = KeyDirectory(directory / service / "keys")
                create_service_keys(keys, service, secrets.token_bytes)
                settings = _write_settings(directory / service, service, urls, ports, databases, operators[service])
                log = (directory / service / "log.jsonl").open("ab")
                processes.append(
                    subprocess.Popen(  # noqa: S603 - our own interpreter and our own settings
                        [
                            sys.executable,
                            "-m",
                            "service.cli",
                            service,
                            "--settings",
                            settings,
                        ],
                        stdout=log,
                        stderr=log,
                        start_new_session=True,
                    )
                )
                log.close()
            for service, process in zip(("keyholder", "broker"), processes, strict=True):
                _await(urls[service], process, directory / service / "log.jsonl")
            yield Running(
                directory=directory,
                broker=ServiceAddress(urls["broker"], urls["broker"]),
                key_holder=ServiceAddress(urls["keyholder"], urls["keyholder"]),
                database_urls=databases,
                operator_keys=operators,
            )
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                _await_end(process)


def found(system: Running, covenant: Covenant, document: bytes) -> None:
    """Two administrators approve the covenant; both operators enrol everybody and found it; set-up."""
    office = partial(create_office_profile, covenant=covenant.id, broker=system.broker, key_holder=system.key_holder)
    people = [office(system.person(OFFICER), office=Office.OFFICER, name=OFFICER, party=None)]
    people += (
        office(system.person(name), office=Office.ADMINISTRATOR, name=name, party=party)
        for name, party in zip(ADMINISTRATORS, covenant.parties, strict=False)
    )
    signed = [(one.name, one.approval_key) for one in people if one.approval_key is not None][:2]
    founding = Founding(
        document=document.decode(),
        approvals=tuple(
            Approval(administrator=name, signature=sign_approval(key, covenant.id, covenant.version))
            for name, key in signed
        ),
    )
    enrolments = []
    for party in covenant.parties:
        profile = create_profile(
            system.profile(party),
            covenant=covenant.id,
            party=party,
            broker=system.broker,
            key_holder=system.key_holder,
        )
        enrolments.append(Enrolment(party=party, keys=profile.public_keys()))
    public = public_service_keys(KeyDirectory(system.directory / "broker" / "keys"), "broker")
    system.operator("keyholder").enrol_service(broker_enrolment(BROKER_SERVICE, system.broker.issuer, public))
    for service in ("keyholder", "broker"):
        operator = system.operator(service)
        for person in people:
            _enrol(operator, covenant.id, person.enrolment())
        operator.found(founding)
        for enrolment in enrolments:
            operator.enrol_party(covenant.id, enrolment)
    system.operator("broker").set_up(covenant.id)


def _enrol(operator: Operator, covenant: str, enrolment: AdministratorEnrolment | OfficerEnrolment) -> None:
    if isinstance(enrolment, OfficerEnrolment):
        operator.enrol_officer(covenant, enrolment)
    else:
        operator.enrol_administrator(covenant, enrolment)


def _operator_key(directory: Path) -> EllipticCurvePrivateKey:
    path = directory / "operator.pem"
    if path.exists():
        return jws.private_key_from_pem(path.read_bytes())
    directory.mkdir(parents=True, exist_ok=True)
    key = jws.generate_key()
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as stream:
        stream.write(jws.private_key_to_pem(key))
    return key


def _write_settings(
    directory: Path,
    service: str,
    urls: Mapping[str, str],
    ports: Mapping[str, int],
    databases: Mapping[str, str],
    operator: EllipticCurvePrivateKey,
) -> Path:
    jwk = jws.public_jwk(operator)
    lines = [
        f'issuer = "{urls[service]}"',
        f"port = {ports[service]}",
        f'database_url = "{databases[service]}"',
        f'key_directory = "{directory / "keys"}"',
    ]
    if service == "broker":
        lines += [f'key_holder_url = "{urls["keyholder"]}"', f'key_holder_issuer = "{urls["keyholder"]}"']
    lines += [f"[operators.{OPERATOR}]", *(f'{member} = "{value}"' for member, value in jwk.items())]
    path = directory / "settings.toml"
    path.touch(mode=0o600)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _require_free(port: int) -> None:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            raise NotStarted(
                f"port {port} is taken: by another `make serve`, by what one left that was killed, or by a program of "
                "yours; end it first"
            ) from None


def _await(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            if httpx.get(f"{url}/v1/health/ready", timeout=2).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise NotStarted(f"a service did not start; see {log}")


def _await_end(process: subprocess.Popen[bytes]) -> None:
    """A service ends what it has begun; one that takes too long is killed, and loses nothing that it acknowledged."""
    try:
        process.wait(timeout=_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
