"""The OpenAPI document as the NLGov API Design Rules want it.

FastAPI describes its own defaults; this turns the description into what these services do: the major version in the
server's URL and not in the paths, `API-Version` on every response, problem documents for every refusal, and 400 where
FastAPI would say 422.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI

from service.web.problems import MEDIA_TYPE, Problem

__all__ = ["PREFIX", "describe"]

PREFIX = "/v1"

_SCHEMA = "#/components/schemas/"
_REFUSALS: dict[str, tuple[str, str]] = {
    "400": ("BadRequest", "The request is not valid; every mistake is located."),
    "401": ("Unauthenticated", "No request token, or one that does not hold for this request."),
    "403": ("Refused", "The caller may not; with the clause where a rule of the covenant says so."),
    "404": ("NotFound", "Nothing by that id that the caller may know of."),
    "408": ("TooSlow", "The body did not arrive in time."),
    "409": ("Conflict", "In conflict with what is recorded, such as that the covenant has ended."),
    "413": ("TooLarge", "The body or the batch is too large."),
    "415": ("UnsupportedMediaType", "The body is not application/json in UTF-8."),
    "429": ("QuotaExceeded", "The quota is spent; see Retry-After."),
    "500": ("InternalError", "Something went wrong; nothing was disclosed."),
    "503": ("Unavailable", "Temporarily unavailable; nothing was decided or disclosed."),
}

_EXTRA_HEADERS = {"401": ("WWW-Authenticate",), "429": ("Retry-After",), "503": ("Retry-After",)}


def describe(app: FastAPI, contact: Mapping[str, str]) -> dict[str, Any]:
    """The document of `app`, whose routes stand under `PREFIX`; `contact` has name, email and url.

    FastAPI is not given the contact: it would warn on standard error that it cannot check the address.
    """
    document = FastAPI.openapi(app)
    version = document["info"].pop("version")
    document["info"] |= {"contact": dict(contact), "version": version}
    document["paths"] = {path.removeprefix(PREFIX): item for path, item in document["paths"].items()}
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas.pop("HTTPValidationError", None)
    schemas.pop("ValidationError", None)
    schemas |= _problem_schemas()
    components["schemas"] = dict(sorted(schemas.items()))
    components["headers"] = _headers(version)
    components["responses"] = {name: _refusal(status, words) for status, (name, words) in _REFUSALS.items()}
    for item in document["paths"].values():
        for method, operation in item.items():
            _complete(method, operation)
    return document


def _complete(method: str, operation: dict[str, Any]) -> None:
    responses = {status: response for status, response in operation["responses"].items() if status[0] in "123"}
    if "201" in responses:  # whatever is made is made once: asked again, the answer is what there is
        responses.setdefault("200", {**responses["201"], "description": "It was there already; nothing has changed."})
    for response in responses.values():
        response.setdefault("headers", {})["API-Version"] = {"$ref": "#/components/headers/API-Version"}
    for status in _possible(method, operation):
        responses[status] = {"$ref": f"#/components/responses/{_REFUSALS[status][0]}"}
    operation["responses"] = dict(sorted(responses.items()))


def _possible(method: str, operation: dict[str, Any]) -> set[str]:
    possible = {"500", "503"} | {status for status in operation["responses"] if status in _REFUSALS}
    parameters = operation.get("parameters", [])
    if parameters or method != "get":
        possible |= {"400"}
    if any(parameter["in"] == "path" for parameter in parameters):
        possible |= {"404", "409"}
    if "requestBody" in operation:
        possible |= {"408", "409", "413", "415"}
    if operation.get("security"):
        possible |= {"401", "403", "429"}
    return possible


def _problem_schemas() -> dict[str, Any]:
    schema = Problem.model_json_schema(mode="serialization", ref_template=_SCHEMA + "{model}")
    return {**schema.pop("$defs"), "Problem": schema}


def _refusal(status: str, words: str) -> dict[str, Any]:
    names = ["API-Version", *_EXTRA_HEADERS.get(status, ())]
    return {
        "description": words,
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in names},
        "content": {MEDIA_TYPE: {"schema": {"$ref": f"{_SCHEMA}Problem"}}},
    }


def _headers(version: str) -> dict[str, Any]:
    return {
        "API-Version": {
            "description": "Full version of the API",
            "schema": {"type": "string", "examples": [version]},
        },
        "Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer", "minimum": 0}},
        "WWW-Authenticate": {"description": "Scheme to use", "schema": {"type": "string", "examples": ["Bearer"]}},
    }
