"""Which processor runs what: the server under test has one to itself, all else shares the rest.

Without this the scheduler moves a busy server between processors, and the load generator takes
time from the very thing that it measures.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_ENOUGH = 2


@dataclass(frozen=True)
class Processors:
    """What this machine lends us; three times the same where nothing can be pinned."""

    server: frozenset[int]
    rest: frozenset[int]
    all: frozenset[int]

    @classmethod
    def available(cls) -> "Processors":
        """Divide what this process may use, where the system lets a process choose."""
        everything = frozenset(_allowed())
        if len(everything) < _ENOUGH:
            return cls(everything, everything, everything)
        server = frozenset({min(everything)})
        return cls(server, everything - server, everything)

    @property
    def divided(self) -> bool:
        """Whether the server has one to itself."""
        return self.server != self.rest


@contextmanager
def pinned_to(processors: frozenset[int]) -> Iterator[None]:
    """Run on these what this thread starts within the block, and the thread itself."""
    before = _allowed()
    _allow(processors)
    try:
        yield
    finally:
        _allow(before)


def _allowed() -> set[int] | frozenset[int]:
    # macOS has no such call; there the set is empty, and nothing is divided.
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else frozenset()


def _allow(processors: set[int] | frozenset[int]) -> None:
    if processors:
        os.sched_setaffinity(0, processors)
