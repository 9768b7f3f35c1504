"""A service with a leak, and a measurement of its memory."""

import linecache
import tracemalloc
from collections.abc import MutableMapping

from lab.tour.programs.memory import mib

sessions: MutableMapping[int, bytearray] = {}


def handle(number: int) -> int:
    """Handle one request."""
    body = bytearray(10_500)
    sessions[number] = bytearray(10_500)
    return len(body)


def handle_1000(first: int = 0) -> None:
    """Handle a thousand requests."""
    for number in range(first, first + 1000):
        handle(number)


def measure() -> None:
    """Print how much the resident memory grows with each thousand requests."""
    for turn in range(3):
        before = mib("smaps_rollup", "Rss")
        handle_1000(turn * 1000)
        grown = mib("smaps_rollup", "Rss") - before
        print(f"1000 requests: {round(grown):+} MiB")


def trace() -> None:
    """Handle a thousand requests, and print the line whose allocated memory has changed most."""
    tracemalloc.start()
    before = tracemalloc.take_snapshot()
    handle_1000()
    most = tracemalloc.take_snapshot().compare_to(before, "lineno")[0]
    where = most.traceback[0]
    print(f"{most.size_diff / 2**20:+.0f} MiB by leak.py, line {where.lineno}:")
    print(linecache.getline(where.filename, where.lineno), end="")
