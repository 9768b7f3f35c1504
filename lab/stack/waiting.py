"""Waiting for another process, with a limit and a way out."""

import time
from collections.abc import Callable

POLL_S = 0.02


def never() -> bool:
    """For callers whom nothing interrupts."""
    return False


def wait_until(
    condition: Callable[[], bool],
    *,
    timeout_s: float,
    give_up: Callable[[], bool] = never,
) -> bool:
    """Whether the condition came true before the time was over or `give_up` said so."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if give_up() or time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)
    return True
