"""Spans, the log and Server-Timing use the same names for stages."""

import re
import secrets
from collections.abc import Callable
from typing import Any, get_args

import httpx2
import pytest

from app.tracing import Stage
from tests.accounts import sign_up, signup_body
from tests.conftest import StartService
from tests.integration.wire import access_log_line
from tests.receiver import Receiver
from tests.service import Service

# A worker runs jobs, so these stages are in no request.
_STAGES_OF_JOBS = {"queued", "job", "smtp"}
SendRequest = Callable[..., tuple[httpx2.Response, dict[str, set[str]]]]


@pytest.fixture(scope="module")
def observed(start_service: StartService, receiver: Receiver) -> Service:
    """A service with traces, SERVER_TIMING=on and stages in its log."""
    return start_service(**receiver.settings, SERVER_TIMING="on")


@pytest.fixture
def send_request(observed: Service, receiver: Receiver) -> SendRequest:
    """Sends a request. Returns the response, and its stages in spans, log and header."""

    def send(method: str, path: str, **options: Any) -> tuple[httpx2.Response, dict[str, set[str]]]:
        response = observed.client.request(method, path, **options)
        line = access_log_line(observed, response.headers["X-Request-ID"])
        spans = receiver.trace(line["trace_id"])
        return response, {
            "spans": {span.stage for span in spans if span.stage},
            "log": set(line["stages_ms"]),
            "header": set(re.findall(r"([a-z-]+);dur=", response.headers["Server-Timing"])),
        }

    return send


def test_spans_the_log_and_server_timing_have_the_same_stages(
    observed: Service, send_request: SendRequest
) -> None:
    """All requests of this test together have every stage that a request can have."""
    newcomer = sign_up(observed.client)
    body, twin = signup_body(), signup_body(email=newcomer.email)
    found: set[str] = set()
    for status, method, path, options in [
        (201, "POST", "/api/users", {"json": body}),
        (409, "POST", "/api/users", {"json": twin}),
        (200, "GET", newcomer.url, {"headers": newcomer.auth}),
        (200, "GET", newcomer.url, {"headers": newcomer.auth}),
        (200, "POST", "/graphql", {"json": {"query": "{ products { nodes { id } } }"}}),
        (404, "GET", f"/nothing/{secrets.token_hex(8)}", {}),
    ]:
        response, stages = send_request(method, path, **options)
        assert response.status_code == status
        assert stages["spans"] == stages["log"] == stages["header"], (method, path)
        found |= stages["spans"]
    assert found == set(get_args(Stage)) - _STAGES_OF_JOBS
