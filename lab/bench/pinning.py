"""Pins processes: the server under test has its own processor. Other processes share the rest.

Without pinning, the scheduler moves a busy server between processors, and the load generator takes
processor time from the server that it measures.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_MIN_PROCESSORS = 2


@dataclass(frozen=True)
class Processors:
    """The processors of this machine. If pinning is impossible, all three sets are the same."""

    server: frozenset[int]
    rest: frozenset[int]
    all: frozenset[int]

    @classmethod
    def available(cls) -> "Processors":
        """Divide the processors that this process may use, if the system supports pinning."""
        available = frozenset(_allowed())
        if len(available) < _MIN_PROCESSORS:
            return cls(available, available, available)
        server = frozenset({min(available)})
        return cls(server, available - server, available)

    @property
    def divided(self) -> bool:
        """Whether one processor is only for the server under test."""
        return self.server != self.rest


@contextmanager
def pinned_to(processors: frozenset[int]) -> Iterator[None]:
    """Pin this thread, and the processes that it starts in the block, to these processors."""
    before = _allowed()
    _allow(processors)
    try:
        yield
    finally:
        _allow(before)


def _allowed() -> set[int] | frozenset[int]:
    # macOS has no `sched_getaffinity`. So the set is empty on macOS, and no process is pinned.
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else frozenset()


def _allow(processors: set[int] | frozenset[int]) -> None:
    if processors:
        os.sched_setaffinity(0, processors)
