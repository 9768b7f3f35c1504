"""The trace of a request: its stages, their nesting, and the location of their source code."""

import importlib
import inspect
import secrets
from functools import reduce
from typing import Any, get_args

import pytest

from app.tracing import Stage
from tests.accounts import Account, sign_up, signup_body
from tests.conftest import StartService
from tests.integration.shop import basket, new_product
from tests.integration.wire import access_log_line, exchange
from tests.receiver import Receiver, SendTraced, Span
from tests.service import Service


def _tree(trace: list[Span]) -> list[str]:
    """Return one line for each span, in the order of their starts, indented by depth."""
    depths: dict[str, int] = {}
    for span in trace:
        depths[span.id] = depths.get(span.parent_id, -1) + 1
    return [f"{'  ' * depths[span.id]}{span.stage or span.name}" for span in trace]


@pytest.mark.usefixtures("buyer")
def test_the_trace_of_a_signup_has_every_stage(send_traced: SendTraced) -> None:
    """The trace starts with the server span, whose parent is the client's span."""
    response, trace = send_traced("POST", "/api/users", json=signup_body())
    assert response.status_code == 201
    assert (trace[0].kind, trace[0].parent_id) == ("SERVER", "00f067aa0ba902b7")
    assert _tree(trace) == [
        "POST /api/users",
        "  rate-limit",
        "    redis",
        "  validate",
        "  endpoint",
        "    service",
        "      hash",
        # A rate limit counts the messages to the new address.
        "      rate-limit",
        "        redis",
        "      pool",
        "      sql",
        "      queue",
        "        sql",
        "      commit",
        "    serialize",
    ]
    assert trace[0].attributes["roundtrip.request_id"] == response.headers["X-Request-ID"]
    assert trace[6].attributes["roundtrip.waited_ms"] >= 0


def test_a_read_is_a_miss_and_then_a_hit_of_the_middleware(
    send_traced: SendTraced, product: dict[str, Any]
) -> None:
    """The hit has the route of the miss, although no router has handled the hit."""
    path = f"/api/products/{product['id']}"
    (missed, first), (hit, second) = send_traced("GET", path), send_traced("GET", path)
    for response, trace, outcome in ((missed, first, "miss"), (hit, second, "hit")):
        assert trace[0].name == "GET /api/products/{product_id}"
        assert trace[0].attributes["http.route"] == "/api/products/{product_id}"
        assert trace[0].attributes["url.path"] == path
        (cache,) = [span for span in trace if span.stage == "cache"]
        assert response.headers["X-Cache"] == cache.attributes["roundtrip.cache"] == outcome
    assert {"endpoint", "sql", "serialize"} <= {span.stage for span in first}
    assert sorted(_tree(second)[1:]) == ["    redis", "    redis", "  cache", "  rate-limit"]


def test_token_and_session_are_checked_before_the_rate_limit(
    traced: Service, send_traced: SendTraced
) -> None:
    """Each is checked once, and both the rate limit and the route use the result."""
    newcomer = sign_up(traced.client)
    _, trace = send_traced("GET", newcomer.url, headers=newcomer.auth)
    assert _tree(trace)[:8] == [
        "GET /api/users/{user_id}",
        "  token",
        "  session",
        "    pool",
        "    sql",
        "  rate-limit",
        "    redis",
        "  validate",
    ]


def test_the_span_of_a_request_has_the_signed_in_user(
    traced: Service, send_traced: SendTraced
) -> None:
    """The server span has the id of the user, even if the cache answers the request."""
    newcomer = sign_up(traced.client)
    for _ in range(2):
        _, trace = send_traced("GET", newcomer.url, headers=newcomer.auth)
        assert trace[0].attributes["user.id"] == newcomer.url.rpartition("/")[2]
    _, trace = send_traced("GET", "/api/products")
    assert "user.id" not in trace[0].attributes


