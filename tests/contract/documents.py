"""The OpenAPI documents of both services as they are published under `openapi/`.

    python -m tests.contract.documents        (or `make openapi`)

writes them. A running service describes itself likewise at `/v1/openapi.json`, with its own address and contact.
"""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from clients.protocol import jws
from service.broker.app import create_app as create_broker
from service.keyholder.app import create_app as create_keyholder
from service.settings import BrokerSettings, KeyHolderSettings
from service.storage.keystore import KeyDirectory
from service.storage.service_keys import create_service_keys

PUBLISHED = Path(__file__).parents[2] / "openapi"
SERVICES = ("broker", "keyholder")

_ISSUERS = {service: f"https://{service}.example.org" for service in SERVICES}


def document(service: str) -> dict[str, Any]:
    """The document of a service that nobody runs: describing it takes keys and settings, and no database."""
    with TemporaryDirectory() as directory:
        keys = Path(directory) / "keys"
        create_service_keys(KeyDirectory(keys), service, secrets.token_bytes)
        shared: dict[str, Any] = {
            "issuer": _ISSUERS[service],
            "database_url": "postgresql://nobody@localhost/nothing",
            "key_directory": keys,
            "operators": {"operator-1": jws.public_jwk(jws.generate_key())},
        }
        if service == "keyholder":
            return create_keyholder(KeyHolderSettings(**shared)).openapi()
        holder = {"key_holder_url": _ISSUERS["keyholder"], "key_holder_issuer": _ISSUERS["keyholder"]}
        return create_broker(BrokerSettings(**shared, **holder)).openapi()


def text(service: str) -> str:
    """The document as its file has it."""
    return json.dumps(document(service), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for name in SERVICES:
        (PUBLISHED / f"{name}.json").write_text(text(name), "utf-8")
