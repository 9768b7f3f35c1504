"""Sends requests at a constant rate, and measures their latencies.

On each connection, wrk sends a request only after the response to the previous request. If a server
halts for a second, wrk sends nothing in that second, and the halt shows in a single sample of each
connection ("coordinated omission"). In this module, every request has a due time, at which its
latency starts. So the latency includes the wait for a free connection.
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
    """Percentiles of the latencies, in milliseconds."""

    p50: float
    p99: float


def latencies(
    port: int, path: str, headers: Mapping[str, str], *, rate: float, seconds: float
) -> Latencies:
    """Send GETs at `rate` requests per second, and return percentiles of their latencies.

    :raises LabError: when a response is not a 200.
    """
    lines = [f"GET {path} HTTP/1.1", f"Host: {LOOPBACK}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    request = "\r\n".join(lines).encode() + _END_OF_HEADERS
    sender = _Sender(request, math.ceil(rate * seconds), rate)
    # Other event loops round a pause up to whole milliseconds. That is too imprecise, because a
    # response takes about a millisecond.
    with asyncio.Runner(loop_factory=_precise_loop) as runner:
        times = sorted(runner.run(sender.run(port)))
    return Latencies(_percentile(times, 50), _percentile(times, 99))


def _precise_loop() -> asyncio.AbstractEventLoop:
    return asyncio.SelectorEventLoop(selectors.SelectSelector())


def _percentile(times: Sequence[float], percent: int) -> float:
    return times[math.ceil(len(times) * percent / 100) - 1] * 1000


class _Sender:
    """Sends each request when it is due. If no connection is free, the request waits."""

    def __init__(self, request: bytes, total: int, rate: float) -> None:
        self.request = request
        self._total, self._rate = total, rate
        self._all: list[_Connection] = []
        self._free: deque[_Connection] = deque()
        self._waiting: deque[float] = deque()
        self._times: list[float] = []

    async def run(self, port: int) -> list[float]:
        """Return the latency of each request, in seconds."""
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
            due = began + number / self._rate
            await asyncio.sleep(due - time.perf_counter())
            self._send(due)

    def _send(self, due: float) -> None:
        if self._free:
            self._free.popleft().send(due)
        else:
            self._waiting.append(due)

    def answered(self, connection: "_Connection", due: float) -> None:
        """Record a latency. Use the connection for the request that has waited longest."""
        self._times.append(time.perf_counter() - due)
        if self._waiting:
            connection.send(self._waiting.popleft())
        else:
            self._free.append(connection)
        if len(self._times) == self._total and not self._done.done():
            self._done.set_result(None)

    def failed(self, reason: bytes) -> None:
        """End the run with an error, because the latency of a failed request has no meaning."""
        if not self._done.done():
            text = reason.decode(errors="replace")
            self._done.set_exception(LabError(f"A request failed: {text}"))


class _Connection(asyncio.Protocol):
    """A persistent connection for one request at a time."""

    def __init__(self, sender: _Sender) -> None:
        self._sender = sender
        self._received = b""
        self._due = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport, to which requests are written."""
        self._transport = cast(asyncio.Transport, transport)

    def send(self, due: float) -> None:
        """Send a request whose due time is `due`."""
        self._due, self._received = due, b""
        self._transport.write(self._sender.request)

    def data_received(self, data: bytes) -> None:
        """Collect the data until the response is complete."""
        self._received += data
        head, end, body = self._received.partition(_END_OF_HEADERS)
        if end and len(body) >= int(head.lower().partition(_LENGTH)[2].partition(b"\r")[0]):
            if not head.startswith(b"HTTP/1.1 200"):
                self._sender.failed(self._received)
            self._sender.answered(self, self._due)

    def connection_lost(self, exc: Exception | None) -> None:
        """Treat an unexpected end of the connection as a failure."""
        self._sender.failed(f"the connection has ended ({exc})".encode())

    def close(self) -> None:
        """Close the connection."""
        self._transport.close()
