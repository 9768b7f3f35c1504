"""Figures of the requests between two points in time."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from lab.bench.load.traffic import Exchange
from tests.e2e.faults.writes import is_failed, is_read


@dataclass(frozen=True)
class Window:
    """The exchanges that ran between two times of `time.perf_counter`, at least partly."""

    began: float
    ended: float
    exchanges: Sequence[Exchange]

    @classmethod
    def of(cls, exchanges: Iterable[Exchange], began: float, ended: float) -> "Window":
        """Select the exchanges that ran between these times."""
        ran = [one for one in exchanges if one.ended >= began and one.ended - one.seconds < ended]
        return cls(began, ended, ran)

    @property
    def failed(self) -> int:
        """The number of requests that got 503 or no response."""
        return sum(map(is_failed, self.exchanges))

    @property
    def slowest_seconds(self) -> float:
        """The duration of the slowest request."""
        return max((one.seconds for one in self.exchanges), default=0.0)

    @property
    def pause_of_reads(self) -> float:
        """The longest time without a successful read, in seconds."""
        return self._longest_pause(is_read)

    @property
    def pause_of_writes(self) -> float:
        """The longest time without a successful write, in seconds."""
        return self._longest_pause(lambda exchange: not is_read(exchange))

    def _longest_pause(self, selects: Callable[[Exchange], bool]) -> float:
        # A refusal such as `out-of-stock` is not a failure: the service works.
        times = [
            one.ended
            for one in self.exchanges
            if one.ended < self.ended and selects(one) and not is_failed(one)
        ]
        return max(later - before for before, later in pairwise([self.began, *times, self.ended]))
