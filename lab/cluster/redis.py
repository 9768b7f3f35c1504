"""A Redis that fails over: a primary and two replicas, watched by three sentinels."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from lab.stack.config.paths import make_directory
from lab.stack.config.ports import LOOPBACK, accepts
from lab.stack.config.secrets import load_or_create_password, write_private
from lab.stack.errors import LabError
from lab.stack.processes.waiting import wait_until
from lab.stack.servers import wheels
from lab.stack.servers.server import Server
from lab.stack.servers.valkey import ValkeyServer

PRIMARY_NAME: Final = "cache"
"""The name under which the sentinels know the primary."""
_SERVERS: Final = 3
_START_TIMEOUT_SECONDS: Final = 20.0
# If a failover fails, the sentinels try again after twice their `failover-timeout`.
_MAX_WAIT_FOR_FAILOVER_SECONDS: Final = 10.0
_CONFIGURATION: Final = """\
port {port}
bind {host}
dir "{directory}"
sentinel monitor {name} {host} {primary_port} 2
sentinel auth-pass {name} {password}
sentinel down-after-milliseconds {name} 500
sentinel failover-timeout {name} 3000
"""


class ReplicatedValkey(ValkeyServer):
    """A server that can become the primary. All these servers have the same password."""

    fault_name = "node"

    def __init__(self, name: str, directory: Path, group: "SentinelRedis", password: str) -> None:
        super().__init__(directory, name=name, password=password)
        self._group = group

    def launch(self) -> None:
        """Start the server. If it was the primary, wait until another server is the primary."""
        # A restarted server is empty. If it were still the primary, the replicas would delete their
        # data. If no failover follows in time, the server starts nevertheless.
        if self._group.primary() is self:
            wait_until(
                lambda: self._group.primary() not in {None, self},
                timeout_s=_MAX_WAIT_FOR_FAILOVER_SECONDS,
            )
        super().launch()

    def _topology(self) -> str:
        primary = self._group.primary() or self._group.servers[0]
        replica = "" if primary is self else f"replicaof {LOOPBACK} {primary.port}\n"
        # docs/scaling.md says why `min-replicas-to-write` is needed.
        return f"masterauth {self.password}\nmin-replicas-to-write 1\n{replica}"


class SentinelServer(Server):
    """A sentinel. A failover starts when two of three sentinels agree that the primary is down."""

    def __init__(self, name: str, directory: Path, *, primary: ValkeyServer) -> None:
        super().__init__(name, directory)
        self._primary = primary

    def ready(self) -> bool:
        """Return whether the sentinel accepts connections."""
        return accepts(self.port)

    def state(self) -> dict[str, Any]:
        """Return what the sentinel knows about the primary: `port`, `num-slaves`, and so on.

        :raises redis.RedisError: when the sentinel does not answer within a second.
        """
        with redis.Redis(port=self.port, socket_timeout=1, retry=Retry(NoBackoff(), 0)) as sentinel:
            state: dict[str, Any] = sentinel.sentinel_master(PRIMARY_NAME)
            return state

    @property
    def _configuration(self) -> Path:
        return self.directory / "sentinel.conf"

    def delete_configuration(self) -> None:
        """Delete the file in which the sentinel has recorded the other servers."""
        self._configuration.unlink(missing_ok=True)

    def _prepare(self) -> None:
        # The sentinel itself writes the servers that it finds, and each new primary, to this file.
        # So an existing file is kept.
        if self._configuration.exists():
            return
        write_private(
            self._configuration,
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
        return [str(wheels.valkey_server()), str(self._configuration), "--sentinel"]


class SentinelRedis:
    """Three servers and three sentinels. At the start, the first server is the primary."""

    def __init__(self, directory: Path) -> None:
        make_directory(directory)
        password = load_or_create_password(directory / "redis-password")
        self.servers = [
            ReplicatedValkey(name, directory / name, self, password) for name in _names("valkey")
        ]
        self.sentinels = [
            SentinelServer(name, directory / name, primary=self.servers[0])
            for name in _names("sentinel")
        ]

    @property
    def url(self) -> str:
        """The URL with which a service finds the primary, also after a failover."""
        hosts = ",".join(f"{LOOPBACK}:{sentinel.port}" for sentinel in self.sentinels)
        return f"redis+sentinel://:{self.servers[0].password}@{hosts}/{PRIMARY_NAME}/0"

    def primary(self) -> ValkeyServer | None:
        """Return the primary that the first answering sentinel names. None if none answers."""
        for sentinel in self.sentinels:
            with suppress(redis.RedisError):
                port = sentinel.state()["port"]
                return next((it for it in self.servers if it.port == port), None)
        return None

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run all servers until the end of the block. At first, `servers[0]` is the primary.

        :raises LabError: when a server does not start, or when a sentinel does not find both
            replicas and both other sentinels.
        """
        with ExitStack() as running:
            for server in self.servers:
                running.enter_context(server)
            for sentinel in self.sentinels:
                sentinel.delete_configuration()
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
