"""Who is signed in, remembered for a moment, so that not every request asks Postgres."""

import time
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from cachetools import TLRUCache

_T = TypeVar("_T")


@dataclass(frozen=True)
class _Known(Generic[_T]):
    value: _T
    until: float


class SessionCache(Generic[_T]):
    """A bounded memory of one process.

    What another process has ended is forgotten here `seconds` later at most, counted from
    before the question was asked; what this process ends, it forgets at once by `forget`.
    """

    def __init__(self, *, seconds: float, size: int) -> None:
        self._seconds = seconds
        self._known: TLRUCache[Hashable, _Known[_T]] = TLRUCache(
            size, ttu=lambda _, known, __: known.until, timer=time.monotonic
        )
        self._forgotten = 0

    async def get_or_load(
        self, key: Hashable, load: Callable[[], Awaitable[_T | None]]
    ) -> _T | None:
        """Return what is known, else what `load` finds. That nothing was found is not kept."""
        known = self._known.get(key)
        if known is not None:
            return known.value
        forgotten, until = self._forgotten, time.monotonic() + self._seconds
        value = await load()
        # Something was forgotten while we asked, and our answer may be from before that.
        if value is not None and forgotten == self._forgotten:
            self._known[key] = _Known(value, until)
        return value

    def forget(self, concerned: Callable[[_T], bool]) -> None:
        """Drop every entry that is concerned; none of them comes back from a question under way."""
        self._forgotten += 1
        for key in [key for key, known in self._known.items() if concerned(known.value)]:
            # Its time may have run out since the line above.
            self._known.pop(key, None)
