"""Something that goes on beside a test."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

_T = TypeVar("_T")


@contextmanager
def repeating(act: Callable[[], _T], *, every: float) -> Iterator[list[_T]]:
    """Act after so many seconds, again and again, while the block runs; what came of it."""
    results: list[_T] = []
    over = threading.Event()

    def run() -> None:
        while not over.wait(every):
            results.append(act())

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield results
    finally:
        over.set()
        thread.join()
