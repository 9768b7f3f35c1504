"""One trace for each request: its stages, how they nest, and where in the source they are."""

import importlib
import inspect
import secrets
from collections.abc import Callable, Iterator
from functools import reduce
from typing import Any, get_args

import httpx2
import pytest

from app.tracing import Stage
from tests.accounts import Account, new_admin, sign_up, signup_body
from tests.conftest import StartService
from tests.integration.shop import basket, new_product
from tests.integration.wire import log_lines
from tests.receiver import Receiver, Span, receiving
from tests.service import Service

Ask = Callable[..., tuple[httpx2.Response, list[Span]]]


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    """Takes the spans of this module's service."""
    with receiving() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def traced(start_service: StartService, receiver: Receiver) -> Service:
    """A service that exports every trace."""
    return start_service(**receiver.settings, RATE_LIMIT_PASSWORD="1/minute")


@pytest.fixture(scope="module", autouse=True)
def buyer(traced: Service) -> Account:
    """Somebody there who has signed up and logged in: the first connection has been made."""
    return sign_up(traced.client)


@pytest.fixture(scope="module")
def ask(traced: Service, receiver: Receiver) -> Ask:
    """Sends a request within a trace of its own; gives the response and the trace."""

    def send(method: str, path: str, **options: Any) -> tuple[httpx2.Response, list[Span]]:
        trace_id = secrets.token_hex(16)
        parent = {"traceparent": f"00-{trace_id}-00f067aa0ba902b7-01"}
        headers = {**options.pop("headers", {}), **parent}
        response = traced.client.request(method, path, headers=headers, **options)
        return response, receiver.trace(trace_id)

    return send


def _tree(trace: list[Span]) -> list[str]:
    """Draw who is part of whom: a line for each span, in the order in which they began."""
    depths: dict[str, int] = {}
    for span in trace:
        depths[span.id] = depths.get(span.parent_id, -1) + 1
    return [f"{'  ' * depths[span.id]}{span.stage or span.name}" for span in trace]


def test_a_signup_shows_every_stage_down_to_the_commit(ask: Ask) -> None:
    """From the server's span, whose parent is the client's, to the bytes of the response."""
    response, trace = ask("POST", "/api/users", json=signup_body())
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
        "      pool",
        "      sql",
        "      commit",
        "    serialize",
    ]
    assert trace[0].attributes["roundtrip.request_id"] == response.headers["X-Request-ID"]
    assert trace[6].attributes["roundtrip.waited_ms"] >= 0


def test_a_login_and_an_order_show_their_statements(
    traced: Service, ask: Ask, buyer: Account, database_url: str
) -> None:
    """By the names of OpenTelemetry's conventions, in the order in which they were sent."""
    login = {"email": buyer.email, "password": buyer.password}
    _, trace = ask("POST", "/api/auth/login", json=login)
    named = [span.name for span in trace if span.attributes.get("db.system.name")]
    assert named == ["EVAL", "SELECT users", "EVAL", "DEL", "SELECT users", "INSERT sessions",
                     "COMMIT"]  # fmt: skip
    product = new_product(traced.client, new_admin(traced.client, database_url))
    headers = {**buyer.auth, "Idempotency-Key": secrets.token_hex(8)}
    response, trace = ask("POST", f"{buyer.url}/orders", json=basket((product, 1)), headers=headers)
    assert response.status_code == 201
    named = [span.name for span in trace if span.attributes.get("db.system.name") == "postgresql"]
    assert named[-6:] == ["SELECT idempotency_keys", "UPDATE products", "INSERT orders",
                          "INSERT order_lines", "INSERT idempotency_keys", "COMMIT"]  # fmt: skip
    assert trace[-1].name == "DEL"


def test_a_read_is_a_miss_and_then_a_hit_that_is_answered_at_the_door(
    ask: Ask, buyer: Account
) -> None:
    """The hit has the route of the miss, though no router has seen it."""
    _, first = ask("GET", buyer.url, headers=buyer.auth)
    second_response, second = ask("GET", buyer.url, headers=buyer.auth)
    assert second_response.headers["X-Cache"] == "hit"
    for trace, outcome in ((first, "miss"), (second, "hit")):
        assert trace[0].name == "GET /api/users/{user_id}"
        assert trace[0].attributes["http.route"] == "/api/users/{user_id}"
        assert trace[0].attributes["url.path"] == buyer.url
        (cache,) = [span for span in trace if span.stage == "cache"]
        assert cache.attributes["roundtrip.cache"] == outcome
    assert {"session", "sql", "serialize"} <= {span.stage for span in first}
    assert sorted(_tree(second)[1:]) == ["    redis", "    redis", "  cache", "  rate-limit"]


def test_every_stage_lies_within_the_one_that_it_is_part_of(ask: Ask) -> None:
    """In time as in the tree; and what is sent to PostgreSQL is committed at the end."""
    _, trace = ask("POST", "/api/users", json=signup_body())
    by_id = {span.id: span for span in trace}
    for span in trace[1:]:
        parent = by_id[span.parent_id]
        assert parent.begins <= span.begins <= span.ends <= parent.ends, (span, parent)
    (pool,) = [span for span in trace if span.stage == "pool"]
    (insert,) = [span for span in trace if span.stage == "sql"]
    (commit,) = [span for span in trace if span.stage == "commit"]
    assert pool.ends <= insert.begins <= insert.ends <= commit.begins


