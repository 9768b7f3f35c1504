"""The latencies of requests at a constant rate show when a server halts."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from lab.bench.load.calls import Call
from lab.bench.load.traffic import latencies, traffic
from lab.stack.config.ports import LOOPBACK
from lab.stack.errors import LabError

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
REFUSED = b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n"
HALT_SECONDS = 0.4


@contextmanager
def server(response: bytes, *, halts_at: int = -1) -> Iterator[int]:
    """Run a server that responds at once. Request number `halts_at` halts it for a moment."""
    loop, received = asyncio.new_event_loop(), 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal received
        while await reader.read(1024):
            received += 1
            if received == halts_at:
                time.sleep(HALT_SECONDS)  # noqa: ASYNC251 - must halt the whole server
            writer.write(response)
        writer.close()

    listener = loop.run_until_complete(asyncio.start_server(serve, LOOPBACK, 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        # First let the server notice the connections that the client has closed.
        loop.call_soon_threadsafe(listener.close)
        loop.call_soon_threadsafe(loop.call_later, 0.1, loop.stop)
        thread.join()
        loop.close()


def test_a_halt_delays_every_request_that_is_due_in_it() -> None:
    """If requests waited for each other, only one of 200 latencies would show the halt."""
    with server(OK, halts_at=20) as port:
        result = latencies(port, "/", {}, rate=200, seconds=1)
    assert result.p50 < HALT_SECONDS * 1000 / 2
    assert result.p99 > HALT_SECONDS * 1000 * 0.8


def test_a_response_other_than_200_ends_the_measurement() -> None:
    """An error response is quick, so its latency says nothing about the service."""
    with server(REFUSED) as port, pytest.raises(LabError, match="429"):
        latencies(port, "/", {}, rate=100, seconds=0.1)


def test_every_call_that_was_taken_is_sent() -> None:
    """The journal of `make faults` expects a result for each call that its iterator yields."""
    taken = []

    def calls(port: int) -> Iterator[Call]:
        while True:
            taken.append(port)
            yield Call(port, "GET", "/", 200)

    with server(OK) as port:
        with traffic(calls(port), rate=100) as record:
            time.sleep(0.1)
        assert len(taken) == len(record.exchanges) > 1
