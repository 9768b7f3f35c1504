"""Counting in Redis: exactly, for all processes together, in one round trip."""

import itertools
import time
from collections.abc import Iterator
from functools import partial

import httpx2
import pytest
import redis

from lab.stack.valkey import ValkeyServer
from tests.accounts import Account
from tests.conftest import StartService
from tests.integration.wire import at_once, problem, statuses
from tests.service import Service

pytestmark = pytest.mark.slow

LIMIT = 100
_addresses: Iterator[str] = (f"203.0.113.{number}" for number in itertools.count(1))


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    """A server that nobody else speaks to."""
    with ValkeyServer(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture(scope="module")
def services(valkey: ValkeyServer, start_service: StartService) -> list[Service]:
    """Four processes that share it; the second was told so twice."""
    settings = {
        "REDIS_URL": valkey.url,
        "REDIS_KEY_PREFIX": "counts",
        "REDIS_TIMEOUT": "3",
        "RATE_LIMIT_DEFAULT": f"{LIMIT}/minute",
        "RATE_LIMIT_SIGNUP": "5/second;100/hour",
    }
    twice = {**settings, "RATE_LIMIT_REDIS_URL": valkey.url}
    return [start_service(**it) for it in (settings, twice, settings, settings)]


def _sign_up(client: httpx2.Client, address: str) -> httpx2.Response:
    headers = {"X-Forwarded-For": address, "Content-Type": "application/json"}
    return client.post("/api/users", content=b"{", headers=headers)


def test_of_three_hundred_at_once_a_hundred_pass(services: list[Service]) -> None:
    """To four processes, which share one count."""
    headers = {"X-Forwarded-For": next(_addresses)}
    calls = [partial(it.client.get, "/openapi.json", headers=headers) for it in services * 75]
    assert statuses(at_once(calls)) == {200: LIMIT, 429: 3 * LIMIT - LIMIT}  # check F21


def test_a_flushed_redis_begins_anew(services: list[Service], valkey: ValkeyServer) -> None:
    """For all processes at once, and without an error."""
    address = next(_addresses)
    for _ in range(2):
        found = [_sign_up(it.client, address) for it in services * 2]
        assert statuses(found) == {400: 5, 429: 3}
        with redis.Redis.from_url(valkey.url) as behind:
            behind.flushall()  # check F10


def test_a_window_ends_when_it_was_said_to(services: list[Service]) -> None:
    """Whoever waits for Retry-After gets through, in every process."""
    address = next(_addresses)
    for one in services[:2]:
        found = [_sign_up(one.client, address) for _ in range(6)]
        problem(found[-1], 429, "too-many-requests")
        time.sleep(int(found[-1].headers["Retry-After"]))
    assert _sign_up(services[2].client, address).status_code == 400


@pytest.mark.parametrize("number", [0, 1], ids=["one address", "the same address twice"])
def test_all_that_a_hot_read_asks_of_redis_leaves_together(
    services: list[Service], valkey: ValkeyServer, ahmed: Account, number: int
) -> None:
    """Limit and cache in one packet; several limits of one policy too."""
    client = services[number].client
    for _ in range(3):
        hot = client.get("/api/users/me", headers=ahmed.auth)
    assert hot.headers["X-Cache"] == "hit"
    address = next(_addresses)
    _sign_up(client, address)

    def asked() -> tuple[int, int]:
        stats = behind.info("stats")
        return stats["total_reads_processed"], stats["total_commands_processed"]

    with redis.Redis.from_url(valkey.url) as behind:
        for call in (
            partial(client.get, "/api/users/me", headers=ahmed.auth),
            partial(_sign_up, client, address),
        ):
            asked()
            reads, commands = asked()
            call()
            now = asked()
            # One of each is this look itself.
            assert now[0] - reads - 1 == 1
            assert now[1] - commands - 1 >= 2
