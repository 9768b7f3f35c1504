"""The Fastify service of `make bench` does the work of ours, else their ratio says nothing."""

import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from lab.bench import peer
from lab.bench.ground import Backends, running_backends
from tests.e2e.peers import (
    LOGS_STATEMENTS,
    Pair,
    answer,
    headers_of,
    logged,
    ordering,
    places,
    running_pair,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("node") is None,
        reason="NO NODE: install Node.js 20 or newer with npm, such as `apt install npm`",
    ),
]
# What differs between two orders of the same items.
_OWN_HEADERS = ("location", "etag", "content-length")
_OWN_FIELDS = ("id", "created_at", "updated_at")


@pytest.fixture(scope="module")
def ground() -> Iterator[Backends]:
    """Servers of this module's own."""
    with running_backends({"fsync": "off", **LOGS_STATEMENTS}) as ground:
        yield ground


@pytest.fixture(scope="module")
def program(ground: Backends) -> Path:
    """The Fastify service with its packages."""
    return peer.install(ground.directory / "fastify")


@pytest.fixture(scope="module")
def hot(ground: Backends, program: Path) -> Iterator[Pair]:
    """Both services with the cache on."""
    with running_pair(ground, program, "hot") as pair:
        yield pair


@pytest.fixture
def cold(ground: Backends, program: Path) -> Iterator[Pair]:
    """Both services with the cache off, newly started and signed in to."""
    with running_pair(ground, program, "cold", CACHE="off") as pair:
        yield pair


def test_a_hot_read_is_the_same(hot: Pair) -> None:
    """The body, the ETag and every other header; the entry in Valkey is one for both."""
    hot.clear_valkey()
    ours, fastify = hot.ask_both("GET", hot.user)
    assert (ours.headers["X-Cache"], fastify.headers["X-Cache"]) == ("miss", "hit")
    ours, fastify = hot.ask_both("GET", hot.user)
    assert answer(ours) == answer(fastify)
    assert ours.headers["X-Cache"] == "hit"
    ours, fastify = hot.ask_both("GET", hot.user, headers={"If-None-Match": ours.headers["ETag"]})
    assert answer(ours) == answer(fastify)
    assert ours.status_code == 304


def test_a_cold_read_is_the_same(cold: Pair) -> None:
    """The body, the ETag and every other header."""
    ours, fastify = cold.ask_both("GET", cold.user)
    assert answer(ours) == answer(fastify)
    assert ours.headers["X-Cache"] == "bypass"


def test_an_order_is_the_same_but_for_its_id_and_its_time(hot: Pair) -> None:
    """What was placed through Fastify is read through ours, in a list that was cached before."""
    hot.ask(hot.ours, "GET", f"{hot.user}/orders")
    ours, fastify = (hot.ask(it, **ordering(hot)) for it in (hot.ours, hot.fastify))
    assert fastify.status_code == ours.status_code == 201
    assert headers_of(fastify, *_OWN_HEADERS) == headers_of(ours, *_OWN_HEADERS)
    own = {name: fastify.json()[name] for name in _OWN_FIELDS}
    assert fastify.json() == {**ours.json(), **own}
    assert list(fastify.json()) == list(ours.json())
    read = hot.ask(hot.ours, "GET", fastify.headers["Location"])
    assert (read.content, read.headers["ETag"]) == (fastify.content, fastify.headers["ETag"])
    assert hot.ask(hot.ours, "GET", f"{hot.user}/orders").json()["items"][0] == fastify.json()


def test_an_order_that_is_repeated_is_the_same_through_either(hot: Pair) -> None:
    """Both keep the same hash of the request, and the same response, under the key."""
    for first, second in ((hot.ours, hot.fastify), (hot.fastify, hot.ours)):
        key = secrets.token_hex(8)
        placed, repeated = (hot.ask(it, **ordering(hot, key)) for it in (first, second))
        assert repeated.headers["Idempotency-Replayed"] == "true"
        assert headers_of(repeated, "idempotency-replayed") == headers_of(placed)
        assert repeated.content == placed.content
        others = {"items": hot.order["items"][:1]}
        refused = hot.ask_both(**ordering(hot, key, json=others))
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
def test_a_refusal_is_the_same(hot: Pair, changes: dict[str, Any], status: int, code: str) -> None:
    """Status, code, place and headers; the sentence for people may differ."""
    ours, fastify = hot.ask_both(**ordering(hot, **changes))
    assert (ours.status_code, ours.json()["code"]) == (status, code)
    assert headers_of(fastify, "content-length") == headers_of(ours, "content-length")
    assert places(fastify) == places(ours)


