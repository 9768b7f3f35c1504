"""Spans of several processes become one trace, in the order of a waterfall."""

from secrets import token_hex
from typing import Any

from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from lab.collector import otlp
from lab.collector.documents import document
from lab.collector.store import Store
from tests.otlp import request, span

TRACE = token_hex(16)
CLIENT, WAIT, CADDY, APP = "c1" * 8, "c2" * 8, "cd" * 8, "a1" * 8


def joined(*bodies: bytes) -> dict[str, Any]:
    """Return the trace that these requests make, whichever comes first."""
    store = Store()
    for body in bodies:
        store.add(otlp.read(body).spans, now=0)
    trace = store.get(TRACE)
    assert trace
    return document(trace)


def by_client(*, start_ms: float = 0) -> bytes:
    """Return the client's request of 100 ms, in which it waits from 10 to 90."""
    root = span(TRACE, "GET", span_id=CLIENT, start_ms=start_ms, duration_ms=100)
    waited = {"roundtrip.stage": "wait"}
    wait = span(
        TRACE, "wait", span_id=WAIT, parent_id=CLIENT, start_ms=start_ms + 10, duration_ms=80,
        attributes=waited,
    )  # fmt: skip
    return request("client", root, wait)


def by_caddy(start_ms: float = 20, duration_ms: float = 60) -> bytes:
    """Return the load balancer's part of it."""
    said = {
        "http.request.method": "GET",
        "url.path": "/api/users/1",
        "http.response.status_code": 200,
    }
    return request(
        "caddy",
        span(TRACE, "GET", span_id=CADDY, parent_id=CLIENT, start_ms=start_ms,
             duration_ms=duration_ms, attributes=said),
    )  # fmt: skip


def by_app() -> bytes:
    """Return what the service says about it."""
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
    """Return who did what, and how deep below the root."""
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


def test_spans_of_all_processes_are_joined_whoever_comes_first() -> None:
    """Parents stand before their children, and each stage has a name."""
    assert stages(joined(by_client(), by_caddy(), by_app())) == WATERFALL
    assert stages(joined(by_app(), by_caddy(), by_client())) == WATERFALL


