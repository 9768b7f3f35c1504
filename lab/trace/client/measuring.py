"""Measures the stages of one request at its client."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from lab.trace.client.failures import TimedOut

Value = str | int | float | bool | list[str]
NS_PER_MS = 1_000_000


@dataclass(frozen=True)
class Stage:
    """One stage. `begin` and `end` are nanoseconds since the epoch."""

    name: str
    begin: int
    end: int
    attributes: Mapping[str, Value]
    failed: bool = False


@dataclass
class StageTimer:
    """Measures the stages of one request. `stages` is in the order in which the stages ended."""

    stages: list[Stage] = field(default_factory=list)
    _started_wall_ns: int = field(default_factory=time.time_ns)
    _started_tick_ns: int = field(default_factory=time.perf_counter_ns)

    def now(self) -> int:
        """Return nanoseconds since the epoch, by a clock that never goes backwards."""
        return self._started_wall_ns + time.perf_counter_ns() - self._started_tick_ns

    @contextmanager
    def stage(self, name: str) -> Iterator[dict[str, Value]]:
        """Measure the block as a stage. The block adds the stage's attributes to the mapping."""
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
        """The start of the first stage, in nanoseconds since the epoch."""
        return self.stages[0].begin

    @property
    def end(self) -> int:
        """The end of the last stage, in nanoseconds since the epoch."""
        return self.stages[-1].end

    @property
    def milliseconds(self) -> float:
        """The time from the start of the first stage to the end of the last stage."""
        return (self.end - self.begin) / NS_PER_MS


class Deadline:
    """The time at which the client stops waiting. Only a DNS lookup can take longer."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._end = time.monotonic() + seconds

    def remaining(self) -> float:
        """Return the remaining seconds, always more than 0.

        :raises TimedOut: when the deadline has passed.
        """
        left = self._end - time.monotonic()
        if left <= 0:
            raise self.exceeded()
        return left

    def exceeded(self) -> TimedOut:
        """Return the error to raise when the deadline has passed."""
        return TimedOut(
            f"No complete response within {self._seconds:g} s. Use --timeout to wait longer."
        )
