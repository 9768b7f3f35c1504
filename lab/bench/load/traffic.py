"""Sends requests at a constant rate, even if responses are slow, and records each exchange.

On each connection, wrk sends a request only after the response to the previous request. If a server
halts for a second, wrk sends nothing in that second, and the halt shows in a single sample of each
connection ("coordinated omission"). In this module, every request has a due time, at which its
latency starts. So the latency includes the wait for a free connection.
"""

import asyncio
import json
import math
import selectors
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import repeat
from typing import Final

from lab.bench.load.calls import Call, ConnectionPool
from lab.stack.errors import LabError

_TIMEOUT_SECONDS: Final = 20.0
_MAX_CONNECTIONS: Final = 4_000
_LATENCY_MAX_CONNECTIONS: Final = 32


@dataclass(frozen=True)
class Exchange:
    """A call, its outcome (a status or an error), and the seconds from its due time to its end.

    `ended` is a value of `time.perf_counter`.
    """

    call: Call
    outcome: int | str
    body: str
    seconds: float
    ended: float

    @property
    def code(self) -> str:
        """Return the code of the problem; empty if the response is not a problem."""
        return str(json.loads(self.body).get("code", "")) if self.body.startswith("{") else ""


@dataclass(frozen=True)
class Latencies:
    """Percentiles of the latencies, in milliseconds."""

    p50: float
    p99: float


@dataclass
class Record:
    """All exchanges so far, in the order in which they ended."""

    exchanges: list[Exchange] = field(default_factory=list)
    max_lateness_seconds: float = 0.0
    """The longest delay of a call: the time from its due time until it was sent."""

    def add(self, exchange: Exchange) -> None:
        """Add an exchange that has just ended."""
        self.exchanges.append(exchange)

    @property
    def failures(self) -> Counter[str]:
        """The failed calls with their outcomes, and how often each happened."""
        return Counter(
            f"{exchange.call.method} {exchange.call.path}: {exchange.outcome} {exchange.code}"
            for exchange in self.exchanges
            if exchange.outcome != exchange.call.expected_status
        )

    def percentile(self, percent: float) -> float:
        """Return a percentile of the durations, in milliseconds."""
        times = sorted(exchange.seconds for exchange in self.exchanges)
        return times[math.ceil(len(times) * percent / 100) - 1] * 1000

    def figures(self) -> str:
        """Return a summary in one line."""
        times = ", ".join(
            f"{name} {self.percentile(percent):.0f} ms"
            for name, percent in (("p50", 50), ("p99", 99), ("longest", 100))
        )
        sent = f"{len(self.exchanges)} requests, at most {self.max_lateness_seconds:.2f} s late"
        return f"{sent}, {self.failures.total()} failed; {times}"


@contextmanager
def traffic(
    calls: Iterable[Call], *, rate: float, record: Record | None = None
) -> Iterator[Record]:
    """Send `rate` calls per second while the block runs. Record them in `record`, or a new record.

    A call does not wait for the response to the previous call. So a service that stops responding
    still gets new requests, as from real clients. The end of the block waits for all responses.
    """
    record, stopped = record or Record(), threading.Event()
    calls_until_stopped = _take_until(stopped, calls)

    def run() -> None:
        asyncio.run(_send_all(calls_until_stopped, rate, record, max_connections=_MAX_CONNECTIONS))

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield record
    finally:
        stopped.set()
        thread.join()


def _take_until(stopped: threading.Event, calls: Iterable[Call]) -> Iterator[Call]:
    # A test's iterable records each call that it yields. Such a call must be sent, so the check
    # comes after the yield.
    for call in calls:
        yield call
        if stopped.is_set():
            return


def latencies(
    port: int, path: str, headers: Mapping[str, str], *, rate: float, seconds: float
) -> Latencies:
    """Send GETs at `rate` requests per second, and return percentiles of their latencies.

    :raises LabError: when a response is not a 200.
    """
    calls = repeat(Call(port, "GET", path, 200, headers), math.ceil(rate * seconds))
    record = Record()
    # Other event loops round a pause up to whole milliseconds. This is too imprecise, because a
    # response takes about a millisecond.
    with asyncio.Runner(loop_factory=_precise_loop) as runner:
        runner.run(_send_all(calls, rate, record, max_connections=_LATENCY_MAX_CONNECTIONS))
    if record.failures:
        # The latency of a failed request has no meaning.
        raise LabError(f"Requests failed: {record.failures.most_common(1)[0][0]}")
    return Latencies(record.percentile(50), record.percentile(99))


def _precise_loop() -> asyncio.AbstractEventLoop:
    return asyncio.SelectorEventLoop(selectors.SelectSelector())


async def _send_all(
    calls: Iterable[Call], rate: float, record: Record, *, max_connections: int
) -> None:
    pool, due = ConnectionPool(max_connections), time.perf_counter()
    try:
        async with asyncio.TaskGroup() as sending:
            for call in calls:
                await asyncio.sleep(due - time.perf_counter())
                lateness_seconds = time.perf_counter() - due
                record.max_lateness_seconds = max(record.max_lateness_seconds, lateness_seconds)
                sending.create_task(_send(pool, call, due, record))
                due += 1 / rate
    finally:
        pool.close()


async def _send(pool: ConnectionPool, call: Call, due: float, record: Record) -> None:
    outcome: int | str
    try:
        async with asyncio.timeout(_TIMEOUT_SECONDS):
            outcome, body = await pool.send(call)
    except (OSError, EOFError) as error:
        outcome, body = repr(error), ""
    ended = time.perf_counter()
    record.add(Exchange(call, outcome, body, ended - due, ended))
