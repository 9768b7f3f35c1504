"""Repeats an action in the background of a test."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

_T = TypeVar("_T")


@contextmanager
def repeating(action: Callable[[], _T], *, interval_seconds: float) -> Iterator[list[_T]]:
    """Repeat the action in a thread while the block runs. Yields the list of its results."""
    results: list[_T] = []
    over = threading.Event()

    def run() -> None:
        while not over.wait(interval_seconds):
            results.append(action())

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield results
    finally:
        over.set()
        thread.join()
