"""By what a request is known in the log, and what of it never gets there."""

from __future__ import annotations

import io
import json
import logging

import pytest
import structlog
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from service.web.access_log import configure_logging
from tests.web.little_service import SECRET, problem


def test_the_callers_trace_is_continued(client: TestClient) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    document = problem(client.get("/v1/none", headers={"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}), 404)
    assert document["traceId"] == trace


@pytest.mark.parametrize(
    "traceparent",
    [
        "",
        SECRET,
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{'a' * 32}-{'0' * 16}-01",
        f"ff-{'a' * 32}-00f067aa0ba902b7-01",
        f"00-{'A' * 32}-00f067aa0ba902b7-01",
        f"00-{'a' * 32}-00f067aa0ba902b7-01\t",
    ],
)
def test_a_trace_that_is_none_is_replaced(client: TestClient, traceparent: str) -> None:
    document = problem(client.get("/v1/none", headers={"traceparent": traceparent}), 404)
    assert len(document["traceId"]) == 32
    assert document["traceId"] not in {"a" * 32, "0" * 32}


def test_a_request_is_logged_by_its_template_and_nothing_it_sent(client: TestClient) -> None:
    with capture_logs() as logs:
        client.delete(f"/v1/sightings/{SECRET}?bsn={SECRET}", headers={"authorization": SECRET})
        client.request(SECRET, f"/v1/{SECRET}", content=SECRET)
    lines = [entry for entry in logs if entry["event"] == "request"]
    assert [(line["method"], line["route"], line["status"]) for line in lines] == [
        ("DELETE", "/v1/sightings/{signalId}", 400),
        ("other", "unmatched", 415),
    ]
    assert set(lines[0]) == {
        "event", "log_level", "method", "route", "status", "duration_ms", "principal", "trace_id", "span_id",
    }  # fmt: skip
    assert SECRET not in repr(logs)


# -- the log's configuration


def test_the_configured_log_is_json_lines_without_messages_of_exceptions() -> None:
    stream = io.StringIO()
    before = logging.getLogger().handlers[:]
    try:
        configure_logging("INFO", stream)
        structlog.get_logger("service.test").info("something", count=1)
        try:
            raise ValueError(SECRET)
        except ValueError:
            structlog.get_logger("service.test").exception("ours")
            logging.getLogger("library").exception("theirs")
        logging.getLogger("uvicorn.access").info("GET /%s", SECRET)
    finally:
        logging.getLogger().handlers[:] = before
        structlog.reset_defaults()
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [(line["event"], line["level"]) for line in lines] == [
        ("something", "info"),
        ("ours", "error"),
        ("theirs", "error"),
    ]
    assert lines[1]["error"] == lines[2]["error"] == ["builtins.ValueError"]
    assert SECRET not in stream.getvalue()
