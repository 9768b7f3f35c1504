"""Deletes the cached reads of the service, so that it reads what the seed has added."""

from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

import redis
from redis.sentinel import Sentinel

from lab.stack.ports import SENTINEL_PORT, addresses_in

_TIMEOUT_SECONDS: Final = 5.0


def delete(redis_url: str, *, key_prefix: str) -> None:
    """Delete the cached reads. Without this, reads can be stale for up to two minutes.

    :raises redis.RedisError: when no server answers.
    """
    with _client(redis_url) as client:
        for key in client.scan_iter(f"{key_prefix}:cache:*", count=1000):
            client.unlink(key)


def _client(url: str) -> redis.Redis:
    parts = urlsplit(url)
    if not parts.scheme.endswith("+sentinel"):
        return redis.Redis.from_url(url)
    has_tls = parts.scheme.startswith("rediss")
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
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        socket_timeout=_TIMEOUT_SECONDS,
        ssl=has_tls,
    )
    return client
