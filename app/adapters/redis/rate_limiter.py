"""Counts requests for the rate limits, in Redis for all processes together.

The package `limits`, which slowapi uses, provides the limits, their keys, and a storage in memory
that replaces Redis while Redis is unavailable. The package's own storage in Redis needs two round
trips; the script below needs one.
"""

import math
import time
from collections.abc import Sequence
from typing import Final, NamedTuple

from limits import RateLimitItem
from limits.aio.storage import MemoryStorage

from app.adapters.redis.client import RedisClient
from app.adapters.redis.errors import RedisUnavailable
from app.errors import TooManyRequests
from app.tracing import staged

# Adds a cost to the count of a fixed window, which begins with the first request. A cost above 1 is
# not added if the count would then exceed the limit: a refused request must not use up the window.
# Returns the count including the cost, and the milliseconds until the window ends.
_HIT: Final = """
local cost = tonumber(ARGV[2])
if cost > 1 then
  local count = tonumber(redis.call('GET', KEYS[1]) or 0) + cost
  if count > tonumber(ARGV[3]) then
    return {count, math.max(redis.call('PTTL', KEYS[1]), 1)}
  end
end
local count = redis.call('INCRBY', KEYS[1], cost)
local left = redis.call('PTTL', KEYS[1])
if left < 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
  left = tonumber(ARGV[1])
end
return {count, left}
"""
# Subtracts one from the count of the current window, if there is a window.
_TAKE_BACK: Final = """
if tonumber(redis.call('GET', KEYS[1]) or 0) > 0 then
  redis.call('DECR', KEYS[1])
end
"""


class Window(NamedTuple):
    """A caller's use of one limit in the current window."""

    exceeded: bool
    remaining: int
    reset_after: int
    """Seconds until the window ends, rounded up; at least 1."""


def refuse_exceeded(
    windows: Sequence[Window], error: type[TooManyRequests] = TooManyRequests
) -> None:
    """If limits are exceeded, raise the error with the seconds until the last window ends."""
    waits = [window.reset_after for window in windows if window.exceeded]
    if waits:
        raise error(retry_after=max(waits))


class RateLimiter:
    """Counts requests in fixed windows that begin with a caller's first request.

    While Redis is unavailable or has no memory left, each process counts only its own requests.
    Each limit then applies per process.
    """

    def __init__(self, redis: RedisClient, *, key_prefix: str) -> None:
        self._redis = redis
        self._prefix = f"{key_prefix}:limit"
        self._memory = MemoryStorage()

    @staged("rate-limit")
    async def hit(
        self, items: Sequence[RateLimitItem], *caller: str, cost: int = 1
    ) -> list[Window]:
        """Count a request of a caller as `cost` requests in each window. Return the windows.

        A cost above 1 is not counted in a window whose count would exceed the limit.
        """
        keys = [self._key(item, caller) for item in items]
        answers = [
            self._redis.send("EVAL", _HIT, 1, key, item.get_expiry() * 1000, cost, item.amount)
            for item, key in zip(items, keys, strict=True)
        ]
        return [
            await self._window(item, key, await answer, cost)
            for item, key, answer in zip(items, keys, answers, strict=True)
        ]

    async def _window(
        self, item: RateLimitItem, key: str, answer: tuple[int, int] | RedisUnavailable, cost: int
    ) -> Window:
        if isinstance(answer, RedisUnavailable):
            count = await self._memory.get(key) + cost
            if cost == 1 or count <= item.amount:
                count = await self._memory.incr(key, item.get_expiry(), cost)
            seconds = await self._memory.get_expiry(key) - time.time()
        else:
            count, seconds = answer[0], answer[1] / 1000
        reset_after = min(item.get_expiry(), max(1, math.ceil(seconds)))
        exceeded = count > item.amount
        # A cost that was not counted does not change the number of remaining requests.
        used = count - cost if exceeded and cost > 1 else count
        return Window(exceeded, max(0, item.amount - used), reset_after)

    async def take_back(self, items: Sequence[RateLimitItem], *caller: str) -> None:
        """Subtract one request from the count of each current window."""
        for item in items:
            key = self._key(item, caller)
            answer = await self._redis.send("EVAL", _TAKE_BACK, 1, key)
            if isinstance(answer, RedisUnavailable):
                await self._memory.decr(key)

    async def clear(self, items: Sequence[RateLimitItem], *caller: str) -> None:
        """Reset a caller's counts."""
        keys = [self._key(item, caller) for item in items]
        for key in keys:
            await self._memory.clear(key)
        # If Redis does not delete a count, the count expires with its window.
        for deleted in [self._redis.send("DEL", *group) for group in self._redis.groups(keys)]:
            await deleted

    def _key(self, item: RateLimitItem, caller: Sequence[str]) -> str:
        return f"{self._prefix}:{item.key_for(*caller)}"
