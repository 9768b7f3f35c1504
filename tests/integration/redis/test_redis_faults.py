"""Without Redis the service continues, and each process enforces rate limits on its own."""

import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import httpx2
import pytest
import redis

from lab.stack.processes.waiting import wait_until
from lab.stack.servers.valkey import ValkeyServer
from tests.accounts import PASSWORD, Account, log_in, sign_up
from tests.conftest import StartService
from tests.integration.faults import frozen
from tests.integration.wire import JSON, statuses

MAX_REQUESTS = 4


@pytest.fixture(scope="module")
def client(valkey: ValkeyServer, start_service: StartService) -> httpx2.Client:
    """An HTTP client of a service that uses the server `valkey`."""
    service = start_service(
        REDIS_URL=valkey.url,
        REDIS_TIMEOUT="0.15",
        RATE_LIMIT_PASSWORD=f"{MAX_REQUESTS}/minute",
        REDIS_BREAKER_RECOVERY="1",
        REQUEST_TIMEOUT="5",
        DATABASE_STATEMENT_TIMEOUT="2",
    )
    return service.client


def _exceed_the_limit(client: httpx2.Client, account: Account) -> dict[int, int]:
    """Send one request more than the limit allows, and count the responses by status."""
    return statuses(
        client.put(f"{account.url}/password", content=b"{", headers={**JSON, **account.auth})
        for _ in range(MAX_REQUESTS + 1)
    )


def _seconds(call: Callable[[], httpx2.Response], times: int) -> list[float]:
    durations = []
    for _ in range(times):
        started = time.perf_counter()
        assert call().status_code == 200
        durations.append(time.perf_counter() - started)
    return durations


def _wait_for_redis(client: httpx2.Client) -> None:
    assert wait_until(lambda: client.get("/readyz").json()["redis"] == "up", timeout_s=10)
    # One second after a failure, the circuit breaker lets a request try Redis again.
    time.sleep(1.1)


def test_without_redis_everything_works_and_limits_hold_in_the_process(
    client: httpx2.Client, valkey: ValkeyServer
) -> None:
    """Signup, login and reads succeed, the process counts requests, and /readyz is degraded."""
    _wait_for_redis(client)
    valkey.kill()
    try:
        account = sign_up(client)  # check F8
        log_in(client, account.email, PASSWORD)
        assert client.get(account.url, headers=account.auth).status_code == 200
        assert _exceed_the_limit(client, account) == {400: MAX_REQUESTS, 429: 1}  # check F8
        ready = client.get("/readyz")
        assert ready.status_code == 200
        assert ready.json() == {"status": "degraded", "postgres": "up", "redis": "down"}
        assert "RateLimit" in client.get("/openapi.json").headers
    finally:
        valkey.start()
    _wait_for_redis(client)
    assert client.get("/readyz").json() == {"status": "ready", "postgres": "up", "redis": "up"}


def test_limits_count_in_redis_again_once_it_is_back(
    client: httpx2.Client, valkey: ValkeyServer
) -> None:
    """A restarted Redis has no counts, so the service counts the next requests from zero."""
    _wait_for_redis(client)
    account = sign_up(client)
    assert _exceed_the_limit(client, account) == {400: MAX_REQUESTS, 429: 1}
    valkey.stop()
    valkey.start()
    _wait_for_redis(client)
    assert _exceed_the_limit(client, account) == {400: MAX_REQUESTS, 429: 1}
    with redis.Redis.from_url(valkey.url) as connection:
        (count,) = [connection.get(key) for key in connection.scan_iter("*:limit:*password*")]
    assert count == str(MAX_REQUESTS + 1).encode()


def test_no_request_fails_on_a_connection_that_a_restarted_redis_has_closed(
    valkey: ValkeyServer, start_service: StartService
) -> None:
    """Before the service sends a command, it notices that the connection is closed."""
    # The timeout is long, because this test is not about slow answers.
    client = start_service(REDIS_URL=valkey.url, REDIS_TIMEOUT="3").client
    with frozen(valkey), ThreadPoolExecutor(8) as threads:
        # Concurrent requests make the service open one connection for each request.
        reports = [threads.submit(client.get, "/readyz") for _ in range(8)]
        time.sleep(0.05)
        valkey.thaw()
    assert {report.result().json()["redis"] for report in reports} == {"up"}
    valkey.stop()
    valkey.start()
    reports_after = [client.get("/readyz").json()["redis"] for _ in range(8)]
    assert reports_after == ["up"] * 8
    # Only /readyz uses the pool. All other commands have a connection outside the pool.
    assert client.get("/api/products").headers["X-Cache"] != "bypass"
    valkey.stop()
    valkey.start()
    assert client.get("/api/products").headers["X-Cache"] == "miss"


def test_frozen_redis_delays_requests_only_until_the_breaker_opens(
    client: httpx2.Client, valkey: ValkeyServer
) -> None:
    """A frozen Redis delays only the first requests, by 150 ms each. Later ones are not delayed."""
    _wait_for_redis(client)
    account = sign_up(client)
    read = partial(client.get, account.url, headers=account.auth)
    usual = statistics.median(_seconds(read, 9))
    with frozen(valkey):
        first, then = _seconds(read, 3), _seconds(read, 15)
        assert statistics.median(first) < usual + 0.15 + 0.1  # check F9
        assert statistics.median(then) < usual + 0.03  # check F9
        assert _exceed_the_limit(client, account) == {400: MAX_REQUESTS, 429: 1}
        assert client.get("/readyz").json()["redis"] == "down"
    _wait_for_redis(client)
    assert statistics.median(_seconds(read, 9)) < usual + 0.03
