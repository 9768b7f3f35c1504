"""Rate limits have their own Redis, so that cached reads cannot evict the counts.

A request queries both servers at the same time.
"""

import secrets
import time
from collections.abc import Iterator

import httpx2
import pytest
import redis

from lab.stack.processes.waiting import wait_until
from lab.stack.servers.valkey import FOR_COUNTS, Memory, ValkeyServer
from tests.accounts import Account, sign_up
from tests.conftest import StartService
from tests.integration.faults import frozen
from tests.integration.signed_in import signed_in
from tests.integration.wire import problem, statuses

MAX_FAILURES = 4
TIMEOUT_SECONDS = 1.0
PREFIX = f"apart-{secrets.token_hex(4)}"


@pytest.fixture(scope="module")
def cached(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    """The server for cached reads, with little memory."""
    memory = Memory("8mb", "volatile-lru")
    with ValkeyServer(tmp_path_factory.mktemp("cached"), memory=memory) as server:
        yield server


@pytest.fixture(scope="module")
def counts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    """The server for counts, configured as in the local stack."""
    with ValkeyServer(tmp_path_factory.mktemp("counts"), memory=FOR_COUNTS) as server:
        yield server


@pytest.fixture(scope="module")
def client(
    cached: ValkeyServer, counts: ValkeyServer, start_service: StartService
) -> httpx2.Client:
    """An HTTP client of a service that uses the servers `cached` and `counts`."""
    service = start_service(
        REDIS_URL=cached.url,
        RATE_LIMIT_REDIS_URL=counts.url,
        REDIS_KEY_PREFIX=PREFIX,
        REDIS_TIMEOUT=str(TIMEOUT_SECONDS),
        REDIS_BREAKER_FAILURES="100",
        RATE_LIMIT_LOGIN="1000/minute",
        RATE_LIMIT_LOGIN_FAILURES=f"{MAX_FAILURES}/15minutes",
    )
    return service.client


@pytest.fixture(autouse=True)
def _ready(client: httpx2.Client) -> None:
    _wait_until_ready(client)


def _wait_until_ready(client: httpx2.Client) -> None:
    assert wait_until(lambda: client.get("/readyz").json()["status"] == "ready", timeout_s=10)
    # After a failure, a process sends nothing to Redis for the duration of one timeout.
    time.sleep(TIMEOUT_SECONDS)


def _keys(server: ValkeyServer, pattern: str) -> list[bytes]:
    with redis.Redis.from_url(server.url) as connection:
        return list(connection.scan_iter(f"{PREFIX}:{pattern}"))


def _guess(client: httpx2.Client, account: Account) -> httpx2.Response:
    body = {"email": account.email, "password": "not the password"}
    return client.post("/api/auth/login", json=body)


def _fill(server: ValkeyServer) -> int:
    """Store more cache entries than the memory can hold. Return the number of evicted entries."""
    with (
        redis.Redis.from_url(server.url) as connection,
        connection.pipeline(transaction=False) as pipeline,
    ):
        for number in range(2000):
            pipeline.set(f"{PREFIX}:cache:junk:{number}", b"x" * 23_000, ex=60)
        pipeline.execute()
        return int(connection.info("stats")["evicted_keys"])


def test_counts_survive_any_number_of_cached_reads(
    client: httpx2.Client, cached: ValkeyServer, counts: ValkeyServer
) -> None:
    """Failed logins and requests stay counted while many cached reads are evicted."""
    victim = sign_up(client)
    assert statuses([_guess(client, victim) for _ in range(MAX_FAILURES)]) == {401: MAX_FAILURES}
    before = set(_keys(counts, "limit:*"))
    assert any(b"login-failures" in key for key in before)
    assert _fill(cached) > 1000
    assert before <= set(_keys(counts, "limit:*"))  # check 43
    problem(_guess(client, victim), 429, "too-many-failed-logins")  # check 43


def test_counts_and_cached_reads_are_in_two_servers(
    client: httpx2.Client, cached: ValkeyServer, counts: ValkeyServer
) -> None:
    """The server for cached reads has no counts. The server for counts has no cached reads."""
    owner = sign_up(client)
    for outcome in ("miss", "hit"):
        assert client.get(owner.url, headers=owner.auth).headers["X-Cache"] == outcome
    assert _keys(cached, "limit:*") == _keys(counts, "cache:*") == []  # check 43
    assert _keys(cached, "cache:*")
    assert _keys(counts, "limit:*")


def test_a_cached_read_queries_both_servers_at_the_same_time(
    client: httpx2.Client, cached: ValkeyServer, counts: ValkeyServer
) -> None:
    """If neither server answers, the request waits for one timeout instead of two."""
    owner = signed_in(client, sign_up(client))
    for _ in range(3):
        hot = client.get("/api/users/me", headers=owner.auth)
    assert hot.headers["X-Cache"] == "hit"
    with frozen(cached), frozen(counts):
        began = time.monotonic()
        response = client.get("/api/users/me", headers=owner.auth)
        seconds = time.monotonic() - began
    assert (response.status_code, response.headers["X-Cache"]) == (200, "bypass")
    assert TIMEOUT_SECONDS * 0.9 < seconds < TIMEOUT_SECONDS * 1.8


@pytest.mark.parametrize("unavailable", ["cached", "counts"])
def test_readiness_is_degraded_when_either_server_is_unavailable(
    client: httpx2.Client, unavailable: str, request: pytest.FixtureRequest
) -> None:
    """The service continues, and the body of /readyz has its usual fields."""
    with frozen(request.getfixturevalue(unavailable)):
        ready = client.get("/readyz")
        assert ready.status_code == 200
        assert ready.json() == {"status": "degraded", "postgres": "up", "redis": "down"}
        sign_up(client)
    _wait_until_ready(client)


def test_no_request_is_uncounted_when_the_server_for_counts_is_full(
    client: httpx2.Client, counts: ValkeyServer
) -> None:
    """The full server refuses new counts, so the process counts in its own memory."""
    victim = sign_up(client)
    with redis.Redis.from_url(counts.url) as connection:
        connection.config_set("maxmemory", "1")
        try:
            found = statuses([_guess(client, victim) for _ in range(MAX_FAILURES + 1)])
        finally:
            connection.config_set("maxmemory", FOR_COUNTS.size)
    assert found == {401: MAX_FAILURES, 429: 1}  # check 43
