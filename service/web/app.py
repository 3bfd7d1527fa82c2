"""From routers to the ASGI app that a service serves: the same edge for broker and key holder.

From outside in: the access log, which opens the request's context; the response headers; the failure boundary; the
body check; then FastAPI with the routers, all under `/v1`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal

from fastapi import APIRouter, FastAPI
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic.alias_generators import to_camel
from starlette.types import ASGIApp, Lifespan, Receive, Scope, Send

from clients.protocol.messages.base import Message
from service.web import problems
from service.web.access_log import AccessLog, FailureBoundary
from service.web.authentication import Authenticator, TurnedAway
from service.web.body import DEFAULT_LIMIT, JsonBodies, Reader
from service.web.headers import ResponseHeaders
from service.web.openapi import PREFIX, describe
from service.web.routes import RouteTable

__all__ = ["EXAMPLE_CONTACT", "Api", "build_api"]

EXAMPLE_CONTACT: Mapping[str, str] = {
    "name": "Operator of this service",
    "email": "operator@example.org",
    "url": "https://example.org/covenant-broker",
}


class Health(Message):
    """The service is there; `ready` also says that what it needs is there.

    `attention` has codes for what an operator has to look into while the service goes on with everything else.
    """

    status: Literal["live", "ready"]
    attention: tuple[str, ...] | None = None


class Api:
    """The ASGI app. `fastapi` is inside, for tests and for whoever adds state."""

    def __init__(self, fastapi: FastAPI, app: ASGIApp) -> None:
        self.fastapi = fastapi
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document, as served at `/v1/openapi.json`."""
        return self.fastapi.openapi()


def build_api(
    *,
    title: str,
    description: str,
    version: str,
    routers: Sequence[APIRouter],
    authenticator: Authenticator,
    turned_away: TurnedAway,
    checks: Sequence[Callable[[], None]] = (),
    concerns: Callable[[], Sequence[str]] = tuple,
    lifespan: Lifespan[FastAPI] | None = None,
    contact: Mapping[str, str] = EXAMPLE_CONTACT,
    server_url: str = PREFIX,
    tags: Sequence[Mapping[str, str]] = (),
    body_limit: int = DEFAULT_LIMIT,
    readers: Mapping[str, Reader] = MappingProxyType({}),
) -> Api:
    """The app that serves `routers` under `/v1`.

    `version` is the API's, as major.minor.patch. `turned_away` is called before a caller is told that a route is for
    other roles; if it raises, that is the answer. `checks` are run for `/v1/health/ready`; each raises Unavailable for
    what is missing, and `concerns` gives codes for what goes wrong beside it. `contact` has name, email and url.
    `server_url` ends in `/v1`. `tags` describe the routers' tags. `readers` are those of `ReadOnce` routes, by the
    template of their path below `/v1`.
    """
    app = FastAPI(
        title=title,
        description=description,
        version=version,
        license_info={"name": "EUPL-1.2", "identifier": "EUPL-1.2"},
        servers=[{"url": server_url, "description": "This service"}],
        openapi_tags=[*map(dict, tags), {"name": "Service", "description": "The service itself"}],
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        separate_input_output_schemas=False,
        generate_unique_id_function=_operation_id,
        lifespan=lifespan,
    )
    app.state.authenticator = authenticator
    app.state.turned_away = turned_away
    for router in (*routers, _service_routes(app, checks, concerns)):
        app.include_router(router, prefix=PREFIX)
    document: dict[str, Any] = {}

    def openapi() -> dict[str, Any]:
        if not document:
            document.update(describe(app, contact))
        return document

    app.openapi = openapi  # type: ignore[method-assign]
    routes = RouteTable(app)
    problems.install(app, methods=routes.methods)
    by_template = {PREFIX + template: reader for template, reader in readers.items()}

    def reader_of(path: str) -> Reader | None:
        return by_template.get(routes.template(path) or "")

    inner = FailureBoundary(JsonBodies(app, limit=body_limit, reader=reader_of))
    return Api(app, AccessLog(ResponseHeaders(inner, version=version), template=routes.template))


def _operation_id(route: APIRoute) -> str:
    return to_camel(route.name)


def _service_routes(
    app: FastAPI, checks: Sequence[Callable[[], None]], concerns: Callable[[], Sequence[str]]
) -> APIRouter:
    router = APIRouter(tags=["Service"])

    @router.get("/health/live", response_model_exclude_none=True, summary="Whether the process runs")
    def health_live() -> Health:
        """Answers as long as the process serves requests at all."""
        return Health(status="live")

    @router.get("/health/ready", response_model_exclude_none=True, summary="Whether the service can do its work")
    def health_ready() -> Health:
        """Answers 503 while something the service needs, such as its database, is not there.

        What stops a part of its work alone, such as a log that is not witnessed, stands under `attention`: a service
        taken out of rotation for it would stop the rest too.
        """
        for check in checks:
            check()
        return Health(status="ready", attention=tuple(concerns()) or None)

    @router.get("/openapi.json", summary="This document", response_class=JSONResponse)
    def open_api_document() -> JSONResponse:
        """The OpenAPI description of this API, for anyone and from any web page."""
        return JSONResponse(app.openapi(), headers={"Access-Control-Allow-Origin": "*"})

    return router
