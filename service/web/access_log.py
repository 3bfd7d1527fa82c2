"""One log line per request, and one per failure. What is not in them cannot leak from them.

A line has method, route template, status, duration, principal and trace. It never has a path as it was sent, a query, a
header, a body, or the message of an exception: drivers quote rows and parsers quote input in theirs.
"""

from __future__ import annotations

import logging
import sys
import time
import traceback
from collections.abc import Callable
from typing import TextIO

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.typing import EventDict, WrappedLogger

from service.web.context import enter, in_scope
from service.web.problems import internal_error

__all__ = ["AccessLog", "FailureBoundary", "configure_logging"]

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_log = structlog.get_logger("service.web")


class AccessLog:
    """Outermost ASGI middleware: opens the request's context and logs its end.

    `template` gives the route template for a path, or None where no route matches.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        template: Callable[[str], str | None],
        timer: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._app = app
        self._template = template
        self._timer = timer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        context = enter(scope)
        started = self._timer()
        status: int | None = None

        async def observe(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, observe)
        finally:
            _log.info(
                "request",
                method=scope["method"] if scope["method"] in _METHODS else "other",
                route=self._template(scope["path"]) or "unmatched",
                status=status,
                duration_ms=round((self._timer() - started) * 1000, 1),
                principal=context.principal.id if context.principal else None,
                trace_id=context.trace_id,
                span_id=context.span_id,
            )


class FailureBoundary:
    """ASGI middleware: what nobody foresaw becomes a 500 and a log line, and goes no further.

    Passed on, the exception would reach the server, which logs it with its message.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def observe(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, observe)
        except Exception as error:  # noqa: BLE001 - the one place where everything ends
            context = in_scope(scope)
            _log.error("failure", trace_id=context.trace_id, span_id=context.span_id, **_without_message(error))
            if not started:
                await internal_error(context)(scope, receive, send)


def _without_message(error: BaseException) -> dict[str, object]:
    """Types and places of an exception and its causes."""
    chain: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(chain) < 5:
        chain.append(f"{type(cause).__module__}.{type(cause).__qualname__}")
        cause = cause.__cause__ or cause.__context__
    frames = traceback.extract_tb(error.__traceback__)
    return {"error": chain, "raised_at": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-8:]]}


def configure_logging(level: str = "INFO", stream: TextIO | None = None) -> None:
    """JSON lines on `stream` (standard output) for our own log and that of the libraries."""
    before: list[structlog.typing.Processor] = [
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _strip_exception,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *before,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=before,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(sort_keys=True),
            ],
            keep_exc_info=False,
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.getLogger("uvicorn.access").disabled = True  # it logs paths with their queries
    for chatty in ("httpx", "httpcore", "alembic", "sqlalchemy"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))


def _strip_exception(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    info = event.pop("exc_info", None)
    if info is True:
        info = sys.exc_info()
    error = info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        event.update(_without_message(error))
    return event
