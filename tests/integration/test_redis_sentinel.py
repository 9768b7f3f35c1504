"""Redis behind Sentinel: the service finds the primary, and follows a failover."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
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
    """A primary, its two replicas, and three sentinels that watch them."""

    primary: ValkeyServer
    replicas: list[ValkeyServer]
    ports: list[int]
    """The ports of the sentinels."""

    @property
    def url(self) -> str:
        """The URL of a service. The first sentinel of the URL does not answer."""
        hosts = ",".join(f"{LOOPBACK}:{port}" for port in [1, *self.ports])
        return f"redis+sentinel://:{self.primary.password}@{hosts}/{_NAME}/0"

    def is_complete(self) -> bool:
        """Return whether each sentinel knows the replicas and the other two sentinels."""
        states = [_state(port) for port in self.ports]
        return all(
            (state["num-slaves"], state["num-other-sentinels"]) == (2, 2) for state in states
        )

    def old_primary_follows(self) -> bool:
        """Return whether the old primary has become a replica of the new one."""
        with redis.Redis(port=self.primary.port, password=self.primary.password) as connection:
            return bool(connection.info("replication")["role"] == "slave")

    def has_failed_over(self) -> bool:
        """Return whether the sentinels name another server as the primary."""
        return _state(self.ports[0])["port"] != self.primary.port


def _state(port: int) -> dict[str, int]:
    with redis.Redis(port=port) as sentinel:
        state: dict[str, int] = sentinel.sentinel_master(_NAME)
        return state


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """A new cluster for each test, because a failover changes the roles."""
    with ExitStack() as running:
        primary = running.enter_context(ValkeyServer(tmp_path / "primary"))
        replicas = [
            running.enter_context(ValkeyServer(tmp_path / f"replica-{number}"))
            for number in range(2)
        ]
        for server in (primary, *replicas):
            with redis.Redis.from_url(server.url) as connection:
                connection.config_set("requirepass", primary.password)
                connection.config_set("masterauth", primary.password)
                # docs/scaling.md says why this is needed.
                connection.config_set("min-replicas-to-write", 1)
        for replica in replicas:
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
        cluster = Cluster(primary, replicas, ports)
        assert wait_until(lambda: _answers(cluster), timeout_s=20)
        yield cluster


def _answers(cluster: Cluster) -> bool:
    try:
        return cluster.is_complete()
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
        assert wait_until(lambda: _is_ready(shop.client, path), timeout_s=15)  # check F26
        assert wait_until(lambda: _is_cached(shop.client, path), timeout_s=5)  # check F26
    finally:
        if way is signal.SIGSTOP:
            os.kill(cluster.primary.identity.pid, signal.SIGCONT)


def _is_ready(client: httpx2.Client, path: str) -> bool:
    assert client.get(path).status_code == 200
    return bool(client.get("/readyz").json()["redis"] == "up")


def test_a_failover_on_request_leaves_no_stale_read(
    start_service: StartService, cluster: Cluster, admin: Account
) -> None:
    """One process writes, and another reads, until the old primary is a replica, and afterwards."""
    settings = {"REDIS_URL": cluster.url, "REDIS_KEY_PREFIX": "failover"}
    writer, reader = (start_service(**settings).client for _ in range(2))
    product = new_product(writer, admin)
    path = product_url(product)
    assert wait_until(lambda: _is_cached(reader, path), timeout_s=5)
    with redis.Redis(port=cluster.ports[0]) as sentinel:
        sentinel.execute_command("SENTINEL", "FAILOVER", _NAME)
    numbers = count()

    def change_and_read() -> bool:
        name = f"Name {next(numbers)}"
        assert edit(writer, admin, product, name=name).status_code == 200
        # While one process has followed the failover and the other one has not, this may take up to
        # a second, and on a busy machine longer. A stale read would last a minute.
        assert wait_until(lambda: reader.get(path).json()["name"] == name, timeout_s=5)  # check F26
        return cluster.old_primary_follows()

    assert wait_until(change_and_read, timeout_s=30)
    assert wait_until(lambda: _is_cached(reader, path), timeout_s=10)
    for _ in range(5):
        change_and_read()
