"""The stages go by the same words wherever they are told."""

import re
import secrets
from collections.abc import Callable
from typing import Any, get_args

import httpx2
import pytest

from app.tracing import Stage
from tests.accounts import sign_up, signup_body
from tests.conftest import StartService
from tests.integration.wire import log_lines
from tests.receiver import Receiver
from tests.service import Service

Told = Callable[..., tuple[httpx2.Response, dict[str, set[str]]]]


@pytest.fixture(scope="module")
def telling(start_service: StartService, receiver: Receiver) -> Service:
    """A service that tells by all of its means."""
    return start_service(**receiver.settings, SERVER_TIMING="on")


@pytest.fixture
def told(telling: Service, receiver: Receiver) -> Told:
    """Sends a request; gives the response, and the stages of it that each means names."""

    def send(method: str, path: str, **options: Any) -> tuple[httpx2.Response, dict[str, set[str]]]:
        response = telling.client.request(method, path, **options)
        line = log_lines(telling, response.headers["X-Request-ID"])[-1]
        spans = receiver.trace(line["trace_id"])
        return response, {
            "spans": {span.stage for span in spans if span.stage},
            "log": set(line["stages_ms"]),
            "header": set(re.findall(r"([a-z-]+);dur=", response.headers["Server-Timing"])),
        }

    return send


def test_spans_the_log_and_server_timing_have_one_vocabulary(telling: Service, told: Told) -> None:
    """Each request names the same stages in all three, and together they are all that there are."""
    newcomer = sign_up(telling.client)
    body, twin = signup_body(), signup_body(email=newcomer.email)
    seen: set[str] = set()
    for status, method, path, options in [
        (201, "POST", "/api/users", {"json": body}),
        (409, "POST", "/api/users", {"json": twin}),
        (200, "GET", newcomer.url, {"headers": newcomer.auth}),
        (200, "GET", newcomer.url, {"headers": newcomer.auth}),
        (404, "GET", f"/nothing/{secrets.token_hex(8)}", {}),
    ]:
        response, said = told(method, path, **options)
        assert response.status_code == status
        assert said["spans"] == said["log"] == said["header"], (method, path)
        seen |= said["spans"]
    assert seen == set(get_args(Stage))
