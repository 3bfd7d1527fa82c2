"""Both services against their own documents: whatever is asked, the answer is one that the document describes.

The short form asks each operation a few questions. Set COVENANT_CONTRACT_EXAMPLES=500 for the long form.
"""

from __future__ import annotations

import json
import os
import re

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.generation import GenerationMode
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from service.web.openapi import PREFIX
from tests.contract import documents
from tests.contract.calling import Caller
from tests.governance.conftest import founded as founded
from tests.governance.conftest import postgres as postgres
from tests.governance.conftest import town as town
from tests.governance.town import ISSUERS, C, Town

EXAMPLES = int(os.environ.get("COVENANT_CONTRACT_EXAMPLES", "8"))

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
]

TAKING = ("administrators/{name}", "officers/{name}", "suspension", "departure", "ending")
"""Ends of the paths of what takes something away, the gentlest first: asked last, in this order."""


def operations(service: str) -> list[APIOperation]:
    """In the order in which they can be tried on one town."""
    document = json.loads((documents.PUBLISHED / f"{service}.json").read_text("utf-8"))
    config = SchemathesisConfig()
    config.projects.default.generation.update(with_security_parameters=False)  # requests are signed when they are sent
    found = [one.ok() for one in schemathesis.openapi.from_dict(document, config=config).get_all_operations()]
    return sorted(found, key=taken_away)


def taken_away(operation: APIOperation) -> int:
    return next((n for n, end in enumerate(TAKING, 1) if operation.path.endswith(end)), 0)


def answers_as_described(caller: Caller, operation: APIOperation, examples: int) -> None:
    """Asks what the document describes, and what it does not."""
    modes = [operation.as_strategy(generation_mode=mode) for mode in GenerationMode]

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.one_of(modes))
    def asked(case: schemathesis.Case) -> None:
        case.validate_response(caller.call(case), checks=CHECKS)

    asked()


@pytest.mark.parametrize("service", documents.SERVICES)
def test_without_a_signature_nothing_is_answered_but_how_the_service_is(
    service: str, town: Town, subtests: pytest.Subtests
) -> None:
    with httpx.Client(transport=town.transports[service], base_url=f"{ISSUERS[service]}{PREFIX}") as client:
        for operation in operations(service):
            path = re.sub(r"\{\w+\}", C, operation.path)
            with subtests.test(operation.label):
                for headers in ({}, {"Authorization": "Bearer e30.e30.e30"}):
                    response = client.request(operation.method, path, headers=headers)
                    if operation.definition.raw["tags"] == ["Service"]:
                        assert response.status_code == 200
                    else:
                        assert response.status_code == 401
                        assert response.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("service", documents.SERVICES)
def test_whatever_is_asked_the_answer_is_one_that_the_document_describes(
    service: str, town: Town, subtests: pytest.Subtests
) -> None:
    """Also of a covenant that has ended: then everything is asked once more."""
    caller, found = Caller(town, service), operations(service)
    for operation in found:
        with subtests.test(operation.label):
            answers_as_described(caller, operation, EXAMPLES)
    for operation in found:
        with subtests.test(operation.label, covenant="ended"):
            answers_as_described(caller, operation, max(2, EXAMPLES // 4))