def test_what_is_sold_out_is_refused_by_both(hot: Pair) -> None:
    """Nothing of the order is taken."""
    sold_out = hot.ground.product_ids[-1]
    with psycopg.connect(hot.ground.postgres.url, autocommit=True) as connection:
        connection.execute("UPDATE products SET stock = 1 WHERE id = %s", [sold_out])
        items = [*hot.order["items"], {"product_id": sold_out, "quantity": 2}]
        refused = hot.ask_both(**ordering(hot, json={"items": items}))
        (left,) = connection.execute(
            "SELECT stock FROM products WHERE id = %s", [sold_out]
        ).fetchall()
    assert [it.json()["code"] for it in refused] == ["out-of-stock"] * 2
    assert left == (1,)


def test_both_count_requests_in_the_same_window(ground: Backends, program: Path) -> None:
    """Five requests of one user, in turns, are counted down together; then both refuse."""
    with running_pair(ground, program, "limited", RATE_LIMIT_DEFAULT="4/minute") as pair:
        answers = [it for _ in range(3) for it in pair.ask_both("GET", pair.user)]
        assert [it.headers["RateLimit"].split(";")[1] for it in answers] == [
            "r=3", "r=2", "r=1", "r=0", "r=0", "r=0",
        ]  # fmt: skip
        assert [it.status_code for it in answers] == [200] * 4 + [429] * 2
        ours, fastify = answers[-2:]
        assert abs(int(ours.headers["Retry-After"]) - int(fastify.headers["Retry-After"])) <= 1
        changing = ("content-length", "retry-after")
        assert headers_of(fastify, *changing) == headers_of(ours, *changing)


def test_both_send_the_same_statements(cold: Pair) -> None:
    """For the session, a cold read and an order with a key, in the same order."""
    began = cold.log_size
    cold.ask_both("GET", cold.user)
    for subject in (cold.ours, cold.fastify):
        cold.ask(subject, **ordering(cold)).raise_for_status()
    statements = cold.statements("roundtrip", after=began)
    assert cold.statements("fastify", after=began) == statements
    assert len(statements) == 9
    assert statements[-1] == "COMMIT"


def test_both_send_the_same_commands_to_valkey(hot: Pair) -> None:
    """For a hot read: one script and one GET. For an order: a second script, which invalidates."""
    both = (hot.ours, hot.fastify)
    for subject in both:
        hot.ask(subject, "GET", hot.user)
        # From here on, no cached read is left that an order could invalidate.
        hot.ask(subject, **ordering(hot))
    read = [hot.valkey_commands(subject, "GET", hot.user) for subject in both]
    order = [hot.valkey_commands(subject, **ordering(hot)) for subject in both]
    assert read[0] == read[1]
    assert order[0] == order[1]
    assert [name for name, _ in read[0]] == ["EVAL", "GET", "INCR", "PTTL"]
    assert [name for name, _ in order[0]].count("EVAL") == 2


def test_both_log_the_same_line(hot: Pair) -> None:
    """One line for each request, under the id that the client has sent, with the same fields."""
    request_id = secrets.token_hex(8)
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    headers = {"X-Request-ID": request_id, "traceparent": trace}
    for response in hot.ask_both("GET", hot.user, headers=headers):
        assert response.headers["X-Request-ID"] == request_id
    ours, fastify = (logged(subject, request_id) for subject in (hot.ours, hot.fastify))
    changing = {name: ours[name] for name in ("duration_ms", "timestamp")}
    assert {**fastify, **changing} == ours
