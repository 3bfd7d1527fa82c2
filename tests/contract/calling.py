"""Generated requests, signed by somebody who may make them, against a town that is at work.

Schemathesis makes requests out of the published document: such as it describes, and such as break it somewhere. Most of
them would end at an unknown covenant; so a name that is formed as it should be becomes one that the town knows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any, cast
from uuid import uuid4

import requests
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from requests.auth import AuthBase
from schemathesis.core.transport import Response
from schemathesis.generation.case import Case
from schemathesis.python.asgi import ASGIClient

from clients.protocol.messages.base import IDENTIFIER_PATTERN, VERSION_PATTERN
from clients.protocol.request_token import sign_request
from clients.sdk import open_profile
from clients.sdk.offices import open_office_profile
from service.storage.service_keys import es256_key
from service.web.openapi import PREFIX
from tests.governance.town import ISSUERS, OPERATOR_KEYS, PARTIES, STEWARDS, C, Town, record
from tests.service.cast import COVENANT

CALLERS: Mapping[str, Sequence[str]] = {
    "Registry": ("operator",),
    "Operating": ("operator",),
    "Covenant": ("operator",),
    "Versions": ("anna", "dora", "olga"),
    "Signals": ("police", "municipality"),
    "Conditions": ("police", "municipality"),
    "Figures": ("olga", "anna", "municipality"),
    "Disclosure": ("police", "municipality"),
    "Keys": ("police", "broker"),
    "Evaluation": ("police",),
    "Release": ("municipality",),
    "Witness": ("broker", "operator"),
    "Log": ("olga", "police"),
    "Audit": ("olga", "police"),
    "Service": ("police",),
}
"""By tag, who makes such requests, in turn."""

_UUID = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)


class Signed(AuthBase):
    """Signs the very request that is sent: its method, its target and the bytes of its body."""

    def __init__(self, town: Town, service: str, principal: str) -> None:
        self._town, self._service, self._principal = town, service, principal
        self._key = _key_of(town, service, principal)

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        body = request.body or b""
        token = sign_request(
            self._key,
            principal=self._principal,
            audience=ISSUERS[self._service],
            method=str(request.method),
            target=request.path_url,
            body=body.encode() if isinstance(body, str) else body,
            now=self._town.clock(),
            jti=str(uuid4()),
        )
        request.headers["Authorization"] = f"Bearer {token}"
        return request


def _key_of(town: Town, service: str, principal: str) -> EllipticCurvePrivateKey:
    if principal == "operator":
        return OPERATOR_KEYS[service]
    if principal == "broker":
        return es256_key(town.keys["broker"], "service/authentication")
    if principal in STEWARDS:
        return open_office_profile(town.directory / principal).authentication_key
    return open_profile(town.directory / principal).authentication_key


class Caller:
    """Sends the requests of one service's document."""

    def __init__(self, town: Town, service: str) -> None:
        self.town, self.service = town, service
        self._client = ASGIClient(cast(Any, town.transports[service]).app)
        self._known = _names(town)
        self._turn = count()
        self._signed: dict[str, Signed] = {}

    def call(self, case: Case) -> Response:
        """The answer to a request, signed by the next of those who make such requests."""
        self._make_known(case)
        callers = CALLERS[case.operation.definition.raw["tags"][0]]
        principal = callers[next(self._turn) % len(callers)]
        if principal not in self._signed:
            self._signed[principal] = Signed(self.town, self.service, principal)
        base_url = f"{ISSUERS[self.service]}{PREFIX}"
        return case.call(base_url=base_url, session=self._client, auth=self._signed[principal])

    def _make_known(self, case: Case) -> None:
        """Puts names that the town knows in the place of others of the same form."""
        for name, value in dict(case.path_parameters or {}).items():
            pattern, known = self._known.get(name, (None, ()))
            if pattern is not None and isinstance(value, str) and pattern.fullmatch(value):
                case.path_parameters[name] = known[next(self._turn) % len(known)]
        if isinstance(case.body, dict) and isinstance(case.body.get("covenantVersion"), str):
            case.body["covenantVersion"] = COVENANT.version


def _names(town: Town) -> dict[str, tuple[re.Pattern[str], Sequence[str]]]:
    """By path parameter: its form, and values that mean something here."""
    identifier, version = re.compile(IDENTIFIER_PATTERN), re.compile(VERSION_PATTERN)
    town.submit("police", record("p1", 1, **{"note.gist": "shouting at night"}))
    town.submit("municipality", record("m1", 1))
    session = town.session("municipality")
    [hit] = session.hits()
    if hit.own is None:
        raise AssertionError("the hit is about no record of the municipality's own")
    disclosure = session.disclose(hit.own.signal_id, "nuisance")
    return {
        "covenantId": (identifier, (C,)),
        "party": (identifier, PARTIES),
        "name": (identifier, tuple(STEWARDS)),
        "version": (version, (COVENANT.version,)),
        "hitId": (_UUID, (str(hit.hit_id),)),
        "disclosureId": (_UUID, (str(disclosure.disclosure_id),)),
    }
