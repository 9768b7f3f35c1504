"""The store keeps the last 1,000 traces in bounded memory, and returns those that are ready."""

from lab.collector.ingest.spans import Span
from lab.collector.traces.store import (
    MAX_BYTES,
    MAX_SPANS,
    MAX_TRACES,
    SETTLED_AFTER_SECONDS,
    Store,
)


def span(trace: int, number: int = 0, *, root: bool = True, text: str = "") -> Span:
    """Return a span of the trace with this number."""
    return Span(
        trace_id=f"{trace:032x}",
        span_id=f"{number:016x}",
        parent_id=None if root else "ff" * 8,
        process="app-1",
        stage="app",
        name="GET",
        start_ns=0,
        end_ns=1,
        error=False,
        attributes={"text": text},
    )


def ready(store: Store, now: float) -> list[int]:
    """Return the numbers of the traces that are ready at the time `now`."""
    return [int(trace.trace_id, 16) for trace in store.take_ready(now)]


def test_the_last_thousand_traces_are_kept() -> None:
    """The oldest trace is removed, and its size is subtracted from the total size."""
    store = Store()
    for number in range(MAX_TRACES + 5):
        store.add([span(number)], now=number)
    assert len(store) == MAX_TRACES == 1000
    assert store.get(f"{4:032x}") is None
    assert store.get(f"{5:032x}") is not None
    assert store.approximate_bytes == MAX_TRACES * span(0).approximate_bytes
    assert len(ready(store, now=5000)) == MAX_TRACES
    assert int(next(store.newest()).trace_id, 16) == MAX_TRACES + 4


def test_a_trace_is_full_at_five_hundred_spans() -> None:
    """`add` returns the number of spans that were rejected."""
    store = Store()
    assert store.add([span(1, number) for number in range(MAX_SPANS + 3)], now=0) == 3
    # A full trace accepts a span that it already has.
    assert store.add([span(1, 0)], now=0) == 0
    trace = store.get(f"{1:032x}")
    assert trace
    assert len(trace.spans) == MAX_SPANS == 500


def test_the_size_of_all_traces_is_limited() -> None:
    """A limit on the number of traces alone would allow a hundred gigabytes."""
    store = Store(max_bytes=100_000)
    for number in range(50):
        store.add([span(number, text="x" * 10_000)], now=0)
    assert len(store) == 9
    assert store.approximate_bytes <= 100_000 < MAX_BYTES


def test_a_trace_with_its_root_is_ready_at_once_and_again_after_later_spans() -> None:
    """Spans of other processes may arrive a moment later."""
    store = Store()
    store.add([span(1)], now=0)
    assert ready(store, now=0) == [1]
    assert not store.has_changes
    store.add([span(1, 2, root=False)], now=0.1)
    assert ready(store, now=0.2) == []
    assert ready(store, now=0.1 + SETTLED_AFTER_SECONDS) == [1]
    assert ready(store, now=9) == []


def test_a_trace_without_a_root_is_ready_when_no_more_spans_arrive() -> None:
    """Many clients send `traceparent`, but no spans, so the root is missing."""
    store = Store()
    store.add([span(1, root=False)], now=0)
    assert (ready(store, now=SETTLED_AFTER_SECONDS / 2), list(store.newest())) == ([], [])
    store.add([span(1, 2, root=False)], now=SETTLED_AFTER_SECONDS / 2)
    assert ready(store, now=SETTLED_AFTER_SECONDS) == []
    assert ready(store, now=SETTLED_AFTER_SECONDS * 2) == [1]
    assert len(list(store.newest())) == 1
