"""Each complete trace, told to whoever listens (Server-Sent Events, WHATWG HTML section 9.2)."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from time import monotonic
from typing import Final

from lab.collector.documents import Document, summary
from lab.collector.store import Store

# How often it is looked whether a trace is complete, while any is not.
_LOOK_EVERY_S: Final = 0.05
# So that a listener who has gone is noticed, and nobody in between takes the line for dead.
_SIGN_OF_LIFE_S: Final = 15.0
# What a listener may be behind. One who is slower misses the oldest.
_MOST_WAITING: Final = 100

_GREETING: Final = "retry: 1000\n\n"
_SIGN_OF_LIFE: Final = ": still here\n\n"

_Queue = asyncio.Queue[str | None]


class Announcements:
    """The listeners, and what they are told."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._news = asyncio.Event()
        self._listeners: set[_Queue] = set()

    def note_news(self) -> None:
        """Have the store looked at."""
        self._news.set()

    async def watch(self) -> None:
        """Tell of each trace when it is complete, until cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            while self._store.has_news:
                for trace in self._store.due(monotonic()):
                    if self._listeners:
                        self._tell(_event(summary(trace)))
                await asyncio.sleep(_LOOK_EVERY_S)

    async def listen(self) -> AsyncIterator[str]:
        """Yield the stream of one listener, until it leaves or `end_streams` is called."""
        queue: _Queue = asyncio.Queue(_MOST_WAITING)
        self._listeners.add(queue)
        try:
            text: str | None = _GREETING
            while text is not None:
                yield text
                text = await _next(queue)
        finally:
            self._listeners.discard(queue)

    def end_streams(self) -> None:
        """End every stream; a browser comes back by itself after a second."""
        self._tell(None)

    def _tell(self, text: str | None) -> None:
        for queue in self._listeners:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(text)


async def _next(queue: _Queue) -> str | None:
    with suppress(TimeoutError):
        return await asyncio.wait_for(queue.get(), _SIGN_OF_LIFE_S)
    return _SIGN_OF_LIFE


def _event(document: Document) -> str:
    return f"event: trace\ndata: {json.dumps(document, separators=(',', ':'))}\n\n"
