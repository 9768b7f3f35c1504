"""The Server-Timing header: the duration of each stage, if SERVER_TIMING is on.

Spans and the log use the same names for stages.
"""

import re
import secrets
from typing import Any, get_args

import httpx2
import pytest

from app.tracing import Stage
from tests.accounts import sign_up, signup_body
from tests.conftest import StartService
from tests.integration.wire import access_log_line
from tests.receiver import Receiver
from tests.service import Service

_METRIC = re.compile(r'([a-z-]+);dur=(\d+\.\d)(?:;desc="(\d+)")?')
# A worker runs jobs, so these stages are in no request.
_STAGES_OF_JOBS = {"queued", "job", "smtp"}


@pytest.fixture(scope="module")
def timed_service(start_service: StartService) -> Service:
    """A service with SERVER_TIMING=on that exports no traces."""
    return start_service(SERVER_TIMING="on")


def _timing(response: httpx2.Response) -> dict[str, tuple[float, int]]:
    (header,) = response.headers.get_list("Server-Timing")
    metrics = [_METRIC.fullmatch(part) for part in header.split(", ")]
    return {it[1]: (float(it[2]), int(it[3] or 1)) for it in metrics if it}


def test_a_response_has_the_duration_of_each_stage(timed_service: Service) -> None:
    """Durations are in milliseconds, in the order of stages, with a count if a stage repeats."""
    timing = _timing(timed_service.client.post("/api/users", json=signup_body()))
    assert list(timing) == ["rate-limit", "redis", "validate", "endpoint", "service", "hash",
                            "pool", "sql", "queue", "commit", "serialize"]  # fmt: skip
    assert timing["hash"][0] > 5
    account = sign_up(timed_service.client)
    login = {"email": account.email, "password": account.password}
    assert _timing(timed_service.client.post("/api/auth/login", json=login))["sql"][1] == 4


def test_a_cached_response_has_its_own_durations(timed_service: Service) -> None:
    """The durations of the first response are not stored in the cache."""
    first, second, third = [timed_service.client.get("/api/products") for _ in range(3)]
    assert "sql" in _timing(first)
    for hit in (second, third):
        assert hit.headers["X-Cache"] == "hit"
        # Usually the middleware sends the hit. If it could not store the response, the route sends
        # the hit, and the header has more stages.
        assert {"cache", "rate-limit", "redis"} <= set(_timing(hit))
        assert "sql" not in _timing(hit)
        assert b"dur=" not in hit.content


def test_the_log_has_the_same_durations(timed_service: Service) -> None:
    """The log and the header have the same names and durations, even if no trace is exported."""
    response = timed_service.client.post("/api/users", json=signup_body())
    line = access_log_line(timed_service, response.headers["X-Request-ID"])
    assert line["stages_ms"] == {stage: ms for stage, (ms, _) in _timing(response).items()}
    assert line["stages_ms"]["hash"] <= line["duration_ms"]


def test_spans_the_log_and_server_timing_have_the_same_stages(
    start_service: StartService, receiver: Receiver
) -> None:
    """All requests of this test together have every stage that a request can have."""
    service = start_service(**receiver.settings, SERVER_TIMING="on")
    newcomer = sign_up(service.client)
    requests: list[tuple[int, str, str, dict[str, Any]]] = [
        (201, "POST", "/api/users", {"json": signup_body()}),
        (409, "POST", "/api/users", {"json": signup_body(email=newcomer.email)}),
        (200, "GET", newcomer.url, {"headers": newcomer.auth}),
        (200, "GET", newcomer.url, {"headers": newcomer.auth}),
        (200, "POST", "/graphql", {"json": {"query": "{ products { nodes { id } } }"}}),
        (404, "GET", f"/nothing/{secrets.token_hex(8)}", {}),
    ]
    found: set[str] = set()
    for status, method, path, options in requests:
        response = service.client.request(method, path, **options)
        assert response.status_code == status
        line = access_log_line(service, response.headers["X-Request-ID"])
        stages = {span.stage for span in receiver.trace(line["trace_id"]) if span.stage}
        assert stages == set(line["stages_ms"]) == set(_timing(response)), (method, path)
        found |= stages
    assert found == set(get_args(Stage)) - _STAGES_OF_JOBS


def test_the_header_is_off_by_default(client: httpx2.Client) -> None:
    """In production, no client should learn how long a password check takes."""
    assert "Server-Timing" not in client.post("/api/users", json=signup_body()).headers
