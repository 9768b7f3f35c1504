"""A Redis that fails over: a primary and two replicas, watched by three sentinels."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import redis

from lab.stack.errors import LabError
from lab.stack.paths import make_directory
from lab.stack.ports import LOOPBACK, accepts
from lab.stack.processes.waiting import wait_until
from lab.stack.secrets import load_or_create_password, write_private
from lab.stack.servers import wheels
from lab.stack.servers.server import Server
from lab.stack.servers.valkey import ValkeyServer

PRIMARY_NAME: Final = "cache"
"""The name under which the sentinels know the primary."""
_SERVERS: Final = 3
_START_TIMEOUT_SECONDS: Final = 20.0
_CONFIGURATION: Final = """\
port {port}
bind {host}
dir "{directory}"
sentinel monitor {name} {host} {primary_port} 2
sentinel auth-pass {name} {password}
sentinel down-after-milliseconds {name} 500
sentinel failover-timeout {name} 3000
"""


class _Member(ValkeyServer):
    """A server that may become the primary. So all members have the same password."""

    def __init__(self, name: str, directory: Path, password: str) -> None:
        super().__init__(directory, name=name)
        self._password = password

    @property
    def password(self) -> str:
        """The password of all members."""
        return self._password


class SentinelServer(Server):
    """A sentinel. A failover starts when two of three agree that the primary is down."""

    def __init__(self, name: str, directory: Path, *, primary: ValkeyServer) -> None:
        super().__init__(name, directory)
        self._primary = primary

    def ready(self) -> bool:
        """Return whether the sentinel accepts connections."""
        return accepts(self.port)

    def state(self) -> dict[str, Any]:
        """Return what the sentinel knows about the primary: `port`, `num-slaves`, and so on."""
        with redis.Redis(port=self.port) as sentinel:
            state: dict[str, Any] = sentinel.sentinel_master(PRIMARY_NAME)
            return state

    def _prepare(self) -> None:
        # The sentinel adds what it learns to this file.
        write_private(
            self.directory / "sentinel.conf",
            _CONFIGURATION.format(
                port=self.port,
                host=LOOPBACK,
                directory=self.directory,
                name=PRIMARY_NAME,
                primary_port=self._primary.port,
                password=self._primary.password,
            ),
        )

    def _command(self) -> list[str]:
        return [str(wheels.valkey_server()), str(self.directory / "sentinel.conf"), "--sentinel"]


class SentinelRedis:
    """Three servers and three sentinels. At the start, the first server is the primary."""

    def __init__(self, directory: Path) -> None:
        make_directory(directory)
        password = load_or_create_password(directory / "redis-password")
        self.servers = [_Member(name, directory / name, password) for name in _names("valkey")]
        self.sentinels = [
            SentinelServer(name, directory / name, primary=self.servers[0])
            for name in _names("sentinel")
        ]

    @property
    def url(self) -> str:
        """The URL with which a service finds the primary, whichever it is."""
        hosts = ",".join(f"{LOOPBACK}:{sentinel.port}" for sentinel in self.sentinels)
        return f"redis+sentinel://:{self.servers[0].password}@{hosts}/{PRIMARY_NAME}/0"

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run all servers until the end of the block. A server that ends is not started again.

        :raises LabError: when the sentinels do not find each other and both replicas.
        """
        primary = self.servers[0]
        with ExitStack() as running:
            for server in self.servers:
                running.enter_context(server)
                with redis.Redis.from_url(server.url) as connection:
                    connection.config_set("masterauth", server.password)
                    # docs/scaling.md says why this is needed.
                    connection.config_set("min-replicas-to-write", 1)
                    if server is not primary:
                        connection.replicaof(LOOPBACK, primary.port)
            for sentinel in self.sentinels:
                running.enter_context(sentinel)
            if not wait_until(self._is_complete, timeout_s=_START_TIMEOUT_SECONDS):
                raise LabError(
                    f"The sentinels have not found all servers:  less {self.sentinels[0].log}"
                )
            yield

    def _is_complete(self) -> bool:
        """Return whether each sentinel knows both replicas and the other two sentinels."""
        try:
            states = [sentinel.state() for sentinel in self.sentinels]
        except redis.RedisError:
            return False
        others = _SERVERS - 1
        return all(
            (state["num-slaves"], state["num-other-sentinels"]) == (others, others)
            for state in states
        )


def _names(kind: str) -> list[str]:
    return [f"{kind}-{number}" for number in range(1, _SERVERS + 1)]
