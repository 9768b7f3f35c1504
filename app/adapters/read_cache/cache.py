"""Cached reads in Redis, stored as the bytes that are sent.

Each entry belongs to a tag, which names data that can change: `user:42`, `products`. A tag has a
generation, a random text. All entries of a generation are fields of one Redis hash. A change
deletes the generation and its hash with one command, however many entries there are; the next
reader creates a new generation. A slow reader that began before the change stores nothing, because
its generation is no longer the current one.
"""

import asyncio
import random
import secrets
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, Final, TypeVar

from app.adapters.read_cache.pending_invalidations import PendingInvalidations
from app.adapters.redis.client import RedisClient
from app.adapters.redis.errors import RedisUnavailable
from app.errors import AppError, PreconditionFailed, Unavailable
from app.models.cached_reads import CachedBody, CacheOutcome
from app.task_outcomes import ignore_outcome
from app.tracing import set_span_attribute, staged

_T = TypeVar("_T")
Load = Callable[[float], Awaitable[bytes]]
_GENERATION_SECONDS: Final = 24 * 60 * 60
# Returns the generation of a tag, the entry in this generation, and the age of the generation in
# milliseconds. Creates a missing generation.
_READ: Final = """
local generation = redis.call('GET', KEYS[1])
if not generation then
  redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
  return {ARGV[1], false, 0}
end
local entry = redis.call('HGET', KEYS[1] .. ':' .. generation, ARGV[3])
return {generation, entry, ARGV[2] * 1000 - redis.call('PTTL', KEYS[1])}
"""
# Stores an entry, if its generation is still the current one. The hash expires a fixed time after
# its first entry was stored.
_STORE: Final = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
local entries = KEYS[1] .. ':' .. ARGV[1]
redis.call('HSET', entries, ARGV[2], ARGV[3])
if redis.call('PTTL', entries) < 0 then
  redis.call('PEXPIRE', entries, ARGV[4])
end
return 1
"""


class ReadCache:
    """Reads through Redis. If Redis is unavailable or the cache is off, every read calls `load`."""

    def __init__(self, redis: RedisClient, *, key_prefix: str, on: bool, seconds: int) -> None:
        """Let each entry expire after at most `seconds`."""
        self.lifetime_seconds = seconds
        self._redis = redis
        self._prefix = f"{key_prefix}:cache"
        self._on = on
        self._loading: dict[tuple[str, bytes, str], asyncio.Task[bytes]] = {}
        self._pending = PendingInvalidations(redis, self._key)
        redis.on_other_server = self._pending.repeat_recent

    async def get_or_load(self, tag: str, variant: str, load: Load) -> CachedBody:
        """Return the cached entry, or else load and store it.

        The argument of `load` is a number of seconds: the data of the tag have not changed for at
        least this time. The number is 0 if no such time is known. Concurrent callers share one
        load. Raises the errors of `load`.

        All entries of a generation expire together: `lifetime_seconds` after the first entry was
        stored, or up to a tenth earlier. This random part spreads the expiry of the generations.
        """
        cached = await self._look_up(tag, variant)
        if cached is None:
            return CachedBody(await load(0), "bypass", tag)
        generation, body, unchanged_seconds = cached
        if body is not None:
            return CachedBody(body, "hit", tag, generation)
        key = (tag, generation, variant)
        loading = self._loading.get(key)
        if loading is not None:
            return CachedBody(await asyncio.shield(loading), "hit", tag, generation)
        loading = self._loading[key] = asyncio.create_task(
            self._load(key, partial(load, unchanged_seconds))
        )
        # If all callers were cancelled, no caller reads the error of the load.
        loading.add_done_callback(lambda _: ignore_outcome(self._loading.pop(key)))
        return CachedBody(await asyncio.shield(loading), "miss", tag, generation)

    @staged("cache")
    async def _look_up(self, tag: str, variant: str) -> tuple[bytes, bytes | None, float] | None:
        set_span_attribute("roundtrip.cache", "bypass")
        if not self._on or tag in self._pending:
            return None
        fresh, key = secrets.token_hex(8), self._key(tag)
        answer = await self._redis.send("EVAL", _READ, 1, key, fresh, _GENERATION_SECONDS, variant)
        if isinstance(answer, RedisUnavailable):
            return None
        generation, body, age_ms = answer
        set_span_attribute("roundtrip.cache", "miss" if body is None else "hit")
        return generation, body, age_ms / 1000

    async def _load(
        self, key: tuple[str, bytes, str], load: Callable[[], Awaitable[bytes]]
    ) -> bytes:
        tag, generation, variant = key
        body = await load()
        milliseconds = int(self.lifetime_seconds * random.uniform(900, 1000))  # noqa: S311 - no secret
        # The body is returned whether or not Redis has stored it.
        await self._redis.send(
            "EVAL", _STORE, 1, self._key(tag), generation, variant, body, milliseconds
        )
        return body

    def generation(self, tag: str) -> "asyncio.Future[Any]":
        """Return a future of a tag's generation in Redis, or of a `RedisUnavailable`.

        The result is None if there is no generation, if the cache is off, or if an invalidation of
        the tag is pending.
        """
        if self._on and tag not in self._pending:
            return self._redis.send("GET", self._key(tag))
        unknown: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        unknown.set_result(None)
        return unknown

    async def write_and_invalidate(self, tags: set[str], write: Coroutine[Any, Any, _T]) -> _T:
        """Run a write, then invalidate `tags`. The write may add tags to this set.

        Raises the errors of `write`. Invalidates after `Unavailable` and unknown errors, because
        the write may have taken effect, and after `PreconditionFailed`, because the cache may be
        stale. After any other domain error, nothing has changed, so nothing is invalidated.
        """
        task = asyncio.create_task(write)
        try:
            result = await asyncio.shield(task)
        except asyncio.CancelledError:
            # PostgreSQL may take seconds to report the outcome of a commit. Meanwhile, other
            # requests must not read stale entries.
            task.cancel()
            await self._pending.invalidate_until_done(task, tags)
            raise
        except Exception as error:
            if not _is_refusal(error):
                await self._pending.invalidate(tags)
            raise
        await self._pending.invalidate(tags)
        return result

    async def close(self) -> None:
        """Stop the background task. Call this before the Redis client is closed."""
        await self._pending.close()

    def _key(self, tag: str) -> str:
        # In a cluster, all keys with the same text in braces are on the same server.
        return f"{self._prefix}:{{{tag}}}"


def cache_outcome(stored: bytes, current: bytes | RedisUnavailable | None) -> CacheOutcome:
    """Return "hit" if `current`, a result of `ReadCache.generation`, is the stored generation."""
    if isinstance(current, RedisUnavailable):
        return "bypass"
    return "hit" if current == stored else "miss"


def _is_refusal(error: Exception) -> bool:
    # A domain error is raised before the commit and rolls the transaction back. `Unavailable` may
    # come from the commit. After `PreconditionFailed`, the cache may contain the old version whose
    # ETag the client sent: a process may have been killed between its commit and its invalidation.
    return isinstance(error, AppError) and not isinstance(error, Unavailable | PreconditionFailed)
