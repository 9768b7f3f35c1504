"""Counts have a Redis of their own: cached reads cannot displace them, and neither waits."""

import os
import secrets
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import pytest
import redis

from lab.stack.valkey import FOR_COUNTS, Memory, ValkeyServer
from tests.accounts import Account, sign_up
from tests.conftest import StartService
from tests.integration.signed_in import signed_in
from tests.integration.wire import problem, statuses

FAILURES = 4
TIMEOUT_SECONDS = 1.0
PREFIX = f"apart-{secrets.token_hex(4)}"


@pytest.fixture(scope="module")
def cached(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    """The server of the cached reads, which is soon full."""
    memory = Memory("8mb", "volatile-lru")
    with ValkeyServer(tmp_path_factory.mktemp("cached"), memory=memory) as server:
        yield server


@pytest.fixture(scope="module")
def counts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    """The server of the counts, as the local stack has it."""
    with ValkeyServer(tmp_path_factory.mktemp("counts"), memory=FOR_COUNTS) as server:
        yield server


@pytest.fixture(scope="module")
def client(
    cached: ValkeyServer, counts: ValkeyServer, start_service: StartService
) -> httpx2.Client:
    """Speaks HTTP to a service that uses both."""
    service = start_service(
        REDIS_URL=cached.url,
        RATE_LIMIT_REDIS_URL=counts.url,
        REDIS_KEY_PREFIX=PREFIX,
        REDIS_TIMEOUT=str(TIMEOUT_SECONDS),
        REDIS_BREAKER_FAILURES="100",
        RATE_LIMIT_LOGIN="1000/minute",
        RATE_LIMIT_LOGIN_FAILURES=f"{FAILURES}/15minutes",
    )
    return service.client


@pytest.fixture(autouse=True)
def _ready(client: httpx2.Client) -> None:
    _wait_until_ready(client)


def _wait_until_ready(client: httpx2.Client) -> None:
    deadline = time.monotonic() + 10
    while client.get("/readyz").json()["status"] != "ready":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    # After a failure a process asks nothing for as long as it would have waited.
    time.sleep(TIMEOUT_SECONDS)


@contextmanager
def _frozen(*servers: ValkeyServer) -> Iterator[None]:
    identities = [server.identity for server in servers]
    pids = [identity.pid for identity in identities if identity is not None]
    assert len(pids) == len(servers)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def _keys(server: ValkeyServer, pattern: str) -> list[bytes]:
    with redis.Redis.from_url(server.url) as behind:
        return list(behind.scan_iter(f"{PREFIX}:{pattern}"))


def _guess(client: httpx2.Client, account: Account) -> httpx2.Response:
    body = {"email": account.email, "password": "not the password"}
    return client.post("/api/auth/login", json=body)


def _fill(server: ValkeyServer) -> int:
    """Store far more than fits, as entries of the cache; return how many were evicted."""
    with redis.Redis.from_url(server.url) as behind, behind.pipeline(transaction=False) as pipeline:
        for number in range(2000):
            pipeline.set(f"{PREFIX}:cache:junk:{number}", b"x" * 23_000, ex=60)
        pipeline.execute()
        return int(behind.info("stats")["evicted_keys"])


def test_counts_survive_any_number_of_cached_reads(
    client: httpx2.Client, cached: ValkeyServer, counts: ValkeyServer
) -> None:
    """The failed logins and the requests of before are still counted."""
    victim = sign_up(client)
    assert statuses([_guess(client, victim) for _ in range(FAILURES)]) == {401: FAILURES}
    before = set(_keys(counts, "limit:*"))
    assert any(b"login-failures" in key for key in before)
    assert _fill(cached) > 1000
    assert before <= set(_keys(counts, "limit:*"))  # check 43
    problem(_guess(client, victim), 429, "too-many-failed-logins")  # check 43


def test_counts_and_cached_reads_are_in_two_servers(
    client: httpx2.Client, cached: ValkeyServer, counts: ValkeyServer
) -> None:
    """Nothing of the one is in the other."""
    owner = sign_up(client)
    for outcome in ("miss", "hit"):
        assert client.get(owner.url, headers=owner.auth).headers["X-Cache"] == outcome
    assert _keys(cached, "limit:*") == _keys(counts, "cache:*") == []  # check 43
    assert _keys(cached, "cache:*")
    assert _keys(counts, "limit:*")


def test_a_hot_read_asks_both_servers_at_the_same_time(
    client: httpx2.Client, cached: ValkeyServer, counts: ValkeyServer
) -> None:
    """When both hang, it waits for one timeout, not for two."""
    owner = signed_in(client, sign_up(client))
    for _ in range(3):
        hot = client.get("/api/users/me", headers=owner.auth)
    assert hot.headers["X-Cache"] == "hit"
    with _frozen(cached, counts):
        began = time.monotonic()
        response = client.get("/api/users/me", headers=owner.auth)
        took = time.monotonic() - began
    assert (response.status_code, response.headers["X-Cache"]) == (200, "bypass")
    assert TIMEOUT_SECONDS * 0.9 < took < TIMEOUT_SECONDS * 1.8


@pytest.mark.parametrize("away", ["cached", "counts"])
def test_readiness_is_degraded_when_either_is_away(
    client: httpx2.Client, away: str, request: pytest.FixtureRequest
) -> None:
    """And the service goes on; the body has the shape that it always has."""
    with _frozen(request.getfixturevalue(away)):
        ready = client.get("/readyz")
        assert ready.status_code == 200
        assert ready.json() == {"status": "degraded", "postgres": "up", "redis": "down"}
        sign_up(client)
    _wait_until_ready(client)


def test_a_full_server_of_counts_leaves_no_request_uncounted(
    client: httpx2.Client, counts: ValkeyServer
) -> None:
    """It refuses new counts, and the process counts for itself."""
    victim = sign_up(client)
    with redis.Redis.from_url(counts.url) as behind:
        behind.config_set("maxmemory", "1")
        try:
            found = statuses([_guess(client, victim) for _ in range(FAILURES + 1)])
        finally:
            behind.config_set("maxmemory", FOR_COUNTS.size)
    assert found == {401: FAILURES, 429: 1}  # check 43
