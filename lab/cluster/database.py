"""A database that fails over: a primary, a synchronous standby, and another replica."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

import psycopg
from psycopg import sql

from lab.cluster.etcd import EtcdServer
from lab.cluster.node import Node
from lab.cluster.patroni import Passwords
from lab.cluster.pooler import PoolerServer, set_timeouts
from lab.stack.config.paths import make_directory
from lab.stack.config.ports import LOOPBACK
from lab.stack.config.secrets import load_or_create_password
from lab.stack.errors import InterruptedStartError, LabError
from lab.stack.processes.waiting import never, wait_until
from lab.stack.servers import data_directory
from lab.stack.servers.server import Server

_MACHINES: Final = 3
_START_TIMEOUT_SECONDS: Final = 120.0
_CONNECT_TIMEOUT_SECONDS: Final = 2
# libpq recognizes a replica by a parameter that the server reports (`in_hot_standby`). PgBouncer
# keeps the parameters of its first session, and reports them to every client. If this session is on
# a replica, PgBouncer still reports a replica after the promotion of the replica. So with this
# query, a replica ends each new session before PgBouncer gives the session to a client. An error
# would not be enough, because PgBouncer ignores errors of this query.
_CONNECT_QUERY: Final = "SELECT pg_terminate_backend(pg_backend_pid()) WHERE pg_is_in_recovery()"
_POOLER_SETTINGS: Final = MappingProxyType(
    {
        # In seconds. If PgBouncer cannot log in to its server, it tries again after this time.
        "server_login_retry": "1",
        # In seconds: less than the two seconds that the service waits for a new connection.
        "query_wait_timeout": "1",
    }
)
_ONLY_PRIMARY: Final = "target_session_attrs=read-write"


class Machine(NamedTuple):
    """The servers of one machine: a node, and the pooler in front of it."""

    node: Node
    pooler: PoolerServer


class DatabaseCluster:
    """etcd, and three machines with Patroni, PostgreSQL and PgBouncer."""

    def __init__(self, directory: Path) -> None:
        make_directory(directory)
        self._directory = directory
        self._passwords = {
            name: load_or_create_password(directory / f"{name}-password")
            for name in ("postgres", "replicator", "migrator", "roundtrip")
        }
        self._etcd = EtcdServer(directory / "etcd")
        self.machines = [self._machine(number) for number in range(1, _MACHINES + 1)]
        self._on_machines = [server for machine in self.machines for server in machine]

    def _machine(self, number: int) -> Machine:
        passwords = Passwords(self._passwords["postgres"], self._passwords["replicator"])
        name = f"node-{number}"
        node = Node(name, self._directory / name, etcd=self._etcd, passwords=passwords)
        pooler = PoolerServer(
            f"pooler-{number}",
            self._directory / f"pooler-{number}",
            server=lambda: f"port={node.port} connect_query='{_CONNECT_QUERY}'",
            users={"roundtrip": self._passwords["roundtrip"]},
            settings=_POOLER_SETTINGS,
        )
        return Machine(node, pooler)

    @property
    def servers(self) -> list[Server]:
        """All servers, in the order in which they start."""
        return [self._etcd, *self._on_machines]

    @property
    def service_settings(self) -> Mapping[str, str]:
        """The settings with which a service finds the primary's pooler, also after a failover."""
        ports = [machine.pooler.port for machine in self.machines]
        return {"DATABASE_URL": self._url("roundtrip", ports), "DATABASE_POOLER": "transaction"}

    @property
    def migrator_url(self) -> str:
        """The URL of the primary, without a pooler, for the owner of the tables."""
        return self._url("migrator", self._node_ports)

    @property
    def superuser_url(self) -> str:
        """The URL of the primary, without a pooler, for the superuser."""
        return self._url("postgres", self._node_ports)

    @property
    def _node_ports(self) -> list[int]:
        return [machine.node.port for machine in self.machines]

    def _url(self, role: str, ports: list[int], database: str = "roundtrip") -> str:
        hosts = ",".join(f"{LOOPBACK}:{port}" for port in ports)
        return f"postgresql://{role}:{self._passwords[role]}@{hosts}/{database}?{_ONLY_PRIMARY}"

    @contextmanager
    def running(
        self, *, cancelled: Callable[[], bool] = never, kill_now: Callable[[], bool] = never
    ) -> Iterator[None]:
        """Run all servers until the end of the block. If the database is missing, create it.

        :raises InterruptedStartError: when `cancelled` returns true before all servers run.
        :raises LabError: when the nodes do not become a cluster.
        """
        with ExitStack() as started:
            # The last callback runs first. If a callback fails, the other callbacks still run.
            for server in self.servers:
                started.callback(server.stop, kill_now=kill_now)
            started.callback(self._send_stop_signals)
            self._etcd.launch()
            self._etcd.wait_until_ready(cancelled=cancelled)
            for server in self._on_machines:
                server.launch()
            for server in self._on_machines:
                server.wait_until_ready(_START_TIMEOUT_SECONDS, cancelled=cancelled)
            self._create_database(self.wait_until_complete(cancelled=cancelled))
            yield

    def _send_stop_signals(self) -> None:
        # Send the signals to all servers at once. Otherwise, the nodes elect a new primary when the
        # primary stops.
        for server in self._on_machines:
            server.send_stop_signal()

    def primary(self) -> Machine | None:
        """Return the machine of the primary. None during a failover."""
        return next((machine for machine in self.machines if machine.node.is_primary), None)

    def _complete_primary(self) -> Machine | None:
        """Return the machine of the primary if the cluster is complete."""
        primary = self.primary()
        return primary if primary and self._is_complete(primary) else None

    def _is_complete(self, primary: Machine) -> bool:
        members = primary.node.members()
        roles = sorted(str(member["role"]) for member in members)
        # For a replica, Patroni 3.0.4 and newer report `streaming`, and older versions `running`.
        states = {str(member["state"]) for member in members}
        return (
            roles == ["leader", "replica", "sync_standby"]
            and states <= {"running", "streaming"}
            and self._accepts_writes()
        )

    def _accepts_writes(self) -> bool:
        url = self._url("postgres", self._node_ports, "postgres")
        try:
            psycopg.connect(url, connect_timeout=_CONNECT_TIMEOUT_SECONDS).close()
        except psycopg.OperationalError:
            return False
        return True

    def wait_until_complete(self, *, cancelled: Callable[[], bool] = never) -> Machine:
        """Wait until all nodes run, and a kill of the primary cannot lose a commit.

        Return the machine of the primary.

        :raises InterruptedStartError, LabError: as in `running`.
        """
        if primary := wait_until(
            self._complete_primary, timeout_s=_START_TIMEOUT_SECONDS, abort=cancelled
        ):
            return primary
        if cancelled():
            raise InterruptedStartError("The cluster was stopped while it was starting.")
        logs = " ".join(str(machine.node.log) for machine in self.machines)
        raise LabError(f"The nodes have not become a cluster. Their logs:  less {logs}")

    def _create_database(self, primary: Machine) -> None:
        data_directory.create_database(
            primary.node.programs, port=primary.node.port, passwords=self._passwords
        )
        with psycopg.connect(self.superuser_url, autocommit=True) as database:
            set_timeouts(database, sql.Identifier("roundtrip"))
