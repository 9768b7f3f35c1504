"""Who is signed in, remembered for a moment, so that not every request asks Postgres."""

import math
import time
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from cachetools import TLRUCache, TTLCache

_T = TypeVar("_T")


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
        self._known: TLRUCache[Hashable, _Known[_T]] = TLRUCache(
            size, ttu=lambda _, known, __: known.asked + seconds, timer=time.monotonic
        )
        self._forgotten: TTLCache[Hashable, float] = TTLCache(
            size, ttl=seconds, timer=time.monotonic
        )

    async def get_or_load(
        self, key: Hashable, load: Callable[[], Awaitable[_T | None]]
    ) -> _T | None:
        """Return what is known, else what `load` finds. That nothing was found is not kept."""
        known = self._known.get(key)
        if known is not None and self._holds(known):
            return known.value
        asked = time.monotonic()
        value = await load()
        if value is not None:
            self._known[key] = _Known(value, asked)
        return value

    def _holds(self, known: _Known[_T]) -> bool:
        return self._forgotten.get(self._owner(known.value), -math.inf) < known.asked

    def forget(self, owner: Hashable) -> None:
        """Drop what belongs to an owner, and what a question that is under way will find."""
        self._forgotten[owner] = time.monotonic()
