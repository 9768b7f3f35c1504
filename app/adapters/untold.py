"""What Redis has not been told yet: changes of which it is just hearing, and those still owed."""

import asyncio
from collections.abc import Callable, Collection, Iterable
from typing import Any, Final

import structlog

from app.adapters.redis_link import RedisAway, RedisLink
from app.tracing import aside

_log = structlog.get_logger()
_PAUSE: Final = 0.5
"""Seconds between two tries; it need not grow, since nothing is sent while the breaker is open."""
_AT_ONCE: Final = 500
"""Tags in one command: what a long outage has left must not take longer than Redis may take."""
# Each generation with what was read in it: of an account that was erased, nothing is left.
_FORGET: Final = """
for _, key in ipairs(KEYS) do
  local generation = redis.call('GET', key)
  if generation then
    redis.call('UNLINK', key, key .. ':' .. generation)
  end
end
"""


class Untold:
    """Tells Redis which tags have changed, by deleting their generations.

    What it cannot be told is owed, and tried again until it is paid, by a task that lives only
    as long. Whatever is `in` here Redis must not be asked about by this process.
    """

    def __init__(self, redis: RedisLink, key: Callable[[str], str]) -> None:
        """`key` says where the generation of a tag is kept."""
        self._redis = redis
        self._key = key
        self._telling: dict[str, object] = {}
        """The tags that are being told at this moment, each with its latest change."""
        self._owed: dict[str, object] = {}
        self._given_up: dict[asyncio.Task[Any], set[str]] = {}
        """The changes of which nobody has heard yet what became of them, and their tags."""
        self._payer: asyncio.Task[None] | None = None

    def __contains__(self, tag: str) -> bool:
        """Tell whether Redis may not know of a tag's latest change."""
        return tag in self._telling or tag in self._owed

    async def tell(self, tags: Iterable[str]) -> None:
        """Tell Redis that these have changed; what it cannot be told now is owed."""
        change, told = object(), False
        telling = dict.fromkeys(tags, change)
        self._telling |= telling
        try:
            told = await self._told(telling)
        finally:
            # Also if nobody waits for the answer any more: then what it says is not known.
            if not told:
                self._owe(telling)
            for tag in telling:
                # Of a later change, which this answer says nothing about, there is another one.
                if self._telling.get(tag) is change:
                    del self._telling[tag]

    async def tell_until_over(self, change: asyncio.Task[Any], tags: set[str]) -> None:
        """Tell Redis of a change for which nobody waits any more, again and again until it ends.

        It may have taken effect already, or may do so at any moment. Returns when Redis has been
        told for the first time, or is away.
        """
        self._given_up[change] = tags
        self._owe(tags)
        change.add_done_callback(self._over)
        # Awaited, because the client reads again as soon as it has its 503, perhaps in another
        # process.
        await self._told(tags)

    def _over(self, change: asyncio.Task[Any]) -> None:
        self._owe(self._given_up.pop(change))
        if not change.cancelled():
            # Whatever came of it, nobody is there to hear of it.
            change.exception()

    async def _told(self, tags: Collection[str]) -> bool:
        return not tags or not isinstance(await self._forget(tags), RedisAway)

    def _forget(self, tags: Iterable[str]) -> "asyncio.Future[Any]":
        keys = [self._key(tag) for tag in tags]
        # Deleting works even where memory is short, and twice does no harm.
        return self._redis.send("EVAL", _FORGET, len(keys), *keys)

    def _owe(self, tags: Iterable[str]) -> None:
        self._owed |= dict.fromkeys(tags, object())
        if self._owed and self._payer is None:
            _log.warning("cache_not_told", tags=len(self._owed))
            self._payer = aside(self._pay)

    async def _pay(self) -> None:
        try:
            while self._owed:
                await asyncio.sleep(_PAUSE)
                await self._try_all()
            _log.info("cache_told")
        finally:
            self._payer = None

    async def _try_all(self) -> None:
        # What ends only after it was told is told once more.
        uncertain = set[str]().union(*self._given_up.values())
        owed = list(self._owed.items())
        for at in range(0, len(owed), _AT_ONCE):
            some = dict(owed[at : at + _AT_ONCE])
            if not await self._told(some):
                return
            for tag, change in some.items():
                if self._owed.get(tag) is change and tag not in uncertain:
                    del self._owed[tag]

    async def close(self) -> None:
        """Stop trying, after one last time: nobody else knows what is owed."""
        payer = self._payer
        if payer is not None:
            payer.cancel()
            await asyncio.wait({payer})
            await self._try_all()
