"""A process repeats invalidations that Redis has missed, even if no request arrives."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
import redis

from lab.stack.processes.waiting import wait_until
from lab.stack.servers.valkey import ValkeyServer
from tests.accounts import Account, new_admin
from tests.conftest import StartService
from tests.integration.faults import frozen
from tests.integration.shop import edit, new_product, product_url

pytestmark = pytest.mark.slow

Pair = tuple[httpx2.Client, httpx2.Client]
_RECOVERY_SECONDS = 5


@pytest.fixture(scope="module")
def pair(valkey: ValkeyServer, start_service: StartService) -> Pair:
    """A process that writes and a process that reads.

    The writing process has its own Redis user, so that a test can disconnect only this process.
    """
    _set_writer_access(valkey, allowed=True)
    settings = {
        "REDIS_KEY_PREFIX": "missed",
        "REDIS_TIMEOUT": "0.15",
        "REDIS_BREAKER_RECOVERY": "1",
    }
    writer = f"redis://writer:writes@127.0.0.1:{urlsplit(valkey.url).port}/0"
    first = start_service(**settings, REDIS_URL=writer)
    return first.client, start_service(**settings, REDIS_URL=valkey.url).client


@pytest.fixture(scope="module")
def admin(pair: Pair, database_url: str) -> Account:
    """An administrator."""
    return new_admin(pair[0], database_url)


@pytest.fixture
def product(pair: Pair, admin: Account) -> dict[str, Any]:
    """A product that both processes read from the cache."""
    product = new_product(pair[0], admin)
    path = product_url(product)
    assert wait_until(
        lambda: {client.get(path).headers["X-Cache"] for client in pair} == {"hit"},
        timeout_s=2 * _RECOVERY_SECONDS,
    )
    return product


def _set_writer_access(valkey: ValkeyServer, *, allowed: bool) -> None:
    with redis.Redis.from_url(valkey.url) as connection:
        connection.execute_command(
            "ACL", "SETUSER", "writer", "on" if allowed else "off", ">writes", "~*", "+@all"
        )
        if not allowed:
            connection.execute_command("CLIENT", "KILL", "USER", "writer")


@contextmanager
def _killed(valkey: ValkeyServer) -> Iterator[None]:
    valkey.kill()
    try:
        yield
    finally:
        valkey.start()
        _set_writer_access(valkey, allowed=True)


@contextmanager
def _unreachable_for_writer(valkey: ValkeyServer) -> Iterator[None]:
    _set_writer_access(valkey, allowed=False)
    try:
        yield
    finally:
        _set_writer_access(valkey, allowed=True)


def _name(response: httpx2.Response) -> Any:
    return response.json()["name"]


def _change_without_redis(writer: httpx2.Client, admin: Account, product: dict[str, Any]) -> None:
    # These reads open the circuit breaker, so that the edit sends no invalidation. Otherwise, a
    # frozen Redis would execute the invalidation as soon as it continues.
    for _ in range(4):
        writer.get("/api/products?limit=1")
        time.sleep(0.16)
    assert edit(writer, admin, product, name="New").status_code == 200
    assert _name(writer.get(product_url(product))) == "New"


@pytest.mark.parametrize("fault", [frozen, _killed, _unreachable_for_writer])
def test_another_process_sees_a_change_soon_after_redis_is_back(
    pair: Pair, valkey: ValkeyServer, admin: Account, product: dict[str, Any], fault: Any
) -> None:
    """The process that made the change repeats its invalidation without a further request."""
    path = product_url(product)
    with fault(valkey):
        _change_without_redis(pair[0], admin, product)
        # If the reading process still reaches Redis, it serves the stale value.
        assert (_name(pair[1].get(path)) == "New") == (fault is not _unreachable_for_writer)

    def is_current() -> bool:
        response = pair[1].get(path)
        return response.headers["X-Cache"] == "hit" and _name(response) == "New"

    assert wait_until(is_current, timeout_s=_RECOVERY_SECONDS)
