"""Keeps the last traces, in bounded memory."""

from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import Any, Final

from lab.collector.ingest.spans import Span

MAX_TRACES: Final = 1000
MAX_SPANS: Final = 500
# The maximum sum of the spans' approximate sizes. Without this limit, 1,000 traces of the maximum
# size would need more than a thousand times this memory.
MAX_BYTES: Final = 96 * 1024 * 1024
# A trace without a root counts as complete when no span of the trace has arrived for this time.
SETTLED_AFTER_SECONDS: Final = 0.3


class Trace:
    """The spans of one request that have arrived so far, in the order of their arrival."""

    def __init__(self, trace_id: str, arrived_at: float = 0.0) -> None:
        """`arrived_at` is the time of the first span, in seconds of a monotonic clock."""
        self.trace_id = trace_id
        self.arrived_at = arrived_at
        self.spans: dict[str, Span] = {}
        self.approximate_bytes = 0
        self.has_root = False
        self.announced = False
        self.changed_at = 0.0
        self.entry: dict[str, Any] | None = None
        """The entry of the list of requests, if it has been computed since the last change."""

    def add(self, span: Span) -> bool:
        """Add or replace a span. Return False if the trace is full."""
        if span.span_id not in self.spans and len(self.spans) >= MAX_SPANS:
            return False
        before = self.spans.get(span.span_id)
        self.spans[span.span_id] = span
        self.entry = None
        self.approximate_bytes += span.approximate_bytes - (
            before.approximate_bytes if before else 0
        )
        self.has_root |= span.parent_id is None
        return True


class Store:
    """Traces by id, the oldest first. If a limit is exceeded, the oldest traces are removed."""

    def __init__(self, max_traces: int = MAX_TRACES, max_bytes: int = MAX_BYTES) -> None:
        self._max_traces = max_traces
        self._max_bytes = max_bytes
        self._traces: OrderedDict[str, Trace] = OrderedDict()
        self._changed: dict[str, Trace] = {}
        self.approximate_bytes = 0

    def __len__(self) -> int:
        """Return the number of traces."""
        return len(self._traces)

    @property
    def has_changes(self) -> bool:
        """Whether a trace has changed since `take_ready` last returned it."""
        return bool(self._changed)

    def add(self, spans: Iterable[Span], now: float) -> int:
        """Add spans at the time `now` (seconds). Return how many did not fit into their trace."""
        rejected = 0
        for span in spans:
            trace = self._traces.get(span.trace_id)
            if trace is None:
                trace = self._traces[span.trace_id] = Trace(span.trace_id, now)
            before = trace.approximate_bytes
            rejected += not trace.add(span)
            self.approximate_bytes += trace.approximate_bytes - before
            trace.changed_at = now
            self._changed[span.trace_id] = trace
        self._evict()
        return rejected

    def get(self, trace_id: str) -> Trace | None:
        """Return a trace, complete or not."""
        return self._traces.get(trace_id)

    def newest(self) -> Iterator[Trace]:
        """Yield the traces that `take_ready` has returned, the newest first."""
        return (trace for trace in reversed(self._traces.values()) if trace.announced)

    def take_ready(self, now: float) -> list[Trace]:
        """Return the changed traces that are ready to be sent to subscribers.

        A new trace is ready as soon as its root has arrived. Two kinds of traces are ready only
        when none of their spans has arrived for `SETTLED_AFTER_SECONDS`: traces without a root, and
        traces that have changed since this method returned them.
        """
        ready = [
            trace
            for trace in self._changed.values()
            if (trace.has_root and not trace.announced)
            or now - trace.changed_at >= SETTLED_AFTER_SECONDS
        ]
        for trace in ready:
            del self._changed[trace.trace_id]
            trace.announced = True
        return ready

    def _evict(self) -> None:
        while len(self._traces) > self._max_traces or self.approximate_bytes > self._max_bytes:
            trace_id, trace = self._traces.popitem(last=False)
            self._changed.pop(trace_id, None)
            self.approximate_bytes -= trace.approximate_bytes
