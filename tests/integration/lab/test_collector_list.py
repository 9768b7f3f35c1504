"""The collector's list of requests: its filter, its pages, and the statistics of each route."""

from collections.abc import Mapping
from secrets import token_hex
from typing import Any

import httpx2
import pytest

from lab.stack.processes.waiting import wait_until
from tests.integration.lab.collecting import is_problem, send_spans
from tests.otlp import PROTOBUF, request, span

ROUTE = "/api/users/{user_id}"


def add(collector: httpx2.Client, path: str, status: int = 200, **more: Any) -> tuple[str, str]:
    """Send the span of a request to this path; return the trace id and the request id."""
    trace_id, request_id = token_hex(16), f"Request-{token_hex(4)}"
    attributes = {
        "http.request.method": "GET",
        "url.path": path,
        "http.response.status_code": status,
        "roundtrip.request_id": request_id,
        **more.pop("attributes", {}),
    }
    send_spans(collector, span(trace_id, "GET", attributes=attributes, **more))
    is_listed = {"id": trace_id, "background": "show"}
    assert wait_until(lambda: ids(collector, is_listed) == [trace_id], timeout_s=5)
    return trace_id, request_id


def ids(collector: httpx2.Client, parameters: Mapping[str, str]) -> list[str]:
    """Return the trace ids of the first page with these parameters."""
    page = collector.get("/lab/api/traces", params=dict(parameters)).json()
    return [item["trace_id"] for item in page["items"]]


def test_each_part_of_the_filter_finds_its_requests(collector: httpx2.Client) -> None:
    """All parts must match. A path is found by any part of it, and an id by its beginning."""
    word, user = f"Word{token_hex(4)}", str(int(token_hex(6), 16))
    wanted, request_id = add(
        collector, f"/{word}/7", 404, duration_ms=250,
        attributes={"http.route": f"/{word}/{{number}}", "user.id": user},
    )  # fmt: skip
    other, _ = add(collector, f"/{word}/8", 200, duration_ms=249)
    by_path = {"path": word.upper()}
    assert set(ids(collector, by_path)) == {wanted, other}
    for narrower in (
        {"path": f"{word}/7"},
        {"path": f"{word}/{{number}}"},
        {"status": "404"},
        {"status": "4XX"},
        {"min_ms": "249.5"},
        {"id": wanted[:9].upper()},
        {"id": request_id[:14]},
        {"user": user},
    ):
        assert ids(collector, by_path | narrower) == [wanted], narrower
    assert not ids(collector, by_path | {"status": "5xx"})


def test_a_route_and_a_method_find_the_requests_that_the_statistics_count(
    collector: httpx2.Client,
) -> None:
    """The filter compares route and method exactly. A longer route has its own statistics."""
    route = f"/{token_hex(8)}/{{number}}"
    for of, method in ((route, "GET"), (route, "GET"), (route, "POST"), (f"{route}/more", "GET")):
        add(collector, "/7", attributes={"http.route": of, "http.request.method": method})
    counted = {
        (it["method"], it["route"]): it["requests"]
        for it in collector.get("/lab/api/routes").json()["items"]
        if str(it["route"]).startswith(route)
    }
    assert sorted(counted.values()) == [1, 1, 2]
    for (method, of), requests in counted.items():
        found = collector.get("/lab/api/traces", params={"method": method, "route": of}).json()
        assert found["total"] == requests


def test_a_request_is_found_by_the_user_in_its_path(collector: httpx2.Client) -> None:
    """If an administrator calls a path of a user, the ids of both users find the request."""
    user, admin = (str(int(token_hex(6), 16)) for _ in range(2))
    attributes = {"http.route": ROUTE, "user.id": admin}
    trace_id, _ = add(collector, f"/api/users/{user}/orders", attributes=attributes)
    assert [ids(collector, {"user": it}) for it in (user, admin, user[:-1])] == [
        [trace_id], [trace_id], [],
    ]  # fmt: skip


@pytest.mark.parametrize("path", ["/readyz", "/docs/{asset}", "/account/style.css"])
def test_assets_and_health_checks_are_hidden_by_default(
    collector: httpx2.Client, path: str
) -> None:
    """With `background=show`, the list contains these requests and marks them."""
    trace_id, _ = add(collector, path)
    assert not ids(collector, {"id": trace_id})
    parameters = {"id": trace_id, "background": "show"}
    (item,) = collector.get("/lab/api/traces", params=parameters).json()["items"]
    assert item["background"] is True


