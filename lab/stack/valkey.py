"""Valkey, the Redis-compatible server, from its wheel."""

import socket
from pathlib import Path
from typing import NamedTuple

from lab.stack import wheels
from lab.stack.ports import LOOPBACK
from lab.stack.secrets import kept_password, write_private
from lab.stack.servers import Server

# Nothing is written to disk: Postgres holds the truth, and what Valkey holds (cached reads, counts
# of requests) is worth nothing after a restart.
CONFIGURATION = """\
bind {host}
port {port}
requirepass {password}
dir "{directory}"
save ""
appendonly no
maxmemory {memory_size}
maxmemory-policy {memory_policy}
daemonize no
"""


class Memory(NamedTuple):
    """How much a server may hold, and what it does when that is used up."""

    size: str
    policy: str


# Cached reads have a lifetime each. Those that were not asked for the longest give way.
FOR_CACHED_READS = Memory("128mb", "volatile-lru")
# A count must not go before its window ends: then a client could begin again. The service counts
# for itself when the server takes no more.
FOR_COUNTS = Memory("32mb", "noeviction")


class ValkeyServer(Server):
    """A Valkey server on 127.0.0.1 that asks for a password and keeps nothing over a restart."""

    def __init__(
        self,
        directory: Path,
        *,
        name: str = "Valkey",
        memory: Memory = FOR_CACHED_READS,
        port: int | None = None,
        log: Path | None = None,
    ) -> None:
        """`directory` takes the configuration, the password and, without `log`, the log."""
        super().__init__(name, directory, port=port, log=log)
        self._memory = memory

    @property
    def password(self) -> str:
        """Made at the first start and kept in the directory."""
        return kept_password(self.directory / "password")

    @property
    def url(self) -> str:
        """`redis://…`, password included, database 0."""
        return f"redis://:{self.password}@{LOOPBACK}:{self.port}/0"

    def ready(self) -> bool:
        """Whether it takes the password and answers a ping."""
        try:
            with socket.create_connection((LOOPBACK, self.port), timeout=1) as connection:
                connection.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                with connection.makefile("rb") as answers:
                    return [answers.readline(), answers.readline()] == [b"+OK\r\n", b"+PONG\r\n"]
        except OSError:
            return False

    @property
    def _configuration(self) -> Path:
        return self.directory / "valkey.conf"

    def _prepare(self) -> None:
        text = CONFIGURATION.format(
            host=LOOPBACK,
            port=self.port,
            password=self.password,
            directory=self.directory,
            memory_size=self._memory.size,
            memory_policy=self._memory.policy,
        )
        # Not as arguments: a command line is shown to every user of the machine.
        write_private(self._configuration, text)

    def _command(self) -> list[str]:
        return [str(wheels.valkey_server()), str(self._configuration)]
