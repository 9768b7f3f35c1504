"""The stages of one request as its client takes them, and their clock."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from lab.trace.failures import TimedOut

Value = str | int | bool | list[str]
NS_PER_MS = 1_000_000


@dataclass(frozen=True)
class Stage:
    """What happened from one moment to another, both in nanoseconds since the epoch."""

    name: str
    begin: int
    end: int
    attributes: Mapping[str, Value]
    failed: bool = False


@dataclass
class Measured:
    """The stages of one request, in the order in which they ended."""

    stages: list[Stage] = field(default_factory=list)
    _wall: int = field(default_factory=time.time_ns)
    _tick: int = field(default_factory=time.perf_counter_ns)

    def now(self) -> int:
        """Nanoseconds since the epoch, by a clock that nobody sets back meanwhile."""
        return self._wall + time.perf_counter_ns() - self._tick

    @contextmanager
    def stage(self, name: str) -> Iterator[dict[str, Value]]:
        """Take the time of the block, which says more about it in the mapping it is given."""
        attributes: dict[str, Value] = {}
        begin = self.now()
        try:
            yield attributes
        except Exception as error:
            attributes["error.type"] = type(error).__name__
            raise
        finally:
            failed = "error.type" in attributes
            self.stages.append(Stage(name, begin, self.now(), attributes, failed))

    @property
    def begin(self) -> int:
        """When the first stage began."""
        return self.stages[0].begin

    @property
    def end(self) -> int:
        """When the last stage ended."""
        return self.stages[-1].end

    @property
    def milliseconds(self) -> float:
        """From the first stage's beginning to the last one's end."""
        return (self.end - self.begin) / NS_PER_MS


class Deadline:
    """The moment at which a request is given up. Looking up a name does not know it."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._end = time.monotonic() + seconds

    def remaining(self) -> float:
        """Return the seconds that are left, more than none.

        :raises TimedOut: when there are none.
        """
        left = self._end - time.monotonic()
        if left <= 0:
            raise self.missed()
        return left

    def missed(self) -> TimedOut:
        """Return what to raise when an operation took all that was left."""
        return TimedOut(f"No whole answer within {self._seconds:g} s. --timeout gives it longer.")
