"""The Fastify service of `make bench` does the same work as Roundtrip, for a fair comparison."""

import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from lab.bench import peer
from lab.bench.backends import Backends, running_backends
from tests.e2e.peers import (
    LOGS_STATEMENTS,
    Pair,
    compared_parts,
    headers_of,
    log_line,
    order_request,
    running_pair,
    without_texts,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("node") is None,
        reason="NO NODE: install Node.js 20.12 or newer with npm, for example: `apt install npm`",
    ),
]
# These headers and fields differ between two orders, even if both orders have the same items.
_VARYING_HEADERS = ("location", "etag", "content-length")
_VARYING_FIELDS = ("id", "created_at", "updated_at")


@pytest.fixture(scope="module")
def backends() -> Iterator[Backends]:
    """PostgreSQL and Valkey for the tests of this file."""
    with running_backends({"fsync": "off", **LOGS_STATEMENTS}) as backends:
        yield backends


@pytest.fixture(scope="module")
def program(backends: Backends) -> Path:
    """The installed Fastify service."""
    return peer.install(backends.directory / "fastify")


@pytest.fixture(scope="module")
def hot(backends: Backends, program: Path) -> Iterator[Pair]:
    """Both services with the cache switched on."""
    with running_pair(backends, program, "hot") as pair:
        yield pair


@pytest.fixture
def cold(backends: Backends, program: Path) -> Iterator[Pair]:
    """Both services with the cache switched off, started for one test."""
    with running_pair(backends, program, "cold", CACHE="off") as pair:
        yield pair


def test_both_answer_a_cached_read_alike(hot: Pair) -> None:
    """Body and headers are equal, for 200 and for 304. Both use the same cache entry in Valkey."""
    hot.clear_valkey()
    ours, fastify = hot.send_to_both("GET", hot.user)
    assert (ours.headers["X-Cache"], fastify.headers["X-Cache"]) == ("miss", "hit")
    ours, fastify = hot.send_to_both("GET", hot.user)
    assert compared_parts(ours) == compared_parts(fastify)
    assert ours.headers["X-Cache"] == "hit"
    headers = {"If-None-Match": ours.headers["ETag"]}
    ours, fastify = hot.send_to_both("GET", hot.user, headers=headers)
    assert compared_parts(ours) == compared_parts(fastify)
    assert ours.status_code == 304


def test_both_answer_an_uncached_read_alike(cold: Pair) -> None:
    """Body and headers are equal, including the ETag."""
    ours, fastify = cold.send_to_both("GET", cold.user)
    assert compared_parts(ours) == compared_parts(fastify)
    assert ours.headers["X-Cache"] == "bypass"


def test_both_create_the_same_order_except_for_its_id_and_times(hot: Pair) -> None:
    """Roundtrip reads the order that Fastify created, even in a list that was cached before."""
    hot.send(hot.ours, "GET", f"{hot.user}/orders")
    ours, fastify = (hot.send(it, **order_request(hot)) for it in (hot.ours, hot.fastify))
    assert fastify.status_code == ours.status_code == 201
    assert headers_of(fastify, *_VARYING_HEADERS) == headers_of(ours, *_VARYING_HEADERS)
    varying = {name: fastify.json()[name] for name in _VARYING_FIELDS}
    assert fastify.json() == {**ours.json(), **varying}
    assert list(fastify.json()) == list(ours.json())
    read = hot.send(hot.ours, "GET", fastify.headers["Location"])
    assert (read.content, read.headers["ETag"]) == (fastify.content, fastify.headers["ETag"])
    assert hot.send(hot.ours, "GET", f"{hot.user}/orders").json()["items"][0] == fastify.json()


def test_each_replays_an_order_that_the_other_created(hot: Pair) -> None:
    """For an idempotency key, both services store the same request hash and the same response."""
    for first, second in ((hot.ours, hot.fastify), (hot.fastify, hot.ours)):
        key = secrets.token_hex(8)
        placed, repeated = (hot.send(it, **order_request(hot, key)) for it in (first, second))
        assert repeated.headers["Idempotency-Replayed"] == "true"
        assert headers_of(repeated, "idempotency-replayed") == headers_of(placed)
        assert repeated.content == placed.content
        other_order = {"items": hot.order["items"][:1]}
        refused = hot.send_to_both(**order_request(hot, key, json=other_order))
        assert [it.json()["code"] for it in refused] == ["idempotency-mismatch"] * 2


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"headers": {"Authorization": ""}}, 401, "unauthenticated"),
        ({"headers": {"Authorization": "Bearer a.b.c"}}, 401, "invalid-token"),
        ({"path": "/api/users/9999/orders"}, 404, "not-found"),
        ({"path": "/api/nothing"}, 404, "not-found"),
        ({"headers": {"Idempotency-Key": "a b"}}, 400, "malformed-header"),
        ({"json": None, "content": b"{", "headers": {"Content-Type": "application/json"}},
         400, "malformed-json"),
        ({"json": None, "content": b"{}", "headers": {"Content-Type": "text/plain"}},
         415, "unsupported-media-type"),
        ({"json": {"items": [" " * 65536]}}, 413, "content-too-large"),
        ({"json": {"items": []}}, 422, "invalid-content"),
        ({"json": {"items": [{"product_id": 1, "quantity": 0}]}}, 422, "invalid-content"),
        ({"json": {"items": [{"product_id": 1, "quantity": "1"}]}}, 422, "invalid-content"),
        ({"json": {"items": [{"product_id": 1, "quantity": 1}] * 2}}, 422, "invalid-content"),
        ({"json": {"items": [{"product_id": 2**40, "quantity": 1}]}}, 422, "invalid-content"),
    ],
)  # fmt: skip
def test_both_refuse_a_request_alike(
    hot: Pair, changes: dict[str, Any], status: int, code: str
) -> None:
    """Status, code, pointers and headers are equal. The texts may differ."""
    ours, fastify = hot.send_to_both(**order_request(hot, **changes))
    assert (ours.status_code, ours.json()["code"]) == (status, code)
    assert headers_of(fastify, "content-length") == headers_of(ours, "content-length")
    assert without_texts(fastify) == without_texts(ours)