def test_a_summary_tells_what_the_spans_say_together() -> None:
    """The length is the client's, the route the service's, the status the load balancer's."""
    trace = joined(by_client(), by_caddy(), by_app())
    told = {key: value for key, value in trace.items() if key not in {"spans", "unnamed_ms"}}
    assert told == {
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


def test_the_last_look_into_the_cache_is_the_one_that_was_answered_by() -> None:
    """What a process remembers at its door may be too old; the client's header knows as well."""
    looks = [
        span(TRACE, "cache", parent_id=APP, start_ms=at, attributes={"roundtrip.cache": outcome})
        for at, outcome in ((27, "miss"), (40, "hit"))
    ]
    by_door_and_service = request("roundtrip", *looks, instance="app-1")
    assert joined(by_caddy(), by_app(), by_door_and_service)["cache"] == "hit"
    said = {"http.response.header.x-cache": ["bypass"]}
    client = request("client", span(TRACE, "GET", span_id=CLIENT, attributes=said))
    assert joined(client, by_caddy(), by_door_and_service)["cache"] == "bypass"


def test_the_longest_stretch_without_a_name_is_found() -> None:
    """Only what has nothing below it names a stretch: `wait` does from 10 to 90."""
    assert joined(by_client(), by_caddy(), by_app())["unnamed_ms"] == 10.0
    # Without the client: from 70, where the SQL ends, to 80, where the load balancer does; but
    # from 35 to 60 it is longer.
    assert joined(by_caddy(), by_app())["unnamed_ms"] == 25.0


def test_a_single_span_has_no_stretch_without_a_name() -> None:
    """It names all of itself."""
    assert joined(by_caddy())["unnamed_ms"] == 0.0


def test_a_client_whose_clock_is_an_hour_ahead_is_put_where_it_belongs() -> None:
    """The load balancer's 60 ms lie in the middle of the client's wait of 80."""
    hour = 3_600_000
    trace = joined(by_client(start_ms=hour), by_caddy(), by_app())
    starts = {it["stage"]: it["start_ms"] for it in trace["spans"]}
    assert (starts["request"], starts["wait"], starts["load-balancer"]) == (0.0, 10.0, 20.0)
    assert trace["started_at"].startswith("2017-07-14T02:40:00.")
    assert stages(trace) == WATERFALL


def test_a_server_may_begin_before_the_last_byte_is_sent() -> None:
    """The client has sent from 5 to 50, and waited from there on: nothing is shifted."""
    root = span(TRACE, "POST", span_id=CLIENT, start_ms=0, duration_ms=100)
    send = span(
        TRACE, "send", span_id="5" * 16, parent_id=CLIENT, start_ms=5, duration_ms=45,
        attributes={"roundtrip.stage": "send"},
    )  # fmt: skip
    wait = span(
        TRACE, "wait", span_id=WAIT, parent_id=CLIENT, start_ms=50, duration_ms=45,
        attributes={"roundtrip.stage": "wait"},
    )  # fmt: skip
    served = span(TRACE, "POST", span_id=CADDY, parent_id=WAIT, start_ms=6, duration_ms=88)
    trace = joined(request("client", root, send, wait), request("caddy", served))
    starts = {it["stage"]: it["start_ms"] for it in trace["spans"]}
    assert (starts["send"], starts["load-balancer"]) == (5.0, 6.0)


def streamed(*, ahead_ms: float = 0) -> dict[str, Any]:
    """Return a trace of 100 ms with the first byte after 30, sent from 12 to 92."""
    root = span(TRACE, "GET", span_id=CLIENT, start_ms=ahead_ms, duration_ms=100)
    wait = span(
        TRACE, "wait", span_id=WAIT, parent_id=CLIENT, start_ms=ahead_ms + 10, duration_ms=20,
        attributes={"roundtrip.stage": "wait"},
    )  # fmt: skip
    served = span(TRACE, "GET", span_id=CADDY, parent_id=WAIT, start_ms=12, duration_ms=80)
    return joined(request("client", root, wait), request("caddy", served))


def test_a_response_that_goes_on_after_its_first_byte_moves_no_clock() -> None:
    """The load balancer ends long after the client's wait, and before the client's request."""
    assert [it["start_ms"] for it in streamed()["spans"]] == [0.0, 10.0, 12.0]


def test_such_a_response_is_put_where_it_belongs_for_a_clock_ahead() -> None:
    """Its 80 ms lie in the middle of the 90 from the wait's beginning to the request's end."""
    trace = streamed(ahead_ms=3_600_000)
    assert [it["start_ms"] for it in trace["spans"]] == [0.0, 10.0, 15.0]


def test_a_client_on_this_machine_is_left_as_it_is() -> None:
    """The load balancer may note its end a moment after the client has the response."""
    trace = joined(by_client(), by_caddy(start_ms=12, duration_ms=90))
    assert [it["start_ms"] for it in trace["spans"]] == [0.0, 10.0, 12.0]


def test_what_the_load_balancer_answers_itself_is_the_status_of_the_trace() -> None:
    """Its first span ended with an error and claims 200; the one below it has the answer."""
    refused = span(
        TRACE, "GET", parent_id=CADDY, start_ms=80, attributes={"http.response.status_code": 503}
    )
    refused.status.code = Status.STATUS_CODE_ERROR
    trace = joined(by_caddy(), request("caddy", refused))
    assert trace["status"] == 503
    assert [it["error"] for it in trace["spans"]] == [True, True]


def test_a_span_that_is_sent_twice_is_there_once() -> None:
    """An exporter repeats what it got no answer to."""
    assert len(joined(by_client(), by_client())["spans"]) == 2


def test_spans_whose_parent_has_not_come_stand_beside_the_root() -> None:
    """Nothing is lost of a trace of which a part is missing."""
    assert [depth for _, _, depth in stages(joined(by_client(), by_app()))] == [0, 1, 0, 1, 1, 1]


def test_spans_that_are_their_own_ancestors_are_shown_once_each() -> None:
    """Nobody's exporter does that, but anybody can send it."""
    circle = [
        span(TRACE, "one", span_id=CLIENT, parent_id=CADDY),
        span(TRACE, "two", span_id=CADDY, parent_id=CLIENT, start_ms=1),
        span(TRACE, "itself", span_id=APP, parent_id=APP, start_ms=2),
    ]
    trace = joined(request("unknown", *circle))
    assert [it["name"] for it in trace["spans"]] == ["one", "two", "itself"]
    assert trace["unnamed_ms"] >= 0
