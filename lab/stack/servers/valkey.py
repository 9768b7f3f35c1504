"""Valkey, a Redis-compatible server, from a wheel."""

import socket
from pathlib import Path
from typing import NamedTuple

from lab.stack.config.ports import LOOPBACK
from lab.stack.config.secrets import load_or_create_password, write_private
from lab.stack.servers import wheels
from lab.stack.servers.server import Server

# Valkey writes no data to disk: cached reads and counts of requests are not needed after a restart.
# All lasting data are in PostgreSQL.
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
    """The maximum memory of a server, and its eviction policy when that memory is full."""

    size: str
    policy: str


# Each cached read has a TTL. When the memory is full, the least recently used reads are deleted.
FOR_CACHED_READS = Memory("128mb", "volatile-lru")
# If Valkey deleted a count before its window ends, the client's limit would start again. So Valkey
# refuses new counts when the memory is full, and each service process counts in its own memory.
FOR_COUNTS = Memory("32mb", "noeviction")


class ValkeyServer(Server):
    """A Valkey server on 127.0.0.1. It requires a password, and a restart deletes its data."""

    fault_name = "redis"

    def __init__(
        self,
        directory: Path,
        *,
        name: str = "Valkey",
        memory: Memory = FOR_CACHED_READS,
        password: str | None = None,
        log: Path | None = None,
    ) -> None:
        """`directory` has the configuration, and the password and log that are not given."""
        super().__init__(name, directory, log=log)
        self._memory = memory
        self._password = password

    @property
    def password(self) -> str:
        """The given password, or one that the first call creates and writes to `directory`."""
        return self._password or load_or_create_password(self.directory / "password")

    @property
    def url(self) -> str:
        """The URL of database 0, `redis://…`, with the password."""
        return f"redis://:{self.password}@{LOOPBACK}:{self.port}/0"

    def ready(self) -> bool:
        """Return whether the server accepts the password and answers a PING."""
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
        text += self._topology()
        # The password is in a file, because every user of the machine can see the command line.
        write_private(self._configuration, text)

    def _topology(self) -> str:
        return ""

    def _command(self) -> list[str]:
        return [str(wheels.valkey_server()), str(self._configuration)]
