"""Redis Cluster: the service uses all primaries, and follows a failover."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from pathlib import Path

import httpx2
import pytest

from lab.stack.processes.waiting import wait_until
from lab.stack.servers.server import Server
from tests.accounts import PASSWORD, Account
from tests.conftest import StartService
from tests.integration.redis.valkey_cluster import ClusterNode, ValkeyCluster
from tests.integration.shop import basket, edit, new_product, product_url
from tests.integration.wire import remaining_requests

pytestmark = pytest.mark.slow


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[ValkeyCluster]:
    """A new cluster for each test, because a failover changes the roles."""
    cluster = ValkeyCluster(tmp_path)
    with cluster.running():
        yield cluster


def _are_cached(client: httpx2.Client, paths: list[str]) -> bool:
    responses = [client.get(path) for path in paths]
    assert all(response.status_code == 200 for response in responses)
    return all(response.headers["X-Cache"] == "hit" for response in responses)


def _is_up(client: httpx2.Client) -> bool:
    return bool(client.get("/readyz").json()["redis"] == "up")


def test_reads_and_counts_are_on_several_primaries(
    start_service: StartService, cluster: ValkeyCluster, admin: Account, ahmed: Account
) -> None:
    """An order invalidates reads on different primaries, and the limits count all requests."""
    settings = {"REDIS_URL": cluster.url, "REDIS_KEY_PREFIX": "cluster"}
    writer, reader = (start_service(**settings).client for _ in range(2))
    products = [new_product(writer, admin, stock=10) for _ in range(10)]
    paths = [product_url(product) for product in products]
    assert wait_until(lambda: _are_cached(reader, paths), timeout_s=5)
    assert all(node.execute("DBSIZE") for node in cluster.primaries)
    order = basket(*((product, 1) for product in products))
    placed = writer.post(f"/api/users/{ahmed.id}/orders", json=order, headers=ahmed.auth)
    assert placed.status_code == 201, placed.text
    assert [reader.get(path).json()["stock"] for path in paths] == [9] * 10
    login = {"email": ahmed.email, "password": PASSWORD}
    for client in (writer, reader):
        assert client.post("/api/auth/login", json=login).status_code == 200
    responses = [client.get("/api/products") for client in (writer, reader)]
    first, second = map(remaining_requests, responses)
    assert second == first - 1


@pytest.mark.parametrize("break_server", [Server.kill, Server.freeze])
def test_a_failover_is_followed(
    start_service: StartService,
    cluster: ValkeyCluster,
    admin: Account,
    break_server: Callable[[Server], None],
) -> None:
    """Requests succeed during the failover. Then the new primary has the cached reads."""
    shop = start_service(REDIS_URL=cluster.url, REDIS_BREAKER_RECOVERY="1").client
    paths = [product_url(new_product(shop, admin)) for _ in range(10)]
    assert wait_until(lambda: _are_cached(shop, paths), timeout_s=5)
    assert _is_up(shop)
    primary, replica = cluster.primaries[0], cluster.replicas[0]
    break_server(primary)
    try:
        assert wait_until(lambda: not _is_up(shop), timeout_s=5)
        assert [shop.get(path).status_code for path in paths] == [200] * 10
        assert wait_until(lambda: cluster.is_primary(replica), timeout_s=20)
        assert wait_until(lambda: _is_up(shop), timeout_s=15)  # check F26
        assert wait_until(lambda: _are_cached(shop, paths), timeout_s=10)
    finally:
        primary.thaw()


def test_a_primary_that_refuses_writes_is_unavailable(
    start_service: StartService, cluster: ValkeyCluster, admin: Account
) -> None:
    """Reads bypass a primary that refuses writes, because it may have refused an invalidation."""
    shop = start_service(REDIS_URL=cluster.url, REDIS_BREAKER_RECOVERY="1").client
    path = product_url(new_product(shop, admin))
    assert wait_until(lambda: _are_cached(shop, [path]), timeout_s=5)
    for primary in cluster.primaries:
        primary.execute("CONFIG SET", "min-replicas-to-write", 2)
        assert wait_until(lambda: shop.get(path).headers["X-Cache"] == "bypass", timeout_s=5)
        assert not _is_up(shop)
        primary.execute("CONFIG SET", "min-replicas-to-write", 0)
        assert wait_until(lambda: _are_cached(shop, [path]), timeout_s=5)
        assert _is_up(shop)


def test_an_invalidation_that_a_failover_loses_is_repeated(
    start_service: StartService, cluster: ValkeyCluster, admin: Account
) -> None:
    """The old primary confirms an invalidation, and is killed before the replica receives it."""
    settings = {"REDIS_URL": cluster.url, "REDIS_KEY_PREFIX": "lost"}
    writer, reader = (start_service(**settings).client for _ in range(2))
    product = new_product(writer, admin, name="Old")
    path = product_url(product)
    assert wait_until(lambda: _are_cached(reader, [path]), timeout_s=5)
    shard = cluster.owner(f"lost:cache:{{product:{product['id']}}}")
    cluster.replicas[shard].freeze()
    # Otherwise, the invalidation would wait in the replica's connection until the replica thaws.
    cluster.primaries[shard].execute("CLIENT KILL", "TYPE", "replica")
    assert edit(writer, admin, product, name="New").status_code == 200
    cluster.primaries[shard].kill()
    cluster.replicas[shard].thaw()
    assert wait_until(lambda: cluster.is_primary(cluster.replicas[shard]), timeout_s=20)
    assert wait_until(lambda: _is_up(writer) and _is_up(reader), timeout_s=15)
    # The writer repeats the invalidation with its next batch of commands.
    assert wait_until(lambda: _reads(writer, path) == _reads(reader, path) == "New", timeout_s=5)
    assert wait_until(lambda: _are_cached(reader, [path]), timeout_s=5)
    assert _reads(reader, path) == "New"  # check F26


def _reads(client: httpx2.Client, path: str) -> str:
    return str(client.get(path).json()["name"])


def test_a_failover_on_request_leaves_no_stale_read(
    start_service: StartService, cluster: ValkeyCluster, admin: Account
) -> None:
    """One process writes and another one reads, while every shard gets another primary."""
    settings = {"REDIS_URL": cluster.url, "REDIS_KEY_PREFIX": "failover"}
    writer, reader = (start_service(**settings).client for _ in range(2))
    product = new_product(writer, admin)
    path = product_url(product)
    assert wait_until(lambda: _are_cached(reader, [path]), timeout_s=5)
    numbers = count()

    def change_and_read() -> None:
        name = f"Name {next(numbers)}"
        assert edit(writer, admin, product, name=name).status_code == 200
        assert wait_until(lambda: reader.get(path).json()["name"] == name, timeout_s=5)  # check F26

    def has_failed_over(replica: ClusterNode) -> bool:
        change_and_read()
        return cluster.is_primary(replica)

    for replica in cluster.replicas:
        # If all replicas started a failover at the same time, they would compete for the votes.
        replica.execute("CLUSTER FAILOVER")
        assert wait_until(partial(has_failed_over, replica), timeout_s=30)
    assert wait_until(lambda: _are_cached(reader, [path]), timeout_s=10)
    for _ in range(5):
        change_and_read()
