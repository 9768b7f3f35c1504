"""Latencies at a constant rate: a server that halts is found out."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from lab.bench.steady import latencies
from lab.stack.errors import LabError
from lab.stack.ports import LOOPBACK

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
REFUSED = b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n"
HALT_S = 0.4


@contextmanager
def server(answer: bytes, *, halts_at: int = -1) -> Iterator[int]:
    """Answer every request at once, but for one moment in which nobody is answered."""
    loop, answered = asyncio.new_event_loop(), 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal answered
        while await reader.read(1024):
            answered += 1
            if answered == halts_at:
                time.sleep(HALT_S)  # noqa: ASYNC251 - The whole server is meant to stand still.
            writer.write(answer)
        writer.close()

    listening = loop.run_until_complete(asyncio.start_server(serve, LOOPBACK, 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        # Connections that the client has closed are seen to end first.
        loop.call_soon_threadsafe(listening.close)
        loop.call_soon_threadsafe(loop.call_later, 0.1, loop.stop)
        thread.join()
        loop.close()


def test_a_halt_is_felt_by_every_request_that_was_due_in_it() -> None:
    """Not by one of two hundred, as it would if the next waited for the answer to the last."""
    with server(OK, halts_at=20) as port:
        found = latencies(port, "/", {}, rate=200, seconds=1)
    assert found.p50 < HALT_S * 1000 / 2
    assert found.p99 > HALT_S * 1000 * 0.8


def test_an_answer_that_is_no_success_ends_it() -> None:
    """A refusal is quick, and says nothing about how quick the service is."""
    with server(REFUSED) as port, pytest.raises(LabError, match="429"):
        latencies(port, "/", {}, rate=100, seconds=0.1)
