"""One way to read, through the cache, and one way to write, in a transaction."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, TypeVar

import structlog

from app.adapters.redis.read_cache import ReadCache
from app.errors import Contended
from app.repositories.database import Database, Transaction
from app.schemas.bodies import CachedBody, Representation

_log = structlog.get_logger()
_T = TypeVar("_T")
_MAX_ATTEMPTS: Final = 3
_PAUSE_SECONDS: Final = 0.05
"""The longest pause before the second attempt, and as much more before each further one."""
_ROWS_AT_ONCE: Final = 1000


class Store:
    """What services read and write. `Executor` says what all methods raise."""

    def __init__(self, database: Database, cache: ReadCache) -> None:
        self._database = database
        self._cache = cache
        self.reading = database.reading
        """Reads without the cache; each statement sees what is committed when it begins."""

    async def read(
        self,
        tag: str,
        variant: str | None,
        load: Callable[[Transaction], Awaitable[Representation]],
        *,
        seconds: int,
    ) -> CachedBody:
        """Return a body from the cache, else what `load` reads, and store that.

        A write that changes a row with this `tag` invalidates it; `seconds` is its longest life.
        `variant` distinguishes the reads that share a tag. With None the cache is neither read nor
        written. Errors of `load` are passed on.
        """
        loaded = partial(self._loaded, load)
        if variant is None:
            return CachedBody.not_stored(await loaded(), tag)
        return CachedBody(*await self._cache.get_or_load(tag, variant, loaded, seconds=seconds))

    async def _loaded(self, load: Callable[[Transaction], Awaitable[Representation]]) -> bytes:
        async with self.reading() as tx:
            found = await load(tx)
        return found.to_bytes()

    async def write(self, work: Callable[[Transaction], Awaitable[_T]]) -> _T:
        """Run `work` in one transaction, then invalidate the cached reads of what it changed.

        After a deadlock all of it is run again, so `work` does nothing that a rollback does not
        undo. Raises `Contended` after the last attempt. An unknown outcome is never tried again.
        """
        # Shared by all attempts. The executor adds to it before a change can take effect.
        changed = set[str]()
        return await self._cache.write_and_invalidate(changed, self._attempts(work, changed))

    async def _attempts(
        self, work: Callable[[Transaction], Awaitable[_T]], changed: set[str]
    ) -> _T:
        for attempt in range(1, _MAX_ATTEMPTS):
            try:
                return await self._attempt(work, changed)
            except Contended:
                _log.info("transaction_retried", attempt=attempt)
                await asyncio.sleep(random.uniform(0, _PAUSE_SECONDS * attempt))  # noqa: S311 - no secret
        return await self._attempt(work, changed)

    async def _attempt(self, work: Callable[[Transaction], Awaitable[_T]], changed: set[str]) -> _T:
        async with self._database.transaction(changed) as tx:
            return await work(tx)

    async def clear(self, some: Callable[[Transaction, int], Awaitable[int]]) -> int:
        """Delete rows in transactions of 1000 rows each, and return how many there were.

        `some` deletes up to the given number of rows, and returns how many it has deleted.
        """
        cleared = 0
        while True:
            found = await self.write(lambda tx: some(tx, _ROWS_AT_ONCE))
            cleared += found
            if found < _ROWS_AT_ONCE:
                return cleared
