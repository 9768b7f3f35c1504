"""Requests at a constant rate, whatever becomes of the answers, and a record of each."""

import asyncio
import json
import math
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.e2e.calls import Call, Wire

_PATIENCE_S = 20.0


@dataclass(frozen=True)
class Exchange:
    """What came of a call: a status or an error, and how long after the call was due it came."""

    call: Call
    outcome: int | str
    body: str
    seconds: float

    @property
    def code(self) -> str:
        """Return what kind of problem it was, if it was one."""
        return str(json.loads(self.body).get("code", "")) if self.body.startswith("{") else ""


@dataclass
class Record:
    """All exchanges so far, in the order in which they ended."""

    exchanges: list[Exchange]
    late: float = 0.0
    """Seconds; by how much the sender itself has missed a moment at most."""

    @property
    def failures(self) -> Counter[str]:
        """What has failed, how, and how often."""
        return Counter(
            f"{exchange.call.method} {exchange.call.path}: {exchange.outcome} {exchange.code}"
            for exchange in self.exchanges
            if exchange.outcome != exchange.call.expected
        )

    def percentile(self, percent: float) -> float:
        """Return how many milliseconds so many of the calls took at most."""
        times = sorted(exchange.seconds for exchange in self.exchanges)
        return times[math.ceil(len(times) * percent / 100) - 1] * 1000

    def figures(self) -> str:
        """Say it in one line."""
        times = ", ".join(
            f"{name} {self.percentile(percent):.0f} ms"
            for name, percent in (("p50", 50), ("p99", 99), ("longest", 100))
        )
        sent = f"{len(self.exchanges)} requests, at most {self.late:.2f} s late"
        return f"{sent}, {self.failures.total()} failed; {times}"


@contextmanager
def traffic(calls: Iterable[Call], *, rate: float) -> Iterator[Record]:
    """Send so many of the calls a second while the block runs, each at its moment.

    None waits for the one before it: a service that halts is asked on, as by real clients. At the
    end of the block the last answers are waited for.
    """
    record, over = Record([]), threading.Event()

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
    calls: Iterator[Call], pause: float, record: Record, over: threading.Event
) -> None:
    wire, due = Wire(), time.perf_counter()
    async with asyncio.TaskGroup() as sending:
        while not over.is_set():
            await asyncio.sleep(due - time.perf_counter())
            record.late = max(record.late, time.perf_counter() - due)
            sending.create_task(_send(wire, next(calls), due, record))
            due += pause
    wire.close()


async def _send(wire: Wire, call: Call, due: float, record: Record) -> None:
    outcome: int | str
    try:
        async with asyncio.timeout(_PATIENCE_S):
            outcome, body = await wire.exchange(call)
    except (OSError, EOFError) as error:
        outcome, body = repr(error), ""
    record.exchanges.append(Exchange(call, outcome, body, time.perf_counter() - due))