def test_an_order_with_its_lines_is_one_statement(
    traced: Service, send_traced: SendTraced, admin: Account
) -> None:
    """The span is named after the first table, and its source is the repository's method."""
    newcomer = sign_up(traced.client)
    two = [new_product(traced.client, admin) for _ in range(2)]
    response, trace = send_traced(
        "POST", f"{newcomer.url}/orders", headers=newcomer.auth, json=basket(*((p, 1) for p in two))
    )
    assert response.status_code == 201
    (added,) = [span.attributes for span in trace if span.name == "INSERT orders"]
    assert "INSERT INTO order_lines" in str(added["db.query.text"])
    assert added["code.function.name"] == "app.repositories.orders.OrderRepository.add"


_FUNCTIONS = {
    "rate-limit": ("app.adapters.redis.rate_limiter", "RateLimiter", "hit"),
    "redis": ("app.adapters.redis.client", "RedisClient", "send"),
    "endpoint": ("app.routers.users", "create_user"),
    "service": ("app.services.users", "UserService", "register"),
    "hash": ("app.adapters.password_hasher", "PasswordHasher", "hash"),
    "sql": ("app.repositories.users", "UserRepository", "add"),
    "serialize": ("app.schemas.bodies", "Representation", "to_bytes"),
}


def test_each_stage_has_the_location_of_its_function(
    send_traced: SendTraced, buyer: Account
) -> None:
    """The location is the path of a file in this project, and the function's first line."""
    _, signup = send_traced("POST", "/api/users", json=signup_body())
    _, read = send_traced("GET", buyer.url, headers=buyer.auth)
    for stage, (module, *path) in _FUNCTIONS.items():
        found: Any = reduce(getattr, path, importlib.import_module(module))
        function = inspect.unwrap(found)
        (attributes, *_) = [it.attributes for it in [*signup, *read] if it.stage == stage]
        assert attributes["code.function.name"] == ".".join([module, *path])
        assert attributes["code.file.path"] == module.replace(".", "/") + ".py"
        assert attributes["code.line.number"] == inspect.getsourcelines(function)[1]
    assert {span.stage for span in signup[1:]} <= set(get_args(Stage))


def test_a_trace_that_is_not_sampled_is_not_exported(
    traced: Service, send_traced: SendTraced, receiver: Receiver
) -> None:
    """The client decides whether to sample the trace (W3C Trace Context, section 3.2.2.5.1)."""
    trace_id = secrets.token_hex(16)
    headers = {"traceparent": f"00-{trace_id}-00f067aa0ba902b7-00"}
    response = traced.client.get("/api/products", headers=headers)
    send_traced("GET", "/api/products")
    assert all(span.trace_id != trace_id for span in receiver.spans)
    assert access_log_line(traced, response.headers["X-Request-ID"])["trace_id"] == trace_id


@pytest.mark.parametrize("headers", [{}, {"traceparent": "00-nonsense-01"}], ids=["none", "broken"])
def test_a_request_without_a_trace_starts_one_and_logs_its_id(
    traced: Service, receiver: Receiver, headers: dict[str, str]
) -> None:
    """A request with an invalid traceparent starts a trace too."""
    response = traced.client.get("/api/products", headers=headers)
    line = access_log_line(traced, response.headers["X-Request-ID"])
    assert receiver.trace(line["trace_id"])[0].parent_id == ""


def test_the_trace_id_decides_whether_a_request_is_sampled(
    start_service: StartService, receiver: Receiver
) -> None:
    """The log line always has the trace id. A client's decision about sampling is kept."""
    service = start_service(
        **receiver.settings,
        OTEL_TRACES_SAMPLER="parentbased_traceidratio",
        OTEL_TRACES_SAMPLER_ARG="0.5",
    )

    def read_products(**headers: str) -> dict[str, Any]:
        response = service.client.get("/api/products", headers=headers)
        return access_log_line(service, response.headers["X-Request-ID"])

    lines = [read_products() for _ in range(40)]
    traced = {line["trace_id"] for line in lines if "stages_ms" in line}
    # TraceIdRatioBased compares the lower 64 bits of the id with the ratio.
    assert traced == {line["trace_id"] for line in lines if int(line["trace_id"][16:], 16) < 2**63}
    assert 0 < len(traced) < len(lines)
    for trace_id in traced:
        assert receiver.trace(trace_id)[0].parent_id == ""
    largest = f"{'f' * 32}-00f067aa0ba902b7"
    assert "stages_ms" in read_products(traceparent=f"00-{largest}-01")
    assert "stages_ms" not in read_products(traceparent=f"00-{largest}-00")
    assert {line["trace_id"] for line in lines} & {
        span.trace_id for span in receiver.spans
    } == traced


