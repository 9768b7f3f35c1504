"""A cached document of another server. Concurrent callers share one fetch."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from app.errors import ProviderUnavailable
from app.task_outcomes import ignore_outcome

_T = TypeVar("_T")
_FRESH_SECONDS = 60 * 60
"""A document older than this is fetched again in the background, and is still used meanwhile."""
_USABLE_SECONDS = 24 * 60 * 60
"""A document older than this is not used."""
_PAUSE_SECONDS = 60
"""The minimum pause after a successful fetch, even if a caller wants a newer document."""
_PAUSE_AFTER_FAILURE_SECONDS = 5
"""The minimum pause after a failed fetch."""


class CachedDocument(Generic[_T]):
    """Fetches a document rarely, and once for all concurrent callers.

    After a failed fetch, the cached document stays in use until it is a day old. In the five
    seconds after the failure, a call that needs a newer document raises `ProviderUnavailable`, and
    does not start another fetch.
    """

    def __init__(
        self, fetch: Callable[[], Awaitable[_T]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._value: tuple[_T, float] | None = None
        self._attempt: asyncio.Task[_T] | None = None
        self._next_attempt = float("-inf")

    async def get(self) -> _T:
        """Return a document that is at most a day old. Renew it in the background after an hour."""
        if self._value is None or self._age(self._value) > _USABLE_SECONDS:
            return await self._renew()
        if self._age(self._value) > _FRESH_SECONDS:
            self._start_attempt()
        return self._value[0]

    async def get_newer(self) -> _T:
        """Return a document that is at most a minute old. Fetch the document again if necessary."""
        if self._value is not None and self._age(self._value) < _PAUSE_SECONDS:
            return self._value[0]
        return await self._renew()

    async def _renew(self) -> _T:
        if not self._start_attempt() or self._attempt is None:
            raise ProviderUnavailable
        # If one caller is cancelled, the attempt continues for the other callers.
        return await asyncio.shield(self._attempt)

    def _start_attempt(self) -> bool:
        if self._is_running():
            return True
        if self._clock() < self._next_attempt:
            return False
        self._attempt = asyncio.create_task(self._fetch_and_store())
        # If no caller waits for this attempt, no caller reads its error.
        self._attempt.add_done_callback(ignore_outcome)
        return True

    async def _fetch_and_store(self) -> _T:
        pause = _PAUSE_AFTER_FAILURE_SECONDS
        try:
            value = await self._fetch()
            pause = _PAUSE_SECONDS
        finally:
            ended = self._clock()
            self._next_attempt = ended + pause
        self._value = value, ended
        return value

    def _is_running(self) -> bool:
        return self._attempt is not None and not self._attempt.done()

    def _age(self, value: tuple[_T, float]) -> float:
        return self._clock() - value[1]
