"""The last traces, in bounded memory."""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import Final

from lab.collector.spans import Span

MOST_TRACES: Final = 1000
MOST_SPANS: Final = 500
# By the spans' own weights. Full traces of full spans would need a thousand times as much.
MOST_BYTES: Final = 96 * 1024 * 1024
# Without any news for so long, a trace whose root has not come is as complete as it gets.
QUIET_S: Final = 0.3


class Trace:
    """The spans of one request that have come so far, in the order of their coming."""

    def __init__(self, trace_id: str) -> None:
        self.trace_id = trace_id
        self.spans: dict[str, Span] = {}
        self.weight = 0
        self.has_root = False
        self.announced = False
        self.changed_at = 0.0

    def add(self, span: Span) -> bool:
        """Take a span, or once more the same; False when the trace is full."""
        if span.span_id not in self.spans and len(self.spans) >= MOST_SPANS:
            return False
        before = self.spans.get(span.span_id)
        self.spans[span.span_id] = span
        self.weight += span.weight - (before.weight if before else 0)
        self.has_root |= span.parent_id is None
        return True


class Store:
    """Traces by their ids, the oldest first; when there are too many, the oldest goes."""

    def __init__(self, most_traces: int = MOST_TRACES, most_bytes: int = MOST_BYTES) -> None:
        self._most_traces = most_traces
        self._most_bytes = most_bytes
        self._traces: OrderedDict[str, Trace] = OrderedDict()
        self._news: dict[str, Trace] = {}
        self.weight = 0

    def __len__(self) -> int:
        """Return how many traces there are."""
        return len(self._traces)

    @property
    def has_news(self) -> bool:
        """Whether a trace has changed since it was last told by `due`."""
        return bool(self._news)

    def add(self, spans: Iterable[Span], now: float) -> int:
        """Take spans at a moment in seconds; return how many were too many for their traces."""
        rejected = 0
        for span in spans:
            trace = self._traces.get(span.trace_id)
            if trace is None:
                trace = self._traces[span.trace_id] = Trace(span.trace_id)
            before = trace.weight
            rejected += not trace.add(span)
            self.weight += trace.weight - before
            trace.changed_at = now
            self._news[span.trace_id] = trace
        self._evict()
        return rejected

    def get(self, trace_id: str) -> Trace | None:
        """Return a trace, complete or not."""
        return self._traces.get(trace_id)

    def newest(self) -> Iterator[Trace]:
        """Yield the traces that have been complete once, the newest first."""
        return (trace for trace in reversed(self._traces.values()) if trace.announced)

    def due(self, now: float) -> list[Trace]:
        """Return the traces to be told of: complete now, or complete before and quiet again."""
        due = [
            trace
            for trace in self._news.values()
            if (trace.has_root and not trace.announced) or now - trace.changed_at >= QUIET_S
        ]
        for trace in due:
            del self._news[trace.trace_id]
            trace.announced = True
        return due

    def _evict(self) -> None:
        while len(self._traces) > self._most_traces or self.weight > self._most_bytes:
            trace_id, trace = self._traces.popitem(last=False)
            self._news.pop(trace_id, None)
            self.weight -= trace.weight
