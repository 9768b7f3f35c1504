"""The last 1,000 traces, in bounded memory, each told of when it is complete."""

from lab.collector.spans import Span
from lab.collector.store import MAX_BYTES, MAX_SPANS, MAX_TRACES, SETTLED_AFTER_SECONDS, Store


def span(trace: int, number: int = 0, *, root: bool = True, text: str = "") -> Span:
    """Return one of a trace's spans."""
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


def told(store: Store, now: float) -> list[int]:
    """Return the traces that are complete at a moment."""
    return [int(trace.trace_id, 16) for trace in store.take_ready(now)]


def test_the_last_thousand_traces_are_kept() -> None:
    """The oldest goes, with its weight."""
    store = Store()
    for number in range(MAX_TRACES + 5):
        store.add([span(number)], now=number)
    assert len(store) == MAX_TRACES == 1000
    assert store.get(f"{4:032x}") is None
    assert store.get(f"{5:032x}") is not None
    assert store.approximate_bytes == MAX_TRACES * span(0).approximate_bytes
    assert len(told(store, now=5000)) == MAX_TRACES
    assert int(next(store.newest()).trace_id, 16) == MAX_TRACES + 4


def test_a_trace_is_full_at_five_hundred_spans() -> None:
    """What is too much is counted, and the sender told."""
    store = Store()
    assert store.add([span(1, number) for number in range(MAX_SPANS + 3)], now=0) == 3
    # A span that is there already can still be repeated.
    assert store.add([span(1, 0)], now=0) == 0
    trace = store.get(f"{1:032x}")
    assert trace
    assert len(trace.spans) == MAX_SPANS == 500


def test_large_traces_go_before_memory_does() -> None:
    """A bound on the number alone would allow a hundred gigabytes."""
    store = Store(max_bytes=100_000)
    for number in range(50):
        store.add([span(number, text="x" * 10_000)], now=0)
    assert len(store) == 9
    assert store.approximate_bytes <= 100_000 < MAX_BYTES


def test_a_trace_with_its_root_is_told_of_at_once_and_again_when_more_has_come() -> None:
    """Spans of other processes may be a moment late."""
    store = Store()
    store.add([span(1)], now=0)
    assert told(store, now=0) == [1]
    assert not store.has_changes
    store.add([span(1, 2, root=False)], now=0.1)
    assert told(store, now=0.2) == []
    assert told(store, now=0.1 + SETTLED_AFTER_SECONDS) == [1]
    assert told(store, now=9) == []


def test_a_trace_without_a_root_is_told_of_when_it_is_quiet() -> None:
    """A client that sends a traceparent, but no spans, is the usual case."""
    store = Store()
    store.add([span(1, root=False)], now=0)
    assert (told(store, now=SETTLED_AFTER_SECONDS / 2), list(store.newest())) == ([], [])
    store.add([span(1, 2, root=False)], now=SETTLED_AFTER_SECONDS / 2)
    assert told(store, now=SETTLED_AFTER_SECONDS) == []
    assert told(store, now=SETTLED_AFTER_SECONDS * 2) == [1]
    assert len(list(store.newest())) == 1
