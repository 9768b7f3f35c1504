"""Waits for another process, with a timeout."""

import time
from collections.abc import Callable
from typing import Literal, TypeVar

POLL_INTERVAL_SECONDS = 0.02

_T = TypeVar("_T")


def never() -> bool:
    """Return False. This is the default `abort`, which never ends a wait."""
    return False


def wait_until(
    condition: Callable[[], _T],
    *,
    timeout_s: float,
    abort: Callable[[], bool] = never,
) -> _T | Literal[False]:
    """Wait until the condition is true, and return its value, such as a list that is not empty.

    Return False on timeout, or if `abort` returns true.
    """
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        if abort() or time.monotonic() > deadline:
            return False
        time.sleep(POLL_INTERVAL_SECONDS)
    return value
