"""Redis behind Sentinel: the service finds the primary, and follows a failover."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import httpx2
import pytest
import redis

from lab.cluster.redis import PRIMARY_NAME, SentinelRedis
from lab.stack.config.ports import LOOPBACK
from lab.stack.processes.waiting import wait_until
from lab.stack.servers.server import Server
from tests.accounts import Account
from tests.conftest import StartService
from tests.integration.shop import edit, new_product, product_url

pytestmark = pytest.mark.slow


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[SentinelRedis]:
    """A new cluster for each test, because a failover changes the roles."""
    cluster = SentinelRedis(tmp_path)
    with cluster.running():
        yield cluster


def _service_url(cluster: SentinelRedis) -> str:
    """Return the URL for a service. The first sentinel of the URL does not answer."""
    return cluster.url.replace("@", f"@{LOOPBACK}:1,", 1)


def _has_failed_over(cluster: SentinelRedis) -> bool:
    """Return whether the sentinels name another server as the primary."""
    return bool(cluster.sentinels[0].state()["port"] != cluster.servers[0].port)


def _old_primary_follows(cluster: SentinelRedis) -> bool:
    """Return whether the old primary has become a replica of the new one."""
    try:
        with redis.Redis.from_url(cluster.servers[0].url) as connection:
            return bool(connection.info("replication")["role"] == "slave")
    except redis.ConnectionError:
        # A server closes its connections when it becomes a replica. The caller then asks again.
        return False


def _is_cached(client: httpx2.Client, path: str) -> bool:
    return client.get(path).headers["X-Cache"] == "hit"


@pytest.mark.parametrize("break_server", [Server.kill, Server.freeze])
def test_a_failover_is_followed(
    start_service: StartService,
    cluster: SentinelRedis,
    admin: Account,
    break_server: Callable[[Server], None],
) -> None:
    """Requests succeed during the failover. Then the new primary has the cached reads."""
    shop = start_service(REDIS_URL=_service_url(cluster), REDIS_BREAKER_RECOVERY="1")
    path = product_url(new_product(shop.client, admin))
    assert wait_until(lambda: _is_cached(shop.client, path), timeout_s=5), shop.log.read_text()
    assert shop.client.get("/readyz").json()["redis"] == "up"
    primary = cluster.servers[0]
    break_server(primary)
    try:
        assert wait_until(lambda: _has_failed_over(cluster), timeout_s=20)
        assert wait_until(lambda: _is_ready(shop.client, path), timeout_s=15)  # check F26
        assert wait_until(lambda: _is_cached(shop.client, path), timeout_s=5)  # check F26
    finally:
        primary.thaw()


def _is_ready(client: httpx2.Client, path: str) -> bool:
    assert client.get(path).status_code == 200
    return bool(client.get("/readyz").json()["redis"] == "up")


def test_a_failover_on_request_leaves_no_stale_read(
    start_service: StartService, cluster: SentinelRedis, admin: Account
) -> None:
    """One process writes and another one reads, during the failover and after it."""
    settings = {"REDIS_URL": _service_url(cluster), "REDIS_KEY_PREFIX": "failover"}
    writer, reader = (start_service(**settings).client for _ in range(2))
    product = new_product(writer, admin)
    path = product_url(product)
    assert wait_until(lambda: _is_cached(reader, path), timeout_s=5)
    with redis.Redis(port=cluster.sentinels[0].port) as sentinel:
        sentinel.execute_command("SENTINEL", "FAILOVER", PRIMARY_NAME)
    numbers = count()

    def change_and_read() -> bool:
        name = f"Name {next(numbers)}"
        assert edit(writer, admin, product, name=name).status_code == 200
        # Until both processes use the new primary, a change can become visible up to a second late,
        # and on a busy machine even later. A stale read that no process invalidates would last for
        # a minute.
        assert wait_until(lambda: reader.get(path).json()["name"] == name, timeout_s=5)  # check F26
        return _old_primary_follows(cluster)

    assert wait_until(change_and_read, timeout_s=30)
    assert wait_until(lambda: _is_cached(reader, path), timeout_s=10)
    for _ in range(5):
        change_and_read()
