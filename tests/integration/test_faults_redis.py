"""Without Redis the service works on, and limits hold in each process for itself."""

import os
import signal
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx2
import pytest

from lab.stack.valkey import ValkeyServer
from tests.accounts import PASSWORD, Account, log_in, sign_up
from tests.conftest import StartService
from tests.integration.wire import JSON, problem, statuses

LIMIT = 4


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    """A server that may be mistreated."""
    with ValkeyServer(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture(scope="module")
def client(valkey: ValkeyServer, start_service: StartService) -> httpx2.Client:
    """Speaks HTTP to a service that counts on that server."""
    service = start_service(
        REDIS_URL=valkey.url,
        RATE_LIMIT_PASSWORD=f"{LIMIT}/minute",
        REDIS_BREAKER_RECOVERY="1",
        REQUEST_TIMEOUT="5",
        DATABASE_STATEMENT_TIMEOUT="2",
    )
    return service.client


def _signal(server: ValkeyServer, number: signal.Signals) -> None:
    assert server.identity is not None
    os.kill(server.identity.pid, number)


@contextmanager
def _frozen(server: ValkeyServer) -> Iterator[None]:
    _signal(server, signal.SIGSTOP)
    try:
        yield
    finally:
        _signal(server, signal.SIGCONT)


def _use_up_the_limit(client: httpx2.Client, account: Account, tries: int) -> list[httpx2.Response]:
    return [
        client.put(f"{account.url}/password", content=b"{", headers={**JSON, **account.auth})
        for _ in range(tries)
    ]


def _seconds(call: Callable[[], httpx2.Response], times: int) -> list[float]:
    durations = []
    for _ in range(times):
        started = time.perf_counter()
        assert call().status_code == 200
        durations.append(time.perf_counter() - started)
    return durations


def _wait_until_shared(client: httpx2.Client) -> None:
    deadline = time.monotonic() + 10
    while client.get("/readyz").json()["redis"] != "up":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    # The breaker lets the next request try again after a second.
    time.sleep(1.1)


def test_without_redis_everything_works_and_limits_hold_in_the_process(
    client: httpx2.Client, valkey: ValkeyServer
) -> None:
    """Signup, login and reads go on; the limit is counted here; readiness says degraded."""
    _wait_until_shared(client)
    _signal(valkey, signal.SIGKILL)
    try:
        account = sign_up(client)  # check F8
        log_in(client, account.email, PASSWORD)
        assert client.get(account.url, headers=account.auth).status_code == 200
        found = statuses(_use_up_the_limit(client, account, LIMIT + 2))
        assert found == {400: LIMIT, 429: 2}  # check F8
        ready = client.get("/readyz")
        assert ready.status_code == 200
        assert ready.json() == {"status": "degraded", "postgres": "up", "redis": "down"}
        assert "RateLimit" in client.get("/openapi.json").headers
    finally:
        valkey.start()
    _wait_until_shared(client)
    assert client.get("/readyz").json() == {"status": "ready", "postgres": "up", "redis": "up"}


def test_limits_count_in_redis_again_once_it_is_back(
    client: httpx2.Client, valkey: ValkeyServer
) -> None:
    """A flushed Redis forgets what was counted; the next hits are counted there."""
    _wait_until_shared(client)
    account = sign_up(client)
    assert statuses(_use_up_the_limit(client, account, LIMIT + 1)) == {400: LIMIT, 429: 1}
    valkey.stop()
    valkey.start()
    _wait_until_shared(client)
    assert statuses(_use_up_the_limit(client, account, LIMIT + 1)) == {400: LIMIT, 429: 1}
    problem(client.get("/api/users/me"), 401, "unauthenticated")


def test_no_request_fails_on_a_connection_that_a_restarted_redis_has_closed(
    client: httpx2.Client, valkey: ValkeyServer
) -> None:
    """The service notices each closed connection before it sends anything on it."""
    _wait_until_shared(client)
    with _frozen(valkey), ThreadPoolExecutor(8) as threads:
        # Each waits for an answer, so that each takes a connection of its own.
        reports = [threads.submit(client.get, "/readyz") for _ in range(8)]
        time.sleep(0.05)
        _signal(valkey, signal.SIGCONT)
    assert {report.result().json()["redis"] for report in reports} == {"up"}
    valkey.stop()
    valkey.start()
    reports_after = [client.get("/readyz").json()["redis"] for _ in range(8)]
    assert reports_after == ["up"] * 8
    # Commands have a connection outside the pool, which only /readyz uses.
    assert client.get("/api/products").headers["X-Cache"] != "bypass"
    valkey.stop()
    valkey.start()
    assert client.get("/api/products").headers["X-Cache"] == "miss"


def test_frozen_redis_delays_a_few_requests_a_little_then_none(
    client: httpx2.Client, valkey: ValkeyServer
) -> None:
    """150 ms each until the breaker opens; when it thaws, all is as before."""
    _wait_until_shared(client)
    account = sign_up(client)
    read = lambda: client.get(account.url, headers=account.auth)  # noqa: E731
    usual = statistics.median(_seconds(read, 9))
    with _frozen(valkey):
        first, then = _seconds(read, 3), _seconds(read, 15)
        assert max(first) < usual + 0.15 + 0.1  # check F9
        assert statistics.median(then) < usual + 0.03  # check F9
        assert statuses(_use_up_the_limit(client, account, LIMIT + 1)) == {400: LIMIT, 429: 1}
        assert client.get("/readyz").json()["redis"] == "down"
    _wait_until_shared(client)
    assert statistics.median(_seconds(read, 9)) < usual + 0.03
