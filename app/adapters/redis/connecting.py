"""Connects to Redis: to one server, to the primary that Sentinel names, or to a cluster."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol
from urllib.parse import SplitResult, unquote, urlsplit

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool
from redis.backoff import NoBackoff
from redis.maint_notifications import MaintNotificationsConfig
from redis.typing import EncodableT

from app.settings.types import url_parameters

_PORT: Final = 6379
_SENTINEL_PORT: Final = 26379
WRITE_CHECK_SECONDS: Final = 1.0
"""The minimum time between two checks whether a server accepts writes."""
Command = tuple[EncodableT, ...]


@dataclass(frozen=True)
class ConnectionOptions:
    """What a connection needs."""

    url: str = field(repr=False)
    timeout_seconds: float
    missing_key: str
    """No key begins with this text. So UNLINK of such a key is a write that deletes nothing."""
    on_other_server: Callable[[], None]
    """Called after each connection to a server that may lack earlier writes."""


class RedisConnection(Protocol):
    """A connection to one server, or to all primaries of a cluster."""

    def slot(self, key: str) -> int:
        """Return the slot of a key. All keys of one command must have the same slot."""
        ...

    async def exchange(self, commands: Sequence[Command]) -> list[Any]:
        """Send a batch of commands. Return an answer, or a `RedisUnavailable`, for each of them.

        The caller must limit the time. Raises one of `FAILURES` if the whole batch has failed.
        """
        ...

    async def check(self) -> None:
        """Send a write that changes nothing, on a connection that no batch uses.

        Raises one of `FAILURES` if a server does not answer or accepts no writes.
        """
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...


def redis_client(url: str, *, timeout_seconds: float) -> Redis:
    """Return a client that does not retry. It connects (TCP, TLS) within `timeout_seconds`.

    The caller must limit the time of all commands, including the login of a connection.

    With a URL such as `redis+sentinel://:password@host-1:26379,host-2:26379/primary-name/0`, each
    new connection asks the sentinels for the current primary. The parameter `sentinel_password` is
    the password of the sentinels.
    """
    options = _options(timeout_seconds)
    parts = urlsplit(url)
    if not parts.scheme.endswith("+sentinel"):
        return Redis.from_url(url, **options)
    name, _, number = parts.path.removeprefix("/").partition("/")
    hosts = _hosts(parts, _SENTINEL_PORT)
    login = _login(parts)
    # The wait for a sentinel that does not answer must leave time for the other sentinels and the
    # primary.
    sentinel_timeout = timeout_seconds / (len(hosts) + 1)
    sentinels = Sentinel(  # type: ignore[no-untyped-call] # redis-py has no types here
        hosts,
        sentinel_kwargs={
            **options,
            "socket_timeout": sentinel_timeout,
            "socket_connect_timeout": sentinel_timeout,
            "password": url_parameters(parts).get("sentinel_password", [None])[0],
            "ssl": login["ssl"],
        },
    )
    client: Redis = sentinels.master_for(unquote(name), db=int(number or 0), **login, **options)
    return client


async def close(client: Redis) -> None:
    """Close a client that `redis_client` has returned, and its connections to the sentinels."""
    await client.aclose()
    pool = client.connection_pool
    if isinstance(pool, SentinelConnectionPool):
        await pool.sentinel_manager.aclose()


def cluster_client(url: str, *, timeout_seconds: float) -> RedisCluster:
    """Return a client of a cluster. The client does not retry, but follows redirections.

    The URL lists some nodes: `redis+cluster://:password@host-1:6379,host-2:6379`. The client asks
    one of them for all primaries. The caller must limit the time of all commands.
    """
    parts = urlsplit(url)
    hosts = _hosts(parts, _PORT)
    # The wait for a node that does not answer must leave time for the other nodes.
    node_timeout = timeout_seconds / (len(hosts) + 1)
    cluster = RedisCluster(
        startup_nodes=[ClusterNode(host, port) for host, port in hosts],
        # Always ask the nodes that the URL names. Their host names stay valid when all nodes get
        # new IP addresses.
        dynamic_startup_nodes=False,
        **_login(parts),
        **_options(node_timeout),
    )
    # The client uses its connections to these nodes only to ask for the primaries.
    for node in cluster.nodes_manager.startup_nodes.values():
        node.connection_kwargs["socket_timeout"] = node_timeout
    return cluster


async def close_cluster(cluster: RedisCluster) -> None:
    """Close all connections of a cluster's client. The client connects again when it is used."""
    await cluster.aclose()
    # After some errors, redis-py assumes that the client is closed. Then `aclose` leaves some
    # connections open.
    await cluster.nodes_manager.aclose()
    await cluster.nodes_manager.aclose("startup_nodes")


def _options(connect_timeout: float) -> dict[str, Any]:
    return {
        # Each batch has its own timeout. With a socket timeout, redis-py would create a task for
        # each write.
        "socket_timeout": None,
        "socket_connect_timeout": connect_timeout,
        # A second attempt to connect would use up the time of the batch.
        "retry": Retry(NoBackoff(), 0),
        # With maintenance notifications, the pool would treat a connection as usable after the
        # server has closed it.
        "maint_notifications_config": MaintNotificationsConfig(enabled=False),
    }


def _hosts(parts: SplitResult, default_port: int) -> list[tuple[str, int]]:
    hosts = [urlsplit(f"//{host}") for host in parts.netloc.rpartition("@")[2].split(",")]
    return [(host.hostname or "localhost", host.port or default_port) for host in hosts]


def _login(parts: SplitResult) -> dict[str, Any]:
    return {
        "username": unquote(parts.username) if parts.username else None,
        "password": unquote(parts.password) if parts.password else None,
        "ssl": parts.scheme.startswith("rediss"),
    }
