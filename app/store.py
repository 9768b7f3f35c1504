"""One way to read, through the cache, and one way to write, in a transaction."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Final, TypeVar

import structlog

from app.adapters.read_cache import ReadCache
from app.errors import Contended
from app.repositories.database import Database, Transaction
from app.schemas.bodies import CachedBody, Representation

_log = structlog.get_logger()
_T = TypeVar("_T")
_ATTEMPTS: Final = 3
_PAUSE_SECONDS: Final = 0.05
"""The longest pause before the second attempt, and as much more before each further one."""
_ROWS_AT_ONCE: Final = 1000


class Store:
    """What services read and write. `Executor` says what all methods raise."""

    def __init__(self, database: Database, cache: ReadCache) -> None:
        self._database = database
        self._cache = cache

    def reading(self) -> AbstractAsyncContextManager[Transaction]:
        """Read past the cache; each statement sees what is committed when it begins."""
        return self._database.reading()

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
        `variant` tells it from all other reads with the tag; with None it is read past the cache,
        and not stored. What `load` raises is raised.
        """

        async def loaded() -> bytes:
            async with self._database.reading() as tx:
                return (await load(tx)).to_bytes()

        if variant is None:
            return CachedBody.not_stored(await loaded(), tag)
        return CachedBody(*await self._cache.get_or_load(tag, variant, loaded, seconds=seconds))

    async def write(self, work: Callable[[Transaction], Awaitable[_T]]) -> _T:
        """Run `work` in one transaction, then invalidate the cached reads of what it changed.

        After a deadlock all of it is run again, so `work` does nothing that a rollback does not
        undo. Raises `Contended` after the last attempt. An unknown outcome is never tried again.
        """
        # Shared by all attempts. The executor adds to it before a change can take effect.
        changed = set[str]()
        return await self._cache.forgetting(changed, self._attempts(work, changed))

    async def _attempts(
        self, work: Callable[[Transaction], Awaitable[_T]], changed: set[str]
    ) -> _T:
        for attempt in range(1, _ATTEMPTS):
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
        """Delete rows, so many in each transaction, and return how many there were.

        `some` deletes at most as many as it is told to, and says how many it found.
        """
        cleared = 0
        while True:
            async with self._database.transaction(set()) as tx:
                found = await some(tx, _ROWS_AT_ONCE)
            cleared += found
            if found < _ROWS_AT_ONCE:
                return cleared
