"""Every refusal as an RFC 9457 problem document, and the one table from domain errors to HTTP.

A document names the rule that was broken and the place, never the value: bodies hold tokens and may hold identifiers.
What is not a domain error is 500 with no more said than the trace id; the log has the type of error and where it was
raised, without its message (see `service.web.access_log`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from http import HTTPStatus

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from clients.protocol.messages.base import Message
from service.errors import (
    Conflict,
    DomainError,
    Invalid,
    LocatedFault,
    NotFound,
    QuotaExceeded,
    Refused,
    TooLarge,
    Unauthenticated,
    Unavailable,
)
from service.validation import faults_of
from service.web.context import RequestContext, context_of

__all__ = ["MEDIA_TYPE", "STATUS", "Problem", "ProblemFault", "install", "problem_response"]

MEDIA_TYPE = "application/problem+json"

MOST_FAULTS = 100
"""More than that are not listed: an answer should not grow with what is sent."""

STATUS: Mapping[type[DomainError], tuple[int, str]] = {
    Invalid: (400, "The request is not valid"),
    Unauthenticated: (401, "Not authenticated"),
    Refused: (403, "Refused"),
    NotFound: (404, "Not found"),
    Conflict: (409, "In conflict with what is recorded"),
    TooLarge: (413, "Too large"),
    QuotaExceeded: (429, "Quota exceeded"),
    Unavailable: (503, "Temporarily unavailable"),
}
"""The one table. A subclass of an error here has its status; a new direct subclass of DomainError must be added."""


class ProblemFault(Message):
    """One mistake: where, as a JSON pointer into the body or `query/…`, `path/…`, `header/…`; a code; words."""

    pointer: str
    code: str
    detail: str


class Problem(Message):
    """Problem details (RFC 9457). `type` is `/problems/` and the code; `traceId` finds the request in the logs."""

    type: str
    title: str
    status: int
    detail: str
    trace_id: str | None = None
    clause: str | None = Field(default=None, description="Article of the covenant that the refusal rests on")
    parameters: dict[str, str] | None = None
    errors: tuple[ProblemFault, ...] | None = None


def problem_response(
    context: RequestContext,
    status: int,
    code: str,
    title: str,
    detail: str,
    *,
    clause: str | None = None,
    parameters: Mapping[str, str] | None = None,
    faults: Iterable[LocatedFault] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A problem document as a response."""
    errors = tuple(ProblemFault(pointer=f.pointer, code=f.code, detail=f.detail) for f in faults)
    problem = Problem(
        type=f"/problems/{code}",
        title=title,
        status=status,
        detail=detail,
        trace_id=context.trace_id,
        clause=clause,
        parameters=dict(parameters) if parameters else None,
        errors=errors or None,
    )
    return JSONResponse(problem.model_dump(mode="json", exclude_none=True), status, headers, media_type=MEDIA_TYPE)


def from_domain_error(context: RequestContext, error: DomainError) -> Response:
    """The answer to a domain error, by the table."""
    status, title = next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    headers: dict[str, str] = {}
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, QuotaExceeded | Unavailable) and error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    return problem_response(
        context,
        status,
        error.code,
        title,
        error.detail,
        clause=error.clause if isinstance(error, Refused) else None,
        parameters=error.parameters,
        faults=error.faults,
        headers=headers,
    )


def internal_error(context: RequestContext) -> Response:
    """The answer to everything unforeseen."""
    return problem_response(
        context, 500, "internal-error", "Internal error", "something went wrong here; nothing was disclosed"
    )


def install(app: FastAPI, *, methods: Callable[[str], Collection[str]]) -> None:
    """Makes problem documents of everything a route can raise. `methods` are those that some route takes at a path."""

    @app.exception_handler(DomainError)
    async def domain_error(request: Request, error: DomainError) -> Response:
        return from_domain_error(context_of(request), error)

    @app.exception_handler(RequestValidationError)
    async def validation_error(request: Request, error: RequestValidationError) -> Response:
        faults = faults_of(error.errors(), most=MOST_FAULTS)
        count = f"{len(faults)} mistake{'s' * (len(faults) != 1)}" if len(faults) < MOST_FAULTS else "many mistakes"
        return problem_response(
            context_of(request),
            400,
            "request-invalid",
            STATUS[Invalid][1],
            f"{count} in the request",
            faults=faults,
        )

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> Response:
        # Its detail is not ours and may quote: the status speaks for itself.
        phrase = HTTPStatus(error.status_code).phrase
        headers = dict(error.headers or {})
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            headers["Allow"] = ", ".join(sorted(methods(request.scope["path"])))
        return problem_response(
            context_of(request),
            error.status_code,
            phrase.lower().replace(" ", "-"),
            phrase,
            phrase.lower(),
            headers=headers,
        )

    @app.exception_handler(Exception)
    async def unforeseen(request: Request, _: Exception) -> Response:
        return internal_error(context_of(request))
