"""The servers of `lab cluster`: a database that fails over, and a Redis that fails over."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from lab.cluster.database import DatabaseCluster
from lab.cluster.redis import SentinelRedis
from lab.stack.servers.server import Server

DATABASE: Final = "the database"
REDIS: Final = "Redis"


class Cluster:
    """The database and Redis. Each has a primary and two replicas, on three machines."""

    def __init__(self, directory: Path) -> None:
        self.database = DatabaseCluster(directory)
        self.redis = SentinelRedis(directory)

    @property
    def servers(self) -> Sequence[Server]:
        """All servers, in the order in which they start."""
        return [*self.database.servers, *self.redis.servers, *self.redis.sentinels]

    @property
    def machines(self) -> Mapping[str, Sequence[Server]]:
        """The servers of each machine that `lab fault node` can break, by the machine's name."""
        databases = {machine.node.name: machine for machine in self.database.machines}
        return {**databases, **{server.name: [server] for server in self.redis.servers}}

    def primaries(self) -> Mapping[str, str]:
        """Return the names of the machines of the primaries, by `DATABASE` and `REDIS`.

        A kind is missing while its primary is not known. Until a failover, the sentinels still name
        the primary that has failed.
        """
        found = {}
        if machine := self.database.primary():
            found[DATABASE] = machine.node.name
        if server := self.redis.primary():
            found[REDIS] = server.name
        return found

    @property
    def stack_settings(self) -> Mapping[str, str]:
        """The settings with which a stack uses the primaries, also after a failover."""
        return {
            **self.database.service_settings,
            "MIGRATION_DATABASE_URL": self.database.migrator_url,
            "REDIS_URL": self.redis.url,
        }

    @contextmanager
    def running(
        self, *, cancelled: Callable[[], bool], kill_now: Callable[[], bool]
    ) -> Iterator[None]:
        """Run all servers until the end of the block.

        :raises InterruptedStartError: when `cancelled` returns true before the database runs.
        :raises LabError: when a server does not start, or the servers do not find each other.
        """
        with (
            self.database.running(cancelled=cancelled, kill_now=kill_now),
            self.redis.running(),
        ):
            yield

    def thaw(self) -> None:
        """Continue frozen servers, so that their clients do not wait for timeouts."""
        for server in self.servers:
            server.thaw()

    def end_leftovers(self) -> list[str]:
        """End the servers that a killed `lab cluster` has left. Return the servers' names."""
        self.thaw()
        # etcd is last, because the nodes use it while they stop.
        return [server.name for server in reversed(self.servers) if server.end_leftover()]
