"""Connects to a Redis server: at its own address, or at the address that Sentinel names."""

from typing import Any, Final
from urllib.parse import unquote, urlsplit

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool
from redis.backoff import NoBackoff
from redis.maint_notifications import MaintNotificationsConfig

from app.settings.cache import REDIS_SENTINEL_SCHEMES
from app.settings.types import url_parameters

_SENTINEL_PORT: Final = 26379


def redis_client(url: str, *, timeout_seconds: float) -> Redis:
    """Return a client that does not retry. It waits `timeout_seconds` for a connection (TCP, TLS).

    The caller must limit the time of all commands, including the login of a connection.

    With a URL such as `redis+sentinel://:password@host-1:26379,host-2:26379/primary-name/0`, each
    new connection asks the sentinels for the current primary. The parameter `sentinel_password` is
    the password of the sentinels.
    """
    options: dict[str, Any] = {
        # Each batch has its own timeout. With a socket timeout, redis-py would create a task for
        # each write.
        "socket_timeout": None,
        "socket_connect_timeout": timeout_seconds,
        # A second attempt to connect would take the time of the batch.
        "retry": Retry(NoBackoff(), 0),
        # With maintenance notifications, the pool treats a connection that the server has closed as
        # usable.
        "maint_notifications_config": MaintNotificationsConfig(enabled=False),
    }
    parts = urlsplit(url)
    if parts.scheme not in REDIS_SENTINEL_SCHEMES:
        return Redis.from_url(url, **options)
    name, _, number = parts.path.removeprefix("/").partition("/")
    hosts = [urlsplit(f"//{host}") for host in parts.netloc.rpartition("@")[2].split(",")]
    has_tls = parts.scheme.startswith("rediss")
    # A sentinel that does not answer must leave time for the other ones and for the primary.
    sentinel_timeout = timeout_seconds / (len(hosts) + 1)
    sentinels = Sentinel(  # type: ignore[no-untyped-call] # redis-py has no types here
        [(host.hostname, host.port or _SENTINEL_PORT) for host in hosts],
        sentinel_kwargs={
            **options,
            "socket_timeout": sentinel_timeout,
            "socket_connect_timeout": sentinel_timeout,
            "password": url_parameters(parts).get("sentinel_password", [None])[0],
            "ssl": has_tls,
        },
    )
    client: Redis = sentinels.master_for(
        unquote(name),
        db=int(number or 0),
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        ssl=has_tls,
        **options,
    )
    return client


async def close(client: Redis) -> None:
    """Close a client of `redis_client`, with its connections to the sentinels."""
    await client.aclose()
    pool = client.connection_pool
    if isinstance(pool, SentinelConnectionPool):
        await pool.sentinel_manager.aclose()
