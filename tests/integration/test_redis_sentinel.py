"""Redis behind Sentinel: the service finds the primary, and follows a failover."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
import redis

from lab.stack.ports import LOOPBACK, free_port
from lab.stack.processes.waiting import wait_until
from lab.stack.servers import wheels
from lab.stack.servers.valkey import ValkeyServer
from tests.accounts import Account
from tests.conftest import StartService
from tests.integration.shop import edit, new_product, product_url
from tests.service import Service

pytestmark = pytest.mark.slow
_NAME = "cache"
_SENTINELS = 3
_CONFIGURATION = """
port {port}
bind {host}
dir {directory}
sentinel monitor {name} {host} {primary_port} 2
sentinel auth-pass {name} {password}
sentinel down-after-milliseconds {name} 500
sentinel failover-timeout {name} 3000
"""


@dataclass(frozen=True)
class Cluster:
    """A primary, its replica, and three sentinels that watch both."""

    primary: ValkeyServer
    replica: ValkeyServer
    ports: list[int]
    """The ports of the sentinels."""

    @property
    def url(self) -> str:
        """The URL of a service. The first sentinel of the URL does not answer."""
        hosts = ",".join(f"{LOOPBACK}:{port}" for port in [1, *self.ports])
        return f"redis+sentinel://:{self.primary.password}@{hosts}/{_NAME}/0"

    def knows_replica(self) -> bool:
        """Return whether each sentinel knows the replica and the other two sentinels."""
        states = [_state(port) for port in self.ports]
        return all(
            (state["num-slaves"], state["num-other-sentinels"]) == (1, 2) for state in states
        )

    def has_failed_over(self) -> bool:
        """Return whether the sentinels name the replica as the primary."""
        return _state(self.ports[0])["port"] == self.replica.port


def _state(port: int) -> dict[str, int]:
    with redis.Redis(port=port) as sentinel:
        state: dict[str, int] = sentinel.sentinel_master(_NAME)
        return state


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A new cluster for each test, because a failover changes the roles."""
    with ExitStack() as running:
        primary = running.enter_context(ValkeyServer(tmp_path / "primary"))
        replica = running.enter_context(ValkeyServer(tmp_path / "replica"))
        for server in (primary, replica):
            with redis.Redis.from_url(server.url) as connection:
                connection.config_set("requirepass", primary.password)
                connection.config_set("masterauth", primary.password)
        with redis.Redis(port=replica.port, password=primary.password) as connection:
            connection.replicaof(LOOPBACK, primary.port)
        ports = []
        for number in range(_SENTINELS):
            ports.append(free_port())
            directory = tmp_path / f"sentinel-{number}"
            directory.mkdir()
            file = directory / "sentinel.conf"
            file.write_text(
                _CONFIGURATION.format(
                    port=ports[-1], host=LOOPBACK, directory=directory, name=_NAME,
                    primary_port=primary.port, password=primary.password,
                )
            )  # fmt: skip
            command = [str(wheels.valkey_server()), str(file), "--sentinel"]
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
            running.callback(process.wait)
            running.callback(process.kill)
        cluster = Cluster(primary, replica, ports)
        assert wait_until(lambda: _answers(cluster), timeout_s=20)
        yield cluster


def _answers(cluster: Cluster) -> bool:
    try:
        return cluster.knows_replica()
    except redis.RedisError:
        return False


def _is_cached(client: httpx2.Client, path: str) -> bool:
    return client.get(path).headers["X-Cache"] == "hit"


@pytest.fixture
def shop(start_service: StartService, cluster: Cluster) -> Service:
    """A service that finds Redis through the sentinels."""
    return start_service(REDIS_URL=cluster.url, REDIS_BREAKER_RECOVERY="1")


@pytest.mark.parametrize("way", [signal.SIGKILL, signal.SIGSTOP])
def test_a_failover_is_followed(
    shop: Service, cluster: Cluster, admin: Account, way: signal.Signals
) -> None:
    """Requests succeed during the failover. Then the new primary has the cached reads."""
    path = product_url(new_product(shop.client, admin))
    assert wait_until(lambda: _is_cached(shop.client, path), timeout_s=5), shop.log.read_text()
    assert shop.client.get("/readyz").json()["redis"] == "up"
    assert cluster.primary.identity is not None
    os.kill(cluster.primary.identity.pid, way)
    try:
        assert wait_until(cluster.has_failed_over, timeout_s=20)
        assert wait_until(lambda: _is_ready(shop.client, path), timeout_s=5)  # check F26
        assert wait_until(lambda: _is_cached(shop.client, path), timeout_s=5)  # check F26
    finally:
        if way is signal.SIGSTOP:
            os.kill(cluster.primary.identity.pid, signal.SIGCONT)


def _is_ready(client: httpx2.Client, path: str) -> bool:
    assert client.get(path).status_code == 200
    return bool(client.get("/readyz").json()["redis"] == "up")


def test_a_failover_on_request_leaves_no_stale_read(
    shop: Service, cluster: Cluster, admin: Account
) -> None:
    """The old primary becomes a replica and still answers reads."""
    product = new_product(shop.client, admin)
    path = product_url(product)
    assert wait_until(lambda: _is_cached(shop.client, path), timeout_s=5), shop.log.read_text()
    with redis.Redis(port=cluster.ports[0]) as sentinel:
        sentinel.execute_command("SENTINEL", "FAILOVER", _NAME)
    for number in range(30):
        name = f"Name {number}"
        assert edit(shop.client, admin, product, name=name).status_code == 200
        assert shop.client.get(path).json()["name"] == name  # check F26
    assert wait_until(lambda: _is_cached(shop.client, path), timeout_s=10)
    assert wait_until(
        lambda: _state(cluster.ports[0])["port"] == cluster.replica.port, timeout_s=10
    )