@pytest.mark.parametrize(("status", "is_hidden"), [(200, True), (503, False)])
def test_a_request_without_stages_is_hidden_unless_it_failed(
    collector: httpx2.Client, status: int, *, is_hidden: bool
) -> None:
    """The request has only the load balancer's span, without a path: it may be a health check."""
    trace_id = token_hex(16)
    by_caddy = span(trace_id, "GET", attributes={"http.response.status_code": status})
    collector.post("/v1/traces", content=request("caddy", by_caddy), headers=PROTOBUF)
    shown = {"id": trace_id, "background": "show"}
    assert wait_until(lambda: ids(collector, shown) == [trace_id], timeout_s=5)
    assert (not ids(collector, {"id": trace_id})) == is_hidden


def test_a_trace_names_the_previous_request_to_its_route(collector: httpx2.Client) -> None:
    """The previous request has the same method and began earlier, even if it arrived later."""
    route = {"http.route": f"/{token_hex(8)}/{{number}}"}
    first, _ = add(collector, "/1", start_ms=1, attributes=route)
    third, _ = add(collector, "/3", start_ms=3, attributes=route)
    second, _ = add(collector, "/2", start_ms=2, attributes=route)
    add(collector, "/2", start_ms=2, attributes=route | {"http.request.method": "POST"})
    previous = {
        it: collector.get(f"/lab/api/traces/{it}").json()["previous_trace_id"]
        for it in (first, second, third)
    }
    assert previous == {first: None, second: first, third: second}


def test_pages_reach_every_request_once(collector: httpx2.Client) -> None:
    """The request that began last comes first. Two requests can begin at the same time."""
    word = token_hex(8)
    sent = [add(collector, f"/{word}", start_ms=start_ms)[0] for start_ms in (2, 5, 3, 3, 1)]
    parameters = {"path": word, "limit": "2"}
    found: list[str] = []
    for _ in range(3):
        page = collector.get("/lab/api/traces", params=parameters).json()
        assert page["total"] == len(sent)
        found += [item["trace_id"] for item in page["items"]]
        parameters["cursor"] = page["next_cursor"]
    two, five, three, other_three, one = sent
    assert page["next_cursor"] is None
    assert found == [five, *sorted((three, other_three), reverse=True), two, one]


@pytest.mark.parametrize(
    ("parameter", "value", "status"),
    [
        ("path", "x" * 201, 422),
        ("route", "x" * 201, 422),
        ("method", "GET /", 422),
        ("status", "600", 422),
        ("status", "4x", 422),
        ("min_ms", "-1", 422),
        ("min_ms", "1e3", 422),
        ("min_ms", "\N{ARABIC-INDIC DIGIT ONE}", 422),
        ("user", "me", 422),
        ("user", "1" * 20, 422),
        ("id", "a b", 422),
        ("background", "1", 422),
        ("cursor", "2026-01-01", 400),
    ],
)
def test_an_invalid_filter_is_refused(
    collector: httpx2.Client, parameter: str, value: str, status: int
) -> None:
    """The problem names and describes the parameter. It does not repeat the value."""
    response = collector.get("/lab/api/traces", params={parameter: value})
    code = "invalid-content" if status == 422 else "malformed-request"
    assert is_problem(response, status, code)
    (error,) = response.json()["errors"]
    assert error == {"parameter": parameter, "detail": response.json()["detail"]}
    assert error["detail"].startswith(f"{parameter} is ")
    assert value not in error["detail"]


def test_attributes_of_any_type_do_no_harm(collector: httpx2.Client) -> None:
    """The list works even if a sender sends a number as the path, and a text as the status."""
    attributes = {"url.path": 7, "http.route": True, "http.response.status_code": "teapot"}
    trace_id, _ = add(collector, "", attributes=attributes)
    assert ids(collector, {"id": trace_id, "path": "7"}) == [trace_id]
    assert not ids(collector, {"id": trace_id, "status": "2xx"})
    assert collector.get("/lab/api/routes").status_code == 200


def test_a_route_has_statistics_of_the_time_at_the_load_balancer(collector: httpx2.Client) -> None:
    """The client's own time does not count, and neither do assets and health checks."""
    trace_id, route = token_hex(16), f"/{token_hex(8)}"
    client, caddy = token_hex(8), token_hex(8)
    by_client = span(trace_id, "GET", span_id=client, duration_ms=90)
    by_caddy = span(trace_id, "GET", span_id=caddy, parent_id=client, duration_ms=40)
    collector.post("/v1/traces", content=request("client", by_client), headers=PROTOBUF)
    collector.post("/v1/traces", content=request("caddy", by_caddy), headers=PROTOBUF)
    attributes = {"http.route": route, "http.request.method": "GET"}
    send_spans(collector, span(trace_id, "GET", parent_id=caddy, attributes=attributes))
    add(collector, "/livez", attributes={"http.route": route})

    def found() -> list[tuple[int, float]]:
        items = collector.get("/lab/api/routes").json()["items"]
        return [(it["requests"], it["p95_ms"]) for it in items if it["route"] == route]

    assert wait_until(lambda: found() == [(1, 40)], timeout_s=5)
