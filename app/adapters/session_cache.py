"""Who is signed in, remembered for a moment, so that not every request asks Postgres."""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from cachetools import LRUCache

from app.tracing import aside

_T = TypeVar("_T")
_NOTHING = object()


@dataclass(frozen=True)
class _Known(Generic[_T]):
    value: _T
    asked: float
    """When the question was asked, which is before what it was answered with can have changed."""


class SessionCache(Generic[_T]):
    """A bounded memory of one process.

    What another process has ended is forgotten here `seconds` later at most, counted from
    before the question was asked; what this process ends, it forgets at once by `forget`.
    """

    def __init__(self, *, seconds: float, size: int, owner: Callable[[_T], Hashable]) -> None:
        """`owner` says whose a value is: `forget` drops all that belongs to one owner."""
        self._owner = owner
        self._seconds = seconds
        self._known: LRUCache[Hashable, _Known[_T]] = LRUCache(size)
        self._renewals: set[asyncio.Task[_T | None]] = set()
        self._loading: dict[Hashable, asyncio.Future[object]] = {}
        self._forgotten: LRUCache[Hashable, float] = LRUCache(size)

    async def get_or_load(
        self, key: Hashable, load: Callable[[], Awaitable[_T | None]]
    ) -> _T | None:
        """Return what is known, else what `load` finds; of many at once, one loads.

        That nothing was found is not kept.
        """
        while (known := self.get(key)) is None:
            loading = self._loading.get(key)
            if loading is None:
                return await self._load(key, load, self._begin(key))
            # Somebody has asked before. If they were given up, or what they found was forgotten
            # since, it is asked for once more.
            if await asyncio.shield(loading) is _NOTHING:
                return None
        return known

    def _begin(self, key: Hashable) -> asyncio.Future[object]:
        # At once, and not when the task that loads gets its turn: two that came in between would
        # each take the other's place here, and nobody would wake those who wait.
        loading = self._loading[key] = asyncio.get_running_loop().create_future()
        return loading

    async def _load(
        self,
        key: Hashable,
        load: Callable[[], Awaitable[_T | None]],
        loading: asyncio.Future[object],
    ) -> _T | None:
        asked = time.monotonic()
        try:
            value = await load()
            if value is not None:
                self._known[key] = _Known(value, asked)
            else:
                loading.set_result(_NOTHING)
        finally:
            del self._loading[key]
            if not loading.done():
                loading.set_result(None)
        return value

    def peek(self, key: Hashable, load: Callable[[], Awaitable[_T | None]]) -> _T | None:
        """Return what is known. In the second half of its time it is asked for anew meanwhile.

        Else all who come at the moment in which it ends would have to wait.
        """
        known = self._known.get(key)
        if known is None or not self._holds(known):
            return None
        if known.asked < time.monotonic() - self._seconds / 2 and key not in self._loading:
            renewal = aside(lambda: self._load(key, load, self._begin(key)))
            self._renewals.add(renewal)
            renewal.add_done_callback(self._renewed)
        return known.value

    def _renewed(self, renewal: asyncio.Task[_T | None]) -> None:
        self._renewals.discard(renewal)
        if not renewal.cancelled():
            # If it failed, whoever asks next is told why.
            renewal.exception()

    def get(self, key: Hashable) -> _T | None:
        """Return what is known."""
        known = self._known.get(key)
        return known.value if known is not None and self._holds(known) else None

    def _holds(self, known: _Known[_T]) -> bool:
        since = max(
            time.monotonic() - self._seconds,
            self._forgotten.get(self._owner(known.value), -math.inf),
        )
        return known.asked > since

    def forget(self, owner: Hashable) -> None:
        """Drop what belongs to an owner, and what a question that is under way will find."""
        self._forgotten[owner] = time.monotonic()
