"""Sends requests at a constant rate, even if responses are slow, and records each exchange."""

import asyncio
import json
import math
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.e2e.calls import Call, ConnectionPool

_TIMEOUT_SECONDS = 20.0


@dataclass(frozen=True)
class Exchange:
    """A call, its outcome (a status or an error), and the seconds from its due time to its end.

    `ended` is the time of the end, by `time.perf_counter`.
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
    record, over = record or Record(), threading.Event()

    def run() -> None:
        asyncio.run(_send_all(iter(calls), 1 / rate, record, over))

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield record
    finally:
        over.set()
        thread.join()


async def _send_all(
    calls: Iterator[Call], pause_seconds: float, record: Record, over: threading.Event
) -> None:
    pool, due = ConnectionPool(), time.perf_counter()
    async with asyncio.TaskGroup() as sending:
        while not over.is_set():
            await asyncio.sleep(due - time.perf_counter())
            lateness_seconds = time.perf_counter() - due
            record.max_lateness_seconds = max(record.max_lateness_seconds, lateness_seconds)
            sending.create_task(_send(pool, next(calls), due, record))
            due += pause_seconds
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
