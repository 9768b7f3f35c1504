"""All processes share exact counts of rate limits in Redis. A request needs one round trip."""

import itertools
from collections.abc import Iterator
from functools import partial

import httpx2
import pytest
import redis

from lab.stack.servers.valkey import ValkeyServer
from tests.accounts import Account
from tests.conftest import StartService
from tests.integration.wire import at_once, statuses
from tests.service import Service

pytestmark = pytest.mark.slow

MAX_REQUESTS = 100
_addresses: Iterator[str] = (f"203.0.113.{number}" for number in itertools.count(1))


@pytest.fixture(scope="module")
def services(valkey: ValkeyServer, start_service: StartService) -> list[Service]:
    """Four processes that share one Redis. The second process has the URL in two settings."""
    settings = {
        "REDIS_URL": valkey.url,
        "REDIS_KEY_PREFIX": "counts",
        "REDIS_TIMEOUT": "3",
        "RATE_LIMIT_DEFAULT": f"{MAX_REQUESTS}/minute",
        "RATE_LIMIT_SIGNUP": "5/second;100/hour",
    }
    twice = {**settings, "RATE_LIMIT_REDIS_URL": valkey.url}
    return [start_service(**it) for it in (settings, twice, settings, settings)]


def _sign_up(client: httpx2.Client, address: str) -> httpx2.Response:
    headers = {"X-Forwarded-For": address, "Content-Type": "application/json"}
    return client.post("/api/users", content=b"{", headers=headers)


def test_of_300_concurrent_requests_100_pass(services: list[Service]) -> None:
    """The four processes share one count."""
    headers = {"X-Forwarded-For": next(_addresses)}
    calls = [partial(it.client.get, "/openapi.json", headers=headers) for it in services * 75]
    assert statuses(at_once(calls)) == {
        200: MAX_REQUESTS,
        429: 3 * MAX_REQUESTS - MAX_REQUESTS,
    }  # check F21


def test_a_flush_of_redis_resets_the_counts(services: list[Service], valkey: ValkeyServer) -> None:
    """After a FLUSHALL, all processes count from zero again, without an error."""
    address = next(_addresses)
    for _ in range(2):
        found = [_sign_up(it.client, address) for it in services * 2]
        assert statuses(found) == {400: 5, 429: 3}
        with redis.Redis.from_url(valkey.url) as connection:
            connection.flushall()  # check F10


@pytest.mark.parametrize("number", [0, 1], ids=["one address", "the same address twice"])
def test_a_cached_read_sends_all_redis_commands_together(
    services: list[Service], valkey: ValkeyServer, ahmed: Account, number: int
) -> None:
    """One packet has the commands of both the rate limit and the cache.

    A policy with two limits needs only one packet, too.
    """
    client = services[number].client
    for _ in range(3):
        hot = client.get("/api/users/me", headers=ahmed.auth)
    assert hot.headers["X-Cache"] == "hit"
    address = next(_addresses)
    _sign_up(client, address)

    def count() -> tuple[int, int]:
        stats = connection.info("stats")
        return stats["total_reads_processed"], stats["total_commands_processed"]

    with redis.Redis.from_url(valkey.url) as connection:
        for call in (
            partial(client.get, "/api/users/me", headers=ahmed.auth),
            partial(_sign_up, client, address),
        ):
            count()
            reads, commands = count()
            call()
            now = count()
            # Subtract one read and one command, which are those of this measurement.
            assert now[0] - reads - 1 == 1
            assert now[1] - commands - 1 >= 2
