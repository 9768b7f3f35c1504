"""The settings of Redis, and of the cached reads in it."""

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, PositiveFloat, PositiveInt, SecretStr
from pydantic_core import PydanticCustomError

from app.settings.types import EnvironmentSettings, address, in_any_case

# A URL with one of these schemes names several servers; see docs/scaling.md.
_SENTINEL_SCHEMES = {"redis+sentinel", "rediss+sentinel"}
_CLUSTER_SCHEMES = {"redis+cluster", "rediss+cluster"}
# The path of a Sentinel URL: `/name` or `/name/database`. A path such as `/0` does not match: it
# has a database, but no name.
_PRIMARY = re.compile(r"/(?!\d+$)[^/]+(/\d+)?")


def _check_path(url: SecretStr) -> SecretStr:
    parts = urlsplit(url.get_secret_value())
    if parts.scheme in _SENTINEL_SCHEMES and not _PRIMARY.fullmatch(parts.path):
        example = "redis+sentinel://:password@host-1:26379,host-2:26379/name-of-primary/0"
        raise PydanticCustomError("url", f"does not name the primary; write it like `{example}`")
    if parts.scheme in _CLUSTER_SCHEMES and (parts.path not in {"", "/", "/0"} or parts.query):
        example = "redis+cluster://:password@host-1:6379,host-2:6379"
        message = f"has a database or parameters, but a cluster has none; write it like `{example}`"
        raise PydanticCustomError("url", message)
    return url


RedisAddress = Annotated[
    SecretStr,
    address(
        {"redis", "rediss", *_SENTINEL_SCHEMES, *_CLUSTER_SCHEMES},
        "redis://:password@host:6379/0",
        several_hosts=_SENTINEL_SCHEMES | _CLUSTER_SCHEMES,
    ),
    AfterValidator(_check_path),
]


class CacheSettings(EnvironmentSettings):
    """The addresses of Redis, its timeouts, and the lifetime of cached reads, in seconds."""

    redis_url: RedisAddress
    # The Redis server that counts requests and failed logins; by default the server of REDIS_URL.
    # With a separate server that has `maxmemory-policy noeviction`, cached reads cannot displace
    # counts.
    rate_limit_redis_url: RedisAddress | None = None
    # Deployments that share one Redis need different prefixes.
    redis_key_prefix: str = "roundtrip"
    # The maximum time of one batch of commands to Redis.
    redis_timeout: PositiveFloat = 0.15
    redis_breaker_failures: PositiveInt = 3
    redis_breaker_recovery: PositiveInt = 2
    # Whether reads are cached in Redis, and responses in each process. Before a process sends a
    # cached response, it asks Redis whether the response is current.
    cache: Annotated[Literal["on", "off"], in_any_case] = "on"
    # The maximum time that a read stays in Redis if no write changes its data. A process that got
    # the read from Redis may keep the response for the same time again.
    cache_lifetime: PositiveInt = 60
