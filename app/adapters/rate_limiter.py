"""Counting for the rate limits: in Redis for all processes together, else in this one.

The counting is that of `limits`, the engine inside slowapi, in its asyncio form, so that
waiting for Redis never holds up the event loop.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import structlog
from circuitbreaker import CircuitBreaker
from limits import RateLimitItem
from limits.aio.storage import MemoryStorage, RedisStorage, Storage
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from app.settings import Settings

_log = structlog.get_logger()
_T = TypeVar("_T")


@dataclass(frozen=True)
class Window:
    """Where a caller stands within one limit's window."""

    item: RateLimitItem
    exceeded: bool
    remaining: int
    reset_after: int
    """Seconds until the window has ended for certain; at least one."""


class RateLimiter:
    """Counts requests in fixed windows that begin with a caller's first request.

    A question to Redis takes `redis_timeout` seconds at most. After a few failures in a
    row Redis is left alone for some seconds, and each process counts for itself: limits
    then hold per process, and nothing is unlimited.
    """

    def __init__(self, settings: Settings) -> None:
        self._timeout = settings.redis_timeout
        url = settings.redis_url.get_secret_value()
        pool = ConnectionPool.from_url(
            url,
            socket_timeout=settings.redis_timeout,
            socket_connect_timeout=settings.redis_timeout,
            retry=Retry(NoBackoff(), 1),
        )
        self._redis = Redis(connection_pool=pool)
        self._shared = RedisStorage(
            f"async+{url}",
            implementation="redispy",
            key_prefix=f"{settings.redis_key_prefix}:limit",
            # Documented as the way to bring a client of one's own; the annotation lacks it.
            connection_pool=pool,  # type: ignore[arg-type]
        )
        self._breaker = CircuitBreaker(
            failure_threshold=settings.redis_breaker_failures,
            recovery_timeout=settings.redis_breaker_recovery,
            expected_exception=(RedisError, OSError, TimeoutError),
        )
        self._own = MemoryStorage()

    async def hit(self, item: RateLimitItem, *caller: str) -> Window:
        """Count one request of a caller and say where that leaves it."""
        return await self._with_storage(lambda storage: _hit(storage, item, caller))

    async def clear(self, item: RateLimitItem, *caller: str) -> None:
        """Let a caller begin anew."""
        await self._with_storage(lambda storage: storage.clear(item.key_for(*caller)))

    async def _with_storage(self, work: Callable[[Storage], Awaitable[_T]]) -> _T:
        if not self._breaker.opened:
            try:
                with self._breaker:
                    async with asyncio.timeout(self._timeout):
                        return await work(self._shared)
            except (RedisError, OSError, TimeoutError) as error:
                _log.warning("redis_unavailable", reason=type(error).__name__)
        return await work(self._own)

    async def ping(self) -> bool:
        """Tell whether Redis answers in time."""
        try:
            async with asyncio.timeout(self._timeout):
                return bool(await self._redis.ping())
        except (RedisError, OSError, TimeoutError):
            return False

    async def close(self) -> None:
        """Close the connections to Redis."""
        await self._redis.aclose()
        await self._redis.connection_pool.disconnect()


async def _hit(storage: Storage, item: RateLimitItem, caller: tuple[str, ...]) -> Window:
    # What FixedWindowRateLimiter does, but for asking the count a second time.
    key = item.key_for(*caller)
    count = await storage.incr(key, item.get_expiry())
    seconds_left = await storage.get_expiry(key) - time.time()
    # Redis rounds the time left to whole seconds, down as well as up. One more second,
    # within the window's length, is never too early.
    reset_after = min(item.get_expiry(), max(0, math.ceil(seconds_left)) + 1)
    remaining = max(0, item.amount - count)
    return Window(item, count > item.amount, remaining, reset_after)