def test_no_span_is_created_that_cannot_be_exported(
    start_service: StartService, receiver: Receiver
) -> None:
    """FastAPI exports only over HTTP. If another protocol is set, it logs a warning instead."""
    service = start_service(**receiver.settings, OTEL_EXPORTER_OTLP_PROTOCOL="grpc")
    response = service.client.get("/api/products")
    line = access_log_line(service, response.headers["X-Request-ID"])
    assert "stages_ms" not in line
    assert "http/protobuf" in service.log.read_text()


def test_pipelined_requests_have_traces_of_their_own(traced: Service, receiver: Receiver) -> None:
    """Spans of an unsampled request are not in the trace of the previous request."""
    first, second, third = (secrets.token_hex(16) for _ in range(3))
    requests = b"".join(
        f"GET /api/products HTTP/1.1\r\nHost: x\r\nX-Request-ID: {trace_id}\r\n{last}"
        f"traceparent: 00-{trace_id}-00f067aa0ba902b7-{flags}\r\n\r\n".encode()
        for trace_id, flags, last in (
            (first, "01", ""), (second, "00", ""), (third, "01", "Connection: close\r\n"),
        )
    )  # fmt: skip
    assert exchange(traced, requests).count(b"HTTP/1.1 200") == 3
    for trace_id, is_recorded in ((first, True), (second, False), (third, True)):
        line = access_log_line(traced, trace_id)
        assert line["trace_id"] == trace_id
        assert ("stages_ms" in line) == is_recorded
    for trace_id in (third, first):
        trace = receiver.trace(trace_id)
        assert trace[0].attributes["roundtrip.request_id"] == trace_id
        assert [span.stage for span in trace].count("rate-limit") == 1


def test_a_process_traces_no_more_requests_than_its_limit(
    start_service: StartService, receiver: Receiver
) -> None:
    """Untraced requests are logged with a trace id. Clients can exempt requests from the limit."""
    service = start_service(**receiver.settings, TRACE_LIMIT="2/day")

    def read_products(**headers: str) -> tuple[str, dict[str, Any]]:
        trace_id = secrets.token_hex(16)
        parent = f"00-{trace_id}-00f067aa0ba902b7-01"
        response = service.client.get("/api/products", headers={"traceparent": parent, **headers})
        line = access_log_line(service, response.headers["X-Request-ID"])
        assert line["trace_id"] == trace_id
        return trace_id, line

    (first, _), (second, _), (third, unrecorded) = read_products(), read_products(), read_products()
    always, recorded = read_products(tracestate="other=1,roundtrip=always")
    for traced in (first, second, always):
        assert len(receiver.trace(traced)) > 1
    # Spans are sent in the order in which they end, so a span of `third` would be here by now.
    assert third not in {span.trace_id for span in receiver.spans}
    assert ("stages_ms" in recorded, "stages_ms" in unrecorded) == (True, False)


def test_health_checks_are_not_traced(
    traced: Service, send_traced: SendTraced, receiver: Receiver
) -> None:
    """They come every second, directly or by the load balancer, and would hide other traces."""
    for path in ("/livez", "/readyz", "/metrics"):
        for headers in ({}, {"X-Forwarded-For": "203.0.113.202"}):
            assert traced.client.get(path, headers=headers).status_code == 200
    send_traced("GET", "/api/products")
    paths = {span.attributes.get("url.path") for span in receiver.spans}
    assert not paths & {"/livez", "/readyz", "/metrics"}
    assert receiver.resources[0]["service.name"] == "roundtrip"
