"""The servers of `lab cluster`: a database that fails over, and a Redis that fails over."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from lab.cluster.database import DatabaseCluster
from lab.cluster.redis import SentinelRedis
from lab.stack.processes.waiting import never
from lab.stack.servers.server import Server


class Cluster:
    """A database and a Redis. Each has three nodes, of which one is the primary."""

    def __init__(self, directory: Path) -> None:
        self.database = DatabaseCluster(directory)
        self.cache = SentinelRedis(directory)

    @property
    def all_servers(self) -> Sequence[Server]:
        """All servers, in the order in which they start."""
        return [*self.database.servers, *self.cache.servers, *self.cache.sentinels]

    @property
    def nodes(self) -> Mapping[str, Sequence[Server]]:
        """The servers on each node's machine, by the name of the node."""
        databases = {machine.node.name: machine for machine in self.database.machines}
        return {**databases, **{server.name: [server] for server in self.cache.servers}}

    def primaries(self) -> Mapping[str, str]:
        """Return the names of the nodes that are primaries now: `database` and `redis`."""
        database, redis = self.database.primary(), self.cache.primary()
        found = {
            "database": database.node.name if database is not None else None,
            "redis": redis.name if redis is not None else None,
        }
        return {kind: name for kind, name in found.items() if name is not None}

    @property
    def stack_settings(self) -> Mapping[str, str]:
        """The settings of a stack that uses the primaries, whichever they are."""
        return {
            **self.database.service_settings,
            "MIGRATION_DATABASE_URL": self.database.migrator_url,
            "REDIS_URL": self.cache.url,
        }

    @contextmanager
    def running(
        self, *, cancelled: Callable[[], bool] = never, kill_now: Callable[[], bool] = never
    ) -> Iterator[None]:
        """Run all servers until the end of the block.

        :raises InterruptedStartError, LabError: as in `DatabaseCluster` and `SentinelRedis`.
        """
        with (
            self.database.running(cancelled=cancelled, kill_now=kill_now),
            self.cache.running(),
        ):
            yield