_FUNCTIONS = {
    "rate-limit": ("app.adapters.rate_limiter", "RateLimiter", "hit"),
    "redis": ("app.adapters.redis_link", "RedisLink", "send"),
    "endpoint": ("app.routers.users", "create_user"),
    "service": ("app.services.users", "UserService", "register"),
    "hash": ("app.adapters.passwords", "PasswordHasher", "hash"),
    "sql": ("app.repositories.users", "UserRepository", "add"),
    "serialize": ("app.schemas.bodies", "Representation", "to_bytes"),
}


def test_each_stage_points_to_the_function_that_it_is(ask: Ask, buyer: Account) -> None:
    """To a file of the checkout, and to the line where that function begins."""
    _, signup = ask("POST", "/api/users", json=signup_body())
    _, read = ask("GET", buyer.url, headers=buyer.auth)
    for stage, (module, *path) in _FUNCTIONS.items():
        found: Any = reduce(getattr, path, importlib.import_module(module))
        function = inspect.unwrap(found)
        (said, *_) = [it.attributes for it in [*signup, *read] if it.stage == stage]
        assert said["code.function.name"] == ".".join([module, *path])
        assert said["code.file.path"] == module.replace(".", "/") + ".py"
        assert said["code.line.number"] == inspect.getsourcelines(function)[1]
    assert {span.stage for span in signup[1:]} <= set(get_args(Stage))


def test_statements_have_placeholders_and_no_values(ask: Ask, receiver: Receiver) -> None:
    """The text that PostgreSQL prepares; never what was put into it."""
    body = signup_body(name="Canary-Name")
    _, trace = ask("POST", "/api/users", json=body)
    (insert,) = [span.attributes for span in trace if span.stage == "sql"]
    assert "VALUES (%(name)s::VARCHAR, %(email)s::VARCHAR" in insert["db.query.text"]
    assert (insert["db.operation.name"], insert["db.collection.name"]) == ("INSERT", "users")
    assert insert["db.response.returned_rows"] == 1
    for value in (*body.values(), "$argon2"):
        assert value.encode() not in receiver.raw


@pytest.mark.parametrize(
    ("method", "path", "status", "error"),
    [
        ("GET", "/api/users/999999999", 404, "NotFound"),
        ("POST", "/api/users", 409, "EmailTaken"),
        ("POST", "/api/auth/login", 422, "RequestValidationError"),
        ("PUT", "/api/users/{id}/password", 429, None),
        ("GET", "/nothing/at/all", 404, None),
    ],
)
def test_a_refusal_has_its_status_and_the_stage_that_refused(
    ask: Ask, buyer: Account, method: str, path: str, status: int, error: str | None
) -> None:
    """It is no error of the server; the stage in which it came up names it."""
    body = {"name": "Twin", "email": buyer.email, "password": "the same plain passphrase"}
    options: dict[str, Any] = {"json": {} if status in {422, 429} else body}
    path = path.replace("{id}", str(buyer.id))
    ask(method, path, headers=buyer.auth, **options)
    response, trace = ask(method, path, headers=buyer.auth, **options)
    assert response.status_code == trace[0].attributes["http.response.status_code"] == status
    assert not trace[0].failed
    assert {span.attributes.get("error.type") for span in trace if span.failed} - {
        "UniqueViolation"
    } == ({error} if error else set())


def test_what_the_database_refuses_has_its_code_and_is_rolled_back(
    ask: Ask, buyer: Account
) -> None:
    """SQLSTATE, as OpenTelemetry's conventions want it, and not a word of the message."""
    body = signup_body(email=buyer.email)
    _, trace = ask("POST", "/api/users", json=body)
    (insert,) = [span for span in trace if span.stage == "sql"]
    assert insert.failed
    assert insert.attributes["db.response.status_code"] == "23505"
    assert [span.stage for span in trace if span.begins > insert.begins] == ["rollback"]


def test_a_trace_that_is_not_sampled_is_not_exported(
    traced: Service, ask: Ask, receiver: Receiver
) -> None:
    """Whoever began it has decided so (W3C Trace Context, section 3.2.2.5.1)."""
    trace_id = secrets.token_hex(16)
    headers = {"traceparent": f"00-{trace_id}-00f067aa0ba902b7-00"}
    response = traced.client.get("/api/products", headers=headers)
    ask("GET", "/api/products")
    assert all(span.trace_id != trace_id for span in receiver.spans)
    assert log_lines(traced, response.headers["X-Request-ID"])[0]["trace_id"] == trace_id


@pytest.mark.parametrize("headers", [{}, {"traceparent": "00-nonsense-01"}], ids=["none", "broken"])
def test_a_request_without_a_trace_begins_one_which_its_log_line_names(
    traced: Service, receiver: Receiver, headers: dict[str, str]
) -> None:
    """A damaged traceparent is ignored."""
    response = traced.client.get("/api/products", headers=headers)
    (line,) = log_lines(traced, response.headers["X-Request-ID"])
    assert receiver.trace(line["trace_id"])[0].parent_id == ""


def test_probes_are_not_traced(traced: Service, ask: Ask, receiver: Receiver) -> None:
    """A trace each second for each orchestrator would bury all else."""
    for path in ("/livez", "/readyz", "/metrics"):
        assert traced.client.get(path).status_code == 200
    ask("GET", "/api/products")
    paths = {span.attributes.get("url.path") for span in receiver.spans}
    assert not paths & {"/livez", "/readyz", "/metrics"}
    assert receiver.resources[0]["service.name"] == "roundtrip"
