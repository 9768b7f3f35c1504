"""A Redis Cluster of Valkey servers: three primaries, with a replica each."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import redis

from lab.stack.config.ports import LOOPBACK, free_port
from lab.stack.config.secrets import load_or_create_password
from lab.stack.processes.waiting import wait_until
from lab.stack.servers.valkey import ValkeyServer

_PRIMARIES = 3
_SLOTS = 16_384


class ClusterNode(ValkeyServer):
    """A server of the cluster. All servers have the same password."""

    def __init__(self, name: str, directory: Path, password: str) -> None:
        super().__init__(directory, name=name, password=password)
        # The other nodes connect to this port.
        self.bus_port = free_port()

    def _topology(self) -> str:
        return (
            f"masterauth {self.password}\ncluster-enabled yes\ncluster-config-file nodes.conf\n"
            f"cluster-port {self.bus_port}\ncluster-node-timeout 1000\nrepl-diskless-sync-delay 0\n"
        )

    def execute(self, *command: str | int) -> Any:
        """Run a command on this server.

        :raises redis.RedisError: when the server does not answer, or answers with an error.
        """
        with redis.Redis(port=self.port, password=self.password, socket_timeout=1) as connection:
            return connection.execute_command(*command)


class ValkeyCluster:
    """At the start, the first three servers are the primaries."""

    def __init__(self, directory: Path) -> None:
        password = load_or_create_password(directory / "cluster-password")
        self.nodes = [
            ClusterNode(f"node-{number}", directory / f"node-{number}", password)
            for number in range(2 * _PRIMARIES)
        ]
        self.primaries, self.replicas = self.nodes[:_PRIMARIES], self.nodes[_PRIMARIES:]

    @property
    def url(self) -> str:
        """The URL with which a service finds all primaries.

        It also names one replica, so that a service can connect while one primary is down.
        """
        hosts = ",".join(f"{LOOPBACK}:{node.port}" for node in self.nodes[:4])
        return f"redis+cluster://:{self.nodes[0].password}@{hosts}"

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run all servers until the end of the block."""
        with ExitStack() as running:
            for node in self.nodes:
                running.enter_context(node)
            self._join()
            yield

    def _join(self) -> None:
        bounds = [_SLOTS * number // _PRIMARIES for number in range(_PRIMARIES + 1)]
        for primary, (first, end) in zip(self.primaries, pairwise(bounds), strict=True):
            primary.execute("CLUSTER ADDSLOTSRANGE", first, end - 1)
        for number, node in enumerate(self.nodes):
            # With different epochs, the nodes agree sooner on the owner of each slot.
            node.execute("CLUSTER SET-CONFIG-EPOCH", number + 1)
            if node is not self.nodes[0]:
                self.nodes[0].execute("CLUSTER MEET", LOOPBACK, node.port, node.bus_port)
        assert wait_until(lambda: all(map(self._knows_all, self.nodes)), timeout_s=20)
        for primary, replica in zip(self.primaries, self.replicas, strict=True):
            replica.execute("CLUSTER REPLICATE", primary.execute("CLUSTER MYID"))
        assert wait_until(lambda: all(map(self._has_data, self.replicas)), timeout_s=20)

    def _knows_all(self, node: ClusterNode) -> bool:
        """Return whether a node has met all other nodes, and all slots have a primary."""
        state = node.execute("CLUSTER INFO")
        known = str(len(self.nodes))
        return bool(state["cluster_state"] == "ok" and state["cluster_known_nodes"] == known)

    def _has_data(self, replica: ClusterNode) -> bool:
        """Return whether a replica has copied its primary's data and can replace the primary."""
        return bool(replica.execute("INFO", "replication").get("master_link_status") == "up")

    def owner(self, key: str) -> int:
        """Return the number of the shard that has the key: the index of its first primary."""
        slot = self.nodes[0].execute("CLUSTER KEYSLOT", key)
        counts = [node.execute("CLUSTER COUNTKEYSINSLOT", slot) for node in self.primaries]
        return counts.index(max(counts))

    def is_primary(self, node: ClusterNode) -> bool:
        """Return whether a server says that it is a primary. False if it does not answer."""
        try:
            return bool(node.execute("INFO", "replication")["role"] == "master")
        except redis.RedisError:
            return False
