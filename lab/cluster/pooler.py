"""PgBouncer in transaction mode, in front of one PostgreSQL server of this machine."""

import signal
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Final

import psutil

from lab.cluster.programs import program
from lab.stack.paths import make_directory
from lab.stack.ports import LOOPBACK, accepts
from lab.stack.processes.record import has_ended
from lab.stack.processes.waiting import wait_until
from lab.stack.secrets import write_private
from lab.stack.servers import unprivileged
from lab.stack.servers.server import Server

# libpq recognizes a replica by a parameter that the server reports (`in_hot_standby`). PgBouncer
# keeps the parameters of its first session, and reports them to every client, even after the
# replica was promoted. So a replica ends each new session before PgBouncer gives it to a client.
# An error would not be enough: PgBouncer ignores an error of this query.
_CONNECT_QUERY: Final = "SELECT pg_terminate_backend(pg_backend_pid()) WHERE pg_is_in_recovery()"
_CONFIGURATION: Final = """\
[databases]
* = host={host} port={server_port} connect_query='{connect_query}'
[pgbouncer]
listen_addr = {host}
listen_port = {port}
unix_socket_dir =
auth_type = plain
auth_file = {users}
pool_mode = transaction
max_client_conn = 1000
# After this time, PgBouncer tries again whether its server is the primary.
server_login_retry = 1
# Less than the time after which the service gives up a new connection.
query_wait_timeout = 1
"""


class PoolerServer(Server):
    """A PgBouncer that serves only while its server is the primary."""

    # Ends PgBouncer at once. After SIGTERM, version 1.23 and newer wait for all clients.
    stop_signal = signal.SIGQUIT

    def __init__(
        self,
        name: str,
        directory: Path,
        *,
        server: Server,
        users: Mapping[str, str],
    ) -> None:
        """`users` are the names of the roles with their passwords."""
        super().__init__(name, directory)
        self._server = server
        self._users = users

    def ready(self) -> bool:
        """Return whether the pooler accepts connections."""
        return accepts(self.port)

    def kill(self) -> None:
        """Kill the process."""
        if process := self.process:
            with suppress(psutil.NoSuchProcess):
                process.kill()
            wait_until(lambda: has_ended(process), timeout_s=10)

    @cached_property
    def _parent(self) -> Path:
        make_directory(self.directory)
        return unprivileged.reachable_directory_for(self.directory)

    def _prepare(self) -> None:
        users, configuration = self._parent / "users.txt", self._parent / "pgbouncer.ini"
        lines = [f'"{name}" "{password}"\n' for name, password in self._users.items()]
        write_private(users, "".join(lines))
        text = _CONFIGURATION.format(
            host=LOOPBACK,
            port=self.port,
            server_port=self._server.port,
            users=users,
            connect_query=_CONNECT_QUERY,
        )
        write_private(configuration, text)
        # PgBouncer refuses to run as root.
        for path in (self._parent, users, configuration):
            unprivileged.hand_over(path)

    def _command(self) -> list[str]:
        return [program("pgbouncer"), str(self._parent / "pgbouncer.ini")]

    def _popen_user(self) -> unprivileged.PopenUser:
        return unprivileged.popen_user()
