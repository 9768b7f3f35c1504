"""A document of another server's, kept at hand and renewed without a stampede."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from app.errors import ProviderUnavailable

_T = TypeVar("_T")
_FRESH = 60 * 60
"""Seconds; from then on the document is renewed while the old one goes on being used."""
_USABLE = 24 * 60 * 60
"""Seconds; what could not be renewed for so long is not believed any more."""
_PAUSE = 60
"""Seconds between a success and the next attempt, however many ask for a newer one."""
_PAUSE_AFTER_FAILURE = 5


class CachedDocument(Generic[_T]):
    """Fetches once for everybody who asks meanwhile, and seldom.

    A failure leaves what was known in use; whoever needs what is not known hears
    `ProviderUnavailable`, and for some seconds so does everybody else, at once.
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
        """Return the document as it was an hour ago at most, or a day if it cannot be had."""
        if self._value is None or self._age(self._value) > _USABLE:
            return await self._renewed()
        if self._age(self._value) > _FRESH:
            self._begin()
        return self._value[0]

    async def get_newer(self) -> _T:
        """Return the document fetched anew, unless that was done less than a minute ago."""
        pausing = self._clock() < self._next_attempt and not self._running()
        if pausing and self._value is not None and not self._failed():
            return self._value[0]
        return await self._renewed()

    async def _renewed(self) -> _T:
        if not self._begin() or self._attempt is None:
            raise ProviderUnavailable
        # Whoever stops waiting does not end the attempt for the others.
        return await asyncio.shield(self._attempt)

    def _begin(self) -> bool:
        if self._running():
            return True
        if self._clock() < self._next_attempt:
            return False
        self._attempt = asyncio.create_task(self._try())
        # A failure that nobody waits for has been logged where it happened.
        self._attempt.add_done_callback(lambda task: task.cancelled() or task.exception())
        return True

    async def _try(self) -> _T:
        self._next_attempt = self._clock() + _PAUSE_AFTER_FAILURE
        value = await self._fetch()
        self._value = value, self._clock()
        self._next_attempt = self._clock() + _PAUSE
        return value

    def _running(self) -> bool:
        return self._attempt is not None and not self._attempt.done()

    def _failed(self) -> bool:
        attempt = self._attempt
        return attempt is not None and (attempt.cancelled() or attempt.exception() is not None)

    def _age(self, value: tuple[_T, float]) -> float:
        return self._clock() - value[1]
