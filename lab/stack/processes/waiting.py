"""Waits for another process, with a timeout."""

import time
from collections.abc import Callable

POLL_INTERVAL_SECONDS = 0.02


def never() -> bool:
    """Return False. This is the default `abort`, which never ends a wait."""
    return False


def wait_until(
    condition: Callable[[], bool],
    *,
    timeout_s: float,
    abort: Callable[[], bool] = never,
) -> bool:
    """Wait until the condition is true. Return False on timeout, or if `abort` returns true."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if abort() or time.monotonic() > deadline:
            return False
        time.sleep(POLL_INTERVAL_SECONDS)
    return True
