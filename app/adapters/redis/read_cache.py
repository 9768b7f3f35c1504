"""What was read before, kept in Redis as the bytes that were sent.

Every entry belongs to something that can change, its tag: `user:42`, `products`. A tag has a
generation, a random word that a change deletes and the next reader makes up anew, and one hash
holds the entries that were read in that generation. So a change is one command, whatever depends
on it: it deletes the generation with its hash. A slow reader that began before the change stores
nothing, because its generation is not the current one any more.
"""

import asyncio
import random
import secrets
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, Literal, NamedTuple, TypeVar

from app.adapters.redis.client import RedisClient, RedisUnavailable
from app.adapters.redis.pending_invalidations import PendingInvalidations
from app.errors import AppError, PreconditionFailed, Unavailable
from app.tracing import note, staged

_T = TypeVar("_T")
_GENERATION_SECONDS: Final = 24 * 60 * 60
# The generation of a tag, made up if there is none, and what was stored in it.
_READ: Final = """
local generation = redis.call('GET', KEYS[1])
if not generation then
  redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
  return {ARGV[1], false}
end
return {generation, redis.call('HGET', KEYS[1] .. ':' .. generation, ARGV[3])}
"""
# The hash ends a minute after its first entry was stored.
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


class Found(NamedTuple):
    """Bytes, how they were come by, their tag, and its generation; None if unknown."""

    body: bytes
    outcome: Literal["hit", "miss", "bypass"]
    tag: str
    generation: bytes | None


class ReadCache:
    """Reads through Redis. Without Redis, or switched off, everything is loaded each time."""

    def __init__(self, redis: RedisClient, *, key_prefix: str, on: bool) -> None:
        self._redis = redis
        self._prefix = f"{key_prefix}:cache"
        self._on = on
        self._loading: dict[tuple[str, bytes, str], asyncio.Task[bytes]] = {}
        self._pending = PendingInvalidations(redis, self._key)

    async def get_or_load(
        self, tag: str, variant: str, load: Callable[[], Awaitable[bytes]], *, seconds: int
    ) -> Found:
        """Return what is stored, else what `load` gives, and store that.

        The entries of a generation are kept for `seconds` after the first one was stored, or up to
        a tenth less, so that those that were read together do not all end at once.
        Of many who ask at once, one loads. What `load` raises is raised, and not stored.
        """
        looked_up = await self._look_up(tag, variant)
        if looked_up is None:
            return Found(await load(), "bypass", tag, None)
        generation, body = looked_up
        if body is not None:
            return Found(body, "hit", tag, generation)
        key = (tag, generation, variant)
        loading = self._loading.get(key)
        if loading is not None:
            return Found(await asyncio.shield(loading), "hit", tag, generation)
        loading = self._loading[key] = asyncio.create_task(self._load(key, load, seconds))
        loading.add_done_callback(lambda _: self._loaded(key))
        return Found(await asyncio.shield(loading), "miss", tag, generation)

    @staged("cache")
    async def _look_up(self, tag: str, variant: str) -> tuple[bytes, bytes | None] | None:
        note("roundtrip.cache", "bypass")
        if not self._on or tag in self._pending:
            return None
        fresh, key = secrets.token_hex(8), self._key(tag)
        answer = await self._redis.send("EVAL", _READ, 1, key, fresh, _GENERATION_SECONDS, variant)
        if isinstance(answer, RedisUnavailable):
            return None
        generation, body = answer
        note("roundtrip.cache", "miss" if body is None else "hit")
        return generation, body

    async def _load(
        self, key: tuple[str, bytes, str], load: Callable[[], Awaitable[bytes]], seconds: int
    ) -> bytes:
        tag, generation, variant = key
        body = await load()
        milliseconds = int(seconds * random.uniform(900, 1000))  # noqa: S311 - no secret
        # Whether or not it could be stored, it has been read.
        await self._redis.send(
            "EVAL", _STORE, 1, self._key(tag), generation, variant, body, milliseconds
        )
        return body

    def _loaded(self, key: tuple[str, bytes, str]) -> None:
        task = self._loading.pop(key)
        if not task.cancelled():
            # Everybody who waited may have gone meanwhile.
            task.exception()

    def generation(self, tag: str) -> "asyncio.Future[Any]":
        """Ask for a tag's generation; a future, so that the question leaves with others."""
        if self._on and tag not in self._pending:
            return self._redis.send("GET", self._key(tag))
        unknown: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        unknown.set_result(None)
        return unknown

    async def invalidating(self, tags: set[str], change: Coroutine[Any, Any, _T]) -> _T:
        """Make a change; forget what hangs on these tags and on those that it adds to them.

        Raises what `change` raises. What it refuses has changed nothing, and nothing is
        forgotten. Of any other failure nobody knows whether it took effect.
        """
        changing = asyncio.create_task(change)
        try:
            result = await asyncio.shield(changing)
        except asyncio.CancelledError:
            # Others read on, while Postgres may take seconds to say what became of a commit.
            changing.cancel()
            await self._pending.invalidate_until_done(changing, tags)
            raise
        except Exception as error:
            if not _is_refusal(error):
                await self._pending.invalidate(tags)
            raise
        await self._pending.invalidate(tags)
        return result

    async def close(self) -> None:
        """End what goes on behind the requests, before the way to Redis is closed."""
        await self._pending.close()

    def _key(self, tag: str) -> str:
        return f"{self._prefix}:{tag}"


def _is_refusal(error: Exception) -> bool:
    # The domain refuses before the commit, which undoes all; `Unavailable` may come of the commit.
    # Whoever named an old version may have read it here, if a writer was killed before it could
    # say that it had made a new one.
    return isinstance(error, AppError) and not isinstance(error, Unavailable | PreconditionFailed)
