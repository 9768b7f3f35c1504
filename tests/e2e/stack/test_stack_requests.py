"""The collector joins the spans that all processes of the stack send for a request."""

import json
import subprocess
from secrets import token_hex
from typing import Any

import httpx2
import pytest

from lab.http_client import Response
from lab.stack.config.paths import last_lines
from lab.stack.config.ports import free_port
from lab.stack.processes.waiting import wait_until
from lab.stack.servers import wheels
from lab.stack.servers.caddy import CADDYFILE, CaddyServer
from tests.accounts import signup_body
from tests.e2e.local_stack import LocalStack
from tests.otlp import PROTOBUF, request, span


def traced_headers(trace_id: str, span_id: str) -> dict[str, str]:
    """Return headers of a request that is traced regardless of sampling."""
    return {"traceparent": f"00-{trace_id}-{span_id}-01", "tracestate": "roundtrip=always"}


def send_with_span(stack: LocalStack, path: str, trace_id: str, span_id: str) -> Response:
    """Send a request and its client span."""
    response = stack.request("GET", path, headers=traced_headers(trace_id, span_id))
    body = request("client", span(trace_id, "GET", span_id=span_id, duration_ms=5000))
    url = f"http://localhost:{stack.http_port}/lab/v1/traces"
    assert httpx2.post(url, content=body, headers=PROTOBUF).status_code == 200
    return response


def trace_of(stack: LocalStack, trace_id: str) -> dict[str, Any]:
    """Wait until the load balancer and the service have sent their spans; return the trace."""

    def current_trace() -> dict[str, Any]:
        trace: dict[str, Any] = stack.request("GET", f"/lab/api/traces/{trace_id}").json()
        return trace

    def is_complete() -> bool:
        # Of the service's spans, `app` is the span of the whole request and ends last.
        return {it["stage"] for it in current_trace().get("spans", ())} >= {"load-balancer", "app"}

    assert wait_until(is_complete, timeout_s=10)
    return current_trace()


def test_the_spans_of_all_processes_are_in_one_trace(stack: LocalStack) -> None:
    """The client's span contains the load balancer's span, which contains the service's span."""
    trace_id, span_id = token_hex(16), token_hex(8)
    response = send_with_span(stack, "/api/products?limit=1", trace_id, span_id)
    trace = trace_of(stack, trace_id)
    parents = {it["stage"]: it["parent_id"] for it in trace["spans"]}
    ids = {it["stage"]: it["id"] for it in trace["spans"]}
    assert (parents["request"], parents["load-balancer"]) == (None, span_id)
    assert parents["app"] == ids["load-balancer"]
    assert (trace["method"], trace["path"], trace["status"]) == ("GET", "/api/products", 200)
    assert trace["request_id"] == response.headers["X-Request-ID"]
    assert trace["cache"] == response.headers["X-Cache"]


def test_a_request_without_a_trace_is_listed_and_sent_to_the_page(stack: LocalStack) -> None:
    """The load balancer starts a trace for the request, but none for requests of the lab's page."""
    request_id = token_hex(8)
    with stack.event_stream() as page:
        assert page.readline() == b"retry: 1000\n"
        stack.request("GET", "/api/nothing", headers={"X-Request-ID": request_id})
        events = (line.removeprefix(b"data: ") for line in page if line.startswith(b"data: "))
        event = next(it for it in map(json.loads, events) if it["request_id"] == request_id)
    assert (event["status"], event["processes"][0]) == (404, "load-balancer")
    items = stack.request("GET", "/lab/api/traces?limit=1000&background=show").json()["items"]
    assert request_id in {it["request_id"] for it in items}
    # Requests to the page have spans only from `lab trace`, and none from the load balancer.
    of_the_page = [it for it in items if str(it["path"]).startswith("/lab")]
    assert all(it["processes"] == ["client"] for it in of_the_page), of_the_page
    # Health checks, one per second and process, are not traced. Other requests to /readyz are.
    health_checks = [it for it in items if it["path"] == "/readyz"]
    assert all("load-balancer" in it["processes"] for it in health_checks), health_checks


@pytest.mark.parametrize("https", [False, True], ids=["http", "https"])
def test_the_page_has_the_same_origin_as_the_service(stack: LocalStack, *, https: bool) -> None:
    """The page's scripts can send requests to the service, and to no other origin."""
    page = stack.request("GET", "/lab", https=https)
    assert page.status == 200
    assert "connect-src 'self'" in page.headers["Content-Security-Policy"]
    assert "Server" not in page.headers


def test_the_stacks_own_database_explains_a_statement(stack: LocalStack) -> None:
    """The collector trusts the statement, because the sender of the span has the service's key."""
    trace_id, span_id = token_hex(16), token_hex(8)
    headers, body = traced_headers(trace_id, span_id), signup_body()
    assert stack.request("POST", "/api/users", body=body, headers=headers).status == 201
    spans = trace_of(stack, trace_id)["spans"]
    insert = next(it for it in spans if it["name"] == "INSERT users")
    plan = stack.request("GET", f"/lab/api/traces/{trace_id}/spans/{insert['id']}/plan").json()
    assert "Insert on users" in plan["plan"][0]


def test_with_production_settings_there_is_no_page_and_no_trace(
    stack: LocalStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the lab's variables, Caddy sends `/lab` to the service, which responds with 404."""
    for name in ("OTEL_TRACES_EXPORTER", "EXTRA_ROUTES"):
        monkeypatch.delenv(name, raising=False)
    other = LocalStack()
    caddy = CaddyServer(
        other.directory / "caddy",
        ports=(other.http_port, other.https_port),
        ca_certificate=other.directory / "ca.crt",
        log=other.directory / "logs" / "caddy.log",
        upstreams=lambda: [stack.parts.apps[0].port, free_port()],
    )
    caddy.open_sockets("start")
    trace_id = token_hex(16)
    try:
        with caddy:
            sampled = {"traceparent": f"00-{trace_id}-{token_hex(8)}-01"}
            pages = [other.request("GET", path) for path in ("/lab", "/lab/", "/lab/api/traces")]
            assert other.request("GET", "/api/products", headers=sampled).status == 200
    finally:
        caddy.close_sockets()
        log = last_lines(other.directory / "logs" / "caddy.log", 1000)
        other.discard()
    assert [(it.status, it.json()["code"]) for it in pages] == [(404, "not-found")] * 3
    assert "trac" not in log.lower()
    assert "otel" not in log.lower()


@pytest.mark.parametrize(
    ("variables", "traces"),
    [
        ({}, False),
        ({"OTEL_TRACES_EXPORTER": ""}, False),
        ({"OTEL_TRACES_EXPORTER": "none"}, False),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, True),
    ],
    ids=["not set", "empty", "none", "otlp"],
)
def test_the_load_balancer_traces_only_with_otel_traces_exporter(
    variables: dict[str, str], *, traces: bool
) -> None:
    """If the variable is unset, empty or `none`, Caddy has no tracing that could fail."""
    adapted = subprocess.run(
        [wheels.caddy(), "adapt", "--config", CADDYFILE, "--adapter", "caddyfile"],
        env=variables,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ('"handler":"tracing"' in adapted.stdout) is traces
    assert "/lab" not in adapted.stdout
