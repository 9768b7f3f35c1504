"""Deletes the service's cached reads, so that the service reads what the seed has added."""

from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

import redis
from redis.cluster import ClusterNode
from redis.sentinel import Sentinel

from lab.stack.config.ports import REDIS_PORT, SENTINEL_PORT, addresses_in

_TIMEOUT_SECONDS: Final = 5.0


def delete(redis_url: str, *, key_prefix: str) -> None:
    """Delete the cached reads. Without this, reads can be stale for up to two minutes.

    :raises redis.RedisError, RedisClusterException: when no server answers.
    """
    with _client(redis_url) as client:
        for key in client.scan_iter(f"{key_prefix}:cache:*", count=1000):
            client.unlink(key)


def _client(url: str) -> redis.Redis | redis.RedisCluster:
    parts = urlsplit(url)
    has_tls = parts.scheme.startswith("rediss")
    login: dict[str, Any] = {
        "username": unquote(parts.username) if parts.username else None,
        "password": unquote(parts.password) if parts.password else None,
        "ssl": has_tls,
        "socket_timeout": _TIMEOUT_SECONDS,
    }
    if parts.scheme.endswith("+cluster"):
        nodes = [
            ClusterNode(host, port)  # type: ignore[no-untyped-call] # redis-py has no types here
            for host, port in addresses_in(url, REDIS_PORT)
        ]
        return redis.RedisCluster(startup_nodes=nodes, **login)
    if not parts.scheme.endswith("+sentinel"):
        return redis.Redis.from_url(url)
    name, _, number = parts.path.removeprefix("/").partition("/")
    # `parse_qs` would read a plus sign as a space.
    parameters = parse_qs(parts.query.replace("+", "%2B"))
    sentinels = Sentinel(  # type: ignore[no-untyped-call] # redis-py has no types here
        addresses_in(url, SENTINEL_PORT),
        sentinel_kwargs={
            "socket_timeout": _TIMEOUT_SECONDS,
            "password": parameters.get("sentinel_password", [None])[0],
            "ssl": has_tls,
        },
    )
    client: redis.Redis = sentinels.master_for(  # type: ignore[no-untyped-call] # as above
        unquote(name),
        db=int(number or 0),
        **login,
    )
    return client
