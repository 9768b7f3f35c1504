"""Caches which user a session belongs to, so that not every request queries PostgreSQL."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass

from cachetools import LRUCache

from app.models import Principal
from app.task_outcomes import ignore_outcome
from app.tracing import run_in_background

LoadPrincipal = Callable[[], Awaitable[Principal | None]]
_ABSENT = object()


@dataclass(frozen=True)
class _Entry:
    value: Principal
    load_started: float
    """Seconds of the monotonic clock. The value contains all changes committed before this time."""


class SessionCache:
    """A bounded cache of one process. A value is the principal of a token or of a cookie.

    A value expires `seconds` after its load began. So if another process ends a session, this
    process still uses the session for at most `seconds`. If this process ends a session, `forget`
    drops the value at once.
    """

    def __init__(self, *, seconds: float, size: int) -> None:
        self._seconds = seconds
        self._entries: LRUCache[Hashable, _Entry] = LRUCache(size)
        self._renewals: set[asyncio.Task[Principal | None]] = set()
        self._loading: dict[Hashable, asyncio.Future[object]] = {}
        self._forgotten_at: LRUCache[int, float] = LRUCache(size)

    async def get_or_load(self, key: Hashable, load: LoadPrincipal) -> Principal | None:
        """Return the cached value, or else load it. Concurrent callers share one load.

        None is not cached.
        """
        while (value := self.get(key)) is None:
            loading = self._loading.get(key)
            if loading is None:
                return await self._load(key, load, self._begin_load(key))
            # Another caller loads this key. Load again if that load fails or is cancelled, or if
            # `forget` drops the value.
            if await asyncio.shield(loading) is _ABSENT:
                return None
        return value

    def _begin_load(self, key: Hashable) -> asyncio.Future[object]:
        # Register the future before the loading task runs. Otherwise a second load could begin
        # before that task runs, and replace the first future. Callers that wait for the first
        # future would then wait forever.
        loading = self._loading[key] = asyncio.get_running_loop().create_future()
        return loading

    async def _load(
        self,
        key: Hashable,
        load: LoadPrincipal,
        loading: asyncio.Future[object],
    ) -> Principal | None:
        started = time.monotonic()
        try:
            value = await load()
            if value is not None:
                self._entries[key] = _Entry(value, started)
            else:
                loading.set_result(_ABSENT)
        finally:
            del self._loading[key]
            if not loading.done():
                loading.set_result(None)
        return value

    def get_and_renew(self, key: Hashable, load: LoadPrincipal) -> Principal | None:
        """Return the cached value. If it is older than `seconds / 2`, renew it in the background.

        Without the renewal, all callers would wait for a load when the value expires.
        """
        entry = self._entries.get(key)
        if entry is None or not self._is_fresh(entry):
            return None
        if entry.load_started < time.monotonic() - self._seconds / 2 and key not in self._loading:
            renewal = run_in_background(lambda: self._load(key, load, self._begin_load(key)))
            self._renewals.add(renewal)
            renewal.add_done_callback(self._renewal_ended)
        return entry.value

    def _renewal_ended(self, renewal: asyncio.Task[Principal | None]) -> None:
        self._renewals.discard(renewal)
        # No caller needs this error: if its cause lasts, the next load raises the same error.
        ignore_outcome(renewal)

    def get(self, key: Hashable) -> Principal | None:
        """Return the cached value, or None."""
        entry = self._entries.get(key)
        return entry.value if entry is not None and self._is_fresh(entry) else None

    def _is_fresh(self, entry: _Entry) -> bool:
        since = max(
            time.monotonic() - self._seconds,
            self._forgotten_at.get(entry.value.user_id, -math.inf),
        )
        return entry.load_started > since

    def forget(self, user_id: int) -> None:
        """Drop all values of a user, including those that are being loaded."""
        self._forgotten_at[user_id] = time.monotonic()
