"""Requests at a constant rate, however long the answers take; and how long they took.

wrk sends the next request when the last one has been answered: a server that halts for a second is
asked nothing in that second, and the halt hides in a single figure ("coordinated omission"). Here
every request has its moment, and its time is counted from that moment, waiting for a free
connection included.
"""

import asyncio
import math
import selectors
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

from lab.stack.errors import LabError
from lab.stack.ports import LOOPBACK

_CONNECTIONS: Final = 32
_DRAIN_TIMEOUT_SECONDS: Final = 30.0
_END_OF_HEADERS: Final = b"\r\n\r\n"
_LENGTH: Final = b"content-length: "


@dataclass(frozen=True)
class Latencies:
    """Half of the requests, and all but one in a hundred, took no longer; in milliseconds."""

    p50: float
    p99: float


def latencies(
    port: int, path: str, headers: Mapping[str, str], *, rate: float, seconds: float
) -> Latencies:
    """Send GETs at that rate for that long.

    :raises LabError: when one is not answered with 200.
    """
    lines = [f"GET {path} HTTP/1.1", f"Host: {LOOPBACK}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    request = "\r\n".join(lines).encode() + _END_OF_HEADERS
    sender = _Sender(request, math.ceil(rate * seconds), rate)
    # The usual loops round a pause up to whole milliseconds, as much as an answer takes.
    with asyncio.Runner(loop_factory=_precise_loop) as runner:
        times = sorted(runner.run(sender.run(port)))
    return Latencies(_percentile(times, 50), _percentile(times, 99))


def _precise_loop() -> asyncio.AbstractEventLoop:
    return asyncio.SelectorEventLoop(selectors.SelectSelector())


def _percentile(times: Sequence[float], percent: int) -> float:
    return times[math.ceil(len(times) * percent / 100) - 1] * 1000


class _Sender:
    """Gives each request its moment, and a connection as soon as one is free."""

    def __init__(self, request: bytes, total: int, rate: float) -> None:
        self.request = request
        self._total, self._rate = total, rate
        self._all: list[_Connection] = []
        self._free: deque[_Connection] = deque()
        self._waiting: deque[float] = deque()
        self._times: list[float] = []

    async def run(self, port: int) -> list[float]:
        """Return how long each request took, in seconds."""
        loop = asyncio.get_running_loop()
        self._done: asyncio.Future[None] = loop.create_future()
        try:
            for _ in range(_CONNECTIONS):
                _, connection = await loop.create_connection(self._new, LOOPBACK, port)
                self._free.append(connection)
            await self._send_all()
            await asyncio.wait_for(self._done, _DRAIN_TIMEOUT_SECONDS)
        finally:
            for connection in self._all:
                connection.close()
        return self._times

    def _new(self) -> "_Connection":
        self._all.append(_Connection(self))
        return self._all[-1]

    async def _send_all(self) -> None:
        began = time.perf_counter()
        for number in range(self._total):
            moment = began + number / self._rate
            await asyncio.sleep(moment - time.perf_counter())
            self._send(moment)

    def _send(self, moment: float) -> None:
        if self._free:
            self._free.popleft().send(moment)
        else:
            self._waiting.append(moment)

    def answered(self, connection: "_Connection", moment: float) -> None:
        """Take the time, and give the connection to whoever has waited the longest."""
        self._times.append(time.perf_counter() - moment)
        if self._waiting:
            connection.send(self._waiting.popleft())
        else:
            self._free.append(connection)
        if len(self._times) == self._total and not self._done.done():
            self._done.set_result(None)

    def failed(self, what: bytes) -> None:
        """Give up: times of errors say nothing."""
        if not self._done.done():
            self._done.set_exception(LabError(f"A request failed: {what.decode(errors='replace')}"))


class _Connection(asyncio.Protocol):
    """One connection, kept open; one request at a time."""

    def __init__(self, sender: _Sender) -> None:
        self._sender = sender
        self._received = b""
        self._moment = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what one writes to."""
        self._transport = cast(asyncio.Transport, transport)

    def send(self, moment: float) -> None:
        """Send the request that was due at that moment."""
        self._moment, self._received = moment, b""
        self._transport.write(self._sender.request)

    def data_received(self, data: bytes) -> None:
        """See whether the answer is there as a whole."""
        self._received += data
        head, end, body = self._received.partition(_END_OF_HEADERS)
        if end and len(body) >= int(head.lower().partition(_LENGTH)[2].partition(b"\r")[0]):
            if not head.startswith(b"HTTP/1.1 200"):
                self._sender.failed(self._received)
            self._sender.answered(self, self._moment)

    def connection_lost(self, exc: Exception | None) -> None:
        """Take an end that nobody asked for as a failure."""
        self._sender.failed(f"the connection has ended ({exc})".encode())

    def close(self) -> None:
        """End it."""
        self._transport.close()
