"""The log line of a request: what it contains, and what it never contains."""

import json
import re
import secrets
from typing import Any

import httpx2
import pytest

from tests.accounts import Account, sign_up, signup_body
from tests.conftest import StartService
from tests.integration.wire import log_lines, log_with
from tests.service import Service

_TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def _logged(service: Service, response: httpx2.Response) -> dict[str, Any]:
    lines = log_lines(service, response.headers["X-Request-ID"])
    assert [line["event"] for line in lines] == ["request"]
    return lines[0]


def test_each_request_is_logged_in_one_line(
    service: Service, client: httpx2.Client, shared_user: Account
) -> None:
    """The line has id, route template, status, duration and user, but no path and no query."""
    line = _logged(
        service, client.get(f"{shared_user.url}/orders?limit=7", headers=shared_user.auth)
    )
    expected = {"method": "GET", "route": "/api/users/{user_id}/orders", "status": 200,
                "level": "info", "user_id": shared_user.id, "client": "127.0.0.1"}  # fmt: skip
    assert line == {**line, **expected}
    assert set(line) == {*expected, "event", "request_id", "duration_ms", "timestamp"}
    assert 0 < line["duration_ms"] < 10_000
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", line["timestamp"])


@pytest.mark.parametrize(
    ("method", "path", "status", "route"),
    [
        ("GET", "/nothing?secret=x", 404, None),
        ("GET", "/api/users/me?token=x", 422, "/api/users/me"),
        ("PUT", "/api/users", 405, "/api/users"),
        ("PROPFIND", "/api/users", 405, "/api/users"),
        ("GET", "/api/users/me", 401, "/api/users/me"),
        ("GET", "/api/users/x", 401, "/api/users/{user_id}"),
        ("OPTIONS", "/api/users/7", 204, "/api/users/{user_id}"),
        ("HEAD", "/docs", 200, "/docs"),
    ],
)
def test_refused_requests_are_logged_too(
    service: Service, method: str, path: str, status: int, route: str | None
) -> None:
    """Errors, OPTIONS, HEAD and requests to paths that do not exist have a log line too."""
    line = _logged(service, service.client.request(method, path))
    assert (line["status"], line["route"], line["user_id"]) == (status, route, None)
    assert line["method"] == (method if method != "PROPFIND" else "other")


def test_a_traceparent_is_continued(service: Service, client: httpx2.Client) -> None:
    """The log line has the trace id that the client sent (W3C Trace Context)."""
    headers = {"traceparent": f"00-{_TRACE}-00f067aa0ba902b7-01"}
    assert _logged(service, client.get("/nothing", headers=headers))["trace_id"] == _TRACE


@pytest.mark.parametrize(
    "traceparent",
    [f"00-{'0' * 32}-00f067aa0ba902b7-01", f"00-{_TRACE}-{'0' * 16}-01", "x", "00-" + "z" * 32,
     f"ff-{_TRACE}-00f067aa0ba902b7-01", f"00-{_TRACE.upper()}-00F067AA0BA902B7-01",
     f"00-{_TRACE}-00f067aa0ba902b7-01-extra"],
)  # fmt: skip
def test_an_invalid_traceparent_is_ignored(
    service: Service, client: httpx2.Client, traceparent: str
) -> None:
    """The log line of a request with an invalid traceparent has no trace id."""
    line = _logged(service, client.get("/nothing", headers={"traceparent": traceparent}))
    assert "trace_id" not in line


def test_no_input_can_forge_a_log_line(service: Service, client: httpx2.Client) -> None:
    """Newlines in input start no new line. Names, emails, paths and headers are not logged."""
    mark = secrets.token_hex(8)
    forged = f'\n{{"event": "request", "status": 200, "forged": "{mark}"}}\n'
    quoted = httpx2.QueryParams({"x": forged})
    responses = [
        client.post("/api/users", json=signup_body(name=f"A{forged}B")),
        client.post("/api/users", json=signup_body(email=f"a{forged}@example.com")),
        client.post("/api/auth/login", json={"email": forged, "password": forged}),
        client.get(f"/nothing?{quoted}"),
        client.get(f"/api/users/%0A{mark}%0A"),
        client.get(f"/%0D%0A{mark}"),
        client.get("/nothing", headers={"X-Request-ID": f"x{mark} y", "User-Agent": mark}),
    ]
    for response in responses:
        _logged(service, response)
    log = service.log.read_text()
    assert mark not in log  # check 38
    for line in log.splitlines():
        json.loads(line)


def test_the_logged_address_is_that_of_the_last_untrusted_hop(
    service: Service, client: httpx2.Client
) -> None:
    """The proxy appends the client's address, so a client can forge only earlier addresses."""
    headers = {"X-Forwarded-For": "198.51.100.1, 203.0.113.200"}
    line = _logged(service, client.get("/nothing", headers=headers))
    assert line["client"] == "203.0.113.200"  # check 30


@pytest.mark.parametrize("headers", [{}, {"X-Forwarded-For": "203.0.113.201"}])
def test_health_checks_are_not_logged(
    service: Service, client: httpx2.Client, headers: dict[str, str]
) -> None:
    """They come every second, directly or through the load balancer, and would hide other lines."""
    request_ids = [
        client.get(path, headers=headers).headers["X-Request-ID"]
        for path in ("/livez", "/readyz", "/metrics")
    ]
    _logged(service, client.get("/nothing"))
    log = service.log.read_text()
    assert not [request_id for request_id in request_ids if request_id in log]


def test_the_console_format_has_one_readable_line_per_request(start_service: StartService) -> None:
    """With LOG_FORMAT=console, the line has status, method, route and duration."""
    service = start_service(LOG_FORMAT="console", LOG_LEVEL="debug", SERVER_TIMING="on")
    account = sign_up(service.client)
    headers = {**account.auth, "X-Request-ID": "readable"}
    assert service.client.get("/api/users/me", headers=headers).status_code == 200
    service.client.get("/livez", headers={"X-Request-ID": "probe"})
    log = log_with(service, "readable", "probe")
    (line,) = [line for line in log.splitlines() if "readable" in line]
    assert re.search(r"200 GET +/api/users/me +\d+\.\d ms", line)
    assert f"user_id={account.id}" in line
    assert "stages" not in line
    assert account.password not in log
