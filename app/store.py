"""All reads and writes of the services. Reads can use the cache; writes use a transaction."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, TypeVar

import structlog

from app.adapters.read_cache.cache import ReadCache
from app.adapters.session_cache import SessionCache
from app.errors import Contended, Unavailable
from app.models.cached_reads import CachedBody
from app.repositories.database import Database, Transaction
from app.schemas.bodies import Representation
from app.task_outcomes import ignore_outcome

_log = structlog.get_logger()
_T = TypeVar("_T")
_MAX_ATTEMPTS: Final = 3
_MAX_PAUSE_SECONDS: Final = 0.05
"""The maximum pause after the first failed attempt. After the second attempt, it is doubled."""
_MAX_ROWS_PER_TRANSACTION: Final = 1000
_REPLICA_TIMEOUT_SECONDS: Final = 1.0
_Load = Callable[[Transaction], Awaitable[Representation]]


class Store:
    """Reads and writes for the services. `Executor` lists the errors that each method can raise."""

    def __init__(self, database: Database, cache: ReadCache, session_cache: SessionCache) -> None:
        self._database = database
        self._cache = cache
        self._session_cache = session_cache
        self.uncached = database.reading
        """Reads without the cache. A statement sees all data committed before its start."""

    async def read(
        self,
        tag: str,
        variant: str | None,
        load: _Load,
    ) -> CachedBody:
        """Return a body from the cache. On a miss, return and cache what `load` reads.

        The cached body expires after at most CACHE_LIFETIME. A write that changes a row with this
        `tag` invalidates the body before that.
        `variant` distinguishes the reads that share a tag. If `variant` is None, the cache is
        neither read nor written. Raises the errors of `load`.
        """
        load_bytes = partial(self._load_bytes, load)
        if variant is None:
            return CachedBody(await load_bytes(0), "bypass", tag)
        return await self._cache.get_or_load(tag, variant, load_bytes)

    async def _load_bytes(self, load: _Load, unchanged_seconds: float) -> bytes:
        replica = self._database.reading_replica(unchanged_seconds=unchanged_seconds)
        body = await self._load_from_replica(load, replica) if replica is not None else None
        return body if body is not None else await _load_with(self.uncached(), load)

    async def _load_from_replica(self, load: _Load, tx: Transaction) -> bytes | None:
        """If the replica fails or does not answer in time, reject the replica and return None."""
        loading = asyncio.create_task(_load_with(tx, load))
        # A statement on a frozen server cannot be cancelled quickly. So this method does not wait
        # for the cancelled task, and ignores its outcome.
        loading.add_done_callback(ignore_outcome)
        try:
            async with asyncio.timeout(_REPLICA_TIMEOUT_SECONDS):
                return await asyncio.shield(loading)
        except (TimeoutError, Unavailable, Contended):
            self._database.reject_replica()
            return None
        finally:
            loading.cancel()

    async def write(self, work: Callable[[Transaction], Awaitable[_T]]) -> _T:
        """Run `work` in one transaction, then invalidate the cached reads of the changed rows.

        The session cache of this process forgets each user whose sessions `work` has added or
        ended.

        After a deadlock or a serialization failure, the transaction is rolled back and `work` runs
        again, so a rollback must undo everything that `work` does. After three such failures, this
        method raises `Contended`. If the outcome of a commit is unknown, `work` does not run again.
        """
        # All attempts share this set. The executor adds the tags of changed rows before the commit.
        changed = set[str]()
        return await self._cache.write_and_invalidate(changed, self._retried(work, changed))

    async def _retried(self, work: Callable[[Transaction], Awaitable[_T]], changed: set[str]) -> _T:
        for attempt in range(1, _MAX_ATTEMPTS):
            try:
                return await self._attempt(work, changed)
            except Contended:
                _log.info("transaction_retried", attempt=attempt)
                await asyncio.sleep(random.uniform(0, _MAX_PAUSE_SECONDS * attempt))  # noqa: S311 - no secret
        return await self._attempt(work, changed)

    async def _attempt(self, work: Callable[[Transaction], Awaitable[_T]], changed: set[str]) -> _T:
        tx = self._database.transaction(changed)
        try:
            async with tx:
                return await work(tx)
        finally:
            # Forget the users after an error too, because the commit may have taken effect.
            for user_id in tx.sessions.changed_users:
                self._session_cache.forget(user_id)

    async def delete_in_batches(
        self, delete_some: Callable[[Transaction, int], Awaitable[int]]
    ) -> int:
        """Delete rows in transactions of at most 1000 rows each. Return the number of deleted rows.

        `delete_some` deletes no more rows than its second argument says, and returns how many rows
        it has deleted.
        """
        total = 0
        while True:
            deleted = await self.write(lambda tx: delete_some(tx, _MAX_ROWS_PER_TRANSACTION))
            total += deleted
            if deleted < _MAX_ROWS_PER_TRANSACTION:
                return total


async def _load_with(tx: Transaction, load: _Load) -> bytes:
    async with tx:
        representation = await load(tx)
    return representation.to_bytes()
