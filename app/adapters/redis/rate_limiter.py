"""Counting for the rate limits: in Redis for all processes together, else in this one.

`limits`, the engine inside slowapi, gives the limits, their keys and the memory that stands in
for Redis. Its own Redis storage takes two round trips for what one script does in one.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from limits import RateLimitItem
from limits.aio.storage import MemoryStorage

from app.adapters.redis.client import RedisClient, RedisUnavailable
from app.tracing import staged

# A fixed window that begins with the first request: how many there were, and the milliseconds
# until it ends.
_HIT: Final = """
local count = redis.call('INCR', KEYS[1])
local left = redis.call('PTTL', KEYS[1])
if left < 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
  left = tonumber(ARGV[1])
end
return {count, left}
"""


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

    While Redis is away, or has no memory left, each process counts for itself: limits then
    hold per process, and nothing is unlimited.
    """

    def __init__(self, redis: RedisClient, *, key_prefix: str) -> None:
        self._redis = redis
        self._prefix = f"{key_prefix}:limit"
        self._own = MemoryStorage()

    @staged("rate-limit")
    async def hit(self, items: Sequence[RateLimitItem], *caller: str) -> list[Window]:
        """Count one request of a caller in each window, and say where that leaves it."""
        keys = [self._key(item, caller) for item in items]
        asked = [
            self._redis.send("EVAL", _HIT, 1, key, item.get_expiry() * 1000)
            for item, key in zip(items, keys, strict=True)
        ]
        return [
            await self._window(item, key, await answer)
            for item, key, answer in zip(items, keys, asked, strict=True)
        ]

    async def _window(
        self, item: RateLimitItem, key: str, answer: tuple[int, int] | RedisUnavailable
    ) -> Window:
        if isinstance(answer, RedisUnavailable):
            count = await self._own.incr(key, item.get_expiry())
            seconds = await self._own.get_expiry(key) - time.time()
        else:
            count, seconds = answer[0], answer[1] / 1000
        reset_after = min(item.get_expiry(), max(1, math.ceil(seconds)))
        return Window(item, count > item.amount, max(0, item.amount - count), reset_after)

    async def clear(self, items: Sequence[RateLimitItem], *caller: str) -> None:
        """Let a caller begin anew."""
        for key in [self._key(item, caller) for item in items]:
            await self._own.clear(key)
            # What could not be cleared there ends with its window.
            await self._redis.send("DEL", key)

    def _key(self, item: RateLimitItem, caller: Sequence[str]) -> str:
        return f"{self._prefix}:{item.key_for(*caller)}"
