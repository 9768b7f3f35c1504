"""Cache invalidations that Redis has not confirmed."""

import asyncio
import time
from collections.abc import Callable, Collection, Iterable
from typing import Any, Final

import structlog

from app.adapters.redis.client import RedisClient
from app.adapters.redis.errors import RedisUnavailable
from app.task_outcomes import ignore_outcome
from app.tracing import run_in_background

_log = structlog.get_logger()
_PAUSE_SECONDS: Final = 0.5
"""The pause between two attempts. It need not grow: the circuit breaker limits the commands."""
_RECENT_SECONDS: Final = 60.0
_MAX_RECENT: Final = 10_000
_MAX_TAGS_AT_ONCE: Final = 500
"""The maximum number of tags in one batch. More tags could take longer than the timeout."""
# Deletes each generation and the reads that are stored under it, so that no cached read of an
# erased account remains. The first UNLINK runs even if there is no generation, so the script always
# writes. A replica refuses a write or, in a cluster, redirects it. So an old primary that is now a
# replica cannot confirm an invalidation.
_INVALIDATE: Final = """
for _, key in ipairs(KEYS) do
  local generation = redis.call('GET', key)
  redis.call('UNLINK', key)
  if generation then
    redis.call('UNLINK', key .. ':' .. generation)
  end
end
"""


class PendingInvalidations:
    """Invalidates tags in Redis, by deleting their generations.

    An invalidation is pending until Redis confirms it. Until then, a background task repeats the
    invalidation, and this process must not read the tag from Redis.
    """

    def __init__(self, redis: RedisClient, key: Callable[[str], str]) -> None:
        """`key` returns the key of a tag's generation."""
        self._redis = redis
        self._key = key
        self._sending: dict[str, object] = {}
        """Tags whose invalidation is being sent. The object identifies a tag's latest change."""
        self._unconfirmed: dict[str, object] = {}
        """Tags to invalidate again. The object identifies when a tag was last added."""
        self._unfinished_writes: dict[asyncio.Task[Any], set[str]] = {}
        """Cancelled writes that have not ended, and the tags that they change."""
        self._confirmed_at: dict[str, float] = {}
        """When Redis last confirmed the invalidation of a tag, the oldest first."""
        self._retrying: asyncio.Task[None] | None = None
        self._repeating: asyncio.Task[None] | None = None

    def __contains__(self, tag: str) -> bool:
        """Return whether Redis may have stale reads of a tag."""
        return tag in self._sending or tag in self._unconfirmed

    async def invalidate(self, tags: Iterable[str]) -> None:
        """Invalidate these tags. If Redis does not confirm the invalidation, it stays pending."""
        change, confirmed = object(), False
        sending = dict.fromkeys(tags, change)
        self._sending |= sending
        try:
            confirmed = await self._send(sending)
        finally:
            # If this task is cancelled, the answer of Redis is unknown.
            if not confirmed:
                self._add_unconfirmed(sending)
            for tag in sending:
                # If the tag has changed again, the entry now belongs to the later invalidation.
                if self._sending.get(tag) is change:
                    del self._sending[tag]

    async def invalidate_until_done(self, write: asyncio.Task[Any], tags: set[str]) -> None:
        """Invalidate the tags of a cancelled request repeatedly, until its write has ended.

        The write may have taken effect already, or may take effect at any moment. Returns after the
        first attempt, even if Redis has not confirmed the invalidation. Later attempts run in the
        background.
        """
        self._unfinished_writes[write] = tags
        self._add_unconfirmed(tags)
        write.add_done_callback(self._write_ended)
        # Await the first attempt: as soon as the client has its 503, it may read again, perhaps
        # through another process.
        await self._send(tags)

    def _write_ended(self, write: asyncio.Task[Any]) -> None:
        self._add_unconfirmed(self._unfinished_writes.pop(write))
        # The request was cancelled, so no caller reads the error of the write.
        ignore_outcome(write)

    async def _send(self, tags: Collection[str]) -> bool:
        """Invalidate tags once. Return whether Redis has confirmed the invalidation."""
        if not tags:
            return True
        # Redis deletes even when its memory is full. Deleting twice does no harm.
        sent = [
            self._redis.send("EVAL", _INVALIDATE, len(keys), *keys)
            for keys in self._redis.groups(map(self._key, tags))
        ]
        answers = [await answer for answer in sent]
        is_confirmed = not any(isinstance(answer, RedisUnavailable) for answer in answers)
        if is_confirmed:
            self._remember(tags)
        return is_confirmed

    def _remember(self, tags: Iterable[str]) -> None:
        now = time.monotonic()
        for tag in tags:
            self._confirmed_at.pop(tag, None)
            self._confirmed_at[tag] = now
        while len(self._confirmed_at) > _MAX_RECENT:
            del self._confirmed_at[next(iter(self._confirmed_at))]

    def repeat_recent(self) -> None:
        """Invalidate again the tags that were invalidated in the last minute.

        Call this after connecting to another server: during a failover, the old primary may
        confirm an invalidation that the new primary never gets.
        """
        begin = time.monotonic() - _RECENT_SECONDS
        recent = [tag for tag, confirmed_at in self._confirmed_at.items() if confirmed_at > begin]
        self._confirmed_at.clear()
        if recent:
            self._add_unconfirmed(recent)
            self._repeating = run_in_background(self._send_unconfirmed)

    def _add_unconfirmed(self, tags: Iterable[str]) -> None:
        self._unconfirmed |= dict.fromkeys(tags, object())
        if self._unconfirmed and self._retrying is None:
            _log.warning("cache_invalidation_pending", tags=len(self._unconfirmed))
            self._retrying = run_in_background(self._retry)

    async def _retry(self) -> None:
        try:
            while self._unconfirmed:
                await asyncio.sleep(_PAUSE_SECONDS)
                await self._send_unconfirmed()
            _log.info("cache_invalidation_confirmed")
        finally:
            self._retrying = None

    async def _send_unconfirmed(self) -> None:
        # The tags of a write that has not ended stay pending: the write may still take effect.
        uncertain = set[str]().union(*self._unfinished_writes.values())
        unconfirmed = list(self._unconfirmed.items())
        for start in range(0, len(unconfirmed), _MAX_TAGS_AT_ONCE):
            some = dict(unconfirmed[start : start + _MAX_TAGS_AT_ONCE])
            if not await self._send(some):
                return
            for tag, change in some.items():
                if self._unconfirmed.get(tag) is change and tag not in uncertain:
                    del self._unconfirmed[tag]

    async def close(self) -> None:
        """Stop the retries in the background, then send the pending invalidations one last time.

        No other process knows the tags of these invalidations.
        """
        for task in (self._retrying, self._repeating):
            if task is not None:
                task.cancel()
                await asyncio.wait({task})
        await self._send_unconfirmed()