def test_both_refuse_an_order_that_exceeds_the_stock(hot: Pair) -> None:
    """Both services respond with `out-of-stock`, and the stock does not change."""
    scarce_id = hot.backends.product_ids[-1]
    with psycopg.connect(hot.backends.postgres.url, autocommit=True) as connection:
        connection.execute("UPDATE products SET stock = 1 WHERE id = %s", [scarce_id])
        items = [*hot.order["items"], {"product_id": scarce_id, "quantity": 2}]
        refused = hot.send_to_both(**order_request(hot, json={"items": items}))
        (row,) = connection.execute(
            "SELECT stock FROM products WHERE id = %s", [scarce_id]
        ).fetchall()
    assert [it.json()["code"] for it in refused] == ["out-of-stock"] * 2
    assert row == (1,)


def test_both_count_requests_in_the_same_window(backends: Backends, program: Path) -> None:
    """Both services share one limit of four. Of six requests, each service refuses one."""
    with running_pair(backends, program, "limited", RATE_LIMIT_DEFAULT="4/minute") as pair:
        responses = [it for _ in range(3) for it in pair.send_to_both("GET", pair.user)]
        assert [it.headers["RateLimit"].split(";")[1] for it in responses] == [
            "r=3", "r=2", "r=1", "r=0", "r=0", "r=0",
        ]  # fmt: skip
        assert [it.status_code for it in responses] == [200] * 4 + [429] * 2
        ours, fastify = responses[-2:]
        assert abs(int(ours.headers["Retry-After"]) - int(fastify.headers["Retry-After"])) <= 1
        varying = ("content-length", "retry-after")
        assert headers_of(fastify, *varying) == headers_of(ours, *varying)


def test_both_send_the_same_statements(cold: Pair) -> None:
    """For an uncached read and an order with a key, both send equal statements in equal order.

    The statements include the check of the session.
    """
    log_size_before = cold.log_size
    cold.send_to_both("GET", cold.user)
    for subject in (cold.ours, cold.fastify):
        cold.send(subject, **order_request(cold)).raise_for_status()
    statements = cold.statements("roundtrip", after=log_size_before)
    assert cold.statements("fastify", after=log_size_before) == statements
    assert len(statements) == 9
    assert statements[-1] == "COMMIT"


def test_both_send_the_same_commands_to_valkey(hot: Pair) -> None:
    """A cached read needs a script and a GET. An order needs two scripts, one for invalidation."""
    both = (hot.ours, hot.fastify)
    for subject in both:
        hot.send(subject, "GET", hot.user)
        # This order invalidates the cached reads. So the invalidation of the measured order finds
        # nothing to delete, and runs the same commands for both services.
        hot.send(subject, **order_request(hot))
    read = [hot.valkey_commands(subject, "GET", hot.user) for subject in both]
    order = [hot.valkey_commands(subject, **order_request(hot)) for subject in both]
    assert read[0] == read[1]
    assert order[0] == order[1]
    assert [name for name, _ in read[0]] == ["EVAL", "GET", "INCRBY", "PTTL"]
    assert [name for name, _ in order[0]].count("EVAL") == 2


def test_both_write_the_same_log_line(hot: Pair) -> None:
    """Each request has one line with the client's request id and the same fields."""
    request_id = secrets.token_hex(8)
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    headers = {"X-Request-ID": request_id, "traceparent": trace}
    for response in hot.send_to_both("GET", hot.user, headers=headers):
        assert response.headers["X-Request-ID"] == request_id
    ours, fastify = (log_line(subject, request_id) for subject in (hot.ours, hot.fastify))
    varying = {name: ours[name] for name in ("duration_ms", "timestamp")}
    assert {**fastify, **varying} == ours
