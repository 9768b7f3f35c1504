"""PgBouncer in transaction mode, in front of one PostgreSQL server of this machine."""

import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql

from lab.cluster.programs import program
from lab.stack.config.ports import LOOPBACK, accepts, with_port
from lab.stack.config.secrets import write_private
from lab.stack.servers import unprivileged
from lab.stack.servers.server import Server

TIMEOUTS: Final = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
"""The settings that the role of a service behind a pooler needs (docs/scaling.md)."""
ROLE_TIMEOUT_SECONDS: Final = 5
"""The timeout of `set_timeouts`: the default of `DATABASE_STATEMENT_TIMEOUT`."""
_CONFIGURATION: Final = """\
[databases]
* = host={host} {server}
[pgbouncer]
listen_addr = {host}
listen_port = {port}
unix_socket_dir =
auth_type = plain
auth_file = {users}
pool_mode = transaction
max_client_conn = 1000
{settings}
"""


class PoolerServer(Server):
    """A PgBouncer in transaction mode."""

    # SIGQUIT ends PgBouncer at once. After SIGTERM, version 1.23 and newer wait for all clients.
    stop_signal = signal.SIGQUIT
    fault_name = "node"
    drops_root = True

    def __init__(
        self,
        name: str,
        directory: Path,
        *,
        server: Callable[[], str],
        users: Mapping[str, str],
        settings: Mapping[str, str],
    ) -> None:
        """`server` returns the options for `[databases]`, such as `port=5432`.

        `users` has the password of each role. `settings` are added to `[pgbouncer]`.
        """
        super().__init__(name, directory)
        self._server = server
        self._users = users
        self._settings = settings

    def ready(self) -> bool:
        """Return whether the pooler accepts connections."""
        return accepts(self.port)

    def service_settings(self, database_url: str) -> Mapping[str, str]:
        """Return the settings of a service that uses this database through the pooler."""
        return {
            "DATABASE_URL": with_port(database_url, self.port),
            "DATABASE_POOLER": "transaction",
        }

    def _prepare(self) -> None:
        users, configuration = self._home / "users.txt", self._home / "pgbouncer.ini"
        lines = [f'"{name}" "{password}"\n' for name, password in self._users.items()]
        write_private(users, "".join(lines))
        text = _CONFIGURATION.format(
            host=LOOPBACK,
            port=self.port,
            server=self._server(),
            users=users,
            settings="\n".join(f"{name} = {value}" for name, value in self._settings.items()),
        )
        write_private(configuration, text)
        # Root starts PgBouncer as the user `nobody`, who must be able to read these files.
        for path in (self._home, users, configuration):
            unprivileged.hand_over(path)

    def _command(self) -> list[str]:
        return [program("pgbouncer"), str(self._home / "pgbouncer.ini")]


def set_timeouts(connection: psycopg.Connection, target: sql.Composable) -> None:
    """Give a role the timeouts of the service. `target` is the SQL after `ALTER ROLE`."""
    for name in TIMEOUTS:
        command = sql.SQL("ALTER ROLE {} SET {} = {}")
        timeout = sql.Literal(f"{ROLE_TIMEOUT_SECONDS}s")
        connection.execute(command.format(target, sql.Identifier(name), timeout))
