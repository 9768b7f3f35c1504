"""Sends events to the subscribers (Server-Sent Events, WHATWG HTML section 9.2)."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from time import monotonic
from typing import Final

from lab.collector.traces.documents import Document
from lab.collector.traces.entries import entry
from lab.collector.traces.store import Store

# The time between two checks whether a changed trace is complete. Without changed traces, there are
# no checks.
_POLL_INTERVAL_SECONDS: Final = 0.05
# A stream without events sends a comment after this time. By sending it, the collector notices a
# closed connection. The comment also keeps proxies from closing an idle connection.
_KEEP_ALIVE_SECONDS: Final = 15.0
# For each subscriber. If a subscriber reads too slowly, it misses the oldest events.
_MAX_QUEUED_EVENTS: Final = 100

_RETRY_AFTER_1_SECOND: Final = "retry: 1000\n\n"
_KEEP_ALIVE: Final = ": still here\n\n"

_Queue = asyncio.Queue[str | None]


class EventStreams:
    """The streams of all subscribers, such as the pages that are open."""

    def __init__(self) -> None:
        self._subscribers: set[_Queue] = set()

    @property
    def are_open(self) -> bool:
        """Whether there is a subscriber."""
        return bool(self._subscribers)

    def send(self, name: str, document: Document) -> None:
        """Send an event to all subscribers."""
        data = json.dumps(document, separators=(",", ":"))
        self._broadcast(f"event: {name}\ndata: {data}\n\n")

    async def subscribe(self) -> AsyncIterator[str]:
        """Yield the stream of one subscriber, until it disconnects or `end` is called."""
        queue: _Queue = asyncio.Queue(_MAX_QUEUED_EVENTS)
        self._subscribers.add(queue)
        try:
            text: str | None = _RETRY_AFTER_1_SECOND
            while text is not None:
                yield text
                text = await _next(queue)
        finally:
            self._subscribers.discard(queue)

    def end(self) -> None:
        """End every subscriber's stream. A browser reconnects after a second."""
        self._broadcast(None)

    def _broadcast(self, text: str | None) -> None:
        for queue in self._subscribers:
            if queue.full():
                queue.get_nowait()
            queue.put_nowait(text)


class TraceEvents:
    """Sends an event `trace` for each complete trace."""

    def __init__(self, store: Store, streams: EventStreams) -> None:
        self._store = store
        self._streams = streams
        self._changed = asyncio.Event()

    def notify(self) -> None:
        """Wake `watch`, because the store has changed."""
        self._changed.set()

    async def watch(self) -> None:
        """Send each trace when it is complete. Runs until the task is cancelled."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            while self._store.has_changes:
                for trace in self._store.take_ready(monotonic()):
                    if self._streams.are_open:
                        self._streams.send("trace", entry(trace))
                await asyncio.sleep(_POLL_INTERVAL_SECONDS)


async def _next(queue: _Queue) -> str | None:
    with suppress(TimeoutError):
        return await asyncio.wait_for(queue.get(), _KEEP_ALIVE_SECONDS)
    return _KEEP_ALIVE
