"""The collector joins spans of several processes into one trace, in the waterfall's order."""

from secrets import token_hex
from typing import Any

from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from lab.collector.ingest import otlp
from lab.collector.traces.documents import document
from lab.collector.traces.store import Store
from tests.otlp import request, span

TRACE = token_hex(16)
CLIENT, WAIT, CADDY, APP = "c1" * 8, "c2" * 8, "cd" * 8, "a1" * 8


def joined(*bodies: bytes) -> dict[str, Any]:
    """Return the document of the trace after the collector got these requests in this order."""
    store = Store()
    for body in bodies:
        store.add(otlp.read(body).spans, now=0)
    trace = store.get(TRACE)
    assert trace
    return document(trace)


def by_client(*, start_ms: float = 0) -> bytes:
    """Return spans of the client: a request of 100 ms with a `wait` from 10 to 90 ms."""
    root = span(TRACE, "GET", span_id=CLIENT, start_ms=start_ms, duration_ms=100)
    attributes = {"roundtrip.stage": "wait"}
    wait = span(
        TRACE, "wait", span_id=WAIT, parent_id=CLIENT, start_ms=start_ms + 10, duration_ms=80,
        attributes=attributes,
    )  # fmt: skip
    return request("client", root, wait)


def by_caddy(start_ms: float = 20, duration_ms: float = 60) -> bytes:
    """Return the span of the load balancer."""
    attributes = {
        "http.request.method": "GET",
        "url.path": "/api/users/1",
        "http.response.status_code": 200,
    }
    return request(
        "caddy",
        span(TRACE, "GET", span_id=CADDY, parent_id=CLIENT, start_ms=start_ms,
             duration_ms=duration_ms, attributes=attributes),
    )  # fmt: skip


def by_app() -> bytes:
    """Return the spans of the service."""
    server = span(
        TRACE, "GET /api/users/{user_id}", span_id=APP, parent_id=CADDY, start_ms=25,
        duration_ms=50, kind=Span.SPAN_KIND_SERVER,
        attributes={"http.route": "/api/users/{user_id}"},
    )  # fmt: skip
    sql = {"roundtrip.stage": "sql", "db.system.name": "postgresql"}
    redis = {"db.system.name": "redis", "roundtrip.cache": "miss"}
    work = [
        span(TRACE, "SELECT users", parent_id=APP, start_ms=60, duration_ms=10, attributes=sql),
        span(TRACE, "fastapi.dependencies", parent_id=APP, start_ms=26, duration_ms=4),
        span(TRACE, "GET", parent_id=APP, start_ms=32, duration_ms=3, attributes=redis),
    ]
    return request("roundtrip", server, *work, instance="app-1")


def stages(trace: dict[str, Any]) -> list[tuple[str, str, int]]:
    """Return the process, the stage and the depth of each span."""
    return [(it["process"], it["stage"], it["depth"]) for it in trace["spans"]]


WATERFALL = [
    ("client", "request", 0),
    ("client", "wait", 1),
    ("load-balancer", "load-balancer", 1),
    ("app-1", "app", 2),
    ("app-1", "validate", 3),
    ("app-1", "redis", 3),
    ("app-1", "sql", 3),
]


def test_spans_of_all_processes_are_joined_in_any_order_of_arrival() -> None:
    """Each parent comes before its children, and each span has a stage."""
    assert stages(joined(by_client(), by_caddy(), by_app())) == WATERFALL
    assert stages(joined(by_app(), by_caddy(), by_client())) == WATERFALL


def test_a_summary_combines_the_attributes_of_all_processes() -> None:
    """The duration is from the client, the route from the service, the status from Caddy."""
    trace = joined(by_client(), by_caddy(), by_app())
    summary = {key: value for key, value in trace.items() if key not in {"spans", "untraced_ms"}}
    assert summary == {
        "trace_id": TRACE,
        "started_at": "2017-07-14T02:40:00.000000Z",
        "duration_ms": 100.0,
        "method": "GET",
        "path": "/api/users/1",
        "route": "/api/users/{user_id}",
        "status": 200,
        "processes": ["client", "load-balancer", "app-1"],
        "stages": 7,
        "cache": "miss",
        "request_id": None,
    }


def test_the_last_cache_lookup_counts_unless_the_client_has_the_header() -> None:
    """If a lookup in memory misses and a later lookup in Redis hits, the result is a hit.

    The response header X-Cache, if a span has it, takes precedence.
    """
    lookups = [
        span(TRACE, "cache", parent_id=APP, start_ms=at, attributes={"roundtrip.cache": outcome})
        for at, outcome in ((27, "miss"), (40, "hit"))
    ]
    by_lookups = request("roundtrip", *lookups, instance="app-1")
    assert joined(by_caddy(), by_app(), by_lookups)["cache"] == "hit"
    headers = {"http.response.header.x-cache": ["bypass"]}
    client = request("client", span(TRACE, "GET", span_id=CLIENT, attributes=headers))
    assert joined(client, by_caddy(), by_lookups)["cache"] == "bypass"


def test_only_leaf_spans_count_as_traced_time() -> None:
    """The client's leaf span `wait` covers 10 to 90 of 100 ms, so the largest gap is 10 ms."""
    assert joined(by_client(), by_caddy(), by_app())["untraced_ms"] == 10.0
    # Without the client's spans, one gap is from 35 ms, the end of `redis`, to 60 ms, the start of
    # `sql`. The other gap is smaller: from 70 ms, the end of `sql`, to 80 ms, the end of the load
    # balancer's span.
    assert joined(by_caddy(), by_app())["untraced_ms"] == 25.0


def test_a_single_span_has_no_untraced_gap() -> None:
    """The span is a leaf and covers the whole duration of the trace."""
    assert joined(by_caddy())["untraced_ms"] == 0.0


def test_the_status_of_a_response_of_the_load_balancer_is_in_the_summary() -> None:
    """The load balancer's first span has the status 200. Its child span has the real status."""
    refused = span(
        TRACE, "GET", parent_id=CADDY, start_ms=80, attributes={"http.response.status_code": 503}
    )
    refused.status.code = Status.STATUS_CODE_ERROR
    trace = joined(by_caddy(), request("caddy", refused))
    assert trace["status"] == 503
    assert [it["error"] for it in trace["spans"]] == [True, True]


def test_a_span_that_is_sent_twice_is_kept_once() -> None:
    """If an exporter gets no response, it sends the spans again."""
    assert len(joined(by_client(), by_client())["spans"]) == 2


def test_spans_whose_parent_is_missing_have_the_depth_of_the_root() -> None:
    """An incomplete trace shows all spans that have arrived."""
    assert [depth for _, _, depth in stages(joined(by_client(), by_app()))] == [0, 1, 0, 1, 1, 1]


def test_spans_in_a_cycle_are_shown_once_each() -> None:
    """Exporters send no cycles, but another sender can send one."""
    cycle = [
        span(TRACE, "one", span_id=CLIENT, parent_id=CADDY),
        span(TRACE, "two", span_id=CADDY, parent_id=CLIENT, start_ms=1),
        span(TRACE, "itself", span_id=APP, parent_id=APP, start_ms=2),
    ]
    trace = joined(request("unknown", *cycle))
    assert [it["name"] for it in trace["spans"]] == ["one", "two", "itself"]
    assert trace["untraced_ms"] >= 0
